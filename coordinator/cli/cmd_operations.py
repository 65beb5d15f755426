"""`coordinator operations`: list the operations that were run."""

from __future__ import annotations

import click

from coordinator.cli import render, task_text
from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import INTEGER, LIST
from coordinator.errors import BadRequest

TASK_IDS_MAX = 3  # shown of one operation


@click.command()
@model_options
@output_options("plain", "yaml", "json")
@click.option(
    "--applications", "--apps", "apps", type=LIST, metavar="APP,...", help="Only those of these applications."
)
@click.option("--units", type=LIST, metavar="UNIT,...", help="Only those of these units.")
@click.option("--machines", type=LIST, metavar="MACHINE,...", help="Only those of these machines as such.")
@click.option("--actions", type=LIST, metavar="ACTION,...", help="Only those of these actions.")
@click.option("--status", "statuses", type=LIST, metavar="STATUS,...", help="Only those that stand so.")
@click.option("--limit", type=INTEGER, default=50, help="How many to show.  [50]")
@click.option("--offset", type=INTEGER, default=0, help="How many to leave out before.  [0]")
@click.option("--utc", is_flag=True, help="Show times in UTC.")
def command(
    target: Target,
    output: Output,
    apps: list[str] | None,
    units: list[str] | None,
    machines: list[str] | None,
    actions: list[str] | None,
    statuses: list[str] | None,
    limit: int,
    offset: int,
    utc: bool,
) -> None:
    """List the operations that were run, the last one first.

    Examples:
      coordinator operations --apps web --status failed
    """
    if limit < 0 or offset < 0:
        raise BadRequest("--limit and --offset must not be negative")
    query = {"apps": apps, "units": units, "machines": machines, "actions": actions, "status": statuses}
    given = {name: wanted for name, wanted in query.items() if wanted}
    found = target.client.operations(target.model, **given)[offset : offset + limit]
    if not found:
        target.console.info("no matching operations")
        return
    rows = []
    for each in found:
        ids = each["task-ids"]
        more = "..." if len(ids) > TASK_IDS_MAX else ""
        timing = task_text.timing(each["timing"], utc=utc)
        moments = [timing.get(name, "")[:19].replace(" ", "T") for name in ("started", "completed")]
        rows.append([each["id"], each["status"], *moments, ",".join(ids[:TASK_IDS_MAX]) + more, each["summary"]])
    tree = {
        each["id"]: {
            "summary": each["summary"],
            "status": each["status"],
            "action": each["action"],
            "timing": task_text.timing(each["timing"], utc=utc),
        }
        for each in found
    }
    headers = ("ID", "Status", "Started", "Finished", "Task IDs", "Summary")
    output.show(tree, lambda colour: render.table(headers, rows, right=("ID",), colour=colour))
