"""`coordinator resources APPLICATION`: list the resources of an application."""

from __future__ import annotations

import click

from coordinator.cli import render, times
from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import required
from coordinator.domain.names import UnitName, check_application_name, is_unit_name


@click.command()
@click.argument("name", required=False, metavar="APPLICATION|UNIT")
@model_options
@output_options("tabular", "yaml", "json")
@click.option("--details", is_flag=True, help="Taken, unused: all is shown.")
def command(target: Target, output: Output, name: str | None, details: bool) -> None:
    """List the resources of an application: who handed them in, and when.

    Examples:
      coordinator resources web
    """
    given = required(name, "missing application name")
    app = UnitName.parse(given).app if is_unit_name(given) else check_application_name(given)
    found = target.client.resources(target.model, app)
    if not found:
        target.console.info("No resources to display.")
        if output.format == "tabular":
            return
    rows = [
        (
            each["name"],
            each["username"] if each["origin"] == "upload" else "-",
            times.since(each["timestamp"], utc=True) if each.get("timestamp") else "-",
        )
        for each in found
    ]
    headers = ("Resource", "Supplied by", "Revision")
    output.show({"resources": found, "updates": []}, lambda colour: render.table(headers, rows, colour=colour))
