"""`coordinator add-user NAME [DISPLAY NAME]`: let somebody log in."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import click

from coordinator.cli.invitation import Invitation
from coordinator.cli.target import Target, controller_options
from coordinator.cli.usage import required
from coordinator.domain.user import check_user_name
from coordinator.errors import Refused
from coordinator.wire import AddUser

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@click.command()
@click.argument("name", required=False)
@click.argument("display_name", required=False, metavar="[DISPLAY NAME]")
@controller_options
def command(target: Target, name: str | None, display_name: str | None) -> None:
    """Let somebody log in.

    Prints the command that they run once, on their own machine.  They may do nothing until you grant them access.

    Examples:
      coordinator add-user bob
      coordinator add-user bob "Bob Builder"
    """
    name = check_user_name(required(name, "no username supplied"))
    token = target.client.add_user(AddUser(name=name, display_name=display_name or ""))
    click.echo(f'User "{name}" added')
    show_invitation(target, name, token)
    click.echo(f"\nNo model is open to {name} yet: coordinator grant {name} read MODEL")


def show_invitation(target: Target, name: str, token: str) -> None:
    """Print the command by which the user *name* begins to use the controller with *token*."""
    addresses, ca = target.client.addresses, target.client.ca
    invitation = Invitation(
        user=name,
        controller=target.client.version()["controller"],
        addresses=addresses,
        token=token,
        ca=_text(ca) if ca else "",
    )
    if all(urlsplit(address).hostname in LOOPBACK for address in addresses):
        target.console.info(f"It works on this machine only: {', '.join(addresses)}")
    click.echo(f"Please send this command to {name}:\n    coordinator register {invitation.encode()}")


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError) as cause:
        raise Refused(f"cannot read the certificate authority in {path}", why=str(cause)) from cause
