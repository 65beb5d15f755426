"""`coordinator show-storage ID…`: show storage in detail."""

from __future__ import annotations

import click

from coordinator.cli import times
from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import required
from coordinator.domain.storage import StorageId


@click.command()
@click.argument("ids", nargs=-1, metavar="ID...")
@model_options
@output_options("yaml", "json")
def command(target: Target, output: Output, ids: tuple[str, ...]) -> None:
    """Show storage in detail.

    Examples:
      coordinator show-storage data/0
    """
    which = [StorageId.parse(text) for text in required(ids, "must specify storage id(s)")]
    found = {str(each): target.client.storage_instance(target.model, each.name, each.number) for each in which}
    output.show(times.with_since(found, utc=False))
