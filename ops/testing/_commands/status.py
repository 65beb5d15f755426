"""is-leader, status-get, status-set, application-version-set, goal-state."""

from __future__ import annotations

from typing import Any

from .._world import StatusRecord, World
from ._call import USAGE, Call, Refused, command

_SETTABLE = ("maintenance", "blocked", "waiting", "active")
_SINCE = "2026-01-01 00:00:00Z"


@command("is-leader")
def is_leader(world: World, call: Call) -> bool:
    return world.leader


@command("status-get")
def status_get(world: World, call: Call) -> dict[str, Any]:
    if not call.is_set("application"):
        return _shown(world.unit_status)
    if not world.leader and world.running:
        raise Refused("finding application status: this unit is not the leader")
    units = {world.unit_name: _shown(world.unit_status)}
    return {"application-status": {**_shown(world.app_status), "units": units}}


def _shown(record: StatusRecord) -> dict[str, Any]:
    return {"status": record.status, "message": record.message, "status-data": {}}


@command("status-set")
def status_set(world: World, call: Call) -> None:
    status, message = call.word(0), call.word(1) or ""
    if status not in _SETTABLE:
        raise Refused(f'invalid status "{status}", expected one of [{" ".join(_SETTABLE)}]', USAGE)
    is_app = call.is_set("application")
    if is_app and not world.leader and world.running:
        raise Refused("setting application status: this unit is not the leader")
    record = world.app_status if is_app else world.unit_status
    record.earlier.append((record.status, record.message))
    record.status, record.message = status, message


@command("application-version-set")
def application_version_set(world: World, call: Call) -> None:
    world.earlier_versions.append(world.workload_version)
    world.workload_version = call.word(0) or ""


@command("goal-state")
def goal_state(world: World, call: Call) -> dict[str, Any]:
    peers = {unit for relation in world.relations.values() if relation.is_peer for unit in relation.units}
    names = [world.unit_name, *sorted(peers - {world.unit_name})]
    if world.planned_units is not None:
        names = _planned(world, names)
    goal = {"status": "active", "since": _SINCE}
    relations: dict[str, dict[str, Any]] = {endpoint: {} for endpoint in sorted(world.endpoints)}
    for relation in world.relations.values():
        relations[relation.endpoint] |= dict.fromkeys((relation.app, *relation.units), goal)
    return {"units": dict.fromkeys(names, goal), "relations": relations}


def _planned(world: World, known: list[str]) -> list[str]:
    """Return as many unit names as there will be: those that are known first, then some that are to come."""
    names, number = known[: world.planned_units], 0
    while len(names) < (world.planned_units or 0):
        name = f"{world.app_name}/{number}"
        number += 1
        if name not in names:
            names.append(name)
    return names
