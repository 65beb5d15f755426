"""`coordinator revoke-secret SECRET APP,…`: let applications not read a secret any more."""

from __future__ import annotations

import click

from coordinator.cli.cmd_grant_secret import share_arguments
from coordinator.cli.target import Target, model_options
from coordinator.wire import ShareSecret


@click.command()
@model_options
@share_arguments
def command(target: Target, request: ShareSecret) -> None:
    """Let applications not read a secret any more.

    Examples:
      coordinator revoke-secret apikey web,worker
    """
    target.client.share_secret(target.model, request, granted=False)
