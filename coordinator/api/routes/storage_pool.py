"""Requests about pools of storage."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from coordinator.api.auth import check
from coordinator.api.services import S, U, read_model, transact
from coordinator.commands import storage_pool
from coordinator.domain.storage_pool import Pools
from coordinator.wire import CreateStoragePool, UpdateStoragePool

router = APIRouter()


@router.get("/models/{name}/storage-pools")
def list_pools(s: S, by: U, name: str) -> dict[str, Any]:
    """Each pool by its name: provider, and its attributes as `attrs` if it has any."""
    check(by, "read", name)
    pools = Pools.of(read_model(s, name), name)
    return {
        pool.name: {"provider": pool.provider, **({"attrs": dict(pool.attributes)} if pool.attributes else {})}
        for pool in pools.values()
    }


@router.post("/models/{name}/storage-pools", status_code=201)
def create_pool(s: S, by: U, name: str, given: CreateStoragePool) -> dict[str, str]:
    check(by, "admin", name)
    transact(s, by, name, lambda view: storage_pool.create_pool(
        view, name, given.name, given.provider, given.attributes
    ))  # fmt: skip
    return {}


@router.patch("/models/{name}/storage-pools/{pool}")
def update_pool(s: S, by: U, name: str, pool: str, given: UpdateStoragePool) -> dict[str, str]:
    check(by, "admin", name)
    transact(s, by, name, lambda view: storage_pool.update_pool(view, name, pool, given.attributes))
    return {}


@router.delete("/models/{name}/storage-pools/{pool}")
def remove_pool(s: S, by: U, name: str, pool: str) -> dict[str, str]:
    check(by, "admin", name)
    transact(s, by, name, lambda view: storage_pool.remove_pool(view, name, pool))
    return {}
