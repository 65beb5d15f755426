"""Make pools of storage, change and remove them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from coordinator.commands.model import alive_model
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.refs import Kind
from coordinator.domain.storage_pool import BUILT_IN, StoragePool, check_pool_name, find_pool, parse_attributes
from coordinator.domain.view import View
from coordinator.errors import BadRequest, Refused


def create_pool(view: View, model: str, name: str, provider: str, attributes: Mapping[str, Any]) -> Change:
    alive_model(view, model)
    check_pool_name(name)
    ref = refs.storage_pool(model, name)
    if name in BUILT_IN or view.exists(ref):
        raise Refused(f'storage pool "{name}" already exists', fix="choose another name, or update that pool")
    pool = StoragePool(name=name, provider=provider, attributes=parse_attributes(provider, attributes))
    return Change(did=_said("create-storage-pool", pool), puts={ref: pool})


def update_pool(view: View, model: str, name: str, attributes: Mapping[str, Any]) -> Change | None:
    """Change attributes of a pool, for what is made from then on; an empty value takes one back."""
    pool = _own_pool(view, model, name, "update")
    if not attributes:
        raise BadRequest("no pool attributes specified", fix="write them like mode=0750")
    changed = replace(pool, attributes=parse_attributes(pool.provider, {**pool.attributes, **attributes}))
    if changed == pool:
        return None
    return Change(did=_said("update-storage-pool", changed), puts={refs.storage_pool(model, name): changed})


def remove_pool(view: View, model: str, name: str) -> Change:
    """Remove a pool that neither an application nor storage has."""
    _own_pool(view, model, name, "remove")
    users = [app.name for _, app in view.list(Kind.APPLICATION, model) if _wants(app.storage, name)]
    users += [str(each.id) for _, each in view.list(Kind.STORAGE, model) if each.pool == name]
    if users:
        raise Refused(
            f'storage pool "{name}" is in use',
            why=f"{', '.join(users[:5])}{', ...' if len(users) > 5 else ''} "
            + ("has" if len(users) == 1 else "have")
            + " storage from it",
            fix="first remove what has it: `coordinator storage` shows it",
        )
    return Change(did=f"remove-storage-pool {name}", deletes=frozenset({refs.storage_pool(model, name)}))


def _wants(directives: Mapping[str, Any], pool: str) -> bool:
    return any(directive.pool == pool for directive in directives.values())


def _own_pool(view: View, model: str, name: str, verb: str) -> StoragePool:
    pool = find_pool(view, model, name)
    if name in BUILT_IN:
        raise Refused(f'cannot {verb} storage pool "{name}"', why="every model has it as it is")
    return pool


def _said(verb: str, pool: StoragePool) -> str:
    pairs = [f"{key}={value}" for key, value in sorted(pool.attributes.items())]
    return " ".join([verb, pool.name, pool.provider, *pairs])
