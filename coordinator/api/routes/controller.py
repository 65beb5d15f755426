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
    return {
        "version": ANNOUNCED_VERSION,
        "coordinator": __version__,
        "controller": s.controller_name,
        "controller-uuid": s.controller_uuid,
    }


@router.get("/whoami")
def whoami(s: S, by: U) -> dict[str, Any]:
    """Who asks, their access to the controller, and their `roles` in models by name ("*": in all)."""
    return {"user": by.name, "access": by.access, "roles": dict(by.roles), "controller": s.controller_name}
