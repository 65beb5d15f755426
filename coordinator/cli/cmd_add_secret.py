"""`coordinator add-secret NAME KEY=VALUE…`: keep a secret for applications to read."""

from __future__ import annotations

import click

from coordinator.cli import secret_text
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import required
from coordinator.domain.secret import check_name
from coordinator.wire import AddSecret


@click.command()
@click.argument("name", required=False)
@click.argument("words", nargs=-1, metavar="[KEY[#base64|#file]=VALUE...]")
@model_options
@click.option("--info", default="", metavar="TEXT", help="What it is for.")
@click.option("--file", "path", metavar="FILE", help="YAML file with KEY: VALUE lines; - is stdin.")
def command(target: Target, name: str | None, words: tuple[str, ...], info: str, path: str | None) -> None:
    """Keep a secret for applications to read, and print its URI.

    What is typed on a command line can be seen by others on this machine: --file and KEY#file=PATH cannot.
    `grant-secret` lets an application read it.

    Examples:
      coordinator add-secret apikey token#file=token.txt
      coordinator add-secret apikey --file apikey.yaml --info "for the payment service"
    """
    called = check_name(required(name, "secret name needs to be supplied as the first argument"))
    content = required(secret_text.content(words, path), "missing secret value or filename")
    request = AddSecret(name=called, content=content, description=info)
    click.echo(target.client.add_secret(target.model, request))
