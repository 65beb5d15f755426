"""Requests about the controller that answers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from coordinator import ANNOUNCED_VERSION, __version__
from coordinator.api.services import S, U

router = APIRouter()


@router.get("/version")
def get_version(s: S, by: U) -> dict[str, str]:
    """What runs here."""
    return {"version": ANNOUNCED_VERSION, "coordinator": __version__, "controller": s.controller_name}


@router.get("/whoami")
def whoami(s: S, by: U) -> dict[str, Any]:
    return {"user": by.name, "roles": dict(by.roles), "controller": s.controller_name}
