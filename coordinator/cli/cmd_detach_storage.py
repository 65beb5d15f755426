"""`coordinator detach-storage ID…`: let units let go of storage, and keep it."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import required
from coordinator.domain.storage import StorageId
from coordinator.errors import Refused


@click.command()
@click.argument("ids", nargs=-1, metavar="ID...")
@model_options
@click.option("--force", is_flag=True, help="Take it away at once: no hook of the unit runs before.")
@click.option("--no-wait", is_flag=True, hidden=True)
def command(target: Target, ids: tuple[str, ...], force: bool, no_wait: bool) -> None:
    """Let units let go of storage; what is in it stays, for another unit.

    Examples:
      coordinator detach-storage data/0
    """
    which = [StorageId.parse(text) for text in required(ids, "detach-storage requires at least one storage ID")]
    failed = False
    for each in which:
        try:
            target.client.detach_storage(target.model, each.name, each.number, force=force)
        except Refused as refusal:
            target.console.error(f"failed to detach {each}: {refusal}")
            failed = True
        else:
            target.console.info(f"detaching {each}")
    if failed:
        raise click.exceptions.Exit(1)
