"""`coordinator secrets`: list the secrets of a model."""

from __future__ import annotations

from datetime import datetime, timezone

import click

from coordinator.cli import secret_text
from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, model_options


@click.command()
@model_options
@output_options("tabular", "json", "yaml")
@click.option("--owner", default="", metavar="OWNER", help="Only those of this application or unit, or `<model>`.")
def command(target: Target, output: Output, owner: str) -> None:
    """List the secrets of a model, without what they hold."""
    found = target.client.secrets(target.model, owner)
    if not found and output.format == "tabular":
        target.console.info("There are no secrets.  Add one: coordinator add-secret NAME KEY=VALUE")
        return
    output.show(found, lambda colour: secret_text.table_of(found, datetime.now(timezone.utc)))
