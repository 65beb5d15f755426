"""`coordinator actions APPLICATION`: list the actions of an application."""

from __future__ import annotations

import click

from coordinator.cli import render
from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import required
from coordinator.domain.names import check_application_name


@click.command()
@click.argument("application", required=False)
@model_options
@output_options("default", "tabular", "yaml", "json")
@click.option("--schema", is_flag=True, help="Show the JSON schema of each.")
def command(target: Target, output: Output, application: str | None, schema: bool) -> None:
    """List the actions of an application.

    Examples:
      coordinator actions web
      coordinator actions web --schema --format json
    """
    app = check_application_name(required(application, "no application name specified"))
    found = target.client.actions(target.model, app)
    if not found:
        target.console.info(f"No actions defined for {app}.")
        if output.format in ("yaml", "json"):
            output.show({}, render.to_yaml)
        return
    if schema:
        tree = {name: action["schema"] for name, action in found.items()}
        output.show(tree, lambda _: render.to_yaml(tree))
        return
    tree = {name: action["description"] or "No description" for name, action in found.items()}
    rows = [(name, render.message(text)) for name, text in tree.items()]
    output.show(tree, lambda colour: render.table(("Action", "Description"), rows, colour=colour))
