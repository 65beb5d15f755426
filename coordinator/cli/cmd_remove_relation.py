"""`coordinator remove-relation A[:ENDPOINT] B[:ENDPOINT]`, or by its number: end a relation."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, model_options
from coordinator.domain.names import EndpointName
from coordinator.errors import BadRequest
from coordinator.wire import RemoveRelation


@click.command()
@click.argument("words", nargs=-1, metavar="APP[:ENDPOINT] APP[:ENDPOINT] | ID")
@model_options
@click.option("--force", is_flag=True, help="End it even if units do not answer, after a while.")
@click.option("--no-wait", is_flag=True, help="With --force: do not wait for units at all.")
@click.option("--no-prompt", is_flag=True, hidden=True)
def command(target: Target, words: tuple[str, ...], force: bool, no_wait: bool, no_prompt: bool) -> None:
    """End a relation.

    Units on both sides run their departed and broken hooks.  `show-unit` shows the ids of relations.

    Examples:
      coordinator remove-relation web db
      coordinator remove-relation 3
    """
    if no_wait and not force:
        raise BadRequest("--no-wait without --force not valid")
    if len(words) == 1 and words[0].isdecimal():
        request = RemoveRelation(relation_id=int(words[0]), force=force, no_wait=no_wait)
    elif len(words) == 2:
        left, right = (str(EndpointName.parse(text)) for text in words)
        request = RemoveRelation(left=left, right=right, force=force, no_wait=no_wait)
    else:
        raise BadRequest("a relation must involve two applications", fix="coordinator remove-relation APP APP")
    target.client.remove_relation(target.model, request)
