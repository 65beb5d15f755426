"""`coordinator history`: show who changed what in a model, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

import click

from coordinator.cli import times
from coordinator.cli.output import Output, output_options
from coordinator.cli.render import table
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import INTEGER
from coordinator.errors import BadRequest


@click.command()
@model_options
@output_options("tabular", "json", "yaml")
@click.option("-n", "--limit", type=INTEGER, default=50, metavar="N", help="How many changes.  [default: 50]")
@click.option("--utc", is_flag=True, help="Show times in UTC.")
def command(target: Target, output: Output, limit: int, utc: bool) -> None:
    """Show who changed what in a model, and why: the latest change last.

    Every change is listed, those of people and those of units.  Because Of is the change that a hook ran for.
    It reaches as far back as etcd keeps its history.
    """
    if limit < 1:
        raise BadRequest("--limit must be a positive integer")
    entries = target.client.history(target.model, limit)[::-1]
    output.show({"history": entries}, lambda colour: history_table(entries, utc=utc, colour=colour))


def history_table(
    entries: Sequence[Mapping[str, Any]], *, utc: bool, zone: tzinfo | None = None, colour: bool = False
) -> str:
    """Return the table.  A cause is shown by its revision, and by who did what then where that is known."""
    rows = []
    for entry in entries:
        why = entry["why"]
        cause = "" if why is None else f"{why} {entry.get('because') or ''}".rstrip()
        when = times.since(entry["at"], utc=utc, zone=zone)
        rows.append((str(entry["revision"]), when, entry["by"], entry["did"], cause))
    return table(("Revision", "When", "Who", "What", "Because of"), rows, right=("Revision",), colour=colour)
