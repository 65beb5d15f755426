"""`coordinator model-constraints`: show which machines people would like for a model."""

from __future__ import annotations

import click

from coordinator.cli.client import Tree
from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, model_options

SIZES = frozenset({"mem", "root-disk"})


@click.command()
@model_options
@output_options("constraints", "json", "yaml")
def command(target: Target, output: Output) -> None:
    """Show which machines people would like for a model, as `set-model-constraints` recorded it.

    Examples:
      coordinator model-constraints
      coordinator model-constraints --format json
    """
    found = target.client.constraints(target.model)
    output.show(found, lambda colour: words_of(found))


def words_of(found: Tree) -> str:
    """Return constraints as they are typed; nothing when there are none."""
    words = [f"{key}={_word(key, value)}" for key, value in found.items()]
    return " ".join(words) + "\n" if words else ""


def _word(key: str, value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value}M" if key in SIZES else str(value)
