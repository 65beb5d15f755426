"""Addresses of a unit as charms see them: for network-get, unit-get, and the keys that every unit bag has."""

from __future__ import annotations

from ipaddress import ip_address

from coordinator.domain.network import parse_subnets
from coordinator.domain.settings import setting
from coordinator.domain.space import addresses_in, bound_to
from coordinator.engine.world import World


def told_of_network(world: World) -> tuple[str, ...]:
    """Return what config-changed tells a charm of: the addresses of its machine; `endpoint@space` for each binding
    that somebody made; and which addresses are in a space that has not all of them.
    """
    if not world.spaces and not world.bindings:
        return world.addresses
    bound = [f"{endpoint}@{space}" for endpoint, space in sorted(world.bindings.items())]
    used = sorted({bound_to(world.bindings, ""), *world.bindings.values()})
    found = {space: addresses_in(world.spaces, world.addresses, space) for space in used}
    parts = [f"{space}={','.join(some)}" for space, some in found.items() if len(some) < len(world.addresses)]
    return (*world.addresses, *bound, *parts)


def bindings_in(told: tuple[str, ...]) -> list[str]:
    """Return the bindings in what `told_of_network` returned."""
    return [text for text in told if "@" in text]


def addresses_at(world: World, endpoint: str) -> list[str]:
    """Return the addresses of the unit in the space that *endpoint* is bound to, the private one first."""
    return addresses_in(world.spaces, world.addresses, bound_to(world.bindings, endpoint))


def ingress_address(world: World, endpoint: str) -> str:
    """Return the address that other units reach this one at; empty when it has none in the endpoint's space."""
    return next(iter(addresses_at(world, endpoint)), "")


def egress_subnets(world: World, endpoint: str) -> list[str]:
    """Return the subnets that traffic of the unit comes from: as the model's settings say, else its address."""
    if told := parse_subnets(str(setting(world.settings, "egress-subnets"))):
        return list(told)
    address = ingress_address(world, endpoint)
    if not address:
        return []
    try:
        return [f"{address}/{ip_address(address).max_prefixlen}"]
    except ValueError:  # a host name: there is no subnet to tell
        return []


def address_entries(world: World, endpoint: str) -> dict[str, str | None]:
    """Return the entries that the unit's bag in a relation of *endpoint* gets on entering, and anew when addresses
    change; None takes one away that is not true any more."""
    address = ingress_address(world, endpoint)
    if not address and not world.addresses:  # it has not told any yet
        return {}
    return {
        "egress-subnets": ",".join(egress_subnets(world, endpoint)) or None if address else None,
        "ingress-address": address or None,
        "private-address": address or None,
    }
