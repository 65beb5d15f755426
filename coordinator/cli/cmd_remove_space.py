"""`coordinator remove-space NAME`: remove a space."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import required


@click.command()
@click.argument("name", required=False)
@model_options
@click.option("--force", is_flag=True, help="Bind to alpha what is bound to it.")
@click.option("-y", "--yes", is_flag=True, help="Taken, unused: nothing is asked.")
def command(target: Target, name: str | None, force: bool, yes: bool) -> None:
    """Remove a space; its subnets are alpha's again.

    Examples:
      coordinator remove-space database-net
    """
    space = required(name, "space name is required")
    target.client.remove_space(target.model, space, force=force)
    target.console.info(f'removed space "{space}"')
