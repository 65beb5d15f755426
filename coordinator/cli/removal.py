"""What the removing commands share: their flags, what they announce, and whether they may."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from coordinator.cli.target import Target
from coordinator.errors import BadRequest, Refused


@dataclass(frozen=True, kw_only=True)
class How:
    """How to remove."""

    force: bool
    no_wait: bool
    no_prompt: bool
    dry_run: bool


def removal_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the flags of removing, and a `how` argument.

    Raises (when it runs):
        BadRequest: the flags do not go together.
    """

    @click.option("--force", is_flag=True, help="Remove it even if units do not answer, after a while.")
    @click.option("--no-wait", is_flag=True, help="With --force: do not wait for units at all.")
    @click.option("--no-prompt", is_flag=True, help="Do not ask.")
    @click.option("--dry-run", is_flag=True, help="Say what would be removed, and change nothing.")
    @wraps(function)
    def wrapper(*args: Any, force: bool, no_wait: bool, no_prompt: bool, dry_run: bool, **given: Any) -> Any:
        if no_wait and not force:
            raise BadRequest("--no-wait without --force not valid")
        how = How(force=force, no_wait=no_wait, no_prompt=no_prompt, dry_run=dry_run)
        return function(*args, how=how, **given)

    return wrapper


def announce(lines: Sequence[str]) -> None:
    """Print what will be removed."""
    for line in lines:
        click.echo(line)


def storage_lines(tree: Mapping[str, Any], units: Collection[str], *, destroyed: bool) -> list[str]:
    """Return what becomes of the storage of *units*, by the status *tree*."""
    return [
        f"- will {'remove' if destroyed else 'detach'} storage {name}"
        for name, storage in tree["storage"].get("storage", {}).items()
        if set(storage.get("attachments", {}).get("units", {})) & set(units)
    ]


def confirm(target: Target, how: How, what: str) -> None:
    """Ask if the model's setting `mode` wants that.

    Raises:
        Refused: the answer is no, or there is nobody to ask.
    """
    if how.no_prompt:
        return
    mode = target.client.settings(target.model).get("mode", {}).get("Value", "")
    if "requires-prompts" in str(mode).split(","):
        answer = target.console.ask(f"{what}, because the model's mode is {mode}.", "Continue [y/N]?", what=what)
        if answer.lower() not in ("y", "yes"):
            raise Refused(f"{what} aborted")
