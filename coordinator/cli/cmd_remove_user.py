"""`coordinator remove-user NAME`: remove a user."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, controller_options
from coordinator.cli.usage import required
from coordinator.errors import Refused


@click.command()
@click.argument("name", required=False)
@controller_options
@click.option("-y", "--yes", "--no-prompt", "yes", is_flag=True, help="Do not ask.")
def command(target: Target, name: str | None, yes: bool) -> None:
    """Remove a user with all that they may do.  The models that they made stay.

    Examples:
      coordinator remove-user bob
    """
    name = required(name, "no username supplied")
    if not yes:
        what = f"removing user {name}"
        answer = target.console.ask(f"This will remove user {name}.", "Continue [y/N]?", what=what)
        if answer.lower() not in ("y", "yes"):
            raise Refused(f"{what}: aborted")
    target.client.remove_user(name)
    target.console.info(f'User "{name}" removed')
