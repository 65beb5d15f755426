"""`coordinator subnets`: list the subnets that machines are in."""

from __future__ import annotations

import click

from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, model_options


@click.command()
@model_options
@output_options("yaml", "json")
@click.option("--space", metavar="NAME", help="Only those of this space.")
def command(target: Target, output: Output, space: str | None) -> None:
    """List the subnets that machines are in, and those that were given to spaces.

    Examples:
      coordinator subnets --space database-net
    """
    output.show(target.client.subnets(target.model, space=space))
