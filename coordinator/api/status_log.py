"""What a unit or application showed before: the answers of `show-status-log`.

Role: from views of past moments to the statuses that people saw then, by the same rule as `status`.  There is no
log: nothing is written for it, and it reaches as far back as etcd keeps its history.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

from coordinator.api.status import unit_statuses, waiting_for
from coordinator.domain import refs
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Ref
from coordinator.domain.status import AgentStatus, Status
from coordinator.domain.unit import Unit
from coordinator.domain.view import View

Entry = dict[str, Any]

WORKLOAD, AGENT, APPLICATION = "workload", "juju-unit", "application"

#: What people ask for -> what they are told of.
TYPES = {"unit": (WORKLOAD, AGENT), WORKLOAD: (WORKLOAD,), AGENT: (AGENT,)}


def concerned(model: str, unit: UnitName) -> tuple[Ref, ...]:
    """Return what the statuses of *unit* are made of."""
    kinds = (refs.unit, refs.status, refs.memory, refs.agent, refs.claim)
    return tuple(ref_of(model, unit) for ref_of in kinds)


def of_unit(past: Iterable[View], model: str, unit: UnitName, kinds: Iterable[str], *, limit: int) -> list[Entry]:
    """Return the last *limit* statuses of *unit*, oldest first: status, message, type (one of *kinds*), and since,
    unless that is not known."""

    def shown() -> Iterator[tuple[str, Status | AgentStatus]]:
        for view in past:
            stored: Unit | None = view.peek(refs.unit(model, unit))
            if stored is None:
                return  # before it there may have been another unit of that name
            workload, agent = unit_statuses(view, model, stored, partial(waiting_for, view, model))
            yield AGENT, agent
            yield WORKLOAD, workload

    return _log(((kind, status) for kind, status in shown() if kind in set(kinds)), limit)


def of_application(past: Iterable[View], model: str, app: str, *, limit: int) -> list[Entry]:
    """Return the last *limit* statuses that leaders set for *app*, oldest first."""
    found = (view.peek(refs.application_status(model, app)) for view in past)
    return _log(((APPLICATION, status) for status in found if status is not None), limit)


def _log(newest_first: Iterable[tuple[str, Status | AgentStatus]], limit: int) -> list[Entry]:
    """Return one entry for each run of equal statuses of a kind, in the order in which they began."""

    def entries() -> Iterator[Entry]:
        began: dict[str, Entry] = {}  # by kind: the status whose beginning is not found yet
        for kind, status in newest_first:
            since = {"since": status.since} if status.since else {}
            entry = {"status": status.current, "message": status.message, "data": {}, **since, "type": kind}
            later = began.get(kind, entry)
            if (later["status"], later["message"]) != (status.current, status.message):
                yield later
            began[kind] = entry
        yield from reversed(began.values())

    return list(islice(entries(), limit))[::-1]
