"""What old tests call to see a charm through all the events that it will surely meet."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from ._context import Context
from ._state import State

if TYPE_CHECKING:
    from .._charm import CharmBase


def check_builtin_sequences(
    charm_type: type[CharmBase],
    meta: dict[str, Any] | None = None,
    actions: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    template_state: State | None = None,
    juju_version: str = "3.6.14",
) -> None:
    """Run a charm through its life as leader and as follower, so that whatever it raises comes out."""
    for leader in (True, False):
        ctx = Context(charm_type, meta, actions=actions, config=config, juju_version=juju_version)
        with ctx:
            ctx.run_life(dataclasses.replace(template_state or State(), leader=leader))
