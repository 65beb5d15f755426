"""Requests about actions and exec: run, look, cancel."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from coordinator.api import show
from coordinator.api.auth import check
from coordinator.api.current import current
from coordinator.api.services import S, U, author, looking_at, read_model, transact
from coordinator.api.task import operation_of, operations_of, task_of
from coordinator.commands import task
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.refs import Kind
from coordinator.domain.task import EXEC
from coordinator.domain.view import View
from coordinator.wire import CancelTasks, RunTasks

router = APIRouter()


@router.get("/models/{name}/applications/{app}/actions")
def list_actions(s: S, by: U, name: str, app: str) -> dict[str, Any]:
    """Each action by its name: description and schema."""
    check(by, "read", name)
    return {"actions": show.actions(read_model(s, name), name, app)}


@router.post("/models/{name}/operations", status_code=201)
def run_tasks(s: S, by: U, name: str, given: RunTasks) -> dict[str, Any]:
    """Queue an action or a command for each receiver; the answer is the operation with its tasks.

    `refused` says of those that can take none why; it is there if there are such.
    """
    action = EXEC if given.command is not None else given.action
    check(by, "admin" if action == EXEC else "write", name)
    wanted = task.Request(
        receivers=given.receivers,
        action=action,
        parameters={"command": given.command} if given.command is not None else given.parameters,
        parallel=given.parallel,
        execution_group=given.execution_group,
        timeout_s=given.timeout_s,
        machines=given.machines,
        has_input=given.has_input,
        keeps_output=given.keeps_output,
    )
    made: list[int] = []

    def plan(view: View) -> Change:
        change = task.enqueue(view, name, wanted, now=s.clock.timestamp(), now_s=s.clock.now_s())
        made[:] = [int(ref.path[1]) for ref in change.puts if ref.kind is Kind.OPERATION]
        return change

    transact(s, by, name, plan)
    with current(s.live, s.repository, name) as view:
        return operation_of(view, name, made[0])


@router.get("/models/{name}/operations")
def list_operations(
    s: S,
    by: U,
    name: str,
    apps: Annotated[list[str] | None, Query()] = None,
    units: Annotated[list[str] | None, Query()] = None,
    machines: Annotated[list[str] | None, Query()] = None,
    actions: Annotated[list[str] | None, Query()] = None,
    status: Annotated[list[str] | None, Query()] = None,
) -> dict[str, Any]:
    with looking_at(s, by, name) as view:
        wanted = {"apps": apps, "units": units, "machines": machines, "actions": actions, "statuses": status}
        return {"operations": operations_of(view, name, **{key: given or () for key, given in wanted.items()})}


@router.get("/models/{name}/operations/{number}")
def get_operation(s: S, by: U, name: str, number: int) -> dict[str, Any]:
    with looking_at(s, by, name) as view:
        return operation_of(view, name, number)


@router.get("/models/{name}/tasks/{number}")
def get_task(s: S, by: U, name: str, number: int) -> dict[str, Any]:
    with looking_at(s, by, name) as view:
        return task_of(view, name, number)


@router.post("/models/{name}/tasks/cancel")
def cancel_tasks(s: S, by: U, name: str, given: CancelTasks) -> dict[str, Any]:
    """Cancel what is not over; the answer has the tasks that were."""
    check(by, "write", name)
    cancelled: list[int] = []

    def plan(view: View) -> Change | None:
        change = task.cancel(view, name, given.tasks, now=s.clock.timestamp())
        cancelled[:] = [int(ref.path[1]) for ref in change.puts] if change is not None else []
        return change

    wanted = [refs.task(name, number) for number in given.tasks]
    s.repository.transact(lambda: read_model(s, name, *wanted), plan, author(by))
    view = s.repository.read(*wanted)
    return {"tasks": [task_of(view, name, number) for number in cancelled]}
