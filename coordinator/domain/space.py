"""Spaces: networks by name, and which addresses of a machine an endpoint is bound to.

Role: the entity, and the rules that lead from a binding to addresses.  Every model has alpha: the networks that no
space of its own has.  The networks of two spaces never overlap, so an address is in exactly one space.
Not here: what interfaces a machine has (network.py), who is told of a change (engine/network.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from coordinator.domain import refs
from coordinator.domain.charm import CharmMeta
from coordinator.domain.model import Machine
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.relation import JUJU_INFO
from coordinator.domain.unit import Application
from coordinator.domain.view import Stored, View
from coordinator.errors import BadRequest, NotFound, Refused

ALPHA = "alpha"
ALPHA_ID = "0"
SEQUENCE = "space"  # numbers spaces; whoever changes which networks one has writes it, and so notices the others

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
NAME_LENGTH_MAX = 63


@dataclass(frozen=True, kw_only=True, slots=True)
class Space:
    """One space.  `cidrs` are sorted as text.  `named` counts how often something was bound to it: whoever removes
    it thereby notices who was meanwhile."""

    name: str
    id: str
    cidrs: tuple[str, ...] = ()
    named: int = 0


class Spaces(Mapping[str, Space]):
    """The spaces of a model by name, without alpha, as they were at one moment; decoded when asked for."""

    def __init__(self, model: str = "", made: Mapping[Ref, Stored] | None = None) -> None:
        self._model, self._made = model, made or {}

    @classmethod
    def of(cls, view: View, model: str) -> Spaces:
        return cls(model, view.snapshot(Kind.SPACE, model))

    def __getitem__(self, name: str) -> Space:
        return self._made[refs.space(self._model, name)].value

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(ref.path[1] for ref in self._made))

    def __len__(self) -> int:
        return len(self._made)


def space_of(spaces: Mapping[str, Space], address: str) -> str:
    """Return the name of the space that *address* is in; a host name is in alpha."""
    parsed = _address(address)
    if parsed is not None:
        for space in spaces.values():
            if any(parsed in _network(cidr) for cidr in space.cidrs):
                return space.name
    return ALPHA


def networks_of(spaces: Mapping[str, Space], machines: Iterable[Machine], name: str) -> tuple[str, ...]:
    """Return the networks of space *name*, sorted; alpha has the subnets of *machines* that no other space has."""
    if name != ALPHA:
        return spaces[name].cidrs if name in spaces else ()
    told = [each for machine in machines for interface in machine.interfaces for each in interface.addresses]
    return tuple(sorted({each.cidr for each in told if each.cidr and space_of(spaces, each.value) == ALPHA}))


def addresses_in(spaces: Mapping[str, Space], addresses: Iterable[str], space: str) -> list[str]:
    """Return those of *addresses* that are in *space*, in their order."""
    return [address for address in addresses if space_of(spaces, address) == space] if spaces else list(addresses)


def bound_to(bindings: Mapping[str, str], endpoint: str) -> str:
    """Return the space that *endpoint* is bound to; "" stands for those that are not named."""
    return bindings.get(endpoint, bindings.get("", ALPHA))


def rebound(before: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return the bindings *before* with those *given* in place of them.

    With another space as the usual one, whatever was bound as usual, by name or not, goes along.
    """
    usual = bound_to(before, "")
    kept = {endpoint: space for endpoint, space in before.items() if "" not in given or space != usual}
    return {**kept, **given}


def bindable(meta: CharmMeta) -> list[str]:
    """Return what of a charm can be bound: endpoints and extra bindings, sorted."""
    return sorted({*(endpoint.name for endpoint in meta.endpoints), *meta.extra_bindings})


def endpoint_bindings(app: Application, meta: CharmMeta | None) -> dict[str, str]:
    """Return the space of each endpoint of *app*, "" first; of juju-info, which all have, only if it is bound."""
    names = ["", *(bindable(meta) if meta is not None else [])]
    if JUJU_INFO.name in app.bindings and JUJU_INFO.name not in names:
        names.append(JUJU_INFO.name)
    return {name: bound_to(app.bindings, name) for name in names}


def lacking(spaces: Mapping[str, Space], bindings: Mapping[str, str], machine: Machine) -> list[str]:
    """Return the spaces that *bindings* name and *machine* has no address in, sorted."""
    if not spaces:
        return []
    wanted = {space for space in bindings.values() if space in spaces or space == ALPHA}
    return sorted(wanted - {space_of(spaces, address) for address in machine.addresses})


def find_space(view: View, model: str, name: str) -> Space:
    """Return the space called *name*; the write depends on it.

    Raises:
        NotFound: there is none.
    """
    space = Space(name=ALPHA, id=ALPHA_ID) if name == ALPHA else view.find(refs.space(model, name))
    if space is None:
        raise NotFound(f'space "{name}" not found', fix="`coordinator spaces` lists them")
    return space


def named_again(view: View, model: str, names: Iterable[str]) -> dict[Ref, Any]:
    """Return the puts by which whoever binds something to spaces of *names* says so; they are there.

    Raises:
        NotFound: one of them is not.
    """
    found = [find_space(view, model, name) for name in sorted(set(names) - {ALPHA})]
    return {refs.space(model, space.name): replace(space, named=space.named + 1) for space in found}


def machines_of(view: View, model: str, app: str) -> list[Machine]:
    """Return the machines that have units of *app*."""
    names = {unit.machine for _, unit in view.list(Kind.UNIT, model, app) if unit.machine is not None}
    found = [view.peek(refs.machine(name)) for name in sorted(names)]
    return [machine for machine in found if machine is not None]


def check_machines(
    view: View, model: str, before: Application, after: Application, meta: CharmMeta, *, fix: str
) -> None:
    """Refuse bindings to spaces in which a machine with a unit of the application has no address.

    Raises:
        Refused: there is such a space, and nothing was bound to it *before*.
    """
    spaces = Spaces.of(view, model)
    new = set(endpoint_bindings(after, meta).values()) - set(endpoint_bindings(before, meta).values())
    for machine in machines_of(view, model, after.name):
        for space in sorted(new):
            if not addresses_in(spaces, machine.addresses, space):
                raise Refused(
                    f'cannot bind "{after.name}" to space "{space}"',
                    why=f"machine {machine.id}, which has a unit of it, has no address there",
                    fix=f"give the space a network of the machine (move-to-space); {fix}",
                )


def check_bindings(meta: CharmMeta, bindings: Mapping[str, str]) -> None:
    """Refuse bindings of what the charm does not have.

    Raises:
        NotFound: it has no such endpoint.
    """
    known = {"", JUJU_INFO.name, *bindable(meta)}
    for endpoint in bindings:
        if endpoint not in known:
            raise NotFound(
                f'endpoint "{endpoint}" not found',
                why=f'charm "{meta.name}" does not declare it',
                fix=f"it has {', '.join(bindable(meta)) or 'none'}",
            )


def check_space_name(name: str) -> str:
    """Return *name* if a space may be called that.

    Raises:
        BadRequest: it may not.
    """
    if not _NAME.fullmatch(name) or len(name) > NAME_LENGTH_MAX:
        raise BadRequest(
            f'"{name}" is not a valid space name',
            why=f"it is lower-case letters, digits and single hyphens inside, {NAME_LENGTH_MAX} at most",
            fix="write it like database-net",
        )
    return name


def parse_cidr(text: str) -> str:
    """Return *text*, a network like `10.1.0.0/24`, in its one form.

    Raises:
        BadRequest: it is none.
    """
    try:
        if "/" not in text:
            raise ValueError("it has no length of the prefix")
        return str(ip_network(text))
    except ValueError as cause:
        raise BadRequest(
            f'"{text}" is not a valid CIDR', why=str(cause), fix="write it like 10.1.0.0/24"
        ) from cause


def overlap(one: str, other: str) -> bool:
    """Say whether two networks have an address in common."""
    left, right = _network(one), _network(other)
    return left.version == right.version and left.overlaps(right)


def is_inside(address: str, cidr: str) -> bool:
    parsed = _address(address)
    return parsed is not None and parsed in _network(cidr)


@lru_cache(maxsize=4096)
def _network(cidr: str) -> IPv4Network | IPv6Network:
    return ip_network(cidr)


@lru_cache(maxsize=4096)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
