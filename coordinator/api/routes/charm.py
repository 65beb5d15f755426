"""Requests that hand in charm archives."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request

from coordinator.api.archive import read_archive
from coordinator.api.auth import check_somewhere
from coordinator.api.services import S, U, author

router = APIRouter()


@router.post("/charms", status_code=201)
async def upload_charm(s: S, by: U, request: Request) -> dict[str, Any]:
    """Take a packed charm (the body, a zip) and say what it is: sha256, name, whether it is a subordinate."""
    check_somewhere(by, "write")
    data = await request.body()

    def keep() -> dict[str, Any]:
        charm = s.archives.put(data, read_archive(data), author(by))
        return {"sha256": charm.sha256, "name": charm.meta.name, "subordinate": charm.meta.subordinate}

    return await asyncio.to_thread(keep)
