"""`coordinator cancel-task ID…`: cancel tasks that wait or run."""

from __future__ import annotations

import click

from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import INTEGER, required
from coordinator.wire import CancelTasks


@click.command()
@click.argument("tasks", nargs=-1, type=INTEGER, metavar="ID...")
@model_options
@output_options("yaml", "json")
def command(target: Target, output: Output, tasks: tuple[int, ...]) -> None:
    """Cancel tasks that wait or run; the program of a running one is ended at once.

    Examples:
      coordinator cancel-task 2 3
    """
    numbers = list(required(tasks, "no task IDs specified"))
    found = target.client.cancel_tasks(target.model, CancelTasks(tasks=numbers))
    if not found:
        target.console.info("no tasks found, no tasks have been canceled")
        return
    kept = ("id", "status", "unit", "machine")
    output.show([{key: task[key] for key in kept if key in task} for task in found])
