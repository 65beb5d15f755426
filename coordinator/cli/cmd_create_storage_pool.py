"""`coordinator create-storage-pool NAME PROVIDER [KEY=VALUE]…`: name a place for storage."""

from __future__ import annotations

import click

from coordinator.cli import values
from coordinator.cli.target import Target, model_options
from coordinator.domain.storage_pool import check_pool_name, parse_attributes
from coordinator.errors import BadRequest
from coordinator.wire import CreateStoragePool


@click.command()
@click.argument("words", nargs=-1, metavar="NAME PROVIDER [KEY=VALUE]...")
@model_options
def command(target: Target, words: tuple[str, ...]) -> None:
    """Name a place for storage, with attributes.

    PROVIDER is rootfs, directories on a disk of the machine, or tmpfs, memory.  Attributes: mode, the permissions
    of what is made; for rootfs path, a directory of each machine that it is made in instead of the worker's.

    Examples:
      coordinator create-storage-pool fast rootfs path=/mnt/nvme
      coordinator create-storage-pool private rootfs mode=0700
    """
    if len(words) < 2:
        raise BadRequest(
            "pool creation requires names, provider type and optional attributes for configuration",
            fix="write it like create-storage-pool fast rootfs path=/mnt/nvme",
        )
    name, provider, *pairs = words
    attributes = values.pairs(pairs)
    check_pool_name(name)
    parse_attributes(provider, attributes)
    target.client.create_storage_pool(
        target.model, CreateStoragePool(name=name, provider=provider, attributes=attributes)
    )
