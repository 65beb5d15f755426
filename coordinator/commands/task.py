"""Run actions and commands in units, and cancel them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from coordinator.commands.model import alive_model
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.charm import Action, Charm
from coordinator.domain.life import Life
from coordinator.domain.names import UnitName, is_unit_name
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.task import EXEC, QUEUED_MAX, TARGETS_MAX, Operation, Queued, Task, TaskStatus, checked
from coordinator.domain.unit import Application, Unit
from coordinator.domain.view import View
from coordinator.errors import BadRequest, NotFound, Refused

TASKS = "task"  # the sequence that numbers operations and tasks
PARAMETERS_BYTES_MAX = 64 * 1024
LEADER = "/leader"


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What shall run where.  `receivers` are units, or `APP/leader`.

    `parallel` and `execution_group` None: as the charm declares the action; commands are parallel then.
    """

    receivers: Sequence[str]
    action: str
    parameters: Mapping[str, Any]
    parallel: bool | None = None
    execution_group: str | None = None
    timeout_s: float | None = None


def enqueue(view: View, model: str, request: Request, *, now: str, now_s: float) -> Change:
    """Queue one task for each receiver, as one operation: all of them, or none."""
    alive_model(view, model)
    if not request.receivers:
        raise BadRequest("no unit specified")
    if len(request.receivers) > TARGETS_MAX:
        raise Refused(f"cannot run in {len(request.receivers)} units at once", why=f"the limit is {TARGETS_MAX}")
    if len(json.dumps(dict(request.parameters), default=str)) > PARAMETERS_BYTES_MAX:
        raise Refused("cannot take these parameters", why=f"they have more than {PARAMETERS_BYTES_MAX} bytes")
    named = [_unit(view, model, text) for text in request.receivers]
    units = list({unit.name: unit for unit in named}.values())  # APP/leader may be one that is named as well
    first = view.find(refs.sequence(model, TASKS)) or 1
    operation = first
    puts: dict[Ref, Any] = {}
    parameters: Mapping[str, Any] = {}
    for number, unit in enumerate(units, start=first + 1):
        action = _action(view, model, unit, request.action)
        parameters = request.parameters if request.action == EXEC else checked(action, request.parameters)
        parallel = action.parallel if request.parallel is None else request.parallel
        group = action.execution_group if request.execution_group is None else request.execution_group
        puts[refs.queued(model, unit.name, number)] = Queued(task=number)
        puts[refs.task(model, number)] = Task(
            id=number,
            operation=operation,
            unit=unit.name,
            action=request.action,
            parameters=parameters,
            parallel=parallel and not group,
            execution_group=group,
            timeout_s=request.timeout_s,
            enqueued=now,
        )
    targets = ",".join(f"unit-{unit.name.app}-{unit.name.number}" for unit in units)
    shown = "exec" if request.action == EXEC else request.action
    puts[refs.operation(model, operation)] = Operation(
        id=operation,
        summary=f"{shown} run on {targets}",
        action=request.action,
        parameters=parameters,
        enqueued=now,
        enqueued_at_s=now_s,
        tasks=tuple(range(first + 1, first + 1 + len(units))),
    )
    puts[refs.sequence(model, TASKS)] = first + 1 + len(units)
    return Change(did=f"run {shown} in {', '.join(str(unit.name) for unit in units)}", puts=puts)


def cancel(view: View, model: str, task_ids: Iterable[int], *, now: str) -> Change | None:
    """Cancel those tasks that are not over: a waiting one at once, a running one when its worker has ended it."""
    puts: dict[Ref, Any] = {}
    deletes: set[Ref] = set()
    for number in task_ids:
        task: Task | None = view.find(refs.task(model, number))
        if task is None:
            continue
        if task.status is TaskStatus.PENDING:
            puts[refs.task(model, number)] = replace(task, status=TaskStatus.CANCELLED, completed=now)
            deletes.add(refs.queued(model, task.unit, number))
        elif task.status is TaskStatus.RUNNING:
            puts[refs.task(model, number)] = replace(task, status=TaskStatus.ABORTING)
    if not puts:
        return None
    numbers = " ".join(ref.path[1] for ref in puts)
    return Change(did=f"cancel-task {numbers}", puts=puts, deletes=frozenset(deletes))


def _unit(view: View, model: str, text: str) -> Unit:
    """Return the unit that *text* names; it must be there, and not on its way out."""
    if text.endswith(LEADER):
        app = text.removesuffix(LEADER)
        if view.peek(refs.application(model, app)) is None:
            raise NotFound(f'application "{app}" not found (not found)', fix="`coordinator status` lists them")
        leader = view.peek(refs.leader(model, app))
        if leader is None:
            raise Refused(
                f'could not determine leader for "{app}"',
                why="no unit of it leads at the moment",
                fix="name a unit, or try again",
            )
        text = leader
    if not is_unit_name(text):
        raise BadRequest(
            f'invalid unit or action name "{text}"', fix="a unit is an application and a number: web/0"
        )
    unit: Unit | None = view.find(refs.unit(model, UnitName.parse(text)))
    if unit is None:
        raise NotFound(f'unit "{text}" not found (not found)', fix="`coordinator status` lists them")
    if unit.life is not Life.ALIVE:
        raise Refused(f'unit "{text}" is being removed', fix="choose another one")
    if len(view.refs(Kind.QUEUED, model, unit.name.app, str(unit.name.number))) >= QUEUED_MAX:
        raise Refused(
            f"cannot run anything more in {text}",
            why=f"{QUEUED_MAX} tasks wait for it, the limit",
            fix="wait until some have ended, or cancel some: coordinator cancel-task ID",
        )
    return unit


def _action(view: View, model: str, unit: Unit, name: str) -> Action:
    if name == EXEC:
        return Action(name=EXEC, parallel=True)
    application: Application = view.get(refs.application(model, unit.name.app))
    charm: Charm | None = view.peek(refs.charm(application.charm))
    action = charm.meta.find_action(name) if charm is not None else None
    if action is None:
        raise NotFound(
            f'action "{name}" not defined on unit "{unit.name}" (not found)',
            fix=f"`coordinator actions {unit.name.app}` lists them",
        )
    return action
