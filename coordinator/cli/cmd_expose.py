"""`coordinator expose APPLICATION`: let the world reach the open ports of an application."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import LIST, required
from coordinator.domain.names import check_application_name
from coordinator.errors import Refused
from coordinator.wire import Expose

SPACE = "alpha"  # of which it is said that the world reaches it


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
    """
    app = check_application_name(required(application, "no application name specified"))
    for space in spaces or []:
        if space != SPACE:
            raise Refused(
                f'cannot expose "{app}" to space "{space}"',
                why="ports are opened to networks",
                fix=f"use --to-cidrs with those that `coordinator show-space {space}` lists",
            )
    target.client.expose(target.model, app, Expose(endpoints=endpoints or [], cidrs=cidrs or []))
