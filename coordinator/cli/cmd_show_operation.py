"""`coordinator show-operation ID`: show an operation with its tasks."""

from __future__ import annotations

import time
from typing import Any

import click

from coordinator.cli import task_text
from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, model_options
from coordinator.cli.task_options import watch_options
from coordinator.cli.usage import INTEGER, required
from coordinator.errors import Refused


@click.command()
@click.argument("operation", required=False, type=INTEGER)
@model_options
@output_options("yaml", "json")
@watch_options
def command(target: Target, output: Output, operation: int | None, wait_s: float | None, utc: bool) -> None:
    """Show an operation as it is; with --wait or --watch when all its tasks are over.

    What was asked for and could not be queued is there too, as `refused`, with the reason.

    Examples:
      coordinator show-operation 1
    """
    number = required(operation, "no operation ID specified")
    found = target.client.operation(target.model, number)
    if wait_s is not None:
        until_s = None if wait_s < 0 else time.monotonic() + wait_s
        tasks = task_text.wait(target.client, target.model, list(map(int, found["tasks"])), until_s=until_s)
        late = [task_text.named(task) for task in tasks.values() if not task_text.is_over(task)]
        if late:
            raise Refused(f"timed out waiting for results from: {', '.join(late)}")
        found = target.client.operation(target.model, number)
    output.show(shown(found, utc=utc))


def shown(found: dict[str, Any], *, utc: bool) -> dict[str, Any]:
    """Return an operation as scripts read it; `refused`, if it is there, says who took no task and why."""
    tasks = {}
    for number, task in found["tasks"].items():
        tree = task_text.for_programs(task, utc=utc)
        kept = {key: value for key, value in tree.items() if key not in ("id", "unit", "machine")}
        name = {} if task["name"] == found["action"]["name"] else {"name": task["name"]}
        tasks[number] = {"host": task_text.receiver_of(task), **name, **kept}
    return {
        "summary": found["summary"],
        "status": found["status"],
        "action": found["action"],
        "timing": task_text.timing(found["timing"], utc=utc),
        "tasks": tasks,
        **({"refused": found["refused"]} if found.get("refused") else {}),
    }
