"""Addresses of a unit as charms see them: for network-get, unit-get, and the keys that every unit bag has."""

from __future__ import annotations

from ipaddress import ip_address

from coordinator.domain.network import parse_subnets
from coordinator.domain.settings import setting
from coordinator.engine.world import World


def private_address(world: World) -> str:
    """Return the address that other units reach this one at; empty when the machine has none."""
    return world.addresses[0] if world.addresses else ""


def egress_subnets(world: World) -> list[str]:
    """Return the subnets that traffic of the unit comes from: as the model's settings say, else its address."""
    if told := parse_subnets(str(setting(world.settings, "egress-subnets"))):
        return list(told)
    address = private_address(world)
    if not address:
        return []
    try:
        return [f"{address}/{ip_address(address).max_prefixlen}"]
    except ValueError:  # a host name: there is no subnet to tell
        return []


def address_entries(world: World) -> dict[str, str | None]:
    """Return the entries that every unit bag gets on entering, and anew when addresses change."""
    address = private_address(world)
    if not address:
        return {}
    return {
        "egress-subnets": ",".join(egress_subnets(world)) or None,
        "ingress-address": address,
        "private-address": address,
    }
