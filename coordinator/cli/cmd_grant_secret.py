"""`coordinator grant-secret SECRET APP,…`: let applications read a secret."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import LIST, required
from coordinator.wire import ShareSecret


@click.command()
@click.argument("secret", required=False)
@click.argument("applications", required=False, type=LIST, metavar="APP,...")
@model_options
def command(target: Target, secret: str | None, applications: list[str] | None) -> None:
    """Let applications read a secret.

    Examples:
      coordinator grant-secret apikey web,worker
    """
    missing = "missing secret URI or application name"
    request = ShareSecret(secret=required(secret, missing), applications=required(applications, missing))
    target.client.share_secret(target.model, request, granted=True)
