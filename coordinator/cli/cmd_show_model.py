"""`coordinator show-model [MODEL]`: show a model in detail."""

from __future__ import annotations

from datetime import datetime, timezone

import click

from coordinator.cli import model_text
from coordinator.cli.console import Console
from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target


@click.command()
@click.argument("name", required=False, metavar="[MODEL]")
@click.option("-m", "--model", metavar="MODEL", help="The same.")
@click.option("-B", "--no-browser-login", is_flag=True, hidden=True)
@output_options("yaml", "json")
@click.pass_obj
def command(console: Console, output: Output, name: str | None, model: str | None, no_browser_login: bool) -> None:
    """Show a model in detail; without a name the current one."""
    target = Target(console, model=name or model)
    found = target.client.model(target.model)
    shown = model_text.for_people(found, target.shown_controller, datetime.now(timezone.utc))
    output.show(model_text.details(shown))
