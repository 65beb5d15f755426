"""`coordinator show-space NAME`: show a space in detail."""

from __future__ import annotations

import click

from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import required


@click.command()
@click.argument("name", required=False)
@model_options
@output_options("yaml", "json")
def command(target: Target, output: Output, name: str | None) -> None:
    """Show a space in detail: subnets, the applications bound to it, and how many machines have an address there.

    Examples:
      coordinator show-space database-net
    """
    output.show(target.client.space(target.model, required(name, "space name is required")))
