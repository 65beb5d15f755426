"""`coordinator storage-pools`: list where storage can be."""

from __future__ import annotations

import click

from coordinator.cli.output import Output, output_options
from coordinator.cli.render import table
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import LIST


@click.command()
@model_options
@output_options("tabular", "yaml", "json")
@click.option("--name", "names", type=LIST, metavar="NAME,...", help="Only these.")
@click.option("--provider", "providers", type=LIST, metavar="NAME,...", help="Only those of these providers.")
def command(target: Target, output: Output, names: list[str] | None, providers: list[str] | None) -> None:
    """List where storage can be: on the disk of the worker's data directory, in memory, and what people named."""
    tree = {
        name: pool
        for name, pool in target.client.storage_pools(target.model).items()
        if name in (names or (name,)) and pool["provider"] in (providers or (pool["provider"],))
    }
    if not tree and output.format == "tabular":
        target.console.info("No storage pools to display.")
        return
    rows = [
        [
            name,
            pool["provider"],
            " ".join(f"{key}={value}" for key, value in sorted(pool.get("attrs", {}).items())),
        ]
        for name, pool in tree.items()
    ]
    output.show(tree, lambda colour: table(("Name", "Provider", "Attributes"), rows, colour=colour))
