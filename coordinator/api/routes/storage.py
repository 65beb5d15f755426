"""Requests about storage."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from coordinator.api import storage as storage_text
from coordinator.api.auth import check
from coordinator.api.services import S, U, author, force_at, read_model, transact
from coordinator.commands import storage
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Kind
from coordinator.domain.storage import StorageId
from coordinator.wire import AddStorage, AttachStorage, ImportFilesystem

router = APIRouter()


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
        author(by),
    )
    made = [ref for ref in (change.puts if change else ()) if ref.kind is Kind.STORAGE]
    return {"ids": ["/".join(ref.path[1:]) for ref in sorted(made)]}


@router.post("/models/{name}/storage/attach")
def attach_storage(s: S, by: U, name: str, given: AttachStorage) -> dict[str, str]:
    check(by, "write", name)
    ids = [StorageId.parse(text) for text in given.ids]
    transact(s, by, name, lambda view: storage.attach_storage(view, name, UnitName.parse(given.unit), ids))
    return {}


@router.post("/models/{name}/storage/import", status_code=201)
def import_filesystem(s: S, by: U, name: str, given: ImportFilesystem) -> dict[str, str]:
    """Let a directory of a machine be storage; answers its id.  Machines belong to all models."""
    check(by, "superuser")
    change, _ = s.repository.transact(
        lambda: read_model(s, name),
        lambda view: storage.import_filesystem(
            view, name, given.pool, given.id, given.name, now=s.clock.timestamp()
        ),
        author(by),
    )
    made = next(ref for ref in (change.puts if change else ()) if ref.kind is Kind.STORAGE)
    return {"id": "/".join(made.path[1:])}


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
