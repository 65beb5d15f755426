"""What a unit does about its storage: which hook comes next, what settling one writes, and under which conditions.

Role: the part of decide.py and settle.py that knows of storage.  Pure.
Not here: the entity and its steps (domain/storage.py), directories (worker/storage.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from coordinator.domain import refs
from coordinator.domain.change import Condition, Unchanged
from coordinator.domain.life import Life
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.storage import SEQUENCE, Storage, StorageId, detached, home_of, made_for
from coordinator.domain.unit_state import Hook, HookKind, Memory, UnitState
from coordinator.engine.effects import Effects
from coordinator.engine.operation import RunHook, SkipHook
from coordinator.engine.world import World


def next_storage(memory: Memory, world: World) -> RunHook | SkipHook | None:
    """Return the next hook about storage, by name and number; what was never attached is let go of without one."""
    for text in sorted(world.storage, key=StorageId.parse):
        storage: Storage = world.storage[text].value
        told = memory.unit.storage.get(text) == storage.attachment
        if storage.detaching or world.life is not Life.ALIVE:
            hook = Hook(kind=HookKind.STORAGE_DETACHING, storage=text)
            return RunHook(hook) if told else SkipHook(hook)
        if not told:
            return RunHook(Hook(kind=HookKind.STORAGE_ATTACHED, storage=text))
    return None


def still_concerns(hook: Hook, world: World) -> bool:
    """Say whether a failed hook about storage still has something to be about.

    What cannot be attached does not keep a unit from letting go of it.
    """
    stored = world.storage.get(hook.storage or "")
    if stored is None:
        return False
    return hook.kind is HookKind.STORAGE_DETACHING or not (stored.value.detaching or world.life is not Life.ALIVE)


def remembered(unit: UnitState, world: World, hook: Hook) -> Mapping[str, int]:
    """Return which instances the charm has after *hook*; those that were taken away by force are forgotten."""
    if not unit.storage and hook.storage is None:
        return unit.storage
    kept = {text: attachment for text, attachment in unit.storage.items() if text in world.storage}
    stored = world.storage.get(hook.storage or "")
    if hook.kind is HookKind.STORAGE_ATTACHED and hook.storage is not None and stored is not None:
        kept[hook.storage] = stored.value.attachment
    elif hook.kind is HookKind.STORAGE_DETACHING and hook.storage is not None:
        kept.pop(hook.storage, None)
    return kept


def put_storage(puts: dict[Ref, Any], deletes: set[Ref], world: World, hook: Hook, now: str) -> None:
    """Put what *hook* makes of the unit's storage."""
    stored = world.storage.get(hook.storage or "")
    if hook.kind is HookKind.STORAGE_ATTACHED and stored is not None:
        storage: Storage = stored.value
        puts[_ref(world, storage)] = replace(
            storage,
            machine=world.machine,
            location=world.location_of(storage),
            read_only=world.is_read_only(storage),
            attached_at=now,
        )
    elif hook.kind is HookKind.STORAGE_DETACHING and stored is not None:
        _let_go(puts, deletes, world, [str(stored.value.id)])
    elif hook.kind is HookKind.REMOVE:
        _let_go(puts, deletes, world, world.storage)


def let_go_of_all(world: World) -> tuple[dict[Ref, Any], set[Ref]]:
    """Return the puts and deletes of a unit that ends without a hook."""
    puts: dict[Ref, Any] = {}
    deletes: set[Ref] = set()
    _let_go(puts, deletes, world, world.storage)
    return puts, deletes


def _let_go(puts: dict[Ref, Any], deletes: set[Ref], world: World, which: Iterable[str]) -> None:
    for text in which:
        storage: Storage = world.storage[text].value
        after = detached(storage, world.entity)
        if after is None:
            deletes.add(_ref(world, storage))
        else:
            puts[_ref(world, storage)] = after


def put_additions(puts: dict[Ref, Any], world: World, effects: Effects, now: str) -> None:
    """Put the instances that the charm asked for; a unit that began to end meanwhile gets none."""
    if not effects.storage or world.life is not Life.ALIVE:
        return
    directives = {
        name: replace(world.storage_wanted[name], count=count)
        for name, count in effects.storage.items()
        if name in world.storage_wanted
    }
    first = world.storage_sequence.value if world.storage_sequence else 0
    home = home_of(world.model, world.model_uuid)
    made = list(made_for(world.unit, directives, first, now=now, pools=world.storage_pools, home=home))
    puts |= {refs.storage(world.model, each.name, each.number): each for each in made}
    if made:
        puts[refs.sequence(world.model, SEQUENCE)] = first + len(made)


def storage_conditions(world: World, touched: Iterable[Ref]) -> list[Condition]:
    """Return what must hold for the entities *touched* to be written: nobody else did anything to them."""
    found: list[Condition] = []
    sequence = refs.sequence(world.model, SEQUENCE)
    for ref in touched:
        if ref.kind is Kind.STORAGE:
            stored = world.storage.get("/".join(ref.path[1:]))
            found.append(Unchanged(ref, stored.revision if stored else 0))
        elif ref == sequence:
            found.append(Unchanged(ref, world.storage_sequence.revision if world.storage_sequence else 0))
            # Whoever ends the unit counts on seeing all that it has.
            found.append(Unchanged(refs.unit(world.model, world.unit), world.entity_revision))
    return found


def _ref(world: World, storage: Storage) -> Ref:
    return refs.storage(world.model, storage.name, storage.number)
