"""`coordinator attach-storage UNIT ID…`: let a unit have storage that nobody has."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, model_options
from coordinator.domain.names import UnitName
from coordinator.domain.storage import StorageId
from coordinator.errors import BadRequest
from coordinator.wire import AttachStorage


@click.command()
@click.argument("words", nargs=-1, metavar="UNIT ID...")
@model_options
def command(target: Target, words: tuple[str, ...]) -> None:
    """Let a unit have storage that nobody has.

    Its content is in directories, so the unit must be on the machine where they are.

    Examples:
      coordinator attach-storage web/1 data/0
    """
    if len(words) < 2:
        raise BadRequest("attach-storage requires a unit ID and at least one storage ID")
    unit, ids = UnitName.parse(words[0]), [str(StorageId.parse(text)) for text in words[1:]]
    target.client.attach_storage(target.model, AttachStorage(unit=str(unit), ids=ids))
    for storage in ids:
        target.console.info(f"attaching {storage} to {unit}")
