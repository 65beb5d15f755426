"""`coordinator trust APPLICATION`: grant an application access to credentials, or take it back."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import one_of, required
from coordinator.domain.names import check_application_name
from coordinator.wire import Trust


@click.command()
@click.argument("application", required=False)
@model_options
@click.option("--remove", is_flag=True, help="Take it back.")
@click.option("--scope", type=one_of(("cluster",), "unknown scope %s"), metavar="cluster", help="Taken, unused.")
def command(target: Target, application: str | None, remove: bool, scope: str | None) -> None:
    """Grant an application access to credentials, or take it back."""
    app = check_application_name(required(application, "no application name specified"))
    target.client.trust(target.model, app, Trust(trust=not remove))
