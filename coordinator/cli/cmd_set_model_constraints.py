"""`coordinator set-model-constraints K=V…`: say what machines must have for units of a model."""

from __future__ import annotations

import click

from coordinator.cli import values
from coordinator.cli.constraints import remark
from coordinator.cli.target import Target, model_options
from coordinator.wire import SetConstraints


@click.command()
@click.argument("words", nargs=-1, metavar="[KEY=VALUE...]")
@model_options
def command(target: Target, words: tuple[str, ...]) -> None:
    """Say what machines must have for units of a model; what was said before is forgotten.

    Each key stands until an application has the same one, be it empty: `set-constraints APPLICATION mem=`.  Units
    that have a machine stay there.  `set-constraints --help` says what each key means.

    Examples:
      coordinator set-model-constraints mem=4G cores=2
      coordinator set-model-constraints
    """
    given = values.constraints(words)
    target.client.set_model_constraints(target.model, SetConstraints(constraints=given))
    remark(target, given)
