"""`coordinator show-action APPLICATION ACTION`: show an action and its parameters."""

from __future__ import annotations

import click

from coordinator.cli import render
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import required
from coordinator.domain.names import check_application_name
from coordinator.errors import Refused


@click.command()
@click.argument("application", required=False)
@click.argument("action", required=False)
@model_options
def command(target: Target, application: str | None, action: str | None) -> None:
    """Show an action and its parameters.

    Examples:
      coordinator show-action web backup
    """
    app = check_application_name(required(application, "no application name specified"))
    name = required(action, "no action name specified")
    found = target.client.actions(target.model, app).get(name)
    if found is None:
        raise Refused(f'unknown action "{name}"', fix=f"`coordinator actions {app}` lists them")
    click.echo(found["description"] or "No description")
    if parameters := found["schema"]["properties"]:
        click.echo("\nArguments\n" + render.to_yaml(parameters), nl=False)
