"""`coordinator show-user [NAME]`: show a user in detail."""

from __future__ import annotations

import click

from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, controller_options


@click.command()
@click.argument("name", required=False)
@controller_options
@output_options("yaml", "json")
def command(target: Target, output: Output, name: str | None) -> None:
    """Show a user in detail, with the models they have access to; without a name yourself."""
    output.show(target.client.user(name or target.client.whoami()["user"]))
