"""`coordinator model-constraints`: show what machines must have for units of a model."""

from __future__ import annotations

import click

from coordinator.cli.constraints import words_of
from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, model_options


@click.command()
@model_options
@output_options("constraints", "json", "yaml")
def command(target: Target, output: Output) -> None:
    """Show what machines must have for units of a model, as `set-model-constraints` said it.

    Examples:
      coordinator model-constraints
      coordinator model-constraints --format json
    """
    found = target.client.model_constraints(target.model)
    output.show(found, lambda colour: words_of(found))
