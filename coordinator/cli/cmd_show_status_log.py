"""`coordinator show-status-log ENTITY`: show what a unit or application was before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any

import click

from coordinator.cli import times
from coordinator.cli.output import Output, output_options
from coordinator.cli.render import table
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import INTEGER, required
from coordinator.errors import BadRequest, NotFound

LIMIT = 20
DAYS_MAX = 36_500  # etcd keeps minutes, or hours
ALL = 1000  # the controller looks no further back


@click.command()
@click.argument("entity", required=False)
@model_options
@output_options("tabular", "json", "yaml")
@click.option(
    "--type",
    "kind",
    default="unit",
    metavar="TYPE",
    help="unit (both of the next), workload, juju-unit (its agent), or application.  [default: unit]",
)
@click.option("-n", "limit", type=INTEGER, metavar="N", help=f"How many, the latest.  [default: {LIMIT}]")
@click.option("--days", type=INTEGER, metavar="N", help="Those of the last N days.")
@click.option("--from-date", metavar="YYYY-MM-DD", help="Those since that day.")
@click.option(
    "--include-status-updates", is_flag=True, help="Taken, unused: update-status is never shown as work."
)
@click.option("--utc", is_flag=True, help="Show times in UTC.")
def command(
    target: Target,
    output: Output,
    entity: str | None,
    kind: str,
    limit: int | None,
    days: int | None,
    from_date: str | None,
    include_status_updates: bool,
    utc: bool,
) -> None:
    """Show what a unit or application was before: the latest status last.

    It reaches as far back as etcd keeps its history.  What lasted less than a quarter of a second is not in it.

    Examples:
      coordinator show-status-log web/0
      coordinator show-status-log web --type application
    """
    name = required(entity, "no entity name specified")
    if sum(given is not None for given in (limit, days, from_date)) > 1:
        raise BadRequest("you can specify one of -n, --days or --from-date only")
    wanted = LIMIT if limit is None else limit
    if wanted < 1 or (days is not None and days < 1):
        raise BadRequest("-n and --days must be positive integers")
    after = _after(days, from_date)
    log = target.client.status_log(target.model, name, kind, wanted if after is None else ALL)
    log = [entry for entry in log if after is None or "since" not in entry or times.parse(entry["since"]) >= after]
    if not log:
        raise NotFound("no status history available")
    output.show(times.with_since(log, utc=utc), lambda colour: log_table(log, utc=utc, colour=colour))


def _after(days: int | None, from_date: str | None) -> datetime | None:
    if days is not None:
        return datetime.now(timezone.utc) - timedelta(days=min(days, DAYS_MAX))
    if from_date is None:
        return None
    try:
        return datetime.strptime(from_date, "%Y-%m-%d").astimezone()
    except ValueError as cause:
        raise BadRequest(f'"{from_date}" is no date', fix="--from-date 2026-03-01") from cause


def log_table(
    log: Sequence[Mapping[str, Any]], *, utc: bool, zone: tzinfo | None = None, colour: bool = False
) -> str:
    rows = []
    for entry in log:
        when = times.since(entry["since"], utc=utc, zone=zone) if "since" in entry else ""
        rows.append((when, entry["type"], entry["status"], entry["message"]))
    return table(("Time", "Type", "Status", "Message"), rows, colour=colour)
