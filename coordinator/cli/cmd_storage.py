"""`coordinator storage`: list the storage of a model."""

from __future__ import annotations

import click

from coordinator.cli import storage_text, times
from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, model_options
from coordinator.errors import BadRequest


@click.command()
@model_options
@output_options("tabular", "yaml", "json")
@click.option("--filesystem", is_flag=True, help="Only filesystems: where on which machine.")
@click.option("--volume", is_flag=True, help="Only volumes, of which there are none.")
@click.option("--uuid", is_flag=True, hidden=True)
def command(target: Target, output: Output, filesystem: bool, volume: bool, uuid: bool) -> None:
    """List the storage of a model: who has it, where, and what nobody has."""
    if filesystem and volume:
        raise BadRequest(
            "--filesystem and --volume can not be used together", fix="leave both out to see everything"
        )
    tree = times.with_since(target.client.storage(target.model), utc=False)
    if filesystem or volume:
        tree = {key: entry for key, entry in tree.items() if key == ("filesystems" if filesystem else "volumes")}
    if not tree and output.format == "tabular":
        target.console.info("No storage to display.")
        return
    table = storage_text.filesystem_table if filesystem else storage_text.storage_table
    output.show(tree, lambda colour: table(tree, colour=colour))
