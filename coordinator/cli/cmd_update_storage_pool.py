"""`coordinator update-storage-pool NAME KEY=VALUE…`: change the attributes of a storage pool."""

from __future__ import annotations

import click

from coordinator.cli import values
from coordinator.cli.target import Target, model_options
from coordinator.errors import BadRequest
from coordinator.wire import UpdateStoragePool


@click.command()
@click.argument("words", nargs=-1, metavar="NAME KEY=VALUE...")
@model_options
def command(target: Target, words: tuple[str, ...]) -> None:
    """Change the attributes of a storage pool, for storage that is made from now on.

    An empty value takes an attribute back.

    Examples:
      coordinator update-storage-pool fast mode=0750 path=
    """
    if len(words) < 2:
        raise BadRequest(
            "pool update requires a name and attributes", fix="write it like update-storage-pool fast mode=0750"
        )
    name, *pairs = words
    target.client.update_storage_pool(target.model, name, UpdateStoragePool(attributes=values.pairs(pairs)))
