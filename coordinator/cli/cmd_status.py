"""`coordinator status [SELECTOR…]`: show a model."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

import click

from coordinator.cli import status_text
from coordinator.cli.client import Unreachable
from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import DURATION, INTEGER
from coordinator.errors import BadRequest

CLEAR = "\x1b[H\x1b[2J\x1b[3J"
LINE_FORMATS = ("oneline", "line", "short")


@click.command()
@click.argument("selectors", nargs=-1, metavar="[SELECTOR...]")
@model_options
@output_options("tabular", "json", "yaml", *LINE_FORMATS, "summary")
@click.option("--relations", "--integrations", is_flag=True, help="Show the relations too.")
@click.option("--storage", is_flag=True, help="Show storage too.")
@click.option("--utc", is_flag=True, help="Show times in UTC.")
@click.option(
    "--watch",
    "every_s",
    type=DURATION,
    metavar="DURATION",
    help="Show it again every DURATION, like 2s.",
)
@click.option("--color", is_flag=True, help="Colour it even if it is not for a terminal.")
@click.option("--no-color", is_flag=True, help="Do not colour it.")
@click.option("--retry-count", type=INTEGER, default=3, help="How often to try again without an answer.  [3]")
@click.option(
    "--retry-delay", "pause_s", type=DURATION, default=0.1, metavar="DURATION", help="How long to pause."
)
def command(
    target: Target,
    output: Output,
    selectors: tuple[str, ...],
    relations: bool,
    storage: bool,
    utc: bool,
    every_s: float | None,
    color: bool,
    no_color: bool,
    retry_count: int,
    pause_s: float,
) -> None:
    """Show a model: its applications, units, machines and relations.

    SELECTOR keeps only what matches one of them: names of applications, units and machines, with * for anything,
    and status words such as active or error.

    Examples:
      coordinator status --relations
      coordinator status web 'db/*' --format json
      coordinator status error --watch 2s
    """
    if color and no_color:
        raise BadRequest("cannot mix --no-color and --color")
    utc = utc or os.environ.get("JUJU_STATUS_ISO_TIME", "").lower() in ("true", "1")
    asked = [name for name, given in (("relations", relations), ("storage", storage)) if given]
    if asked and output.format != "tabular":
        words = "options are" if len(asked) > 1 else "option is"
        target.console.info(f"provided {', '.join(asked)} {words} always enabled in non tabular formats")
    colour = output.is_coloured(color=color, no_color=no_color)

    def show() -> None:
        tree = _retried(lambda: target.client.status(target.model, selectors), retry_count, pause_s)
        tree = status_text.for_people(tree, utc=utc, controller=target.shown_controller)
        if selectors and not tree["applications"] and not tree["machines"]:
            plural = "s" if len(selectors) > 1 else ""
            target.console.info(f"Nothing matched specified filter{plural}.")
            return
        output.show(
            status_text.for_programs(tree), lambda _: _text(tree, output.format, relations, storage, colour)
        )
        if status_text.is_empty(tree) and output.format == "tabular" and not selectors:
            sys.stdout.flush()
            target.console.info(f'\nModel "{tree["model"]["name"]}" is empty.')

    show()
    while every_s:
        sys.stdout.flush()
        time.sleep(every_s)
        output.write(CLEAR if sys.stdout.isatty() else "\n")
        show()


def _text(tree: status_text.Tree, format_name: str, relations: bool, storage: bool, colour: bool) -> str:
    if format_name in LINE_FORMATS:
        return status_text.oneline(tree)
    if format_name == "summary":
        return status_text.summary(tree)
    return status_text.tabular(tree, relations=relations, storage=storage, colour=colour)


def _retried(ask: Callable[[], status_text.Tree], retries: int, pause_s: float) -> status_text.Tree:
    """Return what *ask* answers; try again while nobody is there to ask."""
    for _ in range(retries):
        try:
            return ask()
        except Unreachable:
            time.sleep(pause_s)
    return ask()
