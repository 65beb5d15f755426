"""Ranges of ports: parse and print them, and what opening and closing one makes of the open ones.

A unit's ports are a mapping of endpoint ("" for all of them) to ranges in their printed form, as in UnitStatus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coordinator.domain.names import UnitName, natural
from coordinator.engine.tools.context import HookContext
from coordinator.errors import BadRequest, Refused

Ports = Mapping[str, tuple[str, ...]]

PORT_MAX = 65_535
RANGES_MAX = 1_000  # per unit; they are stored together with its status
ALL = ""


@dataclass(frozen=True, order=True, slots=True)
class PortRange:
    """Sorts by protocol, then number.  icmp has no ports: both bounds are -1."""

    protocol: str
    first: int = -1
    last: int = -1

    def __str__(self) -> str:
        if self.protocol == "icmp":
            return "icmp"
        numbers = str(self.first) if self.first == self.last else f"{self.first}-{self.last}"
        return f"{numbers}/{self.protocol}"

    def overlaps(self, other: PortRange) -> bool:
        return self.protocol == other.protocol and self.first <= other.last and other.first <= self.last


def parse_range(given: str | None) -> PortRange:
    """Return the range that a charm wrote: `80`, `80/TCP`, `8000-8010/udp`, `icmp`.

    Raises:
        BadRequest: it is none.
    """
    if not given:
        raise BadRequest("no port or range specified")
    text, slash, protocol = given.lower().partition("/")
    if text == "icmp" and not slash:
        return PortRange("icmp")
    protocol = protocol if slash else "tcp"
    if protocol == "icmp":
        raise BadRequest(f'protocol "icmp" doesn\'t support any ports; got "{text}"')
    if protocol not in ("tcp", "udp"):
        raise BadRequest(f'invalid protocol "{protocol}", expected "tcp", "udp", or "icmp"')
    parts = text.split("-")
    if len(parts) > 2:
        raise BadRequest(f'invalid port range "{text}"')
    numbers = [_number(part) for part in parts]
    first, last = numbers[0], numbers[-1]
    if first > last:
        raise BadRequest(f"invalid port range {first}-{last}/{protocol}")
    if last > PORT_MAX:
        raise BadRequest(f"port range bounds must be between 0 and {PORT_MAX}, got {first}-{last}")
    return PortRange(protocol, first, last)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadRequest(f'invalid port "{text}": not a number')
    return int(text)


def by_range(ports: Ports) -> dict[PortRange, set[str]]:
    """Return the endpoints of each open range, sorted by range."""
    found: dict[PortRange, set[str]] = {}
    for endpoint, ranges in ports.items():
        for text in ranges:
            found.setdefault(parse_range(text), set()).add(endpoint)
    return dict(sorted(found.items()))


def opened(context: HookContext, wanted: PortRange, endpoints: Sequence[str]) -> Ports:
    """Return the unit's ports with *wanted* open at *endpoints*, or at all of them when there are none.

    Raises:
        Refused: it conflicts with a range of this unit, or of another one on the machine; or too many are open.
    """
    mine = by_range(context.ports())
    _check_conflicts(context, "open", wanted, mine)
    names = mine.setdefault(wanted, set())
    if not endpoints:
        names.clear()
        names.add(ALL)
    elif ALL not in names:
        names.update(endpoints)
    if len(mine) > RANGES_MAX:
        raise Refused(
            f"cannot open {wanted}",
            why=f"{RANGES_MAX} ranges are open already, the limit",
            fix="open ranges, like 8000-8999/tcp, instead of single ports",
        )
    return _stored(mine)


def closed(context: HookContext, wanted: PortRange, endpoints: Sequence[str]) -> Ports:
    """Return the unit's ports with *wanted* closed at *endpoints*, or everywhere when there are none.

    Raises:
        Refused: only a part of an open range is to be closed.
    """
    mine = by_range(context.ports())
    if wanted not in mine:
        _check_own(context, "close", wanted, mine)
        return context.ports()
    names = mine[wanted]
    if ALL in names and endpoints:
        names.remove(ALL)
        names.update(endpoint.name for endpoint in context.world.charm.endpoints)
    names -= set(endpoints) if endpoints else set(names)
    return _stored(mine)


def _stored(mine: Mapping[PortRange, set[str]]) -> Ports:
    ports: dict[str, tuple[str, ...]] = {}
    for one, names in mine.items():
        for name in names:
            ports[name] = (*ports.get(name, ()), str(one))
    return {name: tuple(sorted(ranges, key=natural)) for name, ranges in sorted(ports.items())}


def _check_conflicts(
    context: HookContext, verb: str, wanted: PortRange, mine: Mapping[PortRange, set[str]]
) -> None:
    if wanted.protocol == "icmp":  # nobody owns it: any number of units may answer
        return
    if wanted not in mine:
        _check_own(context, verb, wanted, mine)
    for unit, ports in sorted(context.world.machine_ports.items()):
        for other in by_range(ports):
            if wanted.overlaps(other):
                raise _conflict(context, verb, wanted, other, unit, earlier=False)


def _check_own(context: HookContext, verb: str, wanted: PortRange, mine: Mapping[PortRange, set[str]]) -> None:
    stored = by_range(context.world.status.ports)
    for other in mine:
        if wanted.overlaps(other):
            raise _conflict(context, verb, wanted, other, context.world.unit, earlier=other not in stored)


def _conflict(
    context: HookContext, verb: str, wanted: PortRange, other: PortRange, unit: UnitName, *, earlier: bool
) -> Refused:
    return Refused(
        f'cannot {verb} {wanted} (unit "{context.world.unit}"): port range conflicts with {other} (unit "{unit}")'
        + (" requested earlier" if earlier else "")
    )
