"""`coordinator change-user-password [USER] [--reset]`: another token, for oneself or for somebody else."""

from __future__ import annotations

import click

from coordinator.cli import store
from coordinator.cli.cmd_add_user import show_invitation
from coordinator.cli.target import Target, controller_options
from coordinator.errors import BadRequest


@click.command()
@click.argument("user", required=False)
@click.option("--reset", is_flag=True, help="Print an invitation for the user, as add-user does.")
@controller_options
def command(target: Target, user: str | None, reset: bool) -> None:
    """Get another token, which is remembered here; what was known before is void.

    There are no passwords: a token is what proves who asks.  With --reset an administrator makes an invitation for
    somebody who has lost theirs, or whose token others may know.

    Examples:
      coordinator change-user-password
      coordinator change-user-password --reset bob
    """
    me = target.client.whoami()["user"]
    if reset:
        if not user:
            raise BadRequest("no username supplied", fix="coordinator change-user-password --reset USER")
        show_invitation(target, user, target.client.renew_token(user))
        return
    if user not in (None, me):
        raise BadRequest(
            f"cannot keep the token of {user}",
            why=f"you are {me}",
            fix=f"coordinator change-user-password --reset {user}",
        )
    if not target.shown_controller:
        raise BadRequest(
            "cannot keep a token",
            why="COORDINATOR_API names the controller",
            fix="unset it, and COORDINATOR_TOKEN",
        )
    store.replace_token(target.controller, target.client.renew_token(me))
    target.console.info("Your token has been changed.")
