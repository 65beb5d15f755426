"""`coordinator enable-user NAME`: let a user in again."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, controller_options
from coordinator.cli.usage import required
from coordinator.wire import UpdateUser


@click.command()
@click.argument("name", required=False)
@controller_options
def command(target: Target, name: str | None) -> None:
    """Let a user in again, with the token and the access that they had.

    Examples:
      coordinator enable-user bob
    """
    name = required(name, "no username supplied")
    target.client.update_user(name, UpdateUser(disabled=False))
    target.console.info(f'User "{name}" enabled')
