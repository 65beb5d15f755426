"""`coordinator update-secret SECRET …`: change a secret that people keep."""

from __future__ import annotations

import click

from coordinator.cli import secret_text
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import BOOLEAN, required
from coordinator.domain.secret import check_name
from coordinator.wire import UpdateSecret


@click.command()
@click.argument("secret", required=False)
@click.argument("words", nargs=-1, metavar="[KEY[#base64|#file]=VALUE...]")
@model_options
@click.option("--info", metavar="TEXT", help="What it is for.")
@click.option("--name", metavar="NAME", help="What it is called from now on.")
@click.option("--file", "path", metavar="FILE", help="YAML file with KEY: VALUE lines; - is stdin.")
@click.option(
    "--auto-prune",
    is_flag=False,
    flag_value="true",
    type=BOOLEAN,
    metavar="[=false]",
    help="Remove old revisions as soon as nobody reads them.",
)
def command(
    target: Target,
    secret: str | None,
    words: tuple[str, ...],
    info: str | None,
    name: str | None,
    path: str | None,
    auto_prune: bool | None,
) -> None:
    """Change a secret, given by its ID or name.

    New content makes a new revision; the applications that read it are told.

    Examples:
      coordinator update-secret apikey token#file=token.txt
      coordinator update-secret apikey --auto-prune
    """
    who = required(secret, "secret ID is required")
    request = UpdateSecret(
        content=secret_text.content(words, path),
        name=check_name(name) if name is not None else None,
        description=info,
        auto_prune=auto_prune,
    )
    target.client.update_secret(target.model, who, request)
