"""Conditions on a status, and what keeps them from holding.  Pure.

Role: `wait-for` asks for the status again and again; here is what it looks for.  A query is comparisons joined by
`&&` or commas: `status=="active" && units>=2`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from coordinator.errors import BadRequest

Tree = Mapping[str, Any]
Value = str | int | bool
Facts = Mapping[str, Value]

DEFAULTS = {
    "application": 'life=="alive" && status=="active"',
    "unit": 'life=="alive" && workload-status=="active"',
    "machine": 'life=="alive" && status=="started"',
    "model": 'life=="alive" && status=="available"',
}

_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": eq, "=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge,
}  # fmt: skip
_COMPARISON = re.compile(r"\s*([a-z-]+)\s*(==|!=|<=|>=|=|<|>)(?!=)\s*(\"[^\"]*\"|'[^']*'|[^\s\"'&|]+)\s*")


@dataclass(frozen=True, slots=True)
class Comparison:
    name: str
    operator: str
    value: Value

    def holds(self, facts: Facts) -> bool:
        found = facts[self.name]
        return type(found) is type(self.value) and _OPERATORS[self.operator](found, self.value)


def parse_query(text: str, kind: str) -> tuple[Comparison, ...]:
    """Return the comparisons that *text* asks of a *kind* of entity.

    Raises:
        BadRequest: it is no query, or asks for what that kind does not have.
    """
    comparisons = []
    for part in re.split(r"&&|,", text):
        match = _COMPARISON.fullmatch(part)
        if match is None:
            raise BadRequest(
                f"cannot understand the query {part.strip()!r}",
                why="a query is NAME==VALUE, joined by &&",
                fix="""write it like 'status=="active" && units>=2'""",
            )
        name, operator, value = match.groups()
        known = _FACTS[kind]
        if name not in known:
            article = "an" if kind == "application" else "a"
            raise BadRequest(f'{article} {kind} has no "{name}"', fix=f"it has {', '.join(sorted(known))}")
        wanted = _value(value)
        if type(wanted) is not known[name] or (operator not in ("==", "=", "!=") and known[name] is not int):
            raise BadRequest(
                f"cannot compare {name} {operator} {value}", why=f"it is of type {known[name].__name__}"
            )
        comparisons.append(Comparison(name, operator, wanted))
    return tuple(comparisons)


def _value(text: str) -> Value:
    if text[0] in "\"'":
        return text[1:-1]
    if text in ("true", "false"):
        return text == "true"
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def is_met(query: tuple[Comparison, ...], facts: Facts | None) -> bool:
    """Say whether all of *query* holds; nothing holds of what does not exist."""
    return facts is not None and all(comparison.holds(facts) for comparison in query)


# --- what is known of an entity --------------------------------------------------------------------------

_FACTS: Mapping[str, Mapping[str, type]] = {
    "application": {
        "name": str, "life": str, "exposed": bool, "charm-url": str, "status": str, "message": str,
        "workload-version": str, "units": int,
    },
    "unit": {
        "name": str, "application": str, "life": str, "workload-status": str, "workload-message": str,
        "agent-status": str, "leader": bool, "machine-id": str, "public-address": str,
    },
    "machine": {"id": str, "life": str, "status": str, "instance-status": str},
    "model": {"name": str, "life": str, "status": str, "applications": int, "units": int, "machines": int},
}  # fmt: skip


def facts_of(status: Tree, kind: str, name: str) -> Facts | None:
    """Return what is known of the *kind* called *name*; None when it does not exist."""
    if kind == "application":
        app = status["applications"].get(name)
        return app and _application(name, app)
    if kind == "unit":
        unit = dict(units_of(status)).get(name)
        return unit and _unit(name, unit)
    if kind == "machine":
        machine = status["machines"].get(name)
        return machine and {
            "id": name,
            "life": machine["juju-status"].get("life", "alive"),
            "status": machine["juju-status"]["current"],
            "instance-status": machine["machine-status"]["current"],
        }
    current = status["model"]["model-status"]["current"]
    return {
        "name": status["model"]["name"],
        "life": "alive" if current == "available" else "dying",
        "status": current,
        "applications": len(status["applications"]),
        "units": sum(1 for _ in units_of(status)),
        "machines": len(status["machines"]),
    }


def _application(name: str, app: Tree) -> Facts:
    return {
        "name": name,
        "life": app.get("life", "alive"),
        "exposed": app["exposed"],
        "charm-url": app["charm"],
        "status": app["application-status"]["current"],
        "message": app["application-status"].get("message", ""),
        "workload-version": app.get("version", ""),
        "units": len(app.get("units", {})),
    }


def _unit(name: str, unit: Tree) -> Facts:
    return {
        "name": name,
        "application": name.partition("/")[0],
        "life": unit["juju-status"].get("life", "alive"),
        "workload-status": unit["workload-status"]["current"],
        "workload-message": unit["workload-status"].get("message", ""),
        "agent-status": unit["juju-status"]["current"],
        "leader": unit.get("leader", False),
        "machine-id": unit.get("machine", ""),
        "public-address": unit.get("public-address", ""),
    }


def units_of(status: Tree) -> Iterator[tuple[str, Tree]]:
    """Yield every unit, subordinates too."""
    for app in status["applications"].values():
        for name, unit in app.get("units", {}).items():
            yield name, unit
            yield from unit.get("subordinates", {}).items()


# --- idle ------------------------------------------------------------------------------------------------


def not_idle(status: Tree) -> list[str]:
    """Return what is still going on in a model; empty when every unit is idle and nothing is being removed."""
    reasons = []
    for name, unit in units_of(status):
        agent, workload = unit["juju-status"], unit["workload-status"]
        if workload["current"] == "error":
            reasons.append(f"{name}: {workload.get('message', 'error')}")
        elif agent["current"] != "idle":
            doing = agent.get("message")
            reasons.append(f"{name} is {agent['current']}" + (f" ({doing})" if doing else ""))
        elif agent.get("life"):
            reasons.append(f"{name} is {agent['life']}")
        elif "upgrading-from" in unit:
            reasons.append(f"{name} is upgrading")
    reasons += [f"{name} is {app['life']}" for name, app in status["applications"].items() if app.get("life")]
    reasons += [
        f"relation {relation['provider']} {relation['requirer']} is {relation['status']}"
        for relation in status.get("relations", ())
        if relation["status"] != "joined"
    ]
    return reasons


def signature(status: Tree) -> object:
    """Return what must stay the same for a while before an idle model counts as settled."""
    return [
        (name, unit["workload-status"], unit["juju-status"], unit.get("leader")) for name, unit in units_of(status)
    ]
