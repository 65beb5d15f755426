"""Requests about resources: contents, and who uses them."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request

from coordinator.api import show
from coordinator.api.auth import check, check_somewhere
from coordinator.api.services import S, U, author, read_model, transact
from coordinator.commands import resource
from coordinator.wire import AttachResource

router = APIRouter()


@router.post("/resources", status_code=201)
async def upload_resource(s: S, by: U, request: Request) -> dict[str, Any]:
    """Take the content of a resource (the body) and say how it is called: sha256, size."""
    check_somewhere(by, "write")
    data = await request.body()
    blob = await asyncio.to_thread(lambda: s.archives.put_resource(data, author(by)))
    return {"sha256": blob.sha256, "size": blob.size}


@router.get("/models/{name}/applications/{app}/resources")
def list_resources(s: S, by: U, name: str, app: str) -> dict[str, Any]:
    """What the charm declares, and what was handed in of it."""
    check(by, "read", name)
    return {"resources": show.resources(read_model(s, name), name, app)}


@router.put("/models/{name}/applications/{app}/resources/{resource_name}")
def attach_resource(s: S, by: U, name: str, app: str, resource_name: str, given: AttachResource) -> dict[str, str]:
    check(by, "write", name)
    transact(s, by, name, lambda view: resource.attach(
        view, name, app, resource_name, given.sha256, by=by.name, now=s.clock.timestamp()
    ), blobs=[given.sha256])  # fmt: skip
    return {}
