"""`coordinator export-bundle`: write down what is in a model as a bundle."""

from __future__ import annotations

import click

from coordinator.cli.bundle_text import documents
from coordinator.cli.output import Output
from coordinator.cli.render import to_yaml
from coordinator.cli.target import Target, model_options
from coordinator.errors import Refused


@click.command()
@model_options
@click.option("--filename", metavar="FILE", help="Write to FILE.")
@click.option("--include-charm-defaults", "with_defaults", is_flag=True, help="Options that nobody set, too.")
def command(target: Target, filename: str | None, with_defaults: bool) -> None:
    """Write down what is in a model as a bundle.

    Charms are named as this model calls them, `local:web-0`: for another one, put in their paths.

    Examples:
      coordinator export-bundle > bundle.yaml
      coordinator export-bundle --filename bundle.yaml --include-charm-defaults
    """
    found = documents(target.client.bundle(target.model), with_defaults=with_defaults)
    if not found[0]["applications"]:
        raise Refused(
            "nothing to export as there are no applications", fix="`coordinator status` shows what a model has"
        )
    Output("yaml", filename).write("--- # overlay.yaml\n".join(map(to_yaml, found)))
    if filename is not None:
        click.echo(f"Bundle successfully exported to {filename}")
