"""The one write that ends a hook: its effects, and the memory that it ran.

Role: (memory, world, hook, effects) -> Change; whole or not at all.  Its conditions say what must still hold
when it lands: the claim is ours, the memory is what the hook started from, the term is ours if anything
leader-only is written, the relations still exist.
Not here: sending it (worker/record.py), deciding what comes next (decide.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from coordinator.domain import refs
from coordinator.domain.change import Change, Condition, Held, Present, Unchanged
from coordinator.domain.crowd import NOBODY
from coordinator.domain.life import Life
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Ref
from coordinator.domain.relation import Member
from coordinator.domain.status import Status, UnitStatus
from coordinator.domain.task import Task
from coordinator.domain.unit_state import Failure, Hook, HookKind, Memory, RelationState, UnitState
from coordinator.engine import secret as secrets
from coordinator.engine.cause import cause_of
from coordinator.engine.effects import Effects, Reboot, merged
from coordinator.engine.network import address_entries, told_of_network
from coordinator.engine.storage import (
    let_go_of_all,
    put_additions,
    put_storage,
    remembered,
    storage_conditions,
)
from coordinator.engine.world import World

RETRY_FIRST_S = 5.0  # after the first failure of a hook
REASON_CHARACTERS_MAX = 500  # of a failure, as shown in status; the whole output is in the log


def settle(
    memory: Memory, world: World, hook: Hook, effects: Effects, *, now: str, restate: bool = False
) -> Change:
    """Return the write after *hook* succeeded (or was missing, or was skipped on request).

    *now* is RFC 3339 in UTC.  *restate*: statuses were sent while the hook ran, and nobody knows which of them
    landed last, so they are written even when they are what *world* has.  Effects on relations that are gone by
    *world* are dropped: nobody could read them.
    """
    after = _remember(memory, world, hook, effects)
    puts: dict[Ref, Any] = {refs.memory(world.model, world.unit): after.unit}
    deletes: set[Ref] = set()
    _relation_memory(puts, deletes, memory, after, world)
    put_effects(puts, world, hook, effects, memory, now, restate)
    put_storage(puts, deletes, world, hook, now)
    if hook.relation is not None and hook.relation in world.relations:
        member = refs.member(world.model, hook.relation, world.unit)
        if hook.kind is HookKind.RELATION_CREATED and hook.relation in after.relations:
            puts[member] = Member(unit=world.unit)
        elif hook.kind is HookKind.RELATION_BROKEN:
            deletes.add(member)
    ended = hook.kind is HookKind.REMOVE
    if ended:
        deletes |= {refs.member(world.model, r.id, world.unit) for r in world.relations.values() if r.in_scope}
    if ended or world.resolved is not None:
        life = Life.DEAD if ended else world.life
        puts[refs.unit(world.model, world.unit)] = replace(world.entity, life=life, resolved=None)
    change = Change(
        did=hook.name,
        puts=puts,
        deletes=frozenset(deletes - set(puts)),
        conditions=(
            *conditions(world, effects, puts),
            *storage_conditions(world, deletes),
            *_entering(world, hook),
        ),
        why=cause_of(memory, world, hook),
    )
    return secrets.with_secrets(change, world, hook, effects, now)


def rebase(world: World, fresh: World) -> World:
    """Return the *world* that a hook saw, moved onto a *fresh* one for a second try at settling it.

    What the hook saw stays what is remembered as handled; what it may still write to is what is there now.
    """
    staying = {number: relation for number, relation in world.relations.items() if number in fresh.relations}
    return replace(
        world,
        entity=fresh.entity,
        entity_revision=fresh.entity_revision,
        relations=staying,
        status=fresh.status,
        application_status=fresh.application_status,
        storage=fresh.storage,
        storage_sequence=fresh.storage_sequence,
        tasks=fresh.tasks,
        secrets=fresh.secrets,
    )


def fail(
    memory: Memory,
    world: World,
    hook: Hook,
    effects: Effects,
    *,
    reason: str,
    now: str,
    now_s: float,
    restate: bool = False,
) -> Change:
    """Return the write after *hook* failed: what it asked for is dropped, but for the statuses it had set."""
    before = memory.unit.failed
    attempts = before.attempts + 1 if before is not None and before.hook == hook else 1
    failure = Failure(hook=hook, reason=reason[:REASON_CHARACTERS_MAX], attempts=attempts, at_s=now_s)
    status_set = memory.unit.status_set or effects.status is not None
    after = replace(memory, unit=replace(memory.unit, failed=failure, status_set=status_set))
    puts: dict[Ref, Any] = {refs.memory(world.model, world.unit): after.unit}
    shown = Effects(status=effects.status, version=effects.version, application_status=effects.application_status)
    _statuses(puts, world, None, shown, memory, now, restate)
    if world.resolved is not None:
        puts[refs.unit(world.model, world.unit)] = replace(world.entity, resolved=None)
    return Change(
        did=f"{hook.name} failed: {failure.reason}",
        puts=puts,
        conditions=conditions(world, shown, puts),
        why=cause_of(memory, world, hook),
    )


def ask_for_reboot(memory: Memory, world: World, hook: Hook) -> Change:
    """Return the write after *hook* asked for a reboot at once: nothing of it lands, and it runs again then."""
    puts: dict[Ref, Any] = {refs.memory(world.model, world.unit): replace(memory.unit, reboot=world.boot)}
    return Change(did=f"{hook.name} reboots the machine", puts=puts, conditions=conditions(world, Effects(), puts))


def swap(memory: Memory, world: World, *, now_s: float) -> Change:
    """Return the write after the new charm was put in place of the one whose hook failed.

    The hook is due at once.  upgrade-charm and config-changed do not run for this: charms know it so.
    """
    failed = memory.unit.failed
    assert failed is not None, "only a unit in error takes a charm this way"
    after = replace(
        memory.unit,
        charm=world.charm_wanted,
        charm_version=world.charm_version,
        failed=replace(failed, attempts=1, at_s=now_s - 2 * RETRY_FIRST_S),
    )
    puts: dict[Ref, Any] = {refs.memory(world.model, world.unit): after}
    return Change(did="charm replaced by force", puts=puts, conditions=conditions(world, Effects(), puts))


def leave(world: World) -> Change:
    """Return the write that ends a dying unit of which nothing was ever installed."""
    puts, deletes = let_go_of_all(world)
    deletes |= {refs.member(world.model, r.id, world.unit) for r in world.relations.values() if r.in_scope}
    return Change(
        did="left before install",
        puts={**puts, refs.unit(world.model, world.unit): replace(world.entity, life=Life.DEAD)},
        deletes=frozenset(deletes),
        conditions=(
            *conditions(world, Effects(), puts),
            *storage_conditions(world, deletes),
            _entity_unchanged(world),
        ),
    )


# --- memory ----------------------------------------------------------------------------------------------


def _remember(memory: Memory, world: World, hook: Hook, effects: Effects) -> Memory:
    unit = replace(
        _unit_after(memory.unit, world, hook),
        storage=remembered(memory.unit, world, hook),
        failed=None,
        hooks=memory.unit.hooks + 1,
        status_set=memory.unit.status_set or effects.status is not None,
        reboot=world.boot if effects.reboot is Reboot.AFTER else "",
    )
    if unit.started and not unit.boot:
        unit = replace(unit, boot=world.boot)
    relations = dict(memory.relations)
    if hook.relation is not None:
        state = _relation_after(relations.get(hook.relation), world, hook)
        if state is None or hook.relation not in world.relations:
            relations.pop(hook.relation, None)
        else:
            relations[hook.relation] = state
    if hook.kind is HookKind.REMOVE:
        relations.clear()
    return Memory(unit=unit, relations=relations)


def _unit_after(unit: UnitState, world: World, hook: Hook) -> UnitState:
    """Return what is remembered of the unit itself after *hook*; one row per kind that changes something."""
    match hook.kind:
        case HookKind.INSTALL:
            return replace(unit, installed=True, charm=world.charm_wanted, charm_version=world.charm_version)
        case HookKind.UPGRADE_CHARM:
            # config None: config-changed always follows an upgrade, whatever the values are.
            return replace(unit, charm=world.charm_wanted, charm_version=world.charm_version, config=None)
        case HookKind.CONFIG_CHANGED:
            addresses = told_of_network(world)
            return replace(unit, config=world.config_revision, trust=world.trust, addresses=addresses)
        case HookKind.START:
            return replace(unit, started=True, stopped=False, boot=world.boot)
        case HookKind.STOP:
            return replace(unit, stopped=True)
        case HookKind.REMOVE:
            return replace(unit, removed=True)
        case HookKind.LEADER_ELECTED if world.is_leader:  # not when it was skipped because the term was lost
            return replace(unit, leader=True, leader_settings=world.leader_settings_revision)
        case HookKind.LEADER_SETTINGS_CHANGED:
            return replace(unit, leader=False, leader_settings=world.leader_settings_revision)
        case _:
            return unit


def _relation_after(state: RelationState | None, world: World, hook: Hook) -> RelationState | None:
    """Return what is remembered of the hook's relation; None: nothing any more."""
    assert hook.relation is not None, "only relation hooks have a relation to remember"
    assert hook.endpoint is not None
    relation = world.relations.get(hook.relation)
    if hook.kind is HookKind.RELATION_CREATED:  # one that has begun to end is not entered: its end may be over
        entered = relation is not None and relation.life is Life.ALIVE
        return RelationState(endpoint=hook.endpoint) if entered else None
    if hook.kind is HookKind.RELATION_BROKEN or state is None:
        return None
    remote = hook.remote_unit
    if hook.kind is HookKind.RELATION_DEPARTED and remote is not None:
        pending = None if state.pending == remote else state.pending
        return replace(state, members=state.members.without(remote), pending=pending)
    if remote is None:
        return replace(state, apps=dict(relation.apps) if relation else state.apps)
    joined = hook.kind is HookKind.RELATION_JOINED
    units, members = relation.units if relation else NOBODY, state.members
    # A unit that left between joined and changed keeps the version it had: departed comes next.
    if remote in units or remote not in members:
        members = members.handled(remote, units.get(remote, 0), units)
    return replace(
        state,
        members=members,
        pending=remote if joined else (None if state.pending == remote else state.pending),
    )


def _relation_memory(puts: dict[Ref, Any], deletes: set[Ref], before: Memory, after: Memory, world: World) -> None:
    """Write only the relations that this hook moved."""
    for relation_id, state in after.relations.items():
        if before.relations.get(relation_id) != state:
            puts[refs.relation_memory(world.model, world.unit, relation_id)] = state
    for relation_id in before.relations.keys() - after.relations.keys():
        deletes.add(refs.relation_memory(world.model, world.unit, relation_id))


# --- effects ---------------------------------------------------------------------------------------------


def put_effects(
    puts: dict[Ref, Any],
    world: World,
    hook: Hook | None,
    effects: Effects,
    memory: Memory,
    now: str,
    restate: bool,
) -> None:
    """Put what *effects* change; *hook* is None for what runs outside of hooks."""
    _bags(puts, world, hook, effects)
    _state(puts, world, effects)
    put_additions(puts, world, effects, now)
    _statuses(puts, world, hook, effects, memory, now, restate)


def _bags(puts: dict[Ref, Any], world: World, hook: Hook | None, effects: Effects) -> None:
    """Put every bag whose content really changes; an equal write is no write, so nobody is woken by it."""
    changed = {key: entries for key, entries in effects.bags.items() if key[0] in world.relations}
    for relation_id in _refreshed(world, hook):
        own = (relation_id, world.unit)
        entries = address_entries(world, world.relations[relation_id].endpoint)
        changed[own] = {**entries, **changed.get(own, {})}
    for (relation_id, owner), entries in changed.items():
        relation = world.relations[relation_id]
        content = merged(relation.bag(owner), entries)
        entering = isinstance(owner, UnitName) and str(owner) not in relation.bags
        if entering or content != relation.bag(owner):
            puts[refs.bag(world.model, relation_id, owner)] = content


def _refreshed(world: World, hook: Hook | None) -> list[int]:
    """Relations whose bag gets the unit's addresses: the one being entered, and all after config-changed."""
    if hook is None:
        return []
    if hook.kind is HookKind.RELATION_CREATED:
        return [r.id for r in world.relations.values() if r.id == hook.relation and r.life is Life.ALIVE]
    if hook.kind is HookKind.CONFIG_CHANGED:
        return [relation.id for relation in world.relations.values() if relation.in_scope]
    return []


def _state(puts: dict[Ref, Any], world: World, effects: Effects) -> None:
    if effects.state:
        content = merged(world.state, effects.state)
        if content != world.state:
            puts[refs.state(world.model, world.unit)] = content
    if effects.leader_settings:
        content = merged(world.leader_settings, effects.leader_settings)
        if content != world.leader_settings:
            puts[refs.leader_settings(world.model, world.unit.app)] = content


#: What the system says of a unit by itself: (when the hook starts, when it has ended).  None: nothing.
STATUS_OF_SYSTEM: Mapping[HookKind, tuple[Status | None, Status | None]] = {
    HookKind.INSTALL: (Status("maintenance", "installing charm software"), None),
    HookKind.START: (None, Status("unknown")),
    HookKind.STOP: (Status("maintenance", "stopping charm software"), Status("maintenance")),
    HookKind.REMOVE: (Status("maintenance", "cleaning up prior to charm deletion"), Status("terminated")),
}

#: Hooks whose words of the system give way to whatever the charm has said at any time before.
_ONLY_IF_NEVER_SET = (HookKind.INSTALL, HookKind.START)


def _statuses(
    puts: dict[Ref, Any],
    world: World,
    hook: Hook | None,
    effects: Effects,
    memory: Memory,
    now: str,
    restate: bool,
) -> None:
    """Put the statuses where they differ from what is stored; *hook* is None when it did not succeed."""
    status = status_of_unit(world, hook, effects, memory, ended=True, now=now)
    if restate or status != world.status:
        puts[refs.status(world.model, world.unit)] = status
    _application_status(puts, world, effects, now, restate)


def _application_status(
    puts: dict[Ref, Any], world: World, effects: Effects, now: str, restate: bool = False
) -> None:
    if (wanted := effects.application_status) is not None:
        before = world.application_status or Status("unset")
        moved = before.moved_to(wanted.current, wanted.message, now)
        if restate or moved != before:
            puts[refs.application_status(world.model, world.unit.app)] = moved


def status_of_unit(
    world: World, hook: Hook | None, effects: Effects, memory: Memory, *, ended: bool, now: str
) -> UnitStatus:
    """Return what the unit shows while *hook* runs, or after it; what the charm says beats the system."""
    workload = world.status.workload
    if effects.status is not None:
        workload = workload.moved_to(effects.status.current, effects.status.message, now)
    elif hook is not None and not (memory.unit.status_set and hook.kind in _ONLY_IF_NEVER_SET):
        said = STATUS_OF_SYSTEM.get(hook.kind, (None, None))[ended]
        if said is not None:
            workload = workload.moved_to(said.current, said.message, now)
    ports = world.status.ports if effects.ports is None else dict(effects.ports)
    version = world.status.version if effects.version is None else effects.version
    return UnitStatus(workload=workload, version=version, ports=ports)


def publish(world: World, work: Hook | Task, effects: Effects, memory: Memory, *, now: str) -> Change | None:
    """Return the write that shows statuses while *work* still runs; None when there is nothing new to show.

    The one exception to "a hook writes once": statuses, version and progress are seen within moments, and stay
    when the hook fails (source: tests/contract/test_juju_facts.py).
    """
    puts: dict[Ref, Any] = {}
    hook = work if isinstance(work, Hook) else None
    status = status_of_unit(world, hook, effects, memory, ended=False, now=now)
    status = replace(status, ports=world.status.ports)
    if status != world.status:
        puts[refs.status(world.model, world.unit)] = status
    _application_status(puts, world, effects, now)
    if not puts:
        return None
    shown = Effects(application_status=effects.application_status)
    return Change(did=f"{work.name} status", puts=puts, conditions=conditions(world, shown, puts))


# --- conditions ------------------------------------------------------------------------------------------


def conditions(world: World, effects: Effects, puts: Mapping[Ref, Any]) -> tuple[Condition, ...]:
    """Return what must hold for *puts*, made from *effects*, to land."""
    assert world.claim is not None, "a hook was run without a claim"
    found: list[Condition] = [
        Held(refs.claim(world.model, world.unit), world.claim),
        Unchanged(refs.memory(world.model, world.unit), world.memory_revision),
    ]
    if effects.leader_only:
        assert world.term is not None, "leader-only effects without a term"
        found.append(Held(refs.leader(world.model, world.unit.app), world.term))
    if refs.unit(world.model, world.unit) in puts:
        found.append(_entity_unchanged(world))
    found += storage_conditions(world, puts)
    touched = {int(ref.path[1]) for ref in puts if ref.kind in _OF_RELATIONS}
    touched |= {int(ref.path[3]) for ref in puts if ref.kind is refs.Kind.RELATION_MEMORY}
    found += [Present(refs.relation(world.model, relation)) for relation in sorted(touched)]
    return tuple(found)


def _entering(world: World, hook: Hook) -> tuple[Condition, ...]:
    """Nobody enters a relation that began to end meanwhile: its end counts who is inside."""
    relation = world.relations.get(hook.relation) if hook.relation is not None else None
    if hook.kind is not HookKind.RELATION_CREATED or relation is None:
        return ()
    return (Unchanged(refs.relation(world.model, relation.id), relation.revision),)


def _entity_unchanged(world: World) -> Condition:
    return Unchanged(refs.unit(world.model, world.unit), world.entity_revision)


_OF_RELATIONS = (refs.Kind.MEMBER, refs.Kind.UNIT_BAG, refs.Kind.APPLICATION_BAG)
