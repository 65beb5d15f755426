"""`coordinator disable-user NAME`: keep a user out."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, controller_options
from coordinator.cli.usage import required
from coordinator.wire import UpdateUser


@click.command()
@click.argument("name", required=False)
@controller_options
def command(target: Target, name: str | None) -> None:
    """Keep a user out, at once; what they may do comes back with enable-user.

    Examples:
      coordinator disable-user bob
    """
    name = required(name, "no username supplied")
    target.client.update_user(name, UpdateUser(disabled=True))
    target.console.info(f'User "{name}" disabled')
