"""`coordinator wait-for KIND NAME`: wait until a condition holds."""

from __future__ import annotations

import time
from collections.abc import Callable

import click

from coordinator.cli import wait
from coordinator.cli.client import Tree
from coordinator.cli.render import to_yaml
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import DURATION, required
from coordinator.domain.names import UnitName, check_application_name
from coordinator.errors import BadRequest, Unavailable

POLL_S = 0.5
STEADY_S = 1.0  # an idle model may be about to move: a change was made, and a unit has not seen it yet
IDLE = "idle"


@click.command()
@click.argument("kind", required=False, metavar="application|unit|machine|model|idle")
@click.argument("name", required=False, metavar="[NAME]")
@model_options
@click.option("--query", metavar="QUERY", help="""What to wait for, like 'status=="active" && units>=2'.""")
@click.option("--timeout", "timeout_s", type=DURATION, default=600.0, metavar="DURATION", help="How long.  [10m]")
@click.option("--summary", is_flag=True, default=True, hidden=True)
def command(
    target: Target, kind: str | None, name: str | None, query: str | None, timeout_s: float, summary: bool
) -> None:
    """Wait until a condition holds.

    An application waits to be active, a unit too, a machine to be started.  `wait-for idle` waits until no unit of
    the model has anything left to do and nothing is being removed.

    Examples:
      coordinator wait-for application web
      coordinator wait-for unit web/0 --query 'workload-status=="blocked"' --timeout 1m
      coordinator wait-for idle
    """
    kind = required(kind, "say what to wait for: application, unit, machine, model or idle")
    if kind == IDLE:
        if name or query:
            raise BadRequest("`wait-for idle` takes no name and no query")
        _wait_idle(target, timeout_s)
        return
    if kind not in wait.DEFAULTS:
        raise BadRequest(f'"{kind}" is nothing to wait for', fix=f"choose {', '.join(wait.DEFAULTS)} or {IDLE}")
    if kind == "model":
        target = Target(target.console, model=name) if name else target
        name = target.model
    called = required(name, f"no {kind} name specified")
    if kind == "unit":
        UnitName.parse(called)
    elif kind == "application":
        check_application_name(called)
    _wait_entity(target, kind, called, wait.parse_query(query or wait.DEFAULTS[kind], kind), timeout_s)


def _wait_entity(
    target: Target, kind: str, name: str, query: tuple[wait.Comparison, ...], timeout_s: float
) -> None:
    seen = False

    def look(status: Tree) -> list[str]:
        nonlocal seen
        facts = wait.facts_of(status, kind, name)
        if wait.is_met(query, facts):
            assert facts is not None, "nothing holds of what does not exist"
            shown = {comparison.name: facts[comparison.name] for comparison in query}
            target.console.info(f'{kind.capitalize()} "{name}" is as asked for')
            click.echo(to_yaml({name: shown}), nl=False)
            return []
        if facts is None and seen:
            raise Unavailable(f"{kind} {name} removed", why="it was there, and is gone", fix="deploy it again")
        seen = seen or facts is not None
        if facts is None:
            return [f'{kind} "{name}" not found']
        return [f'{kind} "{name}" found with ' + ", ".join(f"{c.name}={facts[c.name]}" for c in query)]

    _poll(target, look, timeout_s, f'timed out waiting for "{name}" to reach goal state')


def _wait_idle(target: Target, timeout_s: float) -> None:
    steady: object = None
    since_s = time.monotonic()

    def look(status: Tree) -> list[str]:
        nonlocal steady, since_s
        reasons, now = wait.not_idle(status), wait.signature(status)
        if reasons or now != steady:
            steady, since_s = now, time.monotonic()
        if not reasons and time.monotonic() - since_s < STEADY_S:
            return ["everything is idle; looking again"]
        return reasons

    _poll(target, look, timeout_s, "timed out waiting for every unit to be idle")


def _poll(target: Target, look: Callable[[Tree], list[str]], timeout_s: float, otherwise: str) -> None:
    """Return when *look* finds nothing left to wait for; short failures of the controller are waited out.

    Raises:
        Unavailable: *timeout_s* is over; its text begins with *otherwise*.
    """
    target.console.begin_to_wait()
    ends_s = time.monotonic() + timeout_s
    reasons = ["no answer yet"]
    while True:
        try:
            reasons = look(target.client.status(target.model))
            if not reasons:
                return
        except Unavailable as problem:
            if " removed" in problem.what or time.monotonic() >= ends_s:
                raise
            reasons = [problem.what]
        target.console.progress(f"{'; '.join(reasons)}, waiting...")
        if time.monotonic() + POLL_S > ends_s:
            raise Unavailable(
                otherwise, why="; ".join(reasons), fix="`coordinator status` and `debug-log` say more"
            )
        time.sleep(POLL_S)
