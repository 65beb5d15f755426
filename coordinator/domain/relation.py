"""Relations: which endpoints fit, and who may read and write which bag."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from coordinator.domain.charm import CharmMeta, Endpoint, Role
from coordinator.domain.life import Life
from coordinator.domain.names import EndpointName, UnitName
from coordinator.errors import Refused

#: One relation bag, as JSON.  etcd refuses requests above 1.5 MiB; two bags and the memory must fit into one.
BAG_BYTES_MAX = 512 * 1024


class Scope(str, Enum):
    """Global: every unit sees every unit of the other side.  Container: only units of one machine do."""

    GLOBAL = "global"
    CONTAINER = "container"


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One end of a relation."""

    app: str
    endpoint: str
    role: Role

    def __str__(self) -> str:
        return f"{self.app}:{self.endpoint}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Relation:
    """A peer relation has one side; any other has two, the requirer first."""

    id: int
    interface: str
    sides: tuple[Side, ...]
    created: str
    scope: Scope = Scope.GLOBAL
    life: Life = Life.ALIVE
    force_at_s: float | None = None

    @property
    def is_peer(self) -> bool:
        return len(self.sides) == 1

    @property
    def key(self) -> str:
        """The text that names it to people: `web:db store:db`."""
        return " ".join(map(str, self.sides))

    def side_of(self, app: str) -> Side | None:
        """Return the side of *app*, or None when it has no part in this."""
        return next((side for side in self.sides if side.app == app), None)

    def other_side(self, app: str) -> Side:
        """Return what *app* sees at the other end; for a peer relation that is itself."""
        return next((side for side in self.sides if side.app != app), self.sides[0])


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """Exists while the unit is in the scope of the relation."""

    unit: UnitName


#: Every application offers this without declaring it, so that any subordinate can sit beside it.
JUJU_INFO = Endpoint(name="juju-info", interface="juju-info", role=Role.PROVIDES)


def find_pair(
    left: EndpointName, left_charm: CharmMeta, right: EndpointName, right_charm: CharmMeta
) -> tuple[tuple[str, Endpoint], tuple[str, Endpoint]]:
    """Return the two endpoints that *left* and *right* mean, the requirer first.

    Raises:
        Refused: none fits, or several do.
    """
    pairs = list(_fitting(left, left_charm.endpoints, right, right_charm.endpoints))
    if not pairs:
        pairs = list(_fitting(left, _with_info(left_charm), right, _with_info(right_charm)))
    if not pairs:
        raise Refused(
            "no relations found",
            why=_why_none(left, left_charm, right, right_charm),
            fix="`coordinator show-application APP` lists an application's endpoints",
        )
    if len(pairs) > 1:
        texts = sorted(_pair_text(left.app, right.app, *pair) for pair in pairs)
        raise Refused(
            f'ambiguous relation: "{left} {right}" could refer to ' + "; ".join(f'"{text}"' for text in texts),
            fix=f"name the endpoints: coordinator integrate {texts[0]}",
        )
    one, other = pairs[0]
    ends = ((left.app, one), (right.app, other))
    return ends if one.role is Role.REQUIRES else (ends[1], ends[0])


def _fitting(
    left: EndpointName, left_has: Sequence[Endpoint], right: EndpointName, right_has: Sequence[Endpoint]
) -> Iterator[tuple[Endpoint, Endpoint]]:
    opposite = {Role.PROVIDES: Role.REQUIRES, Role.REQUIRES: Role.PROVIDES}
    for one in left_has:
        for other in right_has:
            named = left.endpoint in (None, one.name) and right.endpoint in (None, other.name)
            if named and one.interface == other.interface and opposite.get(one.role) is other.role:
                yield one, other


def _with_info(charm: CharmMeta) -> tuple[Endpoint, ...]:
    return (*charm.endpoints, JUJU_INFO)


def _pair_text(left: str, right: str, one: Endpoint, other: Endpoint) -> str:
    return f"{left}:{one.name} {right}:{other.name}"


def _why_none(left: EndpointName, left_charm: CharmMeta, right: EndpointName, right_charm: CharmMeta) -> str:
    for name, charm in ((left, left_charm), (right, right_charm)):
        if name.endpoint and name.endpoint not in {e.name for e in _with_info(charm)}:
            known = ", ".join(sorted(e.name for e in charm.endpoints)) or "none"
            return f'application "{name.app}" has no "{name.endpoint}" relation; it has {known}'
    return f"no endpoint of {left} and {right} share an interface with opposite roles"
