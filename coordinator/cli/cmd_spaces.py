"""`coordinator spaces`: list the spaces of a model with their subnets."""

from __future__ import annotations

import click

from coordinator.cli.output import Output, output_options
from coordinator.cli.render import table
from coordinator.cli.target import Target, model_options


@click.command()
@model_options
@output_options("tabular", "yaml", "json")
@click.option("--short", is_flag=True, help="Only names.")
def command(target: Target, output: Output, short: bool) -> None:
    """List the spaces of a model with their subnets: alpha has those that no other has."""
    tree = target.client.spaces(target.model)
    if short:
        tree = {"spaces": [space["name"] for space in tree["spaces"]]}
        output.show(tree, lambda colour: table(("Space",), [[name] for name in tree["spaces"]], colour=colour))
        return
    rows = []
    for space in tree["spaces"]:
        first, *others = list(space["subnets"]) or [""]
        rows += [[space["name"], space["id"], first], *(["", "", cidr] for cidr in others)]
    output.show(tree, lambda colour: table(("Name", "Space ID", "Subnets"), rows, colour=colour))
