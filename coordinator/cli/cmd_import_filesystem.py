"""`coordinator import-filesystem POOL MACHINE:PATH NAME`: let a directory of a machine be storage."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, model_options
from coordinator.domain.storage import check_storage_name
from coordinator.errors import BadRequest
from coordinator.wire import ImportFilesystem


@click.command()
@click.argument("pool", required=False)
@click.argument("filesystem", required=False, metavar="MACHINE:PATH")
@click.argument("name", required=False)
@model_options
def command(target: Target, pool: str | None, filesystem: str | None, name: str | None) -> None:
    """Let a directory of a machine be storage, which units can be given.

    It stays where it is.  From then on it is storage like any other: `remove-storage` deletes what is in it, and
    `remove-storage --no-destroy` leaves it and forgets about it.

    Examples:
      coordinator import-filesystem rootfs 0:/srv/photos data
      coordinator add-unit gallery --attach-storage data/3
    """
    if not (pool and filesystem and name):
        raise BadRequest(
            "import-filesystem requires a storage provider, provider ID, and storage name",
            fix="write it like import-filesystem rootfs 0:/srv/photos data",
        )
    check_storage_name(name)
    target.console.info(f'importing "{filesystem}" from storage pool "{pool}" as filesystem')
    made = target.client.import_filesystem(target.model, ImportFilesystem(pool=pool, id=filesystem, name=name))
    target.console.info(f"imported storage {made}")
