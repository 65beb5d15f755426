"""`coordinator debug-log`: show the log of a model."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterator

import click

from coordinator.cli.log_text import LEVELS, Filter, Line, Style
from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import DURATION, at_least
from coordinator.errors import BadRequest, Unavailable

LINES_BEFORE = 10  # what is shown of the past before following


@click.command()
@model_options
@output_options("text", "json")
@click.option(
    "-i", "--include", multiple=True, metavar="ENTITY", help="Only of web/0, machine-0, web; repeatable."
)
@click.option("-x", "--exclude", multiple=True, metavar="ENTITY", help="Not of these; repeatable.")
@click.option("--include-module", multiple=True, metavar="MODULE", help="Only of these modules; repeatable.")
@click.option("--exclude-module", multiple=True, metavar="MODULE", help="Not of these modules; repeatable.")
@click.option("-l", "--level", default="TRACE", metavar="LEVEL", help="Only of this level and above.")
@click.option("-n", "--lines", type=at_least(0), metavar="N", help="Show the last N lines, then follow.")
@click.option("--limit", type=at_least(0), metavar="N", help="Show the last N lines and end; 0: all of them.")
@click.option("--replay", is_flag=True, help="Show everything from the beginning.")
@click.option("--tail", is_flag=True, help="Follow: show new lines as they come.  The default on a terminal.")
@click.option("--no-tail", is_flag=True, help="Show what there is and end.  The default elsewhere.")
@click.option("--date", is_flag=True, help="Show dates too.")
@click.option("--ms", is_flag=True, help="Show milliseconds too.")
@click.option("--utc", is_flag=True, help="Show times in UTC.")
@click.option("--color", is_flag=True, help="Colour it even if it is not for a terminal.")
@click.option("--location", is_flag=True, hidden=True)
@click.option("--retry", is_flag=True, help="Go on when the connection breaks.")
@click.option("--retry-delay", type=DURATION, default=1.0, metavar="DURATION", help="How long to pause before.")
def command(
    target: Target,
    output: Output,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    include_module: tuple[str, ...],
    exclude_module: tuple[str, ...],
    level: str,
    lines: int | None,
    limit: int | None,
    replay: bool,
    tail: bool,
    no_tail: bool,
    date: bool,
    ms: bool,
    utc: bool,
    color: bool,
    location: bool,
    retry: bool,
    retry_delay: float,
) -> None:
    """Show the log of a model: what charms log and print, and what ran.

    Following begins with the last 10 lines unless --lines or --replay say otherwise; without following, all lines
    are shown unless --lines or --limit say otherwise.

    Examples:
      coordinator debug-log
      coordinator debug-log --include web --level WARNING --no-tail
      coordinator debug-log --limit 100 --format json
    """
    if tail and no_tail:
        raise BadRequest("setting --tail and --no-tail not valid")
    if level.upper() not in LEVELS:
        raise BadRequest(f'level value "{level}" is not one of {", ".join(LEVELS)}')
    follow = tail or (not no_tail and limit is None and sys.stdout.isatty())
    count = lines if limit is None else limit or None
    if count is None and follow and not replay:
        count = LINES_BEFORE
    wanted = Filter(
        include=include,
        exclude=exclude,
        include_module=include_module,
        exclude_module=exclude_module,
        level=level.upper(),
    )
    style = Style(
        date=date, ms=ms, utc=utc, as_json=output.format == "json", colour=output.is_coloured(color=color)
    )
    past = [line for line in target.client.logs(target.model) if line is not None]
    last_s = past[-1]["at_s"] if past else 0.0
    chosen = filter(wanted.wants, past)
    output.write(
        "".join(style.text(line) for line in (chosen if count is None or replay else deque(chosen, count)))
    )
    if follow:
        for line in _new_lines(target, last_s, retry_delay if retry else None):
            if wanted.wants(line):
                output.write(style.text(line))
                sys.stdout.flush()


def _new_lines(target: Target, last_s: float, retry_s: float | None) -> Iterator[Line]:
    """Yield the lines after *last_s* as they come, without end; with *retry_s* whatever breaks meanwhile."""
    sys.stdout.flush()
    while True:
        try:
            for line in target.client.logs(target.model, since_s=last_s, follow=True):
                if line is not None:
                    last_s = line["at_s"]
                    yield line
        except Unavailable:
            if retry_s is None:
                raise
        if retry_s is None:
            raise Unavailable("the log ended", why="the controller stopped", fix="add --retry to go on by itself")
        time.sleep(retry_s)
