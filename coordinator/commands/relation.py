"""Relate two applications, and end a relation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from coordinator.commands.application import RELATIONS, alive_application, charm_of, next_number
from coordinator.commands.model import alive_model
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.charm import Endpoint
from coordinator.domain.life import Life
from coordinator.domain.names import EndpointName
from coordinator.domain.refs import Kind
from coordinator.domain.relation import Relation, Scope, Side, find_pair
from coordinator.domain.view import View
from coordinator.errors import NotFound, Refused


def integrate(view: View, model: str, left: EndpointName, right: EndpointName, *, now: str) -> Change:
    """Make a relation between the two endpoints that *left* and *right* mean."""
    alive_model(view, model)
    apps = [alive_application(view, model, name.app) for name in (left, right)]
    charms = [charm_of(view, app).meta for app in apps]
    if left.app == right.app:
        raise Refused("no relations found", why="an application relates with itself only through its peers")
    requirer, provider = find_pair(left, charms[0], right, charms[1])
    sides = tuple(
        Side(app=app, endpoint=endpoint.name, role=endpoint.role) for app, endpoint in (requirer, provider)
    )
    _check_new(view, model, sides, (requirer, provider))
    container = "container" in (requirer[1].scope, provider[1].scope)
    if container and not any(app.subordinate for app in apps):
        raise Refused(
            f'cannot add relation "{sides[0]} {sides[1]}"',
            why="a container-scoped relation needs at least one subordinate application",
        )
    number = next_number(view, model, RELATIONS)
    relation = Relation(
        id=number,
        interface=requirer[1].interface,
        sides=sides,
        created=now,
        scope=Scope.CONTAINER if container else Scope.GLOBAL,
    )
    return Change(
        did=f"integrate {sides[0]} {sides[1]}",
        puts={refs.relation(model, number): relation, refs.sequence(model, RELATIONS): number + 1},
    )


def _check_new(view: View, model: str, sides: tuple[Side, ...], ends: tuple[tuple[str, Endpoint], ...]) -> None:
    relations: list[Relation] = [relation for _, relation in view.list(Kind.RELATION, model)]
    key = " ".join(map(str, sides))
    for relation in relations:
        if relation.sides == sides:
            state = "already exists" if relation.life is Life.ALIVE else "is dying, but not yet removed"
            raise Refused(
                f'cannot add relation "{key}": relation {key} {state}',
                fix="Use 'coordinator status --relations' to view the current relations.",
            )
    for app, endpoint in ends:
        used = sum(
            any((side.app, side.endpoint) == (app, endpoint.name) for side in relation.sides)
            for relation in relations
        )
        if endpoint.limit is not None and used >= endpoint.limit:
            raise Refused(
                f"establishing a new relation for {app}:{endpoint.name} would exceed its maximum relation limit "
                f"of {endpoint.limit}",
                fix=f"remove one first; `coordinator status --relations` shows those of {app}",
            )


def remove_relation(
    view: View,
    model: str,
    *,
    ends: tuple[EndpointName, EndpointName] | None = None,
    relation_id: int | None = None,
    force_at_s: float | None = None,
) -> Change | None:
    """Begin to end a relation, named by its two ends or by its number; units run departed and broken."""
    relation = _find(view, model, ends, relation_id)
    if relation.is_peer:
        raise Refused(
            f'cannot remove relation "{relation.key}"',
            why="it is a peer relation",
            fix=f"it ends with its application: coordinator remove-application {relation.sides[0].app}",
        )
    ref = refs.relation(model, relation.id)
    relation = view.get(ref)
    if relation.life is not Life.ALIVE and (force_at_s is None or relation.force_at_s is not None):
        return None
    dying = replace(relation, life=Life.DYING, force_at_s=force_at_s)
    force = " --force" if force_at_s is not None else ""
    return Change(did=f"remove-relation {relation.key}{force}", puts={ref: dying})


def _find(
    view: View, model: str, ends: tuple[EndpointName, EndpointName] | None, relation_id: int | None
) -> Relation:
    relations: list[Any] = [relation for _, relation in view.list(Kind.RELATION, model)]
    if relation_id is not None:
        found = [relation for relation in relations if relation.id == relation_id]
        text = str(relation_id)
    else:
        assert ends is not None, "a relation is named by its ends or by its number"
        text = " ".join(map(str, ends))
        found = [
            relation for relation in relations if _joins(relation, *ends) or _joins(relation, *reversed(ends))
        ]
    if not found:
        raise NotFound(
            f'relation matching "{text}" not found', fix="`coordinator status --relations` lists the relations"
        )
    if len(found) > 1:
        keys = "; ".join(f'"{relation.key}"' for relation in found)
        raise Refused(f'ambiguous relation: "{text}" could refer to {keys}', fix="name the endpoints")
    return found[0]


def _joins(relation: Relation, one: EndpointName, other: EndpointName) -> bool:
    if relation.is_peer:
        return False
    return all(
        side.app == name.app and name.endpoint in (None, side.endpoint)
        for side, name in zip(relation.sides, (one, other), strict=True)
    )
