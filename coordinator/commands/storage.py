"""Add storage to a unit, detach it, attach it to another, remove it; import a directory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from coordinator.commands.application import alive_application, charm_of
from coordinator.commands.model import alive_model
from coordinator.commands.unit import max_life
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.life import Life
from coordinator.domain.names import UnitName, check_path
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.storage import (
    SEQUENCE,
    Storage,
    StorageId,
    check_room,
    check_storage_name,
    detached,
    find_storage,
    free_storage,
    given_to,
    parse_directive,
    storage_for,
    storage_of,
    wanted,
)
from coordinator.domain.storage_pool import Pools, find_pool, named_again
from coordinator.domain.unit import Unit
from coordinator.domain.view import View
from coordinator.errors import BadRequest, NotFound, Refused


def add_storage(view: View, model: str, name: UnitName, storage: str, directive: str, *, now: str) -> Change:
    """Give a unit more of *storage*: as much as *directive* says, one of what it has when it is empty."""
    unit = _alive_unit(view, model, name)
    application = alive_application(view, model, name.app)
    meta = charm_of(view, application).meta
    asked = parse_directive(directive, storage, Pools.of(view, model))
    count = asked.count or 1
    has = sum(each.name == storage for _, each in storage_of(view, model, unit.name))
    declared = check_room(meta, storage, has, count)
    usual = application.storage.get(storage) or wanted(meta, {})[storage]
    size_mb = max(asked.size_mb or usual.size_mb or 0, declared.minimum_size_mb)
    new = replace(usual, pool=asked.pool or usual.pool, count=count, size_mb=size_mb)
    puts = storage_for(view, model, {name: {storage: new}}, now=now) | named_again(view, model, [asked.pool])
    return Change(did=f"add-storage {name} {storage}", puts=puts)


def attach_storage(view: View, model: str, name: UnitName, which: Sequence[StorageId]) -> Change:
    """Let a unit have storage that nobody has, and which is on its machine."""
    unit = _alive_unit(view, model, name)
    meta = charm_of(view, alive_application(view, model, name.app)).meta
    puts: dict[Ref, Any] = {}
    for storage_id in which:
        storage = free_storage(view, model, storage_id, to=str(name))
        has = sum(each.name == storage.name for _, each in storage_of(view, model, name))
        check_room(meta, storage.name, has + sum(put.name == storage.name for put in puts.values()))
        if unit.machine != storage.machine:
            where = f"{name} is on machine {unit.machine}" if unit.machine else f"{name} has no machine yet"
            raise Refused(
                f"cannot attach {storage_id} to {name}",
                why=f"it is a directory of machine {storage.machine}, and {where}",
                fix=f"coordinator add-unit {name.app} --attach-storage {storage_id}",
            )
        puts[refs.storage(model, storage.name, storage.number)] = given_to(storage, name)
    return Change(did=f"attach-storage {name} {' '.join(map(str, which))}", puts=puts)


def detach_storage(view: View, model: str, storage_id: StorageId, *, force: bool = False) -> Change | None:
    """Let the unit that has it let go of it: with a hook, or (*force*) at once."""
    storage = find_storage(view, model, storage_id)
    if storage.owner is None:
        raise Refused(
            f"cannot detach {storage_id}", why="nobody has it", fix="`coordinator storage` shows who has what"
        )
    if storage.detaching and not force:
        return None
    ref = refs.storage(model, storage.name, storage.number)
    flag = " --force" if force else ""
    did = f"detach-storage {storage_id}{flag}"
    if not force:
        return Change(did=did, puts={ref: replace(storage, detaching=True)})
    after = detached(storage, view.find(refs.unit(model, storage.owner)))
    if after is None:
        return Change(did=did, deletes=frozenset({ref}))
    return Change(did=did, puts={ref: after})


def remove_storage(
    view: View, model: str, storage_id: StorageId, *, destroy: bool = True, force_at_s: float | None = None
) -> Change | None:
    """Remove an instance with its content, or (not *destroy*) leave that where it is and forget about it.

    With *force_at_s* also one that a unit has: that lets go of it first, and from then on nobody is waited for.
    """
    storage = find_storage(view, model, storage_id)
    ref = refs.storage(model, storage.name, storage.number)
    if storage.owner is not None and force_at_s is None:
        raise Refused(
            f"failed to remove {storage_id}: storage is attached",
            why=f"{storage.owner} has it",
            fix=f"first `coordinator detach-storage {storage_id}`; or add --force to take it away",
        )
    if not destroy:
        if storage.owner is not None:
            raise Refused(
                f"failed to remove {storage_id}: storage is attached",
                why="what a unit has cannot be released",
                fix=f"first `coordinator detach-storage {storage_id}`",
            )
        return Change(did=f"remove-storage {storage_id} --no-destroy", deletes=frozenset({ref}))
    dying = replace(
        storage,
        life=max_life(storage.life),
        detaching=storage.owner is not None,
        force_at_s=storage.force_at_s if force_at_s is None else force_at_s,
    )
    if dying == storage:
        return None
    flag = " --force" if force_at_s is not None else ""
    return Change(did=f"remove-storage {storage_id}{flag}", puts={ref: dying})


def import_filesystem(view: View, model: str, pool: str, provider_id: str, name: str, *, now: str) -> Change:
    """Let the directory *provider_id*, `MACHINE:PATH`, be storage called *name* that nobody has yet.

    Whether it is there, its worker finds out, and the status of the storage says.
    """
    alive_model(view, model)
    check_storage_name(name)
    provider = find_pool(view, model, pool).provider
    if provider != "rootfs":
        raise Refused(
            f'cannot import a filesystem into pool "{pool}"',
            why=f"its provider is {provider}, and a directory is on a disk",
            fix="use the pool rootfs",
        )
    machine, colon, path = provider_id.partition(":")
    if not (machine and colon):
        raise BadRequest(
            f'filesystem "{provider_id}" not valid',
            why="it is a machine, a colon and a path",
            fix="like 0:/srv/data",
        )
    check_path(path)
    if view.find(refs.machine(machine)) is None:
        raise NotFound(f'machine "{machine}" not found', fix="`coordinator machines` lists them")
    sequence = refs.sequence(model, SEQUENCE)
    number = view.find(sequence) or 0  # whoever makes or imports anything writes it, so what is listed is all
    for _, other in view.list(Kind.STORAGE, model):
        if other.machine == machine and other.directory and _overlap(other.directory, path):
            raise Refused(
                f"cannot import {provider_id}",
                why=f"{other.id} is there already, at {other.directory}",
                fix=f"use {other.id}; or `coordinator remove-storage {other.id} --no-destroy` to forget it",
            )
    imported = Storage(
        name=name, number=number, pool=pool, size_mb=0, created=now, machine=machine, directory=path, imported=True
    )
    puts = {refs.storage(model, name, number): imported, sequence: number + 1}
    did = f"import-filesystem {pool} {provider_id} {name}"
    return Change(did=did, puts={**puts, **named_again(view, model, [pool])})


def _overlap(one: str, other: str) -> bool:
    """Say whether one directory is the other, or in it."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _alive_unit(view: View, model: str, name: UnitName) -> Unit:
    unit: Unit | None = view.find(refs.unit(model, name))
    if unit is None:
        raise NotFound(f'unit "{name}" not found', fix="`coordinator status` lists the units")
    if unit.life is not Life.ALIVE:
        raise Refused(f'unit "{name}" is being removed', fix="use another unit")
    return unit
