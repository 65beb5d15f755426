"""`coordinator show-secret SECRET`: show one secret, and with --reveal what it holds."""

from __future__ import annotations

import click

from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import INTEGER, required
from coordinator.errors import BadRequest


@click.command()
@click.argument("secret", required=False)
@model_options
@output_options("yaml", "json")
@click.option("--reveal", is_flag=True, help="Show what it holds; for those who administer the model.")
@click.option("--revisions", is_flag=True, help="Show all revisions.")
@click.option("-r", "--revision", type=INTEGER, metavar="NUMBER", help="Show this revision.")
def command(
    target: Target, output: Output, secret: str | None, reveal: bool, revisions: bool, revision: int | None
) -> None:
    """Show a secret, given by its ID or name.

    Examples:
      coordinator show-secret apikey
      coordinator show-secret apikey --reveal --format json
    """
    who = required(secret, "secret ID is required")
    if reveal and revisions:
        raise BadRequest("specify either --revisions or --reveal but not both")
    output.show(target.client.secret(target.model, who, reveal=reveal, revisions=revisions, revision=revision))
