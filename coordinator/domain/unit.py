"""Applications and units, and what of them a person wishes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from coordinator.domain.life import Life
from coordinator.domain.names import UnitName
from coordinator.domain.resource import Resource


@dataclass(frozen=True, slots=True)
class Directive:
    """How much of a storage a unit gets: from which pool ("" for the usual one), how many (None: as many as the
    charm needs), of which size (None: the usual one)."""

    pool: str = ""
    count: int | None = None
    size_mb: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollout:
    """An upgrade in batches of so many units at a time.

    `halted`: the unit in error at which it stopped, None as long as it goes on; `passed`: units in error that a
    person said not to wait for.
    """

    batch: int
    halted: UnitName | None = None
    passed: tuple[UnitName, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Former:
    """The charm before the last refresh, with its revision, resources, and the version that units knew it by."""

    charm: str
    revision: int
    version: int
    resources: Mapping[str, Resource] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Application:
    """What a person deployed.

    `charm` is the SHA-256 of the archive; `charm_version` counts every deploy, refresh and resource change, so
    that units see "upgrade" even when the archive is the same; `versions` is the greatest that was ever given, for
    none is given twice.  `rollout` None: every unit upgrades when it gets to it.  `forced_version`: the version
    that units in error take too.  `exposed` maps endpoints ("" for all) to CIDRs and names of spaces.  `bindings`
    maps them to spaces.  `storage` is what each new unit gets; `destroy_storage`: what its units have goes when
    they go.
    """

    name: str
    charm: str
    charm_name: str
    charm_revision: int
    created: str
    charm_version: int = 0
    versions: int = 0
    former: Former | None = None
    rollout: Rollout | None = None
    resources: Mapping[str, Resource] = field(default_factory=dict)
    forced_version: int | None = None
    subordinate: bool = False
    life: Life = Life.ALIVE
    units_wanted: int = 1
    trust: bool = False
    exposed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    constraints: Mapping[str, str] = field(default_factory=dict)
    bindings: Mapping[str, str] = field(default_factory=dict)
    storage: Mapping[str, Directive] = field(default_factory=dict)
    destroy_storage: bool = False
    force_at_s: float | None = None


class Resolved(str, Enum):
    """What a person said about a failed hook."""

    RETRY = "retry"
    SKIP = "skip"


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """`machine` is None until it is placed.  `force_at_s`: seconds since the epoch from which it may be
    removed without its agent; None means that its own hooks end it.  `charm_version`: the one that an upgrade in
    batches lets it run; None without one.  `destroy_storage`: its storage goes when it lets go of it."""

    name: UnitName
    created: str
    life: Life = Life.ALIVE
    machine: str | None = None
    placement: str | None = None
    resolved: Resolved | None = None
    principal: UnitName | None = None
    charm_version: int | None = None
    destroy_storage: bool = False
    force_at_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A worker's lease-bound right to run a unit.  Written only when ownership changes."""

    machine: str
    session: str
