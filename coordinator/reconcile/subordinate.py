"""Units that live beside others: a subordinate application has one beside each unit that it is joined with.

    principal unit enters a container-scoped relation    a subordinate unit is made for it, on its machine
    principal unit dying                                 so are its subordinates; it is not gone before they are
    no such relation is left between the two             the subordinate units end

Role: the rules by which such units come and end.  A unit whose predecessor still ends is made when that is gone.
Not here: their hooks, which are those of any unit; how what ends is forgotten (removal.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.life import Life
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.relation import Relation, Scope
from coordinator.domain.storage import storage_for
from coordinator.domain.unit import Application, Unit
from coordinator.domain.view import View

UNITS_PER_STEP_MAX = 32  # etcd checks 128 guards in one transaction, and each unit needs up to three


def accompany(view: View, model: str, now_s: float) -> Change | None:
    """Make the units that are missing beside their principals, or end those that have no business there."""
    apps = _subordinate_applications(view, model)
    joined = _joined(view, model) if apps else {}
    for app in apps:
        if change := _end_units(view, model, app, joined) or _make_units(view, model, app, joined):
            return change
    return None


def subordinates_of(view: View, model: str, principal: UnitName) -> Iterator[Unit]:
    """Yield the units that live beside *principal*."""
    for app in _subordinate_applications(view, model):
        for _, unit in view.list(Kind.UNIT, model, app):
            if unit.principal == principal:
                yield unit


def _subordinate_applications(view: View, model: str) -> list[str]:
    return [app.name for _, app in view.list(Kind.APPLICATION, model) if app.subordinate]


def _joined(view: View, model: str) -> Mapping[str, Mapping[str, Relation]]:
    """Return for each application those that it shares a living container-scoped relation with, and that."""
    found: defaultdict[str, dict[str, Relation]] = defaultdict(dict)
    for _, relation in view.list(Kind.RELATION, model):
        if relation.scope is Scope.CONTAINER and relation.life is Life.ALIVE and not relation.is_peer:
            for side in relation.sides:
                found[side.app].setdefault(relation.other_side(side.app).app, relation)
    return found


def _make_units(view: View, model: str, app: str, joined: Mapping[str, Mapping[str, Relation]]) -> Change | None:
    application: Application | None = view.peek(refs.application(model, app))
    if application is None or application.life is not Life.ALIVE:
        return None
    accompanied = {unit.principal for _, unit in view.list(Kind.UNIT, model, app)}
    puts: dict[Ref, Any] = {}
    sequence = refs.sequence(model, f"unit-{app}")
    for relation in joined.get(app, {}).values():
        for unit in _principals(view, model, relation, relation.other_side(app).app):
            if unit.name in accompanied or len(puts) == UNITS_PER_STEP_MAX:
                continue
            view.find(refs.unit(model, unit.name))
            view.find(refs.member(model, relation.id, unit.name))
            view.find(refs.relation(model, relation.id))
            name = UnitName(app, (view.find(sequence) or 0) + len(puts))
            puts[refs.unit(model, name)] = Unit(
                name=name,
                created=max(relation.created, unit.created),
                machine=unit.machine,
                principal=unit.name,
            )
            accompanied.add(unit.name)
    if not puts:
        return None
    view.find(refs.application(model, app))
    names = " ".join(f"{unit.name} beside {unit.principal}" for unit in puts.values())
    new = {unit.name: application.storage for unit in puts.values()}
    storage = storage_for(view, model, new, now=max(unit.created for unit in puts.values()))
    return Change(did=f"add {names}", puts={**puts, **storage, sequence: (view.find(sequence) or 0) + len(puts)})


def _principals(view: View, model: str, relation: Relation, app: str) -> Iterator[Unit]:
    """Yield the units of *app* that are in the relation, stay, and live beside nobody."""
    members = view.refs(Kind.MEMBER, model, str(relation.id))
    for name in sorted(refs.unit_of(ref) for ref in members if ref.path[2] == app):
        unit: Unit | None = view.peek(refs.unit(model, name))
        if unit is not None and unit.life is Life.ALIVE and unit.principal is None and unit.machine is not None:
            yield unit


def _end_units(view: View, model: str, app: str, joined: Mapping[str, Mapping[str, Relation]]) -> Change | None:
    puts: dict[Ref, Any] = {}
    for ref, unit in view.list(Kind.UNIT, model, app):
        if unit.principal is None or len(puts) == UNITS_PER_STEP_MAX:
            continue
        principal: Unit | None = view.peek(refs.unit(model, unit.principal))
        stays = (
            principal is not None and principal.life is Life.ALIVE and unit.principal.app in joined.get(app, {})
        )
        force_at_s = unit.force_at_s
        if principal is not None and force_at_s is None:
            force_at_s = principal.force_at_s
        ended = replace(
            unit,
            life=unit.life if stays or unit.life is not Life.ALIVE else Life.DYING,
            destroy_storage=unit.destroy_storage or (principal is not None and principal.destroy_storage),
            force_at_s=force_at_s,
        )
        if ended != unit:
            view.find(ref)
            # A relation that is made at this moment is looked at in the next step.
            view.find(refs.unit(model, unit.principal))
            puts[ref] = ended
    if not puts:
        return None
    names = " ".join(f"{unit.name} beside {unit.principal}" for unit in puts.values())
    return Change(did=f"end {names}", puts=puts)
