"""`coordinator storage-pools`: list where storage can be."""

from __future__ import annotations

import click

from coordinator.cli.output import Output, output_options
from coordinator.cli.render import table
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import LIST
from coordinator.domain.storage import POOLS


@click.command()
@model_options
@output_options("tabular", "yaml", "json")
@click.option("--name", "names", type=LIST, metavar="NAME,...", help="Only these.")
@click.option("--provider", "providers", type=LIST, metavar="NAME,...", help="Only those of these providers.")
def command(target: Target, output: Output, names: list[str] | None, providers: list[str] | None) -> None:
    """List where storage can be: on the disk of the worker's data directory, or in memory."""
    wanted = [pool for pool in POOLS if pool in (names or POOLS) and pool in (providers or POOLS)]
    tree = {pool: {"provider": pool} for pool in wanted}
    if not tree and output.format == "tabular":
        target.console.info("No storage pools to display.")
        return
    rows = [[pool, pool, ""] for pool in wanted]
    output.show(tree, lambda colour: table(("Name", "Provider", "Attributes"), rows, colour=colour))
