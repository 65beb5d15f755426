"""Who may go from dying to dead to gone, and in which order.

    model dying        its applications become dying; gone when it has none, and no storage (storage.py)
    application dying  its units and relations become dying; gone when it has neither (its peers go with it)
    relation dying     gone when no unit is in its scope any more
    unit dying         its own hooks end it (engine/decide.py); gone when dead, or when nothing ever ran, and no
                       subordinate lives beside it any more
    machine dying      gone when it has no units

From `force_at_s` on nobody is waited for.  Every rule is one small step over what is there, so a controller
that dies between two steps, or does one twice, leads to the same end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.life import Life
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.relation import Relation
from coordinator.domain.unit import Application, Unit
from coordinator.domain.view import View
from coordinator.reconcile import secret as secrets
from coordinator.reconcile.storage import let_go
from coordinator.reconcile.subordinate import subordinates_of
from coordinator.reconcile.task import end_tasks

ENTITIES_PER_STEP_MAX = 32  # etcd checks 128 guards in one transaction, and each entity needs up to three


def remove(view: View, model: str, now_s: float) -> Change | None:
    """Return the next step of what is being removed in *model*, or None."""
    for rule in _RULES:
        if change := rule(view, model, now_s):
            return change
    return None


def remove_machines(view: View, now_s: float) -> Change | None:
    """Return the next step of a dying machine: its units go by force when that is due, then itself."""
    for ref, machine in view.list(Kind.MACHINE):
        if machine.life is Life.ALIVE:
            continue
        hosted = [
            (unit_ref, unit)
            for model, _ in view.list(Kind.MODEL)
            for unit_ref, unit in view.list(Kind.UNIT, model.path[0])
            if unit.machine == machine.id
        ]
        if not hosted:
            view.find(ref)
            return Change(did=f"machine {machine.id} gone", prunes=frozenset({ref}))
        by_model = [(r, u) for r, u in hosted if r.path[0] == hosted[0][0].path[0]]
        unforced = [(r, u) for r, u in by_model if u.force_at_s is None]
        if machine.force_at_s is not None and unforced:
            puts = {r: _ending(view.find(r), machine.force_at_s) for r, _ in unforced[:ENTITIES_PER_STEP_MAX]}
            return Change(did=f"machine {machine.id} goes by force", puts=puts)
    return None


# --- the rules of one model ------------------------------------------------------------------------------


def _end_applications(view: View, model: str, now_s: float) -> Change | None:
    stored = view.peek(refs.model(model))
    if stored is None or stored.life is Life.ALIVE:
        return None
    alive = [
        (ref, app)
        for ref, app in view.list(Kind.APPLICATION, model)
        if app.life is Life.ALIVE or (app.force_at_s is None and stored.force_at_s is not None)
    ]
    if not alive:
        return None
    puts = {ref: _ending(view.find(ref), stored.force_at_s) for ref, _ in alive[:ENTITIES_PER_STEP_MAX]}
    return Change(did="applications end with their model", puts=puts)


def _end_units_and_relations(view: View, model: str, now_s: float) -> Change | None:
    dying = _dying_applications(view, model)
    relations = _relations_by_application(view, model) if dying else {}
    for _, app in dying:
        puts: dict[Ref, Any] = {}
        for ref, unit in view.list(Kind.UNIT, model, app.name):
            if unit.life is Life.ALIVE or (unit.force_at_s is None and app.force_at_s is not None):
                destroyed = unit.destroy_storage or app.destroy_storage
                puts[ref] = replace(_ending(unit, app.force_at_s), destroy_storage=destroyed)
        for ref, relation in relations.get(app.name, ()):
            forced = relation.force_at_s is None and app.force_at_s is not None
            if not relation.is_peer and (relation.life is Life.ALIVE or forced):
                puts[ref] = _ending(relation, app.force_at_s)
        if puts:
            step = dict(list(puts.items())[:ENTITIES_PER_STEP_MAX])
            for ref in step:
                view.find(ref)
            return Change(did=f"units and relations end with {app.name}", puts=step)
    return None


def _forget_unit(view: View, model: str, now_s: float) -> Change | None:
    """Delete a unit that is dead, or of which nothing ever ran, or that is not waited for any longer."""
    for ref, unit in view.list(Kind.UNIT, model):
        if unit.life is Life.ALIVE or not _may_go(view, model, unit, now_s):
            continue
        if change := end_tasks(view, model, unit.name):
            return change
        if change := secrets.before_owner(view, model, str(unit.name)):
            return change
        view.find(ref)
        # Looked at, not only peeked: a worker that settles a hook at this moment, which may enter a relation that
        # is not in sight here, or that claims the unit, makes the write fail.
        if unit.life is not Life.DEAD:
            view.find(refs.memory(model, unit.name))
        if not _is_over(unit, now_s):
            view.find(refs.claim(model, unit.name))
        # If it leads: its worker ends the term, after the hook that may run; or is dead, and its lease ends it.
        deletes = set()
        for relation_ref, _ in _relations_by_application(view, model).get(unit.name.app, ()):
            member = refs.member(model, int(relation_ref.path[1]), unit.name)
            if view.peek(member) is not None:
                deletes.add(member)
        left, lost = let_go(view, model, unit)
        return Change(
            did=f"{unit.name} gone", puts=left, prunes=frozenset({ref}), deletes=frozenset(deletes | lost)
        )
    return None


def _may_go(view: View, model: str, unit: Unit, now_s: float) -> bool:
    if unit.principal is None and any(subordinates_of(view, model, unit.name)):
        return False  # by force, they go by force too: subordinate.py
    if _is_over(unit, now_s):
        return True
    return view.peek(refs.memory(model, unit.name)) is None and view.peek(refs.claim(model, unit.name)) is None


def _is_over(unit: Unit, now_s: float) -> bool:
    return unit.life is Life.DEAD or _due(unit.force_at_s, now_s)


def _forget_relation(view: View, model: str, now_s: float) -> Change | None:
    for ref, relation in view.list(Kind.RELATION, model):
        if relation.life is Life.ALIVE:
            continue
        members = view.list(Kind.MEMBER, model, str(relation.id))
        staying = [m for m, member in members if view.peek(refs.unit(model, member.unit)) is not None]
        if staying and not _due(relation.force_at_s, now_s):
            continue
        view.find(ref)
        memories = [m for m, _ in view.list(Kind.RELATION_MEMORY, model) if m.path[3] == str(relation.id)]
        return Change(did=f"relation {relation.key} gone", prunes=frozenset({ref}), deletes=frozenset(memories))
    return None


def _forget_application(view: View, model: str, now_s: float) -> Change | None:
    dying = _dying_applications(view, model)
    by_application = _relations_by_application(view, model) if dying else {}
    for ref, app in dying:
        relations = by_application.get(app.name, ())
        if view.list(Kind.UNIT, model, app.name) or any(not r.is_peer for _, r in relations):
            continue
        if change := secrets.before_owner(view, model, app.name):
            return change
        view.find(ref)  # whoever adds a unit or relation looks at it too, and it is dying
        peers = frozenset(relation_ref for relation_ref, _ in relations)
        return Change(did=f"application {app.name} gone", prunes=peers | {ref})
    return None


def _forget_model(view: View, model: str, now_s: float) -> Change | None:
    ref = refs.model(model)
    stored = view.peek(ref)
    if stored is None or stored.life is Life.ALIVE or view.refs(Kind.APPLICATION, model):
        return None
    if view.refs(Kind.STORAGE, model):
        return None
    view.find(ref)
    return Change(did=f"model {model} gone", prunes=frozenset({ref, refs.pieces_of_model(model)}))


_RULES: tuple[Callable[[View, str, float], Change | None], ...] = (
    _end_applications,
    _end_units_and_relations,
    _forget_unit,
    _forget_relation,
    _forget_application,
    _forget_model,
)


# --- shared ----------------------------------------------------------------------------------------------


def _ending(entity: Any, force_at_s: float | None) -> Any:
    life = Life.DYING if entity.life is Life.ALIVE else entity.life
    return replace(entity, life=life, force_at_s=entity.force_at_s if force_at_s is None else force_at_s)


def _due(force_at_s: float | None, now_s: float) -> bool:
    return force_at_s is not None and now_s >= force_at_s


def _dying_applications(view: View, model: str) -> list[tuple[Ref, Application]]:
    return [(ref, app) for ref, app in view.list(Kind.APPLICATION, model) if app.life is not Life.ALIVE]


def _relations_by_application(view: View, model: str) -> Mapping[str, Sequence[tuple[Ref, Relation]]]:
    found: defaultdict[str, list[tuple[Ref, Relation]]] = defaultdict(list)
    for ref, relation in view.list(Kind.RELATION, model):
        for side in relation.sides:
            found[side.app].append((ref, relation))
    return found
