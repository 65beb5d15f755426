"""Network interfaces of a machine, and what they are to charms.  Pure.

Role: what a worker reports of its host, filtered to what other machines can reach.
Not here: how it is found out (worker/addresses.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_interface, ip_network

from coordinator.errors import BadRequest, Refused

_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
#: How the interfaces are called that container engines and the like make for what runs inside the machine.
_INSIDE = ("docker", "br-", "veth", "virbr", "lxdbr", "lxcbr", "cni", "flannel", "cali", "podman")


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """One address; `cidr` is the subnet it is in, empty when that is not known."""

    value: str
    cidr: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interface:
    """One interface with its addresses; `mac` is empty when it has none."""

    name: str
    mac: str = ""
    addresses: tuple[Address, ...] = ()


def check_address(text: str) -> str:
    """Return *text* if it can be the address of a machine: of IP, or a name; or if it is empty.

    Raises:
        BadRequest: it cannot.
    """
    if text and not _HOST_NAME.fullmatch(text):
        try:
            ip_address(text)
        except ValueError as cause:
            raise BadRequest(
                f'address "{text}" not valid',
                why="it is no address of IP and no name",
                fix="write it like 10.0.0.5",
            ) from cause
    return text


def reachable(interfaces: tuple[Interface, ...]) -> tuple[Interface, ...]:
    """Return the interfaces that others can reach, sorted by name, with their addresses of more than the link."""
    found = []
    for interface in sorted(interfaces, key=lambda each: each.name):
        if interface.name.startswith(_INSIDE):
            continue
        addresses = tuple(address for address in interface.addresses if _is_reachable(address.value))
        if addresses:
            found.append(Interface(name=interface.name, mac=interface.mac, addresses=addresses))
    return tuple(found)


def _is_reachable(text: str) -> bool:
    address = ip_address(text)
    return not (address.is_loopback or address.is_link_local or address.is_unspecified)


def subnet_of(address: str, netmask: str) -> str:
    """Return the subnet of *address*: `10.0.0.0/24`; empty when *netmask* is none."""
    try:
        return str(ip_interface(f"{address}/{_prefix(netmask)}").network)
    except ValueError:
        return ""


def _prefix(netmask: str) -> int:
    """Return the number of leading bits of a netmask, of either family."""
    bits = bin(int(ip_address(netmask.partition("/")[0])))[2:]
    return bits.count("1")


def check_network(text: str) -> str:
    """Return *text* if it is a network, like `10.0.0.0/8`, or an address in one, like `10.1.2.3/8`.

    Raises:
        BadRequest: it is neither.
    """
    try:
        if "/" not in text:
            raise ValueError("it has no length of the prefix")
        ip_network(text, strict=False)
    except ValueError as cause:
        raise BadRequest(
            f'"{text}" is not a valid CIDR', why=str(cause), fix="write it like 10.0.0.0/8"
        ) from cause
    return text


def parse_subnets(text: str) -> tuple[str, ...]:
    """Return the subnets in a list separated by commas, as a person writes it.

    Raises:
        Refused: one of them is none.
    """
    found = []
    for part in (part.strip() for part in text.split(",")):
        if part:
            try:
                found.append(str(ip_network(part)))
            except ValueError as cause:
                raise Refused(
                    f'"{part}" is not a subnet', why=str(cause), fix="write it like 10.0.0.0/8"
                ) from cause
    return tuple(found)
