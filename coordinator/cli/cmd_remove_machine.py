"""`coordinator remove-machine MACHINE…`: remove machines."""

from __future__ import annotations

import click

from coordinator.cli.removal import How, announce, removal_options
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import required
from coordinator.errors import NotFound


@click.command()
@click.argument("machines", nargs=-1, metavar="MACHINE...")
@model_options
@removal_options
@click.option("--keep-instance", is_flag=True, help="Taken, unused: the host itself is never touched.")
def command(target: Target, how: How, machines: tuple[str, ...], keep_instance: bool) -> None:
    """Remove machines that no unit is on any more.

    With --force its units are given up: for a machine that will not come back.
    """
    names = required(machines, "no machines specified")
    there = target.client.machines()
    for name in names:
        if name not in there:
            raise NotFound(
                f'removing machine {name} failed: machine "{name}" not found',
                fix="`coordinator machines` lists them",
            )
    for name in names:
        announce([f"will remove machine {name}"])
        if not how.dry_run:
            target.client.remove_machine(name, force=how.force, no_wait=how.no_wait)
