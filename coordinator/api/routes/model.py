"""Requests about models: settings, status, what it was before, history, logs."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, StreamingResponse

from coordinator.api import bundle, logs, show, status, status_log
from coordinator.api.auth import check
from coordinator.api.services import S, U, author, describe_model, force_at, looking_at, read_model, transact
from coordinator.api.user import users_of
from coordinator.commands import model
from coordinator.domain import refs
from coordinator.domain.constraints import constraint_values
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Kind
from coordinator.domain.view import View
from coordinator.errors import BadRequest, NotFound
from coordinator.store import keys
from coordinator.store.journal import entry_at, history
from coordinator.store.past import moments
from coordinator.wire import AddModel, SetConstraints, SetSettings

HISTORY_MAX = 1000

router = APIRouter()


@router.post("/models", status_code=201)
def add_model(s: S, by: U, given: AddModel) -> dict[str, str]:
    """Whoever asks may do everything in it; nobody has what they had in another model of that name."""
    check(by, "add-model")
    made, name = str(uuid.uuid4()), given.name

    def read() -> View:
        return s.repository.read_model(name, keys.everything(Kind.USER))

    while s.repository.transact(read, lambda view: model.forget_roles(view, name), author(by))[0] is not None:
        pass
    s.repository.transact(read, lambda view: model.add_model(
        view, name, uuid=made, owner=by.name, now=s.clock.timestamp(), settings=given.settings
    ), author(by))  # fmt: skip
    return {"name": name, "uuid": made}


@router.get("/models")
def list_models(s: S, by: U) -> dict[str, Any]:
    view = s.repository.read(keys.everything(Kind.MODEL), keys.everything(Kind.MACHINE))
    names = [ref.path[0] for ref, _ in view.list(Kind.MODEL)]
    seen = [name for name in names if by.may("read", name)]
    return {"models": [describe_model(s, view, name) | {"access": by.access_to(name)} for name in seen]}


@router.get("/models/{name}")
def get_model(s: S, by: U, name: str) -> dict[str, Any]:
    check(by, "read", name)
    view = s.repository.read_model(name, keys.everything(Kind.USER))
    return describe_model(s, view, name) | {
        "access": by.access_to(name),
        "users": users_of(view, name, by),
        "machine-details": show.machines_in_use(view, name),
    }


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


@router.get("/models/{name}/constraints")
def get_constraints(s: S, by: U, name: str) -> dict[str, Any]:
    """What machines must have for units of this model, by key; sizes are in MiB."""
    check(by, "read", name)
    return constraint_values(read_model(s, name).get(refs.model(name)).constraints)


@router.put("/models/{name}/constraints")
def set_constraints(s: S, by: U, name: str, given: SetConstraints) -> dict[str, str]:
    check(by, "admin", name)
    transact(s, by, name, lambda view: model.set_constraints(view, name, given.constraints))
    return {}


@router.get("/models/{name}/bundle")
def get_bundle(s: S, by: U, name: str) -> dict[str, Any]:
    """What a bundle can say of the model: see coordinator.api.bundle.contents."""
    with looking_at(s, by, name) as view:
        return bundle.contents(view, name)


@router.get("/models/{name}/status")
def get_status(s: S, by: U, name: str, select: Annotated[list[str] | None, Query()] = None) -> JSONResponse:
    """The status tree; `select` (repeatable) keeps what matches: names with wildcards, or status words."""
    now = s.clock.timestamp()
    with looking_at(s, by, name) as view:
        tree = status.status_of(view, name, controller=s.controller_name, now=now, selectors=select or ())
    return JSONResponse(tree)  # at once: it is plain, and may be large


@router.get("/models/{name}/status-log")
def get_status_log(
    s: S, by: U, name: str, entity: str, type: str = "unit", limit: Annotated[int, Query(ge=1)] = 20
) -> dict[str, Any]:
    """What a unit (`type` unit, workload, juju-unit) or application showed before, oldest first.

    Each entry has status, message, data, type, and since, unless that is not known.
    """
    check(by, "read", name)
    describe_model(s, s.repository.read(refs.model(name)), name)
    if type == status_log.APPLICATION:
        app = refs.application(name, entity)
        if s.repository.read(app).find(app) is None:
            raise NotFound(f'application "{entity}" not found', fix="`coordinator status` lists them")
        past = moments(s.store, refs.application_status(name, entity), limit=HISTORY_MAX)
        return {"log": status_log.of_application(past, name, entity, limit=limit)}
    if type not in status_log.TYPES:
        known = ", ".join((*status_log.TYPES, status_log.APPLICATION))
        raise BadRequest(f'no status is kept of type "{type}"', fix=f"--type takes one of {known}")
    unit = UnitName.parse(entity)
    if s.repository.read(refs.unit(name, unit)).find(refs.unit(name, unit)) is None:
        raise NotFound(f'unit "{unit}" not found', fix="`coordinator status` lists them")
    past = moments(s.store, *status_log.concerned(name, unit), limit=HISTORY_MAX)
    return {"log": status_log.of_unit(past, name, unit, status_log.TYPES[type], limit=limit)}


@router.get("/models/{name}/history")
def get_history(s: S, by: U, name: str, limit: int = 50) -> dict[str, Any]:
    """The last changes of the model, newest first: revision, at, by, did, and why.

    `why` is the revision of the change that this one answers, None when a person or time asked for it;
    `because` says what that change was, when the history still has it.
    """
    check(by, "read", name)
    describe_model(s, s.repository.read(refs.model(name)), name)
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
    await asyncio.to_thread(lambda: describe_model(s, s.repository.read(refs.model(name)), name))

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
