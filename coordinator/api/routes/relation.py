"""Requests about relations."""

from __future__ import annotations

from fastapi import APIRouter

from coordinator.api.auth import check
from coordinator.api.services import S, U, force_at, transact
from coordinator.commands import relation
from coordinator.domain.names import EndpointName
from coordinator.errors import BadRequest
from coordinator.wire import Integrate, RemoveRelation

router = APIRouter()


@router.post("/models/{name}/relations", status_code=201)
def integrate(s: S, by: U, name: str, given: Integrate) -> dict[str, str]:
    check(by, "write", name)
    left, right = EndpointName.parse(given.left), EndpointName.parse(given.right)
    transact(s, by, name, lambda view: relation.integrate(view, name, left, right, now=s.clock.timestamp()))
    return {}


@router.post("/models/{name}/relations/remove")
def remove_relation(s: S, by: U, name: str, given: RemoveRelation) -> dict[str, str]:
    check(by, "write", name)
    ends = None
    if given.relation_id is None:
        if given.left is None or given.right is None:
            raise BadRequest("a relation must involve two applications")
        ends = (EndpointName.parse(given.left), EndpointName.parse(given.right))
    force_at_s = force_at(s, given.force, given.no_wait)
    transact(s, by, name, lambda view: relation.remove_relation(
        view, name, ends=ends, relation_id=given.relation_id, force_at_s=force_at_s
    ))  # fmt: skip
    return {}
