"""`coordinator models`: list the models of a controller."""

from __future__ import annotations

from datetime import datetime, timezone

import click

from coordinator.cli import model_text
from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, controller_options


@click.command()
@controller_options
@output_options("tabular", "json", "yaml")
@click.option("--uuid", "with_uuid", is_flag=True, help="Show their UUIDs too.")
@click.option("--all", "everything", is_flag=True, help="Taken, unused: you see all you may read.")
@click.option("--user", hidden=True)
@click.option("--exact-time", is_flag=True, help="Show full times.")
def command(
    target: Target, output: Output, with_uuid: bool, everything: bool, user: str | None, exact_time: bool
) -> None:
    """List the models of a controller.  The current one has a star."""
    now = None if exact_time else datetime.now(timezone.utc)
    found = [model_text.for_people(model, target.shown_controller, now) for model in target.client.models()]
    current = target.find_model()
    tree: dict[str, object] = {"models": [model_text.for_programs(model) for model in found]}
    if current is not None:
        tree["current-model"] = current
    if not found and output.format == "tabular":
        target.console.info("There are no models on this controller.  Add one: coordinator add-model NAME")
        return
    output.show(tree, lambda colour: model_text.table_of(found, current, with_uuid=with_uuid, colour=colour))
