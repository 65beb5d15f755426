"""Requests about spaces, and what is bound to them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from coordinator.api import space as space_text
from coordinator.api.auth import check
from coordinator.api.services import S, U, read_model, transact
from coordinator.commands import space
from coordinator.domain.change import Change
from coordinator.domain.view import View
from coordinator.wire import AddSpace, Bind, MoveToSpace, RenameSpace

router = APIRouter()


@router.get("/models/{name}/spaces")
def list_spaces(s: S, by: U, name: str) -> dict[str, Any]:
    """Every space: {"spaces": [{"id": …, "name": …, "subnets": {CIDR: {"type": …, "status": …, …}}}]}."""
    check(by, "read", name)
    return space_text.spaces_tree(read_model(s, name), name)


@router.get("/models/{name}/subnets")
def list_subnets(s: S, by: U, name: str, space: str | None = None) -> dict[str, Any]:
    """Every subnet, or those of one space: {"subnets": {CIDR: {"space": …, "status": …, …}}}."""
    check(by, "read", name)
    return space_text.subnets_tree(read_model(s, name), name, space=space)


@router.get("/models/{name}/spaces/{space_name}")
def get_space(s: S, by: U, name: str, space_name: str) -> dict[str, Any]:
    """One space, the applications bound to it, and how many machines have an address there."""
    check(by, "read", name)
    return space_text.show(read_model(s, name), name, space_name)


@router.post("/models/{name}/spaces", status_code=201)
def add_space(s: S, by: U, name: str, given: AddSpace) -> dict[str, str]:
    check(by, "admin", name)
    transact(s, by, name, lambda view: space.add_space(view, name, given.name, given.cidrs))
    return {}


@router.post("/models/{name}/spaces/{space_name}/rename")
def rename_space(s: S, by: U, name: str, space_name: str, given: RenameSpace) -> dict[str, str]:
    check(by, "admin", name)
    transact(s, by, name, lambda view: space.rename_space(view, name, space_name, given.name))
    return {}


@router.post("/models/{name}/spaces/{space_name}/subnets")
def move_to_space(s: S, by: U, name: str, space_name: str, given: MoveToSpace) -> dict[str, Any]:
    """Give networks to a space; answers {"moved": {CIDR: the space that had it}}."""
    check(by, "admin", name)
    moved: dict[str, str] = {}

    def plan(view: View) -> Change | None:
        moved.clear()
        change = space.move_to_space(view, name, space_name, given.cidrs, force=given.force)
        moved.update(space.holders(view, name, given.cidrs) if change is not None else {})
        return change

    transact(s, by, name, plan)
    return {"moved": moved}


@router.delete("/models/{name}/spaces/{space_name}")
def remove_space(s: S, by: U, name: str, space_name: str, force: bool = False) -> dict[str, str]:
    check(by, "admin", name)
    transact(s, by, name, lambda view: space.remove_space(view, name, space_name, force=force))
    return {}


@router.post("/models/{name}/applications/{app}/bindings")
def bind(s: S, by: U, name: str, app: str, given: Bind) -> dict[str, Any]:
    """Bind endpoints to spaces; answers {"moved": {endpoint: [from, to]}} with those whose space changed."""
    check(by, "write", name)
    moved: dict[str, tuple[str, str]] = {}

    def plan(view: View) -> Change | None:
        moved.clear()
        change = space.bind(view, name, app, given.bindings, force=given.force)
        moved.update(space.moved_by(view, name, app, change) if change is not None else {})
        return change

    transact(s, by, name, plan)
    return {"moved": moved}
