"""`coordinator add-unit APPLICATION`: add units to an application."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import INTEGER, LIST, required
from coordinator.domain.names import check_application_name
from coordinator.errors import BadRequest, Refused
from coordinator.wire import AddUnits


@click.command()
@click.argument("application", required=False)
@model_options
@click.option("-n", "--num-units", "count", type=INTEGER, default=1, metavar="N", help="How many.  [default: 1]")
@click.option("--to", type=LIST, metavar="MACHINE,...", help="Machines for them, one each.")
@click.option("--attach-storage", help="Not supported.")
def command(
    target: Target, application: str | None, count: int, to: list[str] | None, attach_storage: str | None
) -> None:
    """Add units to an application.

    Examples:
      coordinator add-unit web -n 2
      coordinator add-unit web --to 3
    """
    app = check_application_name(required(application, "no application specified"))
    if count < 1:
        raise BadRequest("--num-units must be a positive integer")
    if attach_storage:
        raise Refused(
            "cannot add units with --attach-storage", why="storage is not managed here", fix="leave it out"
        )
    target.client.add_units(target.model, app, AddUnits(count=count, to=to or []))
