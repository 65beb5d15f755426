"""network-get, unit-get, open-port, close-port, opened-ports."""

from __future__ import annotations

import re
from typing import Any

from .._world import World
from ._call import USAGE, Call, Refused, Text, command

_PORT_MAX = 65_535


@command("network-get", takes=("r",))
def network_get(world: World, call: Call) -> dict[str, Any]:
    binding = call.word(0) or ""
    number = call.options.get("r", "").rpartition(":")[2]
    relation = int(number) if number else None
    for key in ((binding, relation), (binding, None)):
        if key in world.networks:
            return world.networks[key]
    has_default = binding in world.bindings or binding in world.endpoints - world.without_network
    if world.default_network is not None and has_default:
        return world.default_network
    # ops tells by these words that there is no such relation.
    raise Refused(f'no network config found for binding "{binding}": relation not found', USAGE)


@command("unit-get")
def unit_get(world: World, call: Call) -> Text:
    for network in (*world.networks.values(), world.default_network or {}):
        for each in network.get("ingress-addresses", ()):
            return Text(each)
    raise Refused(f"no {(call.word(0) or '').replace('-', ' ')}(es)")


@command("open-port", takes=("endpoints",))
def open_port(world: World, call: Call) -> None:
    world.ports.add(_port(call.word(0) or ""))


@command("close-port", takes=("endpoints",))
def close_port(world: World, call: Call) -> None:
    world.ports.discard(_port(call.word(0) or ""))


@command("opened-ports")
def opened_ports(world: World, call: Call) -> list[str]:
    ports = sorted(world.ports, key=_order)
    return [f"{port} (*)" for port in ports] if call.is_set("endpoints") else ports


def _order(port: str) -> tuple[str, int]:
    numbers, _, protocol = port.partition("/")
    return (protocol, int(numbers.partition("-")[0])) if protocol else (numbers, 0)


def _port(text: str) -> str:
    """Return a port or a range of ports as the controller prints it.

    Raises:
        Refused: there is no such port.
    """
    numbers, slash, protocol = text.lower().partition("/")
    if numbers == "icmp" and not slash:
        return "icmp"
    protocol = protocol if slash else "tcp"
    if protocol == "icmp":
        raise Refused(f'protocol "icmp" doesn\'t support any ports; got "{numbers}"', USAGE)
    if protocol not in ("tcp", "udp"):
        raise Refused(f'invalid protocol "{protocol}", expected "tcp", "udp", or "icmp"', USAGE)
    if not re.fullmatch(r"\d{1,9}(-\d{1,9})?", numbers):
        raise Refused(f'invalid port "{numbers}": not a number', USAGE)
    first, _, last = numbers.partition("-")
    if not 0 < int(first) <= int(last or first) <= _PORT_MAX:
        raise Refused(f"port range bounds must be between 1 and {_PORT_MAX}, got {numbers}", USAGE)
    return f"{numbers}/{protocol}"
