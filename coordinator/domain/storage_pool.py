"""Pools: where storage comes from, with attributes that people give a name to.

Role: the entity, its providers, and which attributes each of them has.
Not here: instances (storage.py).

    rootfs    a directory on a disk of the machine, below the worker's data directory
              path=DIRECTORY   below that directory of each machine instead
              mode=OCTAL       permissions of a new instance; without, those that the worker's umask gives
    tmpfs     memory, gone with a restart of the machine
              mode=OCTAL       permissions of a new instance; without, 0755
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from coordinator.domain import refs
from coordinator.domain.names import check_path
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.view import Stored, View
from coordinator.errors import BadRequest, NotFound

_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9-]{0,62}")
_MODE = re.compile(r"0?[0-7]{3}")


@dataclass(frozen=True, kw_only=True, slots=True)
class StoragePool:
    """One pool.

    `named` counts how often a pool was named in what makes storage: whoever removes or changes it thereby notices
    who came to name it meanwhile.
    """

    name: str
    provider: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    named: int = 0

    @property
    def path(self) -> str | None:
        return self.attributes.get("path")

    @property
    def mode(self) -> str | None:
        return self.attributes.get("mode")


#: The pools of every model; each provider has one of its name.
BUILT_IN: Mapping[str, StoragePool] = {name: StoragePool(name=name, provider=name) for name in ("rootfs", "tmpfs")}
USUAL = "rootfs"

_ATTRIBUTES = {"rootfs": ("path", "mode"), "tmpfs": ("mode",)}


class Pools(Mapping[str, StoragePool]):
    """The pools of a model by name, as they were at one moment; decoded when they are asked for."""

    def __init__(self, model: str = "", made: Mapping[Ref, Stored] | None = None) -> None:
        self._model, self._made = model, made or {}

    @classmethod
    def of(cls, view: View, model: str) -> Pools:
        return cls(model, view.snapshot(Kind.STORAGE_POOL, model))

    def __getitem__(self, name: str) -> StoragePool:
        return BUILT_IN[name] if name in BUILT_IN else self._made[refs.storage_pool(self._model, name)].value

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*BUILT_IN, *(ref.path[1] for ref in self._made)}))

    def __len__(self) -> int:
        return len(BUILT_IN) + len(self._made)


def find_pool(view: View, model: str, name: str) -> StoragePool:
    """Return the pool called *name*; the write depends on it.

    Raises:
        NotFound: there is none.
    """
    pool = BUILT_IN.get(name) or view.find(refs.storage_pool(model, name))
    if pool is None:
        raise NotFound(f'storage pool "{name}" not found', fix="`coordinator storage-pools` lists them")
    return pool


def check_pool_name(name: str) -> str:
    """Return *name* if a pool may be called that.

    Raises:
        BadRequest: it may not.
    """
    if not _NAME.fullmatch(name):
        raise BadRequest(
            f'pool name "{name}" not valid',
            why="it is letters, digits and hyphens, the first a letter, 63 at most",
            fix="write it like fast-disk",
        )
    return name


def parse_attributes(provider: str, given: Mapping[str, Any]) -> dict[str, str]:
    """Return the attributes of a pool of *provider*; what is empty is left out.

    Raises:
        NotFound: there is no such provider.
        BadRequest: it has no such attribute, or not with such a value.
    """
    known = _ATTRIBUTES.get(provider)
    if known is None:
        raise NotFound(
            f'storage provider "{provider}" not found', fix=f"the providers are {' and '.join(_ATTRIBUTES)}"
        )
    found = {}
    for name, value in given.items():
        if name not in known:
            raise BadRequest(
                f'storage provider "{provider}" has no attribute "{name}"', fix=f"it has {' and '.join(known)}"
            )
        text = str(value)
        if not text:
            continue
        if name == "path":
            check_path(text)
        elif not _MODE.fullmatch(text):
            raise BadRequest(f'mode "{text}" not valid', why="it is three octal digits", fix="write it like 0750")
        found[name] = text
    return found


def named_again(view: View, model: str, names: Iterable[str]) -> dict[Ref, Any]:
    """Return the puts by which whoever names pools of people's own says so; the pools are there.

    Raises:
        NotFound: one of them is not.
    """
    own = {name: find_pool(view, model, name) for name in sorted(set(names)) if name and name not in BUILT_IN}
    return {refs.storage_pool(model, name): replace(pool, named=pool.named + 1) for name, pool in own.items()}
