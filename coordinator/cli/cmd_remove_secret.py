"""`coordinator remove-secret SECRET`: remove a secret that people keep, or one revision of it."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import INTEGER, required


@click.command()
@click.argument("secret", required=False)
@model_options
@click.option("--revision", type=INTEGER, metavar="NUMBER", help="Only this revision.")
def command(target: Target, secret: str | None, revision: int | None) -> None:
    """Remove a secret, given by its ID or name, with all its revisions.

    Examples:
      coordinator remove-secret apikey
      coordinator remove-secret apikey --revision 2
    """
    who = required(secret, "secret ID is required")
    target.client.remove_secret(target.model, who, revision)
