"""`coordinator remove-application APPLICATION…`: remove applications with their units."""

from __future__ import annotations

import click

from coordinator.cli.removal import How, announce, confirm, removal_options, storage_lines
from coordinator.cli.render import in_order
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import required
from coordinator.domain.names import check_application_name
from coordinator.errors import Refused


@click.command()
@click.argument("applications", nargs=-1, metavar="APPLICATION...")
@model_options
@removal_options
@click.option("--destroy-storage", is_flag=True, help="Remove what its units have of storage, too.")
def command(target: Target, how: How, applications: tuple[str, ...], destroy_storage: bool) -> None:
    """Remove applications with their units and relations.

    The units run their last hooks; `coordinator status` shows when all is gone.
    """
    names = [check_application_name(name) for name in required(applications, "no application specified")]
    tree = target.client.status(target.model)
    there = tree["applications"]
    failed = False
    for name in names:
        if name not in there:
            target.console.error(f'removing application {name} failed: application "{name}" not found')
            failed = True
            continue
        units = in_order(there[name].get("units", {}))
        announce([f"will remove application {name}", *(f"- will remove unit {unit}" for unit in units)])
        announce(storage_lines(tree, units, destroyed=destroy_storage))
    found = [name for name in names if name in there]
    if found and not how.dry_run:
        confirm(target, how, "removing applications")
    for name in found if not how.dry_run else ():
        try:
            target.client.remove_application(
                target.model, name, force=how.force, no_wait=how.no_wait, destroy_storage=destroy_storage
            )
        except Refused as refusal:
            target.console.error(f"removing application {name} failed: {refusal}")
            failed = True
    if failed:
        raise click.exceptions.Exit(1)
