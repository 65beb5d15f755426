"""`coordinator revoke-secret SECRET APP,…`: let applications not read a secret any more."""

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
    """Let applications not read a secret any more.

    Examples:
      coordinator revoke-secret apikey web,worker
    """
    missing = "missing secret URI or application name"
    request = ShareSecret(secret=required(secret, missing), applications=required(applications, missing))
    target.client.share_secret(target.model, request, granted=False)
