"""`coordinator integrate A[:ENDPOINT] B[:ENDPOINT]`: relate two applications."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, model_options
from coordinator.domain.names import EndpointName
from coordinator.errors import BadRequest, Refused
from coordinator.wire import Integrate


@click.command()
@click.argument("ends", nargs=-1, metavar="APP[:ENDPOINT] APP[:ENDPOINT]")
@model_options
@click.option("--via", metavar="CIDRS", hidden=True)
def command(target: Target, ends: tuple[str, ...], via: str | None) -> None:
    """Relate two applications.

    Endpoints are found by their interface when only one pair fits; else name them.

    Examples:
      coordinator integrate web db
      coordinator integrate web:database db:primary
    """
    if len(ends) < 2:
        raise BadRequest("an integration must involve two applications", fix="coordinator integrate APP APP")
    if len(ends) > 2:
        extra = " ".join(f'"{word}"' for word in ends[2:])
        raise BadRequest(f"unrecognized args: [{extra}]")
    if via is not None:
        raise Refused("the --via option can only be used when relating to offers in a different model")
    left, right = (str(EndpointName.parse(text)) for text in ends)
    target.client.integrate(target.model, Integrate(left=left, right=right))
