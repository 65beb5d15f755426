"""Run actions and commands in units, and commands on machines; cancel them."""

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
from coordinator.domain.model import Machine
from coordinator.domain.names import UnitName, is_unit_name
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.task import EXEC, QUEUED_MAX, TARGETS_MAX, Operation, Queued, Task, TaskStatus, checked
from coordinator.domain.task_stream import streams_of
from coordinator.domain.unit import Application, Unit
from coordinator.domain.view import View
from coordinator.errors import BadRequest, NotFound, Refused

TASKS = "task"  # the sequence that numbers operations and tasks
PARAMETERS_BYTES_MAX = 64 * 1024
LEADER = "/leader"


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What shall run where.  `receivers` are units, or `APP/leader`; `machines` are ids, for commands only.

    `parallel` and `execution_group` None: as the charm declares the action; commands are parallel then.
    `has_input`, `keeps_output`: of commands on one machine (domain/task_stream.py).
    """

    receivers: Sequence[str]
    action: str
    parameters: Mapping[str, Any]
    parallel: bool | None = None
    execution_group: str | None = None
    timeout_s: float | None = None
    machines: Sequence[str] = ()
    has_input: bool = False
    keeps_output: bool = False


def enqueue(view: View, model: str, request: Request, *, now: str, now_s: float) -> Change:
    """Queue one task for each receiver that can take it, as one operation, which says why the others cannot.

    Raises:
        NotFound, Refused: none of them can; the text has all reasons.
    """
    alive_model(view, model)
    count = len(request.receivers) + len(request.machines)
    if not count:
        raise BadRequest("no unit specified")
    if request.machines and request.action != EXEC:
        raise BadRequest("actions run in units", why="a machine has no charm", fix="name units")
    if (request.has_input or request.keeps_output) and (request.receivers or count > 1):
        raise BadRequest(
            "cannot stream to several places", why="only one machine has a program's input and output"
        )
    if count > TARGETS_MAX:
        raise Refused(f"cannot run in {count} places at once", why=f"the limit is {TARGETS_MAX}")
    if len(json.dumps(dict(request.parameters), default=str)) > PARAMETERS_BYTES_MAX:
        raise Refused("cannot take these parameters", why=f"they have more than {PARAMETERS_BYTES_MAX} bytes")
    first = view.find(refs.sequence(model, TASKS)) or 1
    found: dict[UnitName | str, Task] = {}  # APP/leader may be one that is named as well
    refused: dict[str, Refused] = {}
    template = Task(
        id=0,
        operation=first,
        action=request.action,
        timeout_s=request.timeout_s,
        has_input=request.has_input,
        keeps_output=request.keeps_output,
        enqueued=now,
    )
    wanted = [(text, _for_unit) for text in request.receivers] + [
        (text, _for_machine) for text in request.machines
    ]
    for text, task_for in wanted:
        try:
            task = task_for(view, model, text, request, template)
        except BadRequest:
            raise
        except Refused as no:
            refused[text] = no
        else:
            found[task.receiver] = task
    if not found:
        raise _nothing_to_do(list(refused.values()))
    tasks = [replace(task, id=number) for number, task in enumerate(found.values(), start=first + 1)]
    puts: dict[Ref, Any] = {}
    for task in tasks:
        puts[refs.queued(model, task.receiver, task.id)] = Queued(task=task.id)
        puts[refs.task(model, task.id)] = task
    shown = "exec" if request.action == EXEC else request.action
    puts[refs.operation(model, first)] = Operation(
        id=first,
        summary=f"{shown} run on {','.join(_tag(task.receiver) for task in tasks)}",
        action=request.action,
        parameters=tasks[0].parameters,
        enqueued=now,
        enqueued_at_s=now_s,
        tasks=tuple(task.id for task in tasks),
        refused={text: _reason(no) for text, no in refused.items()},
    )
    puts[refs.sequence(model, TASKS)] = first + 1 + len(tasks)
    return Change(did=f"run {shown} in {', '.join(str(task.receiver) for task in tasks)}", puts=puts)


def _tag(receiver: UnitName | str) -> str:
    return f"unit-{receiver.app}-{receiver.number}" if isinstance(receiver, UnitName) else f"machine-{receiver}"


def _nothing_to_do(reasons: Sequence[Refused]) -> Refused:
    """Return one error for all: the first, if the others say the same."""
    texts = list(dict.fromkeys(map(_reason, reasons)))
    return reasons[0] if len(texts) == 1 else type(reasons[0])("\n".join(texts))


def _reason(no: Refused) -> str:
    return f"{no.what}: {no.why}" if no.why else no.what


def cancel(view: View, model: str, task_ids: Iterable[int], *, now: str) -> Change | None:
    """Cancel those tasks that are not over: a waiting one at once, a running one when its worker has ended it."""
    puts: dict[Ref, Any] = {}
    deletes: set[Ref] = set()
    prunes: set[Ref] = set()
    for number in task_ids:
        task: Task | None = view.find(refs.task(model, number))
        if task is None:
            continue
        if task.status is TaskStatus.PENDING:
            puts[refs.task(model, number)] = replace(task, status=TaskStatus.CANCELLED, completed=now)
            deletes.add(refs.queued(model, task.receiver, number))
            prunes |= streams_of(model, task)
        elif task.status is TaskStatus.RUNNING:
            puts[refs.task(model, number)] = replace(task, status=TaskStatus.ABORTING)
    if not puts:
        return None
    numbers = " ".join(ref.path[1] for ref in puts)
    return Change(did=f"cancel-task {numbers}", puts=puts, deletes=frozenset(deletes), prunes=frozenset(prunes))


def _for_unit(view: View, model: str, text: str, request: Request, template: Task) -> Task:
    unit = _unit(view, model, text)
    action = _action(view, model, unit, request.action)
    parallel = action.parallel if request.parallel is None else request.parallel
    group = action.execution_group if request.execution_group is None else request.execution_group
    return replace(
        template,
        unit=unit.name,
        parameters=request.parameters if request.action == EXEC else checked(action, request.parameters),
        parallel=parallel and not group,
        execution_group=group,
    )


def _for_machine(view: View, model: str, text: str, request: Request, template: Task) -> Task:
    """Return a command for a machine that runs a unit of the model: who may change that may do anything there."""
    machine: Machine | None = view.find(refs.machine(text))
    if machine is None:
        raise NotFound(f'machine "{text}" not found (not found)', fix="`coordinator machines` lists them")
    if machine.life is not Life.ALIVE:
        raise Refused(f'machine "{text}" is being removed', fix="choose another one")
    if not any(unit.machine == text for _, unit in view.list(Kind.UNIT, model)):
        raise Refused(
            f"cannot run commands on machine {text}",
            why=f"no unit of model {model} is there",
            fix="`coordinator status` shows the machines of the model",
        )
    _check_queue(view.refs(Kind.MACHINE_QUEUED, model, text), f"machine {text}")
    group = request.execution_group or ""
    return replace(
        template,
        machine=text,
        parameters=request.parameters,
        parallel=request.parallel is not False and not group,
        execution_group=group,
    )


def _check_queue(places: Sequence[Ref], whose: str) -> None:
    if len(places) >= QUEUED_MAX:
        raise Refused(
            f"cannot run anything more in {whose}",
            why=f"{QUEUED_MAX} tasks wait for it, the limit",
            fix="wait until some have ended, or cancel some: coordinator cancel-task ID",
        )


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
    _check_queue(view.refs(Kind.QUEUED, model, unit.name.app, str(unit.name.number)), text)
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
