"""Storage whose owner, machine or model goes, or that nobody waits for any longer.

    unit goes          what it has is let go of in the same write (let_go), and stays, or dies with it
    machine gone       what was on it is gone
    model dying        when its applications are gone: all of it dies, or is released (its content stays)
    forced and due     gone, whatever became of its content

What dies is deleted, and then forgotten, by the worker of its machine (worker/storage.py).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.life import Life
from coordinator.domain.model import Model
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.storage import Storage, detached, storage_of
from coordinator.domain.unit import Unit
from coordinator.domain.view import View

INSTANCES_PER_STEP_MAX = 32  # etcd checks 128 guards in one transaction


def tend_storage(view: View, model: str, now_s: float) -> Change | None:
    """Return the next step of storage in *model*, or None."""
    stored: Model | None = view.peek(refs.model(model))
    ends = stored is not None and stored.life is not Life.ALIVE and not view.refs(Kind.APPLICATION, model)
    puts: dict[Ref, Any] = {}
    deletes: set[Ref] = set()
    for ref, storage in view.list(Kind.STORAGE, model):
        after = _tended(view, model, storage, stored if ends else None, now_s)
        if after == storage:
            continue
        view.find(ref)
        if after is None:
            deletes.add(ref)
        else:
            puts[ref] = after
        if len(puts) + len(deletes) == INSTANCES_PER_STEP_MAX:
            break
    if not puts and not deletes:
        return None
    names = " ".join("/".join(ref.path[1:]) for ref in sorted([*puts, *deletes]))
    return Change(did=f"storage {names} tended", puts=puts, deletes=frozenset(deletes))


def _tended(view: View, model: str, storage: Storage, ending: Model | None, now_s: float) -> Storage | None:
    """Return what *storage* shall be; None: gone.  *ending*: its model, when only storage is left in it."""
    if storage.force_at_s is not None and now_s >= storage.force_at_s:
        return None
    if storage.owner is not None:
        ref = refs.unit(model, storage.owner)
        if view.peek(ref) is not None:
            return storage
        view.find(ref)
        return detached(storage, None)
    if storage.machine is not None and view.peek(refs.machine(storage.machine)) is None:
        return None
    if ending is None:
        return storage
    if ending.release_storage and storage.life is Life.ALIVE:
        return None
    force_at_s = storage.force_at_s if ending.force_at_s is None else ending.force_at_s
    return replace(storage, life=Life.DYING, force_at_s=force_at_s)


def let_go(view: View, model: str, unit: Unit) -> tuple[dict[Ref, Any], set[Ref]]:
    """Return the puts and deletes by which *unit*, which goes now, lets go of what it has."""
    puts: dict[Ref, Any] = {}
    deletes: set[Ref] = set()
    for ref, storage in storage_of(view, model, unit.name):
        view.find(ref)
        after = detached(storage, unit)
        if after is None:
            deletes.add(ref)
        else:
            puts[ref] = after
    return puts, deletes
