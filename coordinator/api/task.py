"""Operations and tasks as JSON trees.  Pure: a View in, what the CLI shows out.

Role: moments stay RFC 3339 in UTC; the CLI turns them into the user's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from coordinator.domain import refs
from coordinator.domain.refs import Kind
from coordinator.domain.task import Operation, Task, TaskLog, TaskStatus
from coordinator.domain.task_stream import STDERR, STDOUT
from coordinator.domain.view import View
from coordinator.errors import NotFound

Tree = dict[str, Any]

#: What stands for all tasks of an operation: the first of these that one of them has.
_RANK = (
    TaskStatus.RUNNING, TaskStatus.ABORTING, TaskStatus.PENDING, TaskStatus.ERROR, TaskStatus.FAILED,
    TaskStatus.CANCELLED, TaskStatus.ABORTED, TaskStatus.COMPLETED,
)  # fmt: skip


def task_of(view: View, model: str, number: int) -> Tree:
    """Return one task: id, unit or machine, status, timing, and message, log and results where it has them.

    `kept-output`: of what its program printed, by `stdout` and `stderr`, what can be fetched instead of results.

    Raises:
        NotFound: there is none.
    """
    task: Task | None = view.peek(refs.task(model, number))
    if task is None:
        raise NotFound(f'task "{number}" not found', fix="`coordinator operations` lists what was run")
    log: TaskLog | None = view.peek(refs.task_log(model, number))
    tree: Tree = {
        "id": str(task.id),
        "unit" if task.unit is not None else "machine": str(task.receiver),
        "name": task.action,
        "operation": str(task.operation),
        "status": task.status.value,
        "timing": _timing(task.enqueued, task.started, task.completed),
    }
    if task.message:
        tree["message"] = task.message
    if log is not None and log.lines:
        tree["log"] = [dict(line) for line in log.lines]
    if task.results:
        tree["results"] = dict(task.results)
    streams = {name: view.peek(refs.task_stream(model, number, name)) for name in (STDOUT, STDERR)}
    if kept := {name: {"size": each.size, "is-whole": each.is_whole} for name, each in streams.items() if each}:
        tree["kept-output"] = kept
    return tree


def operation_of(view: View, model: str, number: int) -> Tree:
    """Return one operation with its tasks, and why it has none for others that were named, if there are such.

    Raises:
        NotFound: there is none.
    """
    operation: Operation | None = view.peek(refs.operation(model, number))
    if operation is None:
        raise NotFound(f'operation "{number}" not found', fix="`coordinator operations` lists them")
    tree = _operation(view, model, operation) | {
        "tasks": {str(each): task_of(view, model, each) for each in operation.tasks}
    }
    return tree | ({"refused": dict(operation.refused)} if operation.refused else {})


def operations_of(
    view: View,
    model: str,
    *,
    apps: Sequence[str] = (),
    units: Sequence[str] = (),
    machines: Sequence[str] = (),
    actions: Sequence[str] = (),
    statuses: Sequence[str] = (),
) -> list[Tree]:
    """Return the operations that fit all of what is given, the last one first, with the numbers of their tasks."""
    found = []
    for _, operation in sorted(view.list(Kind.OPERATION, model), key=lambda pair: -pair[1].id):
        tree = _operation(view, model, operation)
        tasks = list(_tasks(view, model, operation))
        if apps and not {task.unit.app for task in tasks if task.unit is not None} & set(apps):
            continue
        if units and not {str(task.unit) for task in tasks} & set(units):
            continue
        if machines and not {task.machine for task in tasks} & set(machines):
            continue
        if (actions and operation.action not in actions) or (statuses and tree["status"] not in statuses):
            continue
        found.append(tree | {"task-ids": [str(each) for each in operation.tasks]})
    return found


def _operation(view: View, model: str, operation: Operation) -> Tree:
    tasks = list(_tasks(view, model, operation))
    started = min((task.started for task in tasks if task.started), default=None)
    is_over = all(task.status.is_over for task in tasks)
    completed = max((task.completed for task in tasks if task.completed), default=None) if is_over else None
    return {
        "id": str(operation.id),
        "summary": operation.summary,
        "status": min((task.status for task in tasks), key=_RANK.index, default=TaskStatus.COMPLETED).value,
        "action": {"name": operation.action, "parameters": dict(operation.parameters)},
        "timing": _timing(operation.enqueued, started, completed),
    }


def _tasks(view: View, model: str, operation: Operation) -> Iterator[Task]:
    for number in operation.tasks:
        if (task := view.peek(refs.task(model, number))) is not None:
            yield task


def _timing(enqueued: str, started: str | None, completed: str | None) -> dict[str, str]:
    moments = {"enqueued": enqueued, "started": started, "completed": completed}
    return {name: moment for name, moment in moments.items() if moment is not None}
