"""View -> what `storage`, `show-storage` and `status` say of storage.  Pure.

Role: the JSON shape that people's tools read: instances under `storage`, their directories under `filesystems`.
"""

from __future__ import annotations

from typing import Any

from coordinator.domain import refs
from coordinator.domain.life import Life
from coordinator.domain.names import natural
from coordinator.domain.refs import Kind
from coordinator.domain.storage import Storage, StorageId, find_storage, is_persistent
from coordinator.domain.unit import Unit
from coordinator.domain.unit_state import UnitState
from coordinator.domain.view import View

Tree = dict[str, Any]


def storage_tree(view: View, model: str) -> Tree:
    """Return everything; empty when there is none."""
    found = [storage for _, storage in view.list(Kind.STORAGE, model)]
    found.sort(key=lambda storage: natural(str(storage.id)))
    if not found:
        return {}
    return {
        "storage": {str(storage.id): instance(view, model, storage) for storage in found},
        "filesystems": dict(_filesystem(view, model, storage) for storage in found),
    }


def show(view: View, model: str, storage_id: StorageId) -> Tree:
    """Return one instance.

    Raises:
        NotFound: there is none.
    """
    return instance(view, model, find_storage(view, model, storage_id))


def instance(view: View, model: str, storage: Storage) -> Tree:
    """Return one instance: kind, life, status, and who has it where."""
    tree: Tree = {
        "kind": "filesystem",
        "life": storage.life.value,
        "status": _status(view, model, storage),
        "persistent": is_persistent(storage),
    }
    if attached := _attached(view, model, storage):
        tree["attachments"] = {"units": attached}
    return tree


def _attached(view: View, model: str, storage: Storage) -> Tree:
    if storage.owner is None:
        return {}
    about: Tree = {"life": "dying" if storage.detaching else "alive"}
    if machine := _machine(view, model, storage):
        about["machine"] = machine
    if storage.location is not None:
        about["location"] = storage.location
    return {str(storage.owner): about}


def _machine(view: View, model: str, storage: Storage) -> str | None:
    if storage.machine is not None or storage.owner is None:
        return storage.machine
    unit: Unit | None = view.peek(refs.unit(model, storage.owner))
    return unit.machine if unit is not None else None


def _status(view: View, model: str, storage: Storage) -> Tree:
    since = storage.attached_at or storage.created
    if storage.owner is None:
        if storage.life is Life.ALIVE and storage.is_missing:
            lost = f"there is no directory {storage.directory} on machine {storage.machine}"
            return {"current": "error", "message": lost, "since": since}
        return {"current": "destroying" if storage.life is not Life.ALIVE else "detached", "since": since}
    memory: UnitState | None = view.peek(refs.memory(model, storage.owner))
    failed = memory.failed if memory is not None else None
    if failed is not None and failed.hook.storage == str(storage.id):
        return {"current": "error", "message": failed.reason, "since": since}
    if storage.detaching:
        return {"current": "detaching", "since": since}
    if storage.location is not None:
        return {"current": "attached", "since": since}
    return {"current": "attaching" if _machine(view, model, storage) else "pending", "since": since}


def _filesystem(view: View, model: str, storage: Storage) -> tuple[str, Tree]:
    machine = _machine(view, model, storage)
    key = f"{machine}/{storage.number}" if machine else str(storage.number)
    tree: Tree = {
        "provider-id": f"{machine}:{storage.directory}" if storage.directory is not None else key,
        "storage": str(storage.id),
        "pool": storage.pool,
        "size": storage.size_mb,
        "life": storage.life.value,
        "status": _status(view, model, storage),
    }
    if attached := _attached(view, model, storage):
        tree["attachments"] = {"units": attached}
        if machine and storage.location is not None:
            mounted = {"mount-point": storage.location, "read-only": storage.read_only}
            life = attached[str(storage.owner)]["life"]
            tree["attachments"] = {"machines": {machine: {**mounted, "life": life}}, "units": attached}
    return key, tree
