"""`coordinator reload-spaces`: nothing, for scripts that have it."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, model_options


@click.command()
@model_options
def command(target: Target) -> None:
    """Do nothing: machines tell of their networks themselves, and at once.  Scripts that have it go on working."""
    target.client.spaces(target.model)
