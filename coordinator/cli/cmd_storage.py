"""`coordinator storage`: list the storage of a model."""

from __future__ import annotations

import click

from coordinator.cli import storage_text, times
from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, model_options


@click.command()
@model_options
@output_options("tabular", "yaml", "json")
@click.option("--filesystem", is_flag=True, help="Only filesystems, which all of it is.")
@click.option("--volume", is_flag=True, help="Only volumes, of which there are none.")
@click.option("--uuid", is_flag=True, hidden=True)
def command(target: Target, output: Output, filesystem: bool, volume: bool, uuid: bool) -> None:
    """List the storage of a model: who has it, where, and what nobody has."""
    tree = {} if volume and not filesystem else target.client.storage(target.model)
    tree = times.with_since(tree, utc=False)
    if not tree and output.format == "tabular":
        target.console.info("No storage to display.")
        return
    output.show(tree, lambda colour: storage_text.storage_table(tree, colour=colour))
