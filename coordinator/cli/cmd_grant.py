"""`coordinator grant USER LEVEL [MODEL…]`: let a user do something."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from coordinator.cli.target import ModelName, Target, controller_options
from coordinator.errors import BadRequest
from coordinator.wire import ShareModels


def access_arguments(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the user, the level and the models as `request`."""

    @click.argument("words", nargs=-1, metavar="USER LEVEL [MODEL...]")
    @wraps(function)
    def wrapper(target: Target, *, words: tuple[str, ...]) -> Any:
        if not words:
            raise BadRequest("no user specified")
        if len(words) == 1:
            raise BadRequest("no permission level specified")
        user, access, *models = words
        names = [ModelName.parse(model).name for model in models]
        return function(target, ShareModels(user=user, access=access, models=names))

    return wrapper


@click.command()
@controller_options
@access_arguments
def command(target: Target, request: ShareModels) -> None:
    """Let a user do something with models, or with the controller.

    Of a model: read shows it; write changes applications, units and relations; admin also runs commands on
    machines, changes settings, destroys it, and grants access to others.  Of the controller: add-model; superuser
    is everything, everywhere.

    Examples:
      coordinator grant bob read demo
      coordinator grant bob admin demo staging
      coordinator grant carol superuser
    """
    target.client.share_models(request, granted=True)
