"""Tasks that are over and old are forgotten; those of a unit that goes are over.

Role: called by the controller (forget_tasks), and by removal.py before a unit goes (end_tasks).
"""

from __future__ import annotations

from dataclasses import replace
from heapq import nsmallest
from typing import Any

from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.settings import parse_duration_s, setting
from coordinator.domain.task import Operation, Task, TaskStatus
from coordinator.domain.view import View

TASKS_PER_STEP_MAX = 32  # etcd checks 128 guards in one transaction
#: How many of the oldest operations are looked at: some may wait for a unit whose worker is away.
OLDEST = 64


def forget_tasks(view: View, model: str, now_s: float) -> Change | None:
    """Delete an operation with its tasks, when they are over and were asked for long enough ago."""
    stored = view.peek(refs.model(model))
    if stored is None:
        return None
    kept_s = parse_duration_s(str(setting(stored.settings, "max-action-results-age")))
    for ref in nsmallest(OLDEST, view.refs(Kind.OPERATION, model), key=lambda ref: int(ref.path[1])):
        operation: Operation = view.peek(ref)
        if operation.enqueued_at_s + kept_s > now_s:
            return None
        tasks: list[Task | None] = [view.peek(refs.task(model, number)) for number in operation.tasks]
        if all(task is None or task.status.is_over for task in tasks):
            view.find(ref)
            gone = frozenset(refs.task(model, number) for number in operation.tasks)
            return Change(did=f"operation {operation.id} forgotten", deletes=frozenset({ref}), prunes=gone)
    return None


def end_tasks(view: View, model: str, unit: UnitName) -> Change | None:
    """Return the next step of ending what is queued for *unit*, which is about to go; None when nothing is.

    Nothing is added any more: a unit that is not alive takes no tasks.  One that had begun is aborted.
    """
    places = sorted(
        view.refs(Kind.QUEUED, model, unit.app, str(unit.number)), key=lambda place: int(place.path[3])
    )
    if not places:
        return None
    puts: dict[Ref, Any] = {}
    for place in places[:TASKS_PER_STEP_MAX]:
        ref = refs.task(model, int(place.path[3]))
        task: Task | None = view.find(ref)
        if task is not None:
            status = TaskStatus.CANCELLED if task.status is TaskStatus.PENDING else TaskStatus.ABORTED
            puts[ref] = replace(task, status=status, message=f"unit {unit} is gone")
    return Change(did=f"tasks of {unit} end", puts=puts, deletes=frozenset(places[:TASKS_PER_STEP_MAX]))
