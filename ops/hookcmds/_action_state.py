"""Hook commands about the running action, and about state that the controller keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, overload

from ._utils import HIDDEN, flatten, run, run_json


def action_fail(message: str | None = None):
    """Mark the action as failed.  The process goes on, and results that were set stay."""
    run("action-fail", *([] if message is None else ["--", message]))


@overload
def action_get(key: None = None) -> dict[str, Any]: ...


@overload
def action_get(key: str) -> Any: ...


def action_get(key: str | None = None) -> dict[str, Any] | Any:
    """Return one parameter of the action, or all if *key* is None.  Dots lead into nested ones."""
    return run_json("action-get", "--format=json", *([] if key is None else [key]))


def action_log(message: str):
    """Show a progress message to whoever runs the action."""
    run("action-log", "--", message)


def action_set(results: Mapping[str, Any]):
    """Set results of the action.  Nested mappings are flattened with dots; values become text."""
    pairs = list(flatten(results))
    run(
        "action-set",
        *(f"{key}={value}" for key, value in pairs),
        shown=[f"{key}={HIDDEN}" for key, _ in pairs],
    )


def state_delete(key: str):
    """Delete a key of the unit's state.  A missing one is not an error."""
    run("state-delete", key)


@overload
def state_get(key: None) -> dict[str, str]: ...


@overload
def state_get(key: str) -> str: ...


def state_get(key: str | None) -> dict[str, str] | str:
    """Return one value of the unit's state, or all if *key* is None.  A missing one is empty."""
    if key is None:
        # Some controllers print null when there is no state at all.
        return run_json("state-get", "--format=json") or {}
    return run_json("state-get", "--format=json", key)


def state_set(data: Mapping[str, str]):
    """Set values of the unit's state.  An empty text stays a value."""
    run("state-set", "--file", "-", stdin=json.dumps(dict(data)))
