"""Choose the one thing a unit does next.

Role: the whole hook order, as one pure function over (memory, world, moment): the first difference between
what has been handled and what is, in the order of the sections below.  Called by worker/agent.py.
Not here: running the hook (worker/perform.py), remembering it (settle.py).
Pinned by tests/contract/test_juju_facts.py; ties are broken by number and name, so that runs can be repeated.
"""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

from coordinator.domain.crowd import NOBODY
from coordinator.domain.life import Life
from coordinator.domain.names import UnitName
from coordinator.domain.relation import JUJU_INFO
from coordinator.domain.settings import setting
from coordinator.domain.unit import Resolved
from coordinator.domain.unit_state import Failure, Hook, HookKind, Memory, RelationState
from coordinator.engine import secret as secrets
from coordinator.engine.network import told_of_network
from coordinator.engine.operation import (
    Blocked,
    Finished,
    Idle,
    Leave,
    Operation,
    RebootMachine,
    RunHook,
    RunTask,
    SkipHook,
    SwapCharm,
    Waiting,
)
from coordinator.engine.settle import RETRY_FIRST_S
from coordinator.engine.storage import next_storage, still_concerns
from coordinator.engine.world import Moment, World, WorldRelation

RETRY_MAX_S = 300.0


def decide(memory: Memory, world: World, moment: Moment) -> Operation:
    """Return the next thing to do.  The same arguments always give the same answer."""
    unit = memory.unit
    if world.life is Life.DEAD or unit.removed:
        return Finished()
    if unit.reboot and unit.reboot == world.boot:
        return RebootMachine()
    if unit.installed and (unit.failed is not None or world.life is Life.DYING) and (task := _next_task(world)):
        return task
    if unit.failed is not None:
        return _after_failure(unit.failed, memory, world, moment)
    if not unit.installed:
        # Charms find their storage in place when they install.
        if storage := next_storage(memory, world):
            return storage
        return RunHook(Hook(kind=HookKind.INSTALL)) if world.life is Life.ALIVE else Leave()
    # config-changed of the set-up queues start: nothing comes between the two, so that charms
    # may rely on start seeing what config-changed saw.
    if unit.config is not None and not unit.started and world.life is Life.ALIVE:
        return RunHook(Hook(kind=HookKind.START))
    if _has_rebooted(memory, world) and world.life is Life.ALIVE:
        return RunHook(Hook(kind=HookKind.START))
    if world.life is Life.DYING:
        return _tear_down(memory, world)
    return (
        _created(memory, world)
        or _leadership(memory, world)
        or _secrets(world, moment)
        or _next_task(world)
        or next_storage(memory, world)
        or _upgrade(memory, world)
        or _config(memory, world)
        or _relations(memory, world)
        or _update_status(memory, moment)
        or Idle()
    )


def _has_rebooted(memory: Memory, world: World) -> bool:
    """Say whether the machine was booted since the charm was started: it brings up again what a boot ends."""
    unit = memory.unit
    return unit.started and "" not in (unit.boot, world.boot) and unit.boot != world.boot


# --- failure ---------------------------------------------------------------------------------------------


def _after_failure(failed: Failure, memory: Memory, world: World, moment: Moment) -> Operation:
    if world.charm_forced and memory.unit.installed and memory.unit.charm_version != world.charm_version:
        return SwapCharm()
    if world.resolved is Resolved.SKIP or not _still_concerns(failed.hook, memory, world):
        return SkipHook(failed.hook)
    if world.resolved is Resolved.RETRY:
        return RunHook(failed.hook)
    if not setting(world.settings, "automatically-retry-hooks"):
        return Blocked(failed.hook, None)
    retry_at_s = failed.at_s + retry_delay_s(failed, world.unit)
    return RunHook(failed.hook) if moment.now_s >= retry_at_s else Blocked(failed.hook, retry_at_s)


def _still_concerns(hook: Hook, memory: Memory, world: World) -> bool:
    """Say whether a failed hook still has something to be about.

    A relation that was removed by force has not, nor one that began to end before the unit entered it, nor has
    leader-elected in a unit that does not lead any more, or a hook about a secret that is gone.
    """
    if hook.secret is not None:
        return secrets.still_concerns(hook, world)
    if hook.kind is HookKind.LEADER_ELECTED:
        return world.is_leader
    if hook.storage is not None:
        return still_concerns(hook, world)
    if hook.kind is HookKind.RELATION_CREATED:
        return (relation := world.relations.get(hook.relation or 0)) is not None and relation.life is Life.ALIVE
    return hook.relation is None or hook.relation in world.relations or hook.relation in memory.relations


def retry_delay_s(failed: Failure, unit: UnitName) -> float:
    """Return how long after its failure a hook is tried again: 5 s, doubled each time, up to 5 min.

    Up to a tenth is added, by unit and attempt, so that many units that failed together do not retry together.
    """
    delay_s = min(RETRY_FIRST_S * 2 ** min(failed.attempts - 1, 16), RETRY_MAX_S)
    spread = crc32(f"{unit} {failed.attempts}".encode()) / 2**32
    return delay_s * (1 + spread / 10)


# --- actions and commands --------------------------------------------------------------------------------


def _next_task(world: World) -> RunTask | None:
    """Return the first task of the queue: they overtake changes, and wait neither for a failed hook to be resolved
    nor for a dying unit to go."""
    first = next(iter(world.tasks.values()), None)
    return RunTask(first.value) if first is not None else None


# --- set-up and change -----------------------------------------------------------------------------------


def _created(memory: Memory, world: World) -> Operation | None:
    for relation in _in_order(world):
        if relation.life is Life.ALIVE and relation.id not in memory.relations:
            hook = _relation_hook(HookKind.RELATION_CREATED, relation)
            return SkipHook(hook) if _is_implicit(relation, world) else RunHook(hook)
    return None


def _leadership(memory: Memory, world: World) -> Operation | None:
    told = memory.unit.leader
    if world.is_leader:
        return None if told else RunHook(Hook(kind=HookKind.LEADER_ELECTED))
    if world.leader is None or world.leader == world.unit:
        # Between two leaders (or with a term of our own that an earlier session left behind) a unit goes on with
        # its work; only the set-up needs the answer first, because charms expect leader-elected (or
        # -settings-changed) before config-changed.
        return Waiting("a leader") if told is None else None
    if told is not False or memory.unit.leader_settings != world.leader_settings_revision:
        return RunHook(Hook(kind=HookKind.LEADER_SETTINGS_CHANGED))
    return None


def _secrets(world: World, moment: Moment) -> Operation | None:
    hook = secrets.next_hook(world, moment.now_s)
    return None if hook is None else RunHook(hook)


def _upgrade(memory: Memory, world: World) -> Operation | None:
    if memory.unit.charm_version != world.charm_version:
        return RunHook(Hook(kind=HookKind.UPGRADE_CHARM))
    return None


def _config(memory: Memory, world: World) -> Operation | None:
    seen = (memory.unit.config, memory.unit.trust, memory.unit.addresses)
    if seen != (world.config_revision, world.trust, told_of_network(world)):
        return RunHook(Hook(kind=HookKind.CONFIG_CHANGED))
    return None


def _update_status(memory: Memory, moment: Moment) -> Operation | None:
    if moment.update_status_due and memory.unit.started:
        return RunHook(Hook(kind=HookKind.UPDATE_STATUS))
    return None


# --- relations -------------------------------------------------------------------------------------------


def _relations(memory: Memory, world: World) -> Operation | None:
    """Peers come last, so that broken handlers of other relations still see them."""
    for relation in _in_order(world):
        state = memory.relations.get(relation.id)
        if state is None:
            continue
        if _is_implicit(relation, world):
            if _is_leaving(relation, world):
                return SkipHook(_relation_hook(HookKind.RELATION_BROKEN, relation))
        elif hook := _next_of(relation, state, world):
            return RunHook(hook)
    return None


def _next_of(relation: WorldRelation, state: RelationState, world: World) -> Hook | None:
    """Return the next hook of one relation, or None."""
    # changed follows joined at once, even when the relation has begun to die meanwhile.
    if state.pending is not None:
        return _relation_hook(HookKind.RELATION_CHANGED, relation, state.pending)
    leaving = _is_leaving(relation, world)
    units, members = NOBODY if leaving else relation.units, state.members
    if gone := next(members.gone_from(units), None):
        return _departed(relation, gone, world)
    if leaving:
        return None if relation.is_peer else _relation_hook(HookKind.RELATION_BROKEN, relation)
    for app in sorted(relation.apps):
        if relation.apps[app] != state.apps.get(app):
            return _relation_hook(HookKind.RELATION_CHANGED, relation)
    if joining := next(members.new_in(units), None):
        return _relation_hook(HookKind.RELATION_JOINED, relation, joining)
    if changed := min(members.behind(units), default=None):
        return _relation_hook(HookKind.RELATION_CHANGED, relation, changed)
    return None


def _is_leaving(relation: WorldRelation, world: World) -> bool:
    return world.life is not Life.ALIVE or relation.life is not Life.ALIVE


def _is_implicit(relation: WorldRelation, world: World) -> bool:
    """Say whether the relation is at the endpoint that every application offers without declaring it.

    The unit enters and leaves it, so that the other side finds its addresses, but the charm hears nothing.
    """
    return relation.endpoint == JUJU_INFO.name and world.charm.find_endpoint(relation.endpoint) is None


def _departed(relation: WorldRelation, gone: UnitName, world: World) -> Hook:
    we_leave = world.life is not Life.ALIVE or world.application_life is not Life.ALIVE
    departing = world.unit if we_leave else gone
    return Hook(
        kind=HookKind.RELATION_DEPARTED,
        endpoint=relation.endpoint,
        relation=relation.id,
        remote_app=relation.remote_app,
        remote_unit=gone,
        departing=departing,
    )


def _relation_hook(kind: HookKind, relation: WorldRelation, remote: UnitName | None = None) -> Hook:
    return Hook(
        kind=kind,
        endpoint=relation.endpoint,
        relation=relation.id,
        remote_app=relation.remote_app,
        remote_unit=remote,
    )


def _in_order(world: World) -> Iterator[WorldRelation]:
    """Relations that the deployed charm knows, by number, peers last."""
    for relation in sorted(world.relations.values(), key=lambda relation: (relation.is_peer, relation.id)):
        # A unit that still runs an older charm does not hear of endpoints that only the new one has.
        if world.charm.find_endpoint(relation.endpoint) is not None or _is_implicit(relation, world):
            yield relation


# --- the end ---------------------------------------------------------------------------------------------


def _tear_down(memory: Memory, world: World) -> Operation:
    if operation := next_storage(memory, world) or _relations(memory, world):
        return operation
    if not memory.unit.stopped:
        return RunHook(Hook(kind=HookKind.STOP))
    return RunHook(Hook(kind=HookKind.REMOVE))
