"""`coordinator add-storage UNIT NAME[=DIRECTIVE]…`: give a unit more storage."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, model_options
from coordinator.domain.names import UnitName
from coordinator.errors import BadRequest, Refused
from coordinator.wire import AddStorage


@click.command()
@click.argument("words", nargs=-1, metavar="UNIT NAME[=DIRECTIVE]...")
@model_options
def command(target: Target, words: tuple[str, ...]) -> None:
    """Give a unit more storage.

    DIRECTIVE is a pool, a count and a size, in any order, as many of them as matter.

    Examples:
      coordinator add-storage web/0 cache
      coordinator add-storage web/0 cache=tmpfs,2,512M
    """
    if len(words) < 2:
        raise BadRequest(
            "add-storage requires a unit and a storage name", fix="write it like add-storage web/0 data"
        )
    unit = UnitName.parse(words[0])
    failed = False
    for word in words[1:]:
        name, _, directive = word.partition("=")
        try:
            made = target.client.add_storage(
                target.model, AddStorage(unit=str(unit), name=name, directive=directive)
            )
        except Refused as refusal:
            target.console.error(f"failed to add storage {name} to {unit}: {refusal}")
            failed = True
            continue
        for storage in made:
            target.console.info(f"added storage {storage} to {unit}")
    if failed:
        raise click.exceptions.Exit(1)
