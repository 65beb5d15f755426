"""`coordinator logout [CONTROLLER]`: forget a controller and its token."""

from __future__ import annotations

import click

from coordinator.cli import store
from coordinator.cli.target import Target, controller_options
from coordinator.errors import Refused


@click.command()
@click.argument("name", required=False, metavar="[CONTROLLER]")
@controller_options
@click.option("--force", is_flag=True, help="Taken, unused.", hidden=True)
@click.option("--no-prompt", is_flag=True, help="Taken, unused: nothing is asked.", hidden=True)
def command(target: Target, name: str | None, force: bool, no_prompt: bool) -> None:
    """Forget a controller and its token; without a name the current one.

    Nothing changes at the controller.  The token stays valid.
    """
    target = Target(target.console, controller=name) if name else target
    if not target.shown_controller:
        raise Refused(
            "cannot log out", why="COORDINATOR_API names the controller", fix="unset it, and COORDINATOR_TOKEN"
        )
    store.forget_controller(target.controller)
    target.console.info(f'Logged out of "{target.controller}".')
