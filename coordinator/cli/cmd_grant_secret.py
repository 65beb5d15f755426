"""`coordinator grant-secret SECRET APP,…`: let applications read a secret."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import LIST, required
from coordinator.wire import ShareSecret


def share_arguments(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the secret and the applications as `request`."""

    @click.argument("secret", required=False)
    @click.argument("applications", required=False, type=LIST, metavar="APP,...")
    @wraps(function)
    def wrapper(target: Target, *, secret: str | None, applications: list[str] | None) -> Any:
        missing = "missing secret URI or application name"
        request = ShareSecret(secret=required(secret, missing), applications=required(applications, missing))
        return function(target, request)

    return wrapper


@click.command()
@model_options
@share_arguments
def command(target: Target, request: ShareSecret) -> None:
    """Let applications read a secret.

    Examples:
      coordinator grant-secret apikey web,worker
    """
    target.client.share_secret(target.model, request, granted=True)
