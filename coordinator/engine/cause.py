"""Which change made a hook run: the revision that the journal tells as its reason.

Role: people ask "why did config-changed run?"; the answer is the revision of what differed.  Pure.
Not here: what runs next (decide.py).
"""

from __future__ import annotations

from coordinator.domain.life import Life
from coordinator.domain.unit_state import Hook, HookKind, Memory
from coordinator.engine.network import bindings_in, told_of_network
from coordinator.engine.world import World


def cause_of(memory: Memory, world: World, hook: Hook) -> int | None:
    """Return the revision of the change that *hook* answers; None when only time passed, or it is not known."""
    match hook.kind:
        case HookKind.INSTALL:
            return world.entity_revision
        case HookKind.STOP | HookKind.REMOVE:
            return world.entity_revision
        case HookKind.LEADER_ELECTED:
            return world.term.revision if world.term else None
        case HookKind.LEADER_SETTINGS_CHANGED:
            return world.leader_settings_revision or None
        case HookKind.UPGRADE_CHARM:
            return world.application_revision
        case HookKind.CONFIG_CHANGED:
            return _of_config(memory, world)
        case HookKind.SECRET_CHANGED | HookKind.SECRET_REMOVE:
            stored = world.secrets.find_stored(hook.secret or "")
            return stored.revision if stored else None
        case HookKind.STORAGE_ATTACHED | HookKind.STORAGE_DETACHING:
            stored = world.storage.get(hook.storage or "")
            return stored.revision if stored else None
        case _:
            return _of_relation(world, hook)


def _of_config(memory: Memory, world: World) -> int | None:
    if memory.unit.config not in (None, world.config_revision):
        return world.config_revision or None
    if memory.unit.trust != world.trust:
        return world.application_revision
    if bindings_in(memory.unit.addresses) != bindings_in(told_of_network(world)):
        return world.application_revision
    return None  # addresses or spaces changed, or the set-up goes on


def _of_relation(world: World, hook: Hook) -> int | None:
    relation = world.relations.get(hook.relation) if hook.relation is not None else None
    if relation is None:
        return None
    ending = relation.life is not Life.ALIVE
    if hook.kind is HookKind.RELATION_CREATED or (hook.kind is HookKind.RELATION_BROKEN and ending):
        return relation.revision
    if hook.kind in (HookKind.RELATION_BROKEN, HookKind.RELATION_DEPARTED):
        return relation.revision if ending else world.entity_revision if world.life is not Life.ALIVE else None
    owner = hook.remote_unit if hook.remote_unit is not None else hook.remote_app
    bag = relation.bags.get(str(owner))
    return bag.revision if bag else None
