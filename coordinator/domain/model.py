"""A model: the workspace a person creates; its settings; and the machines that serve all models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from coordinator.domain.life import Life
from coordinator.domain.network import Interface


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """`created` is RFC 3339 in UTC.

    `settings` and `constraints` hold only what a person set: see domain/settings.py, domain/constraints.py.
    """

    name: str
    uuid: str
    owner: str
    created: str
    life: Life = Life.ALIVE
    settings: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    constraints: Mapping[str, str] = field(default_factory=dict)
    #: What becomes of storage when the model goes: its content is left on the machines (True), or deleted.
    release_storage: bool = False
    #: Seconds since the epoch from which dying parts may be removed without waiting for their agents.
    force_at_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """A host that runs units.

    `dedicated` names the `model/application` whose next unit it registered as, and nothing else is placed there;
    `enlisted` says that it got that unit (once: a unit that was removed does not come back).  `addresses`: the
    private one first.  `interfaces`: those that others can reach.  `arch` is empty, and sizes are 0, where that
    could not be found out.  `tags`: words of whoever started its worker.
    """

    id: str
    hostname: str
    addresses: tuple[str, ...]
    cores: int
    memory_mb: int
    created: str
    arch: str = ""
    root_disk_mb: int = 0
    tags: tuple[str, ...] = ()
    life: Life = Life.ALIVE
    dedicated: str | None = None
    enlisted: bool = False
    interfaces: tuple[Interface, ...] = ()
    force_at_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """The worker process that serves a machine, as long as its lease lasts.

    `url` is where it serves logs, metrics and health; `secret` is what a caller there must show.
    """

    session: str
    url: str
    secret: str
    version: str
    since: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Journal:
    """The last change of a model: who, what, and the revision that caused it (None: a person did).

    `nonce` is new in every transaction, so that a write whose answer was lost can be found.
    """

    by: str
    did: str
    nonce: str
    at: str
    why: int | None = None
