"""`coordinator remove-unit UNIT…`: remove units."""

from __future__ import annotations

from typing import Any

import click

from coordinator.cli.removal import How, announce, confirm, removal_options, storage_lines
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import INTEGER, required
from coordinator.domain.names import UnitName
from coordinator.errors import BadRequest, NotFound
from coordinator.wire import Remove


@click.command()
@click.argument("units", nargs=-1, metavar="UNIT...")
@model_options
@removal_options
@click.option("--num-units", type=INTEGER, hidden=True)
@click.option("--destroy-storage", is_flag=True, help="Remove what they have of storage, too.")
def command(
    target: Target, how: How, units: tuple[str, ...], num_units: int | None, destroy_storage: bool
) -> None:
    """Remove units.

    Each runs its last hooks and goes; `coordinator status` shows when.  Either all of them are removed or, if one
    cannot be, none.
    """
    if num_units is not None:
        raise BadRequest(
            "--num-units for non k8s models not valid", fix="name the units: coordinator remove-unit web/0"
        )
    names = [UnitName.parse(text) for text in required(units, "no units specified")]
    tree = target.client.status(target.model)
    there = _units_of(tree)
    for name in names:
        if str(name) not in there:
            raise NotFound(
                f'removing unit {name} failed: unit "{name}" not found', fix="`coordinator status` lists the units"
            )
    for name in names:
        announce([f"will remove unit {name}", *storage_lines(tree, [str(name)], destroyed=destroy_storage)])
    if how.dry_run:
        return
    confirm(target, how, "removing units")
    request = Remove(
        names=[str(name) for name in names], force=how.force, no_wait=how.no_wait, destroy_storage=destroy_storage
    )
    target.client.remove_units(target.model, request)


def _units_of(tree: dict[str, Any]) -> set[str]:
    apps = tree["applications"].values()
    units = {name: unit for app in apps for name, unit in app.get("units", {}).items()}
    return set(units) | {name for unit in units.values() for name in unit.get("subordinates", {})}
