"""Requests about machines."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from coordinator.api import status
from coordinator.api.auth import check
from coordinator.api.services import S, U, author, force_at
from coordinator.commands import machine
from coordinator.domain.refs import Kind
from coordinator.store import keys

router = APIRouter()


@router.get("/machines")
def list_machines(s: S, by: U) -> dict[str, Any]:
    return {"machines": status.machines_of(s.repository.read(keys.everything(Kind.MACHINE)))}


@router.delete("/machines/{machine_id}")
def remove_machine(s: S, by: U, machine_id: str, force: bool = False, no_wait: bool = False) -> dict[str, str]:
    check(by, "superuser")
    force_at_s = force_at(s, force, no_wait)
    everything = (keys.everything(Kind.MACHINE), keys.everything(Kind.MODEL))
    s.repository.transact(
        lambda: s.repository.read(*everything),
        lambda view: machine.remove_machine(view, machine_id, force_at_s=force_at_s),
        author(by),
    )
    return {}
