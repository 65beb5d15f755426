"""`coordinator resolved UNIT…`: run a failed hook again, or let it pass."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import required
from coordinator.domain.names import UnitName
from coordinator.errors import BadRequest
from coordinator.wire import Resolve


@click.command()
@click.argument("units", nargs=-1, metavar="UNIT...")
@model_options
@click.option("--no-retry", is_flag=True, help="Count the failed hook as done instead of running it again.")
@click.option("--all", "everything", is_flag=True, help="Every unit whose hook failed.")
def command(target: Target, units: tuple[str, ...], no_retry: bool, everything: bool) -> None:
    """Run a failed hook again, or let it pass."""
    if everything and units:
        raise BadRequest("specifying unit names(s) with --all not supported")
    names = [] if everything else [str(UnitName.parse(text)) for text in required(units, "no unit specified")]
    target.client.resolve(target.model, Resolve(names=names, all=everything, retry=not no_retry))
