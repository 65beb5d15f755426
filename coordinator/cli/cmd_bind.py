"""`coordinator bind APPLICATION [SPACE] [ENDPOINT=SPACE]…`: bind the endpoints of an application to spaces."""

from __future__ import annotations

import click

from coordinator.cli import values
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import required
from coordinator.domain.names import check_application_name
from coordinator.errors import BadRequest
from coordinator.wire import Bind


@click.command()
@click.argument("application", required=False)
@click.argument("words", nargs=-1, metavar="[SPACE] [ENDPOINT=SPACE]...")
@model_options
@click.option("--force", is_flag=True, help="Even if machines of its units have no address there.")
def command(target: Target, application: str | None, words: tuple[str, ...], force: bool) -> None:
    """Bind the endpoints of an application to spaces.

    SPACE by itself is for all endpoints that are not bound by name.  Units run config-changed, and others find
    their new addresses in the relations.

    Examples:
      coordinator bind db database-net
      coordinator bind db clients=database-net backup=storage-net
    """
    app = check_application_name(required(application, "missing application name"))
    bindings = values.bindings(words)
    if not bindings:
        raise BadRequest("no bindings specified", fix=f"write it like bind {app} SPACE, or {app} ENDPOINT=SPACE")
    moved = target.client.bind(target.model, app, Bind(bindings=bindings, force=force))
    for endpoint, (before, after) in sorted(moved.items()):
        target.console.info(f'moving endpoint "{endpoint}" from space "{before}" to "{after}"')
    if not moved:
        target.console.info("no changes")
