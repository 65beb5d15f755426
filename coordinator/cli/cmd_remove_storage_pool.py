"""`coordinator remove-storage-pool NAME`: remove a storage pool."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import required


@click.command()
@click.argument("name", required=False)
@model_options
def command(target: Target, name: str | None) -> None:
    """Remove a storage pool that no application and no storage has.

    Examples:
      coordinator remove-storage-pool fast
    """
    target.client.remove_storage_pool(target.model, required(name, "pool removal requires a pool name"))
