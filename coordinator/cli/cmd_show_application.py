"""`coordinator show-application APPLICATION…`: show applications in detail."""

from __future__ import annotations

import click

from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import required
from coordinator.domain.names import check_application_name


@click.command()
@click.argument("applications", nargs=-1, metavar="APPLICATION...")
@model_options
@output_options("yaml", "json")
def command(target: Target, output: Output, applications: tuple[str, ...]) -> None:
    """Show applications in detail: charm, constraints, exposure, endpoints."""
    given = required(applications, "an application name must be supplied")
    names = [check_application_name(name) for name in given]
    output.show({name: target.client.application(target.model, name) for name in names})
