"""`coordinator add-unit APPLICATION`: add units to an application."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import INTEGER, LIST, required
from coordinator.domain.names import check_application_name
from coordinator.domain.storage import StorageId
from coordinator.errors import BadRequest
from coordinator.wire import AddUnits


@click.command()
@click.argument("application", required=False)
@model_options
@click.option("-n", "--num-units", "count", type=INTEGER, default=1, metavar="N", help="How many.  [default: 1]")
@click.option("--to", type=LIST, metavar="MACHINE,...", help="Machines for them, one each.")
@click.option(
    "--attach-storage", type=LIST, metavar="ID,...", help="Storage that the unit gets instead of new one."
)
def command(
    target: Target, application: str | None, count: int, to: list[str] | None, attach_storage: list[str] | None
) -> None:
    """Add units to an application.

    Examples:
      coordinator add-unit web -n 2
      coordinator add-unit web --to 3
      coordinator add-unit web --attach-storage data/0
    """
    app = check_application_name(required(application, "no application specified"))
    if count < 1:
        raise BadRequest("--num-units must be a positive integer")
    ids = [str(StorageId.parse(text)) for text in attach_storage or ()]
    target.client.add_units(target.model, app, AddUnits(count=count, to=to or [], attach_storage=ids))
