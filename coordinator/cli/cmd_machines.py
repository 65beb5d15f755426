"""`coordinator machines`: list the machines."""

from __future__ import annotations

import click

from coordinator.cli import times
from coordinator.cli.output import Output, output_options
from coordinator.cli.render import table
from coordinator.cli.status_text import machine_rows
from coordinator.cli.target import Target, model_options


@click.command()
@model_options
@output_options("tabular", "json", "yaml")
@click.option("--utc", is_flag=True, help="Show times in UTC.")
@click.option("--color", is_flag=True, hidden=True)
def command(target: Target, output: Output, utc: bool, color: bool) -> None:
    """List the machines: the hosts that run `coordinator worker`.  They serve every model."""
    machines = target.client.machines()
    if not machines and output.format == "tabular":
        target.console.info("There are no machines.  Add this host: coordinator worker")
        return
    tree = {"model": target.find_model() or "", "machines": times.with_since(machines, utc=utc)}
    headers, right, rows = machine_rows(tree)
    output.show(tree, lambda colour: table(headers, rows, right=right, colour=colour))
