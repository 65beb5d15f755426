"""`coordinator constraints APP`: show what machines must have for units of an application."""

from __future__ import annotations

import click

from coordinator.cli.constraints import words_of
from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import required
from coordinator.domain.names import check_application_name


@click.command()
@click.argument("application", required=False)
@model_options
@output_options("constraints", "json", "yaml")
def command(target: Target, output: Output, application: str | None) -> None:
    """Show what machines must have for units of an application, as `set-constraints` or `deploy` said it.

    Those of the model apply too, where the application has none of the same key.

    Examples:
      coordinator constraints db
      coordinator constraints db --format json
    """
    name = check_application_name(required(application, "no application name specified"))
    found = target.client.constraints(target.model, name)
    output.show(found, lambda colour: words_of(found))
