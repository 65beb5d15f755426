"""Tasks that are over and old are forgotten; those of a unit that goes, or of a machine that went, are over; what
a program printed waits a while for whoever fetches it.

Role: called by the controller (forget_tasks, end_machine_tasks, drop_output), and by removal.py before a unit goes
(end_tasks).
"""

from __future__ import annotations

from dataclasses import replace
from heapq import nsmallest
from typing import Any

from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.settings import parse_bytes, parse_duration_s, setting
from coordinator.domain.task import Operation, Task, TaskStatus
from coordinator.domain.task_stream import TaskStream, streams_of
from coordinator.domain.view import View

TASKS_PER_STEP_MAX = 32  # etcd checks 128 guards in one transaction
#: How many of the oldest operations are looked at: some may wait for a unit whose worker is away.
OLDEST = 64


def forget_tasks(view: View, model: str, now_s: float) -> Change | None:
    """Delete an operation with its tasks, when they are over, and were asked for long enough ago or take too much
    room together with later ones."""
    stored = view.peek(refs.model(model))
    if stored is None:
        return None
    kept_s = parse_duration_s(str(setting(stored.settings, "max-action-results-age")))
    is_full = view.task_bytes(model) > parse_bytes(str(setting(stored.settings, "max-action-results-size")))
    for ref in nsmallest(OLDEST, view.refs(Kind.OPERATION, model), key=lambda ref: int(ref.path[1])):
        operation: Operation = view.peek(ref)
        if operation.enqueued_at_s + kept_s > now_s and not is_full:
            return None
        tasks: list[Task | None] = [view.peek(refs.task(model, number)) for number in operation.tasks]
        if all(task is None or task.status.is_over for task in tasks):
            view.find(ref)
            gone = {refs.task(model, number) for number in operation.tasks}
            for task in filter(None, tasks):
                gone |= {each for each in streams_of(model, task) if each.kind is Kind.PIECES}
            return Change(
                did=f"operation {operation.id} forgotten", deletes=frozenset({ref}), prunes=frozenset(gone)
            )
    return None


def drop_output(view: View, model: str, now_s: float) -> Change | None:
    """Remove what a program has printed, when nobody has fetched it in time."""
    for ref in view.refs(Kind.TASK_STREAM, model):
        stream: TaskStream = view.peek(ref)
        if stream.until_s is not None and stream.until_s <= now_s:
            view.find(ref)
            return Change(
                did=f"{ref.path[2]} of task {ref.path[1]} dropped",
                prunes=frozenset({ref, Ref(Kind.PIECES, ref.path)}),
            )
    return None


def end_tasks(view: View, model: str, unit: UnitName) -> Change | None:
    """Return the next step of ending what is queued for *unit*, which is about to go; None when nothing is.

    Nothing is added any more: a unit that is not alive takes no tasks.  One that had begun is aborted.
    """
    places = view.refs(Kind.QUEUED, model, unit.app, str(unit.number))
    return _end(view, model, places, f"unit {unit}") if places else None


def end_machine_tasks(view: View, model: str, now_s: float) -> Change | None:
    """The same for what is queued for a machine that is gone; nothing is queued for it any more."""
    for place in view.refs(Kind.MACHINE_QUEUED, model):
        machine = place.path[1]
        if view.peek(refs.machine(machine)) is None:
            view.find(refs.machine(machine))
            return _end(view, model, view.refs(Kind.MACHINE_QUEUED, model, machine), f"machine {machine}")
    return None


def _end(view: View, model: str, places: list[Ref], whose: str) -> Change:
    """Return the write that ends the first of the tasks that wait in *places* of a queue."""
    ended = sorted(places, key=lambda place: int(place.path[-1]))[:TASKS_PER_STEP_MAX]
    puts: dict[Ref, Any] = {}
    streams: set[Ref] = set()
    for place in ended:
        ref = refs.task(model, int(place.path[-1]))
        task: Task | None = view.find(ref)
        if task is not None:
            status = TaskStatus.CANCELLED if task.status is TaskStatus.PENDING else TaskStatus.ABORTED
            puts[ref] = replace(task, status=status, message=f"{whose} is gone")
            streams |= streams_of(model, task)
    return Change(did=f"tasks of {whose} end", puts=puts, deletes=frozenset(ended), prunes=frozenset(streams))
