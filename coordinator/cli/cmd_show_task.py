"""`coordinator show-task ID`: show a task with its results."""

from __future__ import annotations

import time

import click

from coordinator.cli import task_text
from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, model_options
from coordinator.cli.task_options import watch_options
from coordinator.cli.usage import INTEGER, required
from coordinator.errors import Refused


@click.command()
@click.argument("task", required=False, type=INTEGER)
@model_options
@output_options("plain", "yaml", "json")
@watch_options
def command(target: Target, output: Output, task: int | None, wait_s: float | None, utc: bool) -> None:
    """Show a task as it is; with --wait or --watch when it is over, and its progress meanwhile.

    Examples:
      coordinator show-task 2
      coordinator show-task 2 --watch
    """
    number = required(task, "no task ID specified")
    if wait_s is None:
        found = target.client.task(target.model, number)
    else:
        until_s = None if wait_s < 0 else time.monotonic() + wait_s
        found = task_text.wait(
            target.client,
            target.model,
            [number],
            until_s=until_s,
            on_line=lambda _, line: task_text.tell_line(target.console, line, utc=utc),
        )[number]
        if not task_text.is_over(found):
            raise Refused(
                f"timed out waiting for results from: {task_text.named(found)}",
                why=f"it took longer than {wait_s:g} s",
            )
    output.show(task_text.for_programs(found, utc=utc), lambda _: task_text.plain([found]))
