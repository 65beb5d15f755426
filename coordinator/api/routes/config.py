"""Requests about an application's options."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from coordinator.api import show
from coordinator.api.auth import check
from coordinator.api.services import S, U, read_model, transact
from coordinator.commands import config
from coordinator.wire import SetConfig

router = APIRouter()


@router.get("/models/{name}/applications/{app}/config")
def get_config(s: S, by: U, name: str, app: str) -> dict[str, Any]:
    check(by, "read", name)
    return show.config(read_model(s, name), name, app)


@router.patch("/models/{name}/applications/{app}/config")
def set_config(s: S, by: U, name: str, app: str, given: SetConfig) -> dict[str, str]:
    check(by, "write", name)
    transact(s, by, name, lambda view: config.set_config(view, name, app, given.config, given.reset))
    return {}
