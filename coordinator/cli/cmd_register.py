"""`coordinator register INVITATION`: begin to use a controller as the user that an administrator has added."""

from __future__ import annotations

import click

from coordinator.cli import store
from coordinator.cli.client import Client
from coordinator.cli.cmd_login import focus
from coordinator.cli.console import Console
from coordinator.cli.invitation import Invitation
from coordinator.cli.usage import required
from coordinator.errors import Denied, Refused


@click.command()
@click.argument("invitation", required=False)
@click.option("--name", metavar="NAME", help="What to call the controller.  [default: what it calls itself]")
@click.pass_obj
def command(console: Console, invitation: str | None, name: str | None) -> None:
    """Begin to use a controller, with what `coordinator add-user` printed.

    An invitation works once: it is exchanged for a token of your own, which is remembered on this machine.

    Examples:
      coordinator register eJyrVi...
    """
    found = Invitation.decode(required(invitation, "no invitation specified"))
    called = name or found.controller
    if called in store.load().controllers:
        raise Refused(
            f'controller "{called}" already exists',
            why="you use one of that name",
            fix=f"give it another name here: coordinator register --name {called}-{found.user} ...",
        )
    ca = store.keep_certificate(found.ca) if found.ca else None
    client = Client(found.addresses, found.token, ca=ca, trace=console.trace)
    try:
        token = client.renew_token(found.user)
    except Denied as refusal:
        raise Refused(
            "this invitation is not valid any more",
            why="it was used, or an administrator has made another",
            fix=f"ask for another: coordinator change-user-password --reset {found.user}",
        ) from refusal
    store.remember_controller(called, found.addresses, None, ca, token=token)
    console.info(f'Welcome, {found.user}.  The controller is called "{called}".')
    focus(console, Client(found.addresses, token, ca=ca, trace=console.trace), called)
