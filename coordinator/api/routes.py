"""One function per request: check the right, read the View, call the command, commit, answer.

Role: the way from HTTP to a Change and back.  No rule of the domain lives here.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import JSONResponse, StreamingResponse

from coordinator import ANNOUNCED_VERSION, __version__
from coordinator.api import logs, show, status
from coordinator.api import storage as storage_text
from coordinator.api.archive import read_archive
from coordinator.api.auth import Auth, check
from coordinator.api.current import current
from coordinator.api.task import operation_of, operations_of, task_of
from coordinator.clock import Clock
from coordinator.commands import (
    application,
    config,
    machine,
    model,
    relation,
    resource,
    rollout,
    storage,
    task,
    unit,
)
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.model import User
from coordinator.domain.names import EndpointName, UnitName
from coordinator.domain.refs import Kind
from coordinator.domain.storage import StorageId
from coordinator.domain.task import EXEC
from coordinator.domain.view import View
from coordinator.errors import BadRequest
from coordinator.store import keys
from coordinator.store.archives import Archives
from coordinator.store.journal import entry_at, history
from coordinator.store.live import LiveTree
from coordinator.store.port import Store
from coordinator.store.repository import Author, Repository
from coordinator.wire import (
    AddModel,
    AddStorage,
    AddUnits,
    AttachResource,
    AttachStorage,
    CancelTasks,
    Deploy,
    Expose,
    GoBack,
    Integrate,
    Refresh,
    Remove,
    RemoveRelation,
    Resolve,
    RunTasks,
    SetConfig,
    SetSettings,
    Trust,
)

HISTORY_MAX = 1000


@dataclass(frozen=True, kw_only=True)
class Services:
    """What the routes work with."""

    store: Store
    repository: Repository
    archives: Archives
    auth: Auth
    live: LiveTree
    clock: Clock
    controller_name: str
    controller_uuid: str
    force_wait_s: int


def services(request: Request) -> Services:
    return request.app.state.services


S = Annotated[Services, Depends(services)]


def user(s: S, authorization: Annotated[str | None, Header()] = None) -> User:
    return s.auth.user_of(authorization)


U = Annotated[User, Depends(user)]

router = APIRouter(prefix="/v1")


def read_model(s: Services, name: str, *more: refs.Ref) -> View:
    """Return a View of model *name*, with *more* of its tasks.

    Raises:
        NotFound: there is no such model; otherwise its parts would be blamed for not being there.
    """
    view = s.repository.read_model(name, *more)
    if view.peek(refs.model(name)) is None:
        _model(s, view, name)
    return view


def transact(
    s: Services,
    by: User,
    name: str,
    plan: Callable[[View], Change | None],
    charm: str = "",
    *,
    new: bool = False,
    blobs: Iterable[str] = (),
) -> None:
    """Carry out *plan* on model *name*, which is there unless *new*.

    With *charm* that archive can be seen too, and the contents of resources whose hashes are *blobs*.
    """

    def read() -> View:
        view = s.repository.read_model(name) if new else read_model(s, name)
        if charm:
            s.repository.add_charm(view, charm)
        s.repository.add_constant(view, [refs.resource(sha256) for sha256 in blobs])
        return view

    s.repository.transact(read, plan, Author(name=f"user {by.name}"))


def in_steps(
    s: Services,
    by: User,
    name: str,
    names: Sequence[UnitName],
    plan: Callable[[View, Sequence[UnitName]], Change | None],
) -> None:
    """Carry out *plan* for as many of the units *names* at a time as fit into one write."""
    steps = unit.in_steps(names)
    if len(steps) > 1:
        plan(read_model(s, name), names)  # a rehearsal: one wrong name among them changes nothing
    for step in steps:
        transact(s, by, name, lambda view, step=step: plan(view, step))


def force_at(s: Services, force: bool, no_wait: bool) -> float | None:
    """Return from when on a removal is forced, None for never."""
    if no_wait and not force:
        raise BadRequest("--no-wait without --force not valid")
    return s.clock.now_s() + (0 if no_wait else s.force_wait_s) if force else None


# --- the controller --------------------------------------------------------------------------------------


@router.get("/version")
def get_version(s: S, by: U) -> dict[str, str]:
    """What runs here."""
    return {"version": ANNOUNCED_VERSION, "coordinator": __version__, "controller": s.controller_name}


@router.get("/whoami")
def whoami(s: S, by: U) -> dict[str, Any]:
    return {"user": by.name, "roles": dict(by.roles), "controller": s.controller_name}


# --- models ----------------------------------------------------------------------------------------------


@router.post("/models", status_code=201)
def add_model(s: S, by: U, given: AddModel) -> dict[str, str]:
    check(by, "superuser")
    made = str(uuid.uuid4())
    transact(s, by, given.name, lambda view: model.add_model(
        view, given.name, uuid=made, owner=by.name, now=s.clock.timestamp(), settings=given.settings
    ), new=True)  # fmt: skip
    return {"name": given.name, "uuid": made}


@router.get("/models")
def list_models(s: S, by: U) -> dict[str, Any]:
    view = s.repository.read(keys.everything(Kind.MODEL), keys.everything(Kind.MACHINE))
    names = [ref.path[0] for ref, _ in view.list(Kind.MODEL)]
    seen = [name for name in names if may_read(by, name)]
    return {"models": [_model(s, view, name) for name in seen]}


def may_read(by: User, name: str) -> bool:
    return bool({"*", name} & set(by.roles))


def _model(s: Services, view: View, name: str) -> dict[str, Any]:
    return show.model(view, name, controller=s.controller_name, controller_uuid=s.controller_uuid)


@router.get("/models/{name}")
def get_model(s: S, by: U, name: str) -> dict[str, Any]:
    check(by, "read", name)
    view = s.repository.read_model(name)
    return _model(s, view, name) | {"machine-details": show.machines_in_use(view, name)}


@router.delete("/models/{name}")
def destroy_model(
    s: S,
    by: U,
    name: str,
    force: bool = False,
    no_wait: bool = False,
    destroy_storage: bool = False,
    release_storage: bool = False,
) -> dict[str, str]:
    check(by, "admin", name)
    force_at_s = force_at(s, force, no_wait)
    transact(s, by, name, lambda view: model.destroy_model(
        view, name, force_at_s=force_at_s, destroy_storage=destroy_storage, release_storage=release_storage
    ))  # fmt: skip
    return {"destroying": name}


@router.get("/models/{name}/settings")
def get_settings(s: S, by: U, name: str) -> dict[str, Any]:
    check(by, "read", name)
    return show.settings(read_model(s, name), name)


@router.patch("/models/{name}/settings")
def set_settings(s: S, by: U, name: str, given: SetSettings) -> dict[str, str]:
    check(by, "admin", name)
    transact(s, by, name, lambda view: model.set_settings(view, name, given.settings, given.reset))
    return {}


@router.get("/models/{name}/status")
def get_status(s: S, by: U, name: str, select: Annotated[list[str] | None, Query()] = None) -> JSONResponse:
    """The status tree; `select` (repeatable) keeps what matches: names with wildcards, or status words."""
    check(by, "read", name)
    now = s.clock.timestamp()
    with current(s.live, s.repository, name) as view:
        _model(s, view, name)
        tree = status.status_of(view, name, controller=s.controller_name, now=now, selectors=select or ())
    return JSONResponse(tree)  # at once: it is plain, and may be large


@router.get("/models/{name}/history")
def get_history(s: S, by: U, name: str, limit: int = 50) -> dict[str, Any]:
    """The last changes of the model, newest first: revision, at, by, did, and why.

    `why` is the revision of the change that this one answers, None when a person or time asked for it;
    `because` says what that change was, when the history still has it.
    """
    check(by, "read", name)
    _model(s, s.repository.read(refs.model(name)), name)
    entries = list(history(s.store, name, limit=min(limit, HISTORY_MAX)))
    causes = {entry.why for _, entry in entries if entry.why is not None}
    said = entry_at(s.store, name, causes)
    return {
        "history": [
            {
                "revision": revision,
                "at": entry.at,
                "by": entry.by,
                "did": entry.did,
                "why": entry.why,
                "because": said.get(entry.why) if entry.why is not None else None,
            }
            for revision, entry in entries
        ]
    }


@router.get("/models/{name}/logs")
async def get_logs(
    s: S, by: U, request: Request, name: str, since: float = 0.0, follow: bool = False
) -> StreamingResponse:
    """Lines as JSON, one per line, oldest first; with `follow` the answer goes on until the caller hangs up."""
    check(by, "read", name)
    await asyncio.to_thread(lambda: _model(s, s.repository.read(refs.model(name)), name))

    def gather(since_s: float, wait_s: float) -> list[logs.Line]:
        workers = logs.workers_of(s.repository.read(keys.everything(Kind.MACHINE)))
        return logs.gather(workers, name, since_s=since_s, wait_s=wait_s)

    async def lines() -> AsyncIterator[bytes]:
        since_s = since
        wait_s = 0.0
        while True:
            batch = await asyncio.to_thread(gather, since_s, wait_s)
            for line in batch:
                yield json.dumps(line, ensure_ascii=False).encode() + b"\n"
            if batch:
                since_s = batch[-1]["at_s"]
            if not follow or await request.is_disconnected():
                return
            if not batch and wait_s:
                yield b"\n"  # an empty line now and then finds out that the caller is gone
            wait_s = logs.POLL_S

    return StreamingResponse(lines(), media_type="application/x-ndjson")


# --- charms and applications -----------------------------------------------------------------------------


@router.post("/charms", status_code=201)
async def upload_charm(s: S, by: U, request: Request) -> dict[str, Any]:
    """Take a packed charm (the body, a zip) and say what it is: sha256, name."""
    data = await request.body()

    def keep() -> dict[str, Any]:
        charm = s.archives.put(data, read_archive(data), Author(name=f"user {by.name}"))
        return {"sha256": charm.sha256, "name": charm.meta.name, "subordinate": charm.meta.subordinate}

    return await asyncio.to_thread(keep)


@router.post("/resources", status_code=201)
async def upload_resource(s: S, by: U, request: Request) -> dict[str, Any]:
    """Take the content of a resource (the body) and say how it is called: sha256, size."""
    data = await request.body()
    blob = await asyncio.to_thread(lambda: s.archives.put_resource(data, Author(name=f"user {by.name}")))
    return {"sha256": blob.sha256, "size": blob.size}


@router.get("/models/{name}/applications/{app}/resources")
def list_resources(s: S, by: U, name: str, app: str) -> dict[str, Any]:
    """What the charm declares, and what was handed in of it."""
    check(by, "read", name)
    return {"resources": show.resources(read_model(s, name), name, app)}


@router.put("/models/{name}/applications/{app}/resources/{resource_name}")
def attach_resource(s: S, by: U, name: str, app: str, resource_name: str, given: AttachResource) -> dict[str, str]:
    check(by, "write", name)
    transact(s, by, name, lambda view: resource.attach(
        view, name, app, resource_name, given.sha256, by=by.name, now=s.clock.timestamp()
    ), blobs=[given.sha256])  # fmt: skip
    return {}


@router.post("/models/{name}/applications", status_code=201)
def deploy(s: S, by: U, name: str, given: Deploy) -> dict[str, Any]:
    check(by, "write", name)
    view = s.repository.read(refs.charm(given.charm))
    charm = view.find(refs.charm(given.charm))
    app = given.name or (charm.meta.name if charm else "")
    transact(s, by, name, lambda view: application.deploy(
        view, name, app, charm=given.charm, now=s.clock.timestamp(), units=given.units, to=given.to,
        config=given.config, constraints=given.constraints, bindings=given.bindings, trust=given.trust,
        resources=given.resources, by=by.name,
        storage=given.storage, attach=list(map(StorageId.parse, given.attach_storage)),
    ), given.charm, blobs=given.resources.values())  # fmt: skip
    return _application(s, name, app)


@router.post("/models/{name}/applications/{app}/refresh")
def refresh(s: S, by: U, name: str, app: str, given: Refresh) -> dict[str, Any]:
    check(by, "write", name)
    transact(s, by, name, lambda view: application.refresh(
        view, name, app, charm=given.charm, now=s.clock.timestamp(), config=given.config, batch=given.batch,
        force_units=given.force_units, resources=given.resources, by=by.name,
    ), given.charm, blobs=given.resources.values())  # fmt: skip
    return _application(s, name, app)


@router.post("/models/{name}/applications/{app}/refresh/continue")
def continue_refresh(s: S, by: U, name: str, app: str) -> dict[str, str]:
    """Let an upgrade in batches go on, that stopped at a unit in error."""
    check(by, "write", name)
    transact(s, by, name, lambda view: rollout.go_on(view, name, app))
    return {}


@router.post("/models/{name}/applications/{app}/refresh/back")
def take_back(s: S, by: U, name: str, app: str, given: GoBack) -> dict[str, Any]:
    """Let an application run the charm before its last refresh."""
    check(by, "write", name)
    ref = refs.application(name, app)
    stored = s.repository.read(ref).find(ref)
    charm = stored.former.charm if stored is not None and stored.former is not None else ""
    transact(s, by, name, lambda view: rollout.go_back(view, name, app, force_units=given.force_units), charm)
    return _application(s, name, app)


def _application(s: Services, name: str, app: str) -> dict[str, Any]:
    stored = s.repository.read(refs.application(name, app)).get(refs.application(name, app))
    return {"name": app, "charm": stored.charm_name, "revision": stored.charm_revision}


@router.get("/models/{name}/applications/{app}")
def get_application(s: S, by: U, name: str, app: str) -> dict[str, Any]:
    check(by, "read", name)
    return show.application(read_model(s, name), name, app)


@router.delete("/models/{name}/applications/{app}")
def remove_application(
    s: S, by: U, name: str, app: str, force: bool = False, no_wait: bool = False, destroy_storage: bool = False
) -> dict[str, Any]:
    check(by, "write", name)
    force_at_s = force_at(s, force, no_wait)
    units = _units_of(s, name, app)
    transact(s, by, name, lambda view: application.remove_application(
        view, name, app, force_at_s=force_at_s, destroy_storage=destroy_storage
    ))  # fmt: skip
    return {"application": app, "units": units}


def _units_of(s: Services, name: str, app: str) -> list[str]:
    view = s.repository.read(keys.below(refs.model(name)))
    return [str(unit_name) for unit_name in sorted(u.name for _, u in view.list(Kind.UNIT, name, app))]


@router.post("/models/{name}/applications/{app}/expose")
def expose(s: S, by: U, name: str, app: str, given: Expose) -> dict[str, str]:
    check(by, "write", name)
    transact(s, by, name, lambda view: application.expose(
        view, name, app, endpoints=given.endpoints, cidrs=given.cidrs
    ))  # fmt: skip
    return {}


@router.post("/models/{name}/applications/{app}/unexpose")
def unexpose(s: S, by: U, name: str, app: str, given: Expose) -> dict[str, str]:
    check(by, "write", name)
    transact(s, by, name, lambda view: application.unexpose(view, name, app, endpoints=given.endpoints))
    return {}


@router.post("/models/{name}/applications/{app}/trust")
def trust(s: S, by: U, name: str, app: str, given: Trust) -> dict[str, str]:
    check(by, "write", name)
    transact(s, by, name, lambda view: application.set_trust(view, name, app, trust=given.trust))
    return {}


@router.get("/models/{name}/applications/{app}/config")
def get_config(s: S, by: U, name: str, app: str) -> dict[str, Any]:
    check(by, "read", name)
    return show.config(read_model(s, name), name, app)


@router.patch("/models/{name}/applications/{app}/config")
def set_config(s: S, by: U, name: str, app: str, given: SetConfig) -> dict[str, str]:
    check(by, "write", name)
    transact(s, by, name, lambda view: config.set_config(view, name, app, given.config, given.reset))
    return {}


# --- units -----------------------------------------------------------------------------------------------


@router.post("/models/{name}/applications/{app}/units", status_code=201)
def add_units(s: S, by: U, name: str, app: str, given: AddUnits) -> dict[str, str]:
    check(by, "write", name)
    transact(s, by, name, lambda view: unit.add_units(
        view, name, app, count=given.count, now=s.clock.timestamp(), to=given.to,
        attach=list(map(StorageId.parse, given.attach_storage)),
    ))  # fmt: skip
    return {}


@router.post("/models/{name}/units/remove")
def remove_units(s: S, by: U, name: str, given: Remove) -> dict[str, str]:
    check(by, "write", name)
    names = [UnitName.parse(text) for text in given.names]
    force_at_s = force_at(s, given.force, given.no_wait)
    in_steps(s, by, name, names, lambda view, some: unit.remove_units(
        view, name, some, force_at_s=force_at_s, destroy_storage=given.destroy_storage
    ))  # fmt: skip
    return {}


@router.post("/models/{name}/units/resolve")
def resolve(s: S, by: U, name: str, given: Resolve) -> dict[str, str]:
    check(by, "write", name)

    names = [UnitName.parse(text) for text in given.names]
    if given.all:
        names = [stored.name for _, stored in read_model(s, name).list(Kind.UNIT, name)]

    def plan(view: View, some: Sequence[UnitName]) -> Change | None:
        if given.all:
            some = [unit_name for unit_name in some if _in_error(view, name, unit_name)]
        return unit.resolve(view, name, some, retry=given.retry)

    in_steps(s, by, name, names, plan)
    return {}


def _in_error(view: View, name: str, unit_name: UnitName) -> bool:
    memory = view.peek(refs.memory(name, unit_name))
    stored = view.peek(refs.unit(name, unit_name))
    return memory is not None and memory.failed is not None and stored is not None and stored.resolved is None


@router.get("/models/{name}/units/{app}/{number}")
def get_unit(s: S, by: U, name: str, app: str, number: str) -> dict[str, Any]:
    check(by, "admin", name)
    return show.unit(read_model(s, name), name, UnitName.parse(f"{app}/{number}"))


# --- actions ---------------------------------------------------------------------------------------------


@router.get("/models/{name}/applications/{app}/actions")
def list_actions(s: S, by: U, name: str, app: str) -> dict[str, Any]:
    """Each action by its name: description and schema."""
    check(by, "read", name)
    return {"actions": show.actions(read_model(s, name), name, app)}


@router.post("/models/{name}/operations", status_code=201)
def run_tasks(s: S, by: U, name: str, given: RunTasks) -> dict[str, Any]:
    """Queue an action or a command for each receiver; the answer is the operation with its tasks."""
    action = EXEC if given.command is not None else given.action
    check(by, "admin" if action == EXEC else "write", name)
    wanted = task.Request(
        receivers=given.receivers,
        action=action,
        parameters={"command": given.command} if given.command is not None else given.parameters,
        parallel=given.parallel,
        execution_group=given.execution_group,
        timeout_s=given.timeout_s,
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
    actions: Annotated[list[str] | None, Query()] = None,
    status: Annotated[list[str] | None, Query()] = None,
) -> dict[str, Any]:
    check(by, "read", name)
    with current(s.live, s.repository, name) as view:
        _model(s, view, name)
        wanted = {"apps": apps or (), "units": units or (), "actions": actions or (), "statuses": status or ()}
        return {"operations": operations_of(view, name, **wanted)}


@router.get("/models/{name}/operations/{number}")
def get_operation(s: S, by: U, name: str, number: int) -> dict[str, Any]:
    check(by, "read", name)
    with current(s.live, s.repository, name) as view:
        _model(s, view, name)
        return operation_of(view, name, number)


@router.get("/models/{name}/tasks/{number}")
def get_task(s: S, by: U, name: str, number: int) -> dict[str, Any]:
    check(by, "read", name)
    with current(s.live, s.repository, name) as view:
        _model(s, view, name)
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
    s.repository.transact(lambda: read_model(s, name, *wanted), plan, Author(name=f"user {by.name}"))
    view = s.repository.read(*wanted)
    return {"tasks": [task_of(view, name, number) for number in cancelled]}


# --- relations -------------------------------------------------------------------------------------------


@router.post("/models/{name}/relations", status_code=201)
def integrate(s: S, by: U, name: str, given: Integrate) -> dict[str, str]:
    check(by, "write", name)
    left, right = EndpointName.parse(given.left), EndpointName.parse(given.right)
    transact(s, by, name, lambda view: relation.integrate(view, name, left, right, now=s.clock.timestamp()))
    return {}


@router.post("/models/{name}/relations/remove")
def remove_relation(s: S, by: U, name: str, given: RemoveRelation) -> dict[str, str]:
    check(by, "write", name)
    ends = None
    if given.relation_id is None:
        if given.left is None or given.right is None:
            raise BadRequest("a relation must involve two applications")
        ends = (EndpointName.parse(given.left), EndpointName.parse(given.right))
    force_at_s = force_at(s, given.force, given.no_wait)
    transact(s, by, name, lambda view: relation.remove_relation(
        view, name, ends=ends, relation_id=given.relation_id, force_at_s=force_at_s
    ))  # fmt: skip
    return {}


# --- storage ---------------------------------------------------------------------------------------------


@router.get("/models/{name}/storage")
def list_storage(s: S, by: U, name: str) -> dict[str, Any]:
    """Everything: {"storage": {id: instance}, "filesystems": {id: filesystem}}; empty when there is none."""
    check(by, "read", name)
    return storage_text.storage_tree(read_model(s, name), name)


@router.get("/models/{name}/storage/{kind}/{number}")
def get_storage(s: S, by: U, name: str, kind: str, number: str) -> dict[str, Any]:
    """One instance, as under `storage` of `list_storage`."""
    check(by, "read", name)
    return storage_text.show(read_model(s, name), name, StorageId.parse(f"{kind}/{number}"))


@router.post("/models/{name}/storage", status_code=201)
def add_storage(s: S, by: U, name: str, given: AddStorage) -> dict[str, list[str]]:
    """Give a unit more storage; answers the ids."""
    check(by, "write", name)
    change, _ = s.repository.transact(
        lambda: read_model(s, name),
        lambda view: storage.add_storage(
            view, name, UnitName.parse(given.unit), given.name, given.directive, now=s.clock.timestamp()
        ),
        Author(name=f"user {by.name}"),
    )
    made = [ref for ref in (change.puts if change else ()) if ref.kind is Kind.STORAGE]
    return {"ids": ["/".join(ref.path[1:]) for ref in sorted(made)]}


@router.post("/models/{name}/storage/attach")
def attach_storage(s: S, by: U, name: str, given: AttachStorage) -> dict[str, str]:
    check(by, "write", name)
    ids = [StorageId.parse(text) for text in given.ids]
    transact(s, by, name, lambda view: storage.attach_storage(view, name, UnitName.parse(given.unit), ids))
    return {}


@router.post("/models/{name}/storage/{kind}/{number}/detach")
def detach_storage(s: S, by: U, name: str, kind: str, number: str, force: bool = False) -> dict[str, str]:
    check(by, "write", name)
    which = StorageId.parse(f"{kind}/{number}")
    transact(s, by, name, lambda view: storage.detach_storage(view, name, which, force=force))
    return {}


@router.delete("/models/{name}/storage/{kind}/{number}")
def remove_storage(
    s: S, by: U, name: str, kind: str, number: str, force: bool = False, no_destroy: bool = False
) -> dict[str, str]:
    check(by, "write", name)
    which, force_at_s = StorageId.parse(f"{kind}/{number}"), force_at(s, force, False)
    transact(s, by, name, lambda view: storage.remove_storage(
        view, name, which, destroy=not no_destroy, force_at_s=force_at_s
    ))  # fmt: skip
    return {}


# --- machines --------------------------------------------------------------------------------------------


@router.get("/machines")
def list_machines(s: S, by: U) -> dict[str, Any]:
    return {"machines": status.machines_of(s.repository.read(keys.everything(Kind.MACHINE)))}


@router.delete("/machines/{machine_id}")
def remove_machine(s: S, by: U, machine_id: str, force: bool = False, no_wait: bool = False) -> dict[str, str]:
    check(by, "superuser")
    force_at_s = force_at(s, force, no_wait)
    everything = (keys.everything(Kind.MACHINE), keys.everything(Kind.MODEL))
    s.repository.transact(
        lambda: s.repository.read(*everything),
        lambda view: machine.remove_machine(view, machine_id, force_at_s=force_at_s),
        Author(name=f"user {by.name}"),
    )
    return {}
