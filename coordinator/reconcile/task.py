"""Tasks that are over and old are forgotten; those of a unit that is gone are over.

Role: called by the controller (forget_tasks), and by removal.py for a unit that goes (tasks_of_gone).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.settings import parse_duration_s, setting
from coordinator.domain.task import Operation, Task, TaskStatus
from coordinator.domain.view import View


def forget_tasks(view: View, model: str, now_s: float) -> Change | None:
    """Delete the oldest operation with its tasks, when they are over and were asked for long enough ago."""
    stored = view.peek(refs.model(model))
    oldest = min(view.refs(Kind.OPERATION, model), key=lambda ref: int(ref.path[1]), default=None)
    if stored is None or oldest is None:
        return None
    operation: Operation = view.peek(oldest)
    kept_s = parse_duration_s(str(setting(stored.settings, "max-action-results-age")))
    if operation.enqueued_at_s + kept_s > now_s:
        return None
    tasks: list[Task | None] = [view.peek(refs.task(model, number)) for number in operation.tasks]
    if any(task is not None and not task.status.is_over for task in tasks):
        return None
    view.find(oldest)
    gone = frozenset(refs.task(model, number) for number in operation.tasks)
    return Change(did=f"operation {operation.id} forgotten", deletes=frozenset({oldest}), prunes=gone)


def tasks_of_gone(view: View, model: str, unit: UnitName) -> Mapping[Ref, Any]:
    """Return the tasks of *unit*, which goes now, as they are then: cancelled, or aborted if they had begun."""
    found: dict[Ref, Any] = {}
    for place in view.refs(Kind.QUEUED, model, unit.app, str(unit.number)):
        ref = refs.task(model, int(place.path[3]))
        task: Task | None = view.find(ref)
        if task is not None:
            waits = task.status is TaskStatus.PENDING
            status = TaskStatus.CANCELLED if waits else TaskStatus.ABORTED
            found[ref] = replace(task, status=status, message=f"unit {unit} is gone")
    return found
