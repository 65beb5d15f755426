"""`coordinator remove-storage ID…`: remove storage, with what is in it."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import required
from coordinator.domain.storage import StorageId
from coordinator.errors import Refused


@click.command()
@click.argument("ids", nargs=-1, metavar="ID...")
@model_options
@click.option("--force", is_flag=True, help="Also what a unit has; even if no worker answers, after a while.")
@click.option("--no-destroy", is_flag=True, help="Leave its content where it is, and forget about it.")
def command(target: Target, ids: tuple[str, ...], force: bool, no_destroy: bool) -> None:
    """Remove storage, with what is in it.

    Examples:
      coordinator remove-storage data/0
      coordinator remove-storage data/0 --no-destroy
    """
    which = [StorageId.parse(text) for text in required(ids, "remove-storage requires at least one storage ID")]
    failed = False
    for each in which:
        try:
            target.client.remove_storage(target.model, each.name, each.number, force=force, no_destroy=no_destroy)
        except Refused as refusal:
            target.console.error(str(refusal))
            failed = True
        else:
            target.console.info(f"{'releasing' if no_destroy else 'removing'} {each}")
    if failed:
        raise click.exceptions.Exit(1)
