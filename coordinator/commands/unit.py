"""Add and remove units; say what becomes of a failed hook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.life import Life
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Ref
from coordinator.domain.storage import (
    Storage,
    StorageId,
    check_room,
    free_storage,
    given_to,
    storage_for,
    without,
)
from coordinator.domain.unit import Application, Resolved, Unit
from coordinator.domain.unit_state import UnitState
from coordinator.domain.view import View
from coordinator.errors import BadRequest, NotFound, Refused

UNITS_PER_COMMAND_MAX = 500  # one transaction; etcd carries some thousand operations
NAMES_PER_STEP_MAX = 60  # etcd checks 128 guards in one transaction, and each named unit needs up to two


def add_units(
    view: View,
    model: str,
    app: str,
    *,
    count: int,
    now: str,
    to: Sequence[str] = (),
    attach: Sequence[StorageId] = (),
) -> Change:
    if count < 1:
        raise BadRequest("--num-units must be a positive integer")
    application = view.get(refs.application(model, app))
    if application.life is not Life.ALIVE:
        raise Refused(f'application "{app}" is being removed', fix="wait until it is gone, then deploy it again")
    if application.subordinate:
        raise Refused(
            f'cannot add units to "{app}"',
            why="it is a subordinate: its units come with a relation",
            fix="relate it with another application",
        )
    puts = new_units(view, model, application, count, to=to, now=now, attach=attach)
    return Change(did=f"add-unit {app} -n {count}", puts=puts)


def new_units(
    view: View,
    model: str,
    application: Application,
    count: int,
    *,
    to: Sequence[str],
    now: str,
    attach: Sequence[StorageId] = (),
) -> dict[Ref, Any]:
    """Return the puts of *count* new units with their storage, and of the application that counts them.

    Numbers come from a sequence by the application's name that outlives it: they are never used again.  *attach*
    names storage that a single unit gets instead of new one; it goes where that is.
    """
    taken = _storage_to_attach(view, model, application, count, to, attach)
    to = [taken[0].machine] if taken and taken[0].machine else to
    if count > UNITS_PER_COMMAND_MAX:
        raise Refused(
            f"cannot add {count} units at once",
            why=f"the limit is {UNITS_PER_COMMAND_MAX}",
            fix="add them in several steps",
        )
    for machine in to:
        if view.peek(refs.machine(machine)) is None:
            raise NotFound(f'machine "{machine}" not found', fix="`coordinator machines` lists them")
    grown = replace(application, units_wanted=application.units_wanted + count)
    puts: dict[Ref, Any] = {refs.application(model, application.name): grown}
    sequence = refs.sequence(model, f"unit-{application.name}")
    first = view.find(sequence) or 0
    if count:
        puts[sequence] = first + count
    for index in range(count):
        name = UnitName(application.name, first + index)
        machine = to[index] if index < len(to) else None
        puts[refs.unit(model, name)] = Unit(name=name, created=now, machine=machine, placement=machine)
    names = [UnitName(application.name, first + index) for index in range(count)]
    for storage in taken:
        puts[refs.storage(model, storage.name, storage.number)] = given_to(storage, names[0])
    new = without(application.storage, taken)
    return puts | storage_for(view, model, dict.fromkeys(names, new), now=now)


def _storage_to_attach(
    view: View,
    model: str,
    application: Application,
    count: int,
    to: Sequence[str],
    attach: Sequence[StorageId],
) -> list[Storage]:
    """Return what *attach* names, after checking that one new unit can have all of it."""
    if not attach:
        return []
    if count != 1:
        raise BadRequest("cannot use --attach-storage with several units", fix="add one unit at a time")
    found = [free_storage(view, model, each, to=f"a unit of {application.name}") for each in dict.fromkeys(attach)]
    machines = {storage.machine for storage in found}
    if len(machines) > 1 or (to and machines != set(to)):
        where = ", ".join(f"{storage.id} on machine {storage.machine}" for storage in found)
        raise Refused(
            "cannot attach storage of another machine",
            why=f"its content is in directories: {where}",
            fix="leave out --to; attach what is on one machine",
        )
    charm = view.peek(refs.charm(application.charm))
    for name in {storage.name for storage in found}:
        check_room(charm.meta, name, 0, sum(storage.name == name for storage in found))
    return found


def in_steps(names: Sequence[UnitName]) -> list[list[UnitName]]:
    """Return *names*, each once, in groups of which one change can speak."""
    once = list(dict.fromkeys(names))
    return [once[start : start + NAMES_PER_STEP_MAX] for start in range(0, len(once), NAMES_PER_STEP_MAX)]


def remove_units(
    view: View,
    model: str,
    names: Sequence[UnitName],
    *,
    force_at_s: float | None = None,
    destroy_storage: bool = False,
) -> Change | None:
    """Begin to end units; their own hooks do the rest, or reconcile/removal.py from *force_at_s* on.
    What they have of storage stays, unless *destroy_storage*.

    More than NAMES_PER_STEP_MAX do not fit into one write: see `in_steps`.
    """
    puts: dict[Ref, Any] = {}
    for name in names:
        ref = refs.unit(model, name)
        unit: Unit | None = view.find(ref)
        if unit is None:
            raise NotFound(
                f'removing unit {name} failed: unit "{name}" not found', fix="`coordinator status` lists the units"
            )
        if unit.principal is not None:
            raise Refused(f"removing unit {name} failed: it is a subordinate", fix="remove the relation instead")
        if unit.life is not Life.ALIVE and (force_at_s is None or unit.force_at_s is not None):
            continue
        destroyed = unit.destroy_storage or destroy_storage
        puts[ref] = replace(unit, life=max_life(unit.life), force_at_s=force_at_s, destroy_storage=destroyed)
        if unit.life is Life.ALIVE:
            app_ref = refs.application(model, name.app)
            application = puts.get(app_ref) or view.get(app_ref)
            puts[app_ref] = replace(application, units_wanted=max(0, application.units_wanted - 1))
    if not puts:
        return None
    force = (" --destroy-storage" if destroy_storage else "") + (" --force" if force_at_s is not None else "")
    return Change(did=f"remove-unit {' '.join(map(str, names))}{force}", puts=puts)


def max_life(life: Life) -> Life:
    """Return the life of something that shall end: dying, unless it is further already."""
    return Life.DYING if life is Life.ALIVE else life


def resolve(view: View, model: str, names: Sequence[UnitName], *, retry: bool) -> Change | None:
    """Say of failed hooks that they run again (*retry*), or that they count as done.

    More than NAMES_PER_STEP_MAX do not fit into one write: see `in_steps`.
    """
    said = Resolved.RETRY if retry else Resolved.SKIP
    puts: dict[Ref, Any] = {}
    for name in names:
        unit: Unit | None = view.find(refs.unit(model, name))
        if unit is None:
            raise NotFound(f'unit "{name}" not found', fix="`coordinator status` lists the units")
        memory: UnitState | None = view.find(refs.memory(model, name))
        if memory is None or memory.failed is None:
            raise Refused(f'unit "{name}" is not in an error state')
        if unit.resolved is not None:
            raise Refused(f'cannot set resolved mode for unit "{name}": already resolved')
        puts[refs.unit(model, name)] = replace(unit, resolved=said)
    if not puts:
        return None
    flag = "" if retry else " --no-retry"
    return Change(did=f"resolved {' '.join(map(str, names))}{flag}", puts=puts)
