"""`coordinator set-model-constraints K=V…`: say which machines you would like for a model."""

from __future__ import annotations

import click

from coordinator.cli import values
from coordinator.cli.target import Target, model_options
from coordinator.wire import SetConstraints


@click.command()
@click.argument("words", nargs=-1, metavar="[KEY=VALUE...]")
@model_options
def command(target: Target, words: tuple[str, ...]) -> None:
    """Say which machines you would like for a model; what was said before is forgotten.

    It is recorded and shown.  Nothing is placed by it: machines are hosts that are there already, and
    `deploy --to` names them.

    Examples:
      coordinator set-model-constraints mem=4G cores=2
      coordinator set-model-constraints
    """
    target.client.set_constraints(target.model, SetConstraints(constraints=values.constraints(words)))
