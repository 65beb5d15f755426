"""`coordinator show-machine [MACHINE…]`: show machines in detail."""

from __future__ import annotations

import click

from coordinator.cli import times
from coordinator.cli.output import Output, output_options
from coordinator.cli.render import table
from coordinator.cli.status_text import machine_rows
from coordinator.cli.target import Target, model_options
from coordinator.errors import NotFound


@click.command()
@click.argument("machines", nargs=-1, metavar="[MACHINE...]")
@model_options
@output_options("yaml", "json", "tabular")
@click.option("--utc", is_flag=True, help="Show times in UTC.")
def command(target: Target, output: Output, machines: tuple[str, ...], utc: bool) -> None:
    """Show machines in detail; without a name all of them."""
    there = target.client.machines()
    for name in machines:
        if name not in there:
            raise NotFound(f"machine {name} not found", fix="`coordinator machines` lists them")
    kept = {name: there[name] for name in machines or there}
    tree = {"model": target.find_model() or "", "machines": times.with_since(kept, utc=utc)}
    headers, right, rows = machine_rows(tree)
    output.show(tree, lambda colour: table(headers, rows, right=right, colour=colour))
