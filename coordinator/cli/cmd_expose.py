"""`coordinator expose APPLICATION`: let the world reach the open ports of an application."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import LIST, required
from coordinator.domain.names import check_application_name
from coordinator.wire import Expose


@click.command()
@click.argument("application", required=False)
@model_options
@click.option("--endpoints", type=LIST, metavar="NAME,...", help="Only the ports of these endpoints.")
@click.option("--to-cidrs", "cidrs", type=LIST, metavar="CIDR,...", help="Only from these networks.")
@click.option("--to-spaces", "spaces", type=LIST, metavar="SPACE,...", help="Only from these spaces.")
def command(
    target: Target,
    application: str | None,
    endpoints: list[str] | None,
    cidrs: list[str] | None,
    spaces: list[str] | None,
) -> None:
    """Let the world reach the open ports of an application.

    Examples:
      coordinator expose web
      coordinator expose web --endpoints www --to-cidrs 10.0.0.0/8
      coordinator expose web --to-spaces office-net
    """
    app = check_application_name(required(application, "no application name specified"))
    request = Expose(endpoints=endpoints or [], cidrs=cidrs or [], spaces=spaces or [])
    target.client.expose(target.model, app, request)
