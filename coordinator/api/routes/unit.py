"""Requests about units: add, remove, resolve, look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter

from coordinator.api import show
from coordinator.api.auth import check
from coordinator.api.services import S, U, force_at, in_steps, read_model, transact
from coordinator.commands import unit
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Kind
from coordinator.domain.storage import StorageId
from coordinator.domain.view import View
from coordinator.wire import AddUnits, Remove, Resolve

router = APIRouter()


@router.post("/models/{name}/applications/{app}/units", status_code=201)
def add_units(s: S, by: U, name: str, app: str, given: AddUnits) -> dict[str, str]:
    check(by, "write", name)
    transact(s, by, name, lambda view: unit.add_units(
        view, name, app, count=given.count, now=s.clock.timestamp(), to=given.to,
        attach=list(map(StorageId.parse, given.attach_storage)),
    ))  # fmt: skip
    return {}


@router.post("/models/{name}/units/remove")
def remove_units(s: S, by: U, name: str, given: Remove) -> dict[str, str]:
    check(by, "write", name)
    names = [UnitName.parse(text) for text in given.names]
    force_at_s = force_at(s, given.force, given.no_wait)
    in_steps(s, by, name, names, lambda view, some: unit.remove_units(
        view, name, some, force_at_s=force_at_s, destroy_storage=given.destroy_storage
    ))  # fmt: skip
    return {}


@router.post("/models/{name}/units/resolve")
def resolve(s: S, by: U, name: str, given: Resolve) -> dict[str, str]:
    check(by, "write", name)

    names = [UnitName.parse(text) for text in given.names]
    if given.all:
        names = [stored.name for _, stored in read_model(s, name).list(Kind.UNIT, name)]

    def plan(view: View, some: Sequence[UnitName]) -> Change | None:
        if given.all:
            some = [unit_name for unit_name in some if _in_error(view, name, unit_name)]
        return unit.resolve(view, name, some, retry=given.retry)

    in_steps(s, by, name, names, plan)
    return {}


def _in_error(view: View, name: str, unit_name: UnitName) -> bool:
    memory = view.peek(refs.memory(name, unit_name))
    stored = view.peek(refs.unit(name, unit_name))
    return memory is not None and memory.failed is not None and stored is not None and stored.resolved is None


@router.get("/models/{name}/units/{app}/{number}")
def get_unit(s: S, by: U, name: str, app: str, number: str) -> dict[str, Any]:
    check(by, "admin", name)
    return show.unit(read_model(s, name), name, UnitName.parse(f"{app}/{number}"))
