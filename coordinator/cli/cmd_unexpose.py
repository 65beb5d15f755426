"""`coordinator unexpose APPLICATION`: undo expose."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import LIST, required
from coordinator.domain.names import check_application_name
from coordinator.wire import Expose


@click.command()
@click.argument("application", required=False)
@model_options
@click.option("--endpoints", type=LIST, metavar="NAME,...", help="Only for these endpoints.")
def command(target: Target, application: str | None, endpoints: list[str] | None) -> None:
    """Undo expose, for some endpoints or altogether."""
    app = check_application_name(required(application, "no application name specified"))
    target.client.unexpose(target.model, app, Expose(endpoints=endpoints or []))
