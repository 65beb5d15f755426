"""network-get, unit-get, open-port, close-port, opened-ports."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

from coordinator.domain.network import Address, Interface
from coordinator.domain.relation import JUJU_INFO
from coordinator.domain.space import bound_to
from coordinator.engine.network import addresses_at, egress_subnets, ingress_address
from coordinator.engine.tools import _ports
from coordinator.engine.tools._flags import OUTPUT, RELATION, Args, Command, Flag, Reply
from coordinator.engine.tools.context import HookContext
from coordinator.engine.tools.relation import find_relation_of
from coordinator.engine.world import World
from coordinator.errors import BadRequest, Refused

# --- addresses -------------------------------------------------------------------------------------------


def _network_get(context: HookContext, args: Args) -> Reply:
    if not args.words:
        raise BadRequest("no arguments specified")
    binding = args.words[0]
    if not binding:
        raise BadRequest("no binding name specified")
    find_relation_of(context, args)  # only to refuse one that does not exist: relations share what is bound
    world = context.world
    if binding not in _bindings(world):
        raise Refused(
            f'cannot get network of "{binding}": undefined for unit charm: endpoint "{binding}" not valid'
        )
    addresses = _bind_addresses(world, binding)
    if not addresses:
        raise _no_addresses(world, binding)
    short = {
        "bind-address": addresses[0],
        "ingress-address": ingress_address(world, binding),
        "egress-subnets": egress_subnets(world, binding),
    }
    wanted = [name for name in short if args.flag(name)]
    if args.flag("primary-address"):
        if wanted:
            raise Refused("--primary-address must be the only flag specified")
        return Reply(value=addresses[0])
    if len(wanted) == 1:
        return Reply(value=short[wanted[0]])
    if wanted:
        return Reply(value={name: short[name] for name in wanted})
    return Reply(value=_network(world, binding, addresses, old_names=args.format != "json"))


def _bindings(world: World) -> set[str]:
    endpoints = {endpoint.name for endpoint in world.charm.endpoints}
    return {*endpoints, *world.charm.extra_bindings, JUJU_INFO.name}


def _no_addresses(world: World, binding: str) -> Refused:
    machine = world.machine or "of this unit"
    if not world.addresses:
        return Refused(
            f'no network config found for binding "{binding}"', why=f"machine {machine} has told no address yet"
        )
    space = bound_to(world.bindings, binding)
    return Refused(
        f'no addresses attached to space for binding "{binding}"',
        why=f'it is bound to space "{space}", and machine {machine} has no address there',
        fix=f"coordinator bind {world.unit.app} {binding}=SPACE, or give the space a network of the machine",
    )


def _bind_addresses(world: World, binding: str) -> list[str]:
    """Return the addresses a workload can listen on; loopback ones only where there is nothing else."""
    found = addresses_at(world, binding)
    return [address for address in found if not _is(address, "is_loopback")] or found


def _bound(world: World, addresses: list[str]) -> list[Interface]:
    """Return the interfaces that have *addresses*, each with those, the one with the first of them first.

    Those that are on no interface of the machine, such as one that is forwarded to it, come without a name.
    """
    nowhere = Interface(name="")
    where = {each.value: (interface, each) for interface in world.interfaces for each in interface.addresses}
    found: dict[str, Interface] = {}
    for value in addresses:
        interface, address = where.get(value, (nowhere, Address(value=value)))
        before = found[interface.name].addresses if interface.name in found else ()
        found[interface.name] = replace(interface, addresses=(*before, address))
    return list(found.values())


def _is(address: str, quality: str) -> bool:
    try:
        return bool(getattr(ip_address(address), quality))
    except ValueError:  # a host name
        return False


def _network(world: World, binding: str, addresses: list[str], *, old_names: bool) -> dict[str, Any]:
    """Return the whole answer; *old_names* adds what charms read from the YAML of old releases."""
    bound = []
    for interface in _bound(world, addresses):
        shown = [{"hostname": "", "value": each.value, "cidr": each.cidr} for each in interface.addresses]
        entry: dict[str, Any] = {
            "mac-address": interface.mac,
            "interface-name": interface.name,
            "addresses": shown,
        }
        if old_names:
            entry |= {"macaddress": interface.mac, "interfacename": interface.name}
            for address in shown:
                address["address"] = address["value"]
        bound.append(entry)
    value: dict[str, Any] = {"bind-addresses": bound, "ingress-addresses": [ingress_address(world, binding)]}
    if subnets := egress_subnets(world, binding):
        value["egress-subnets"] = subnets
    return value


def _unit_get(context: HookContext, args: Args) -> Reply:
    setting = args.word(0)
    if not setting:
        raise BadRequest("no setting specified")
    if setting not in ("private-address", "public-address"):
        raise BadRequest(f'unknown setting "{setting}"')
    address = next(iter(context.world.addresses), "")
    if setting == "public-address":
        public = (address for address in context.world.addresses if _is(address, "is_global"))
        address = next(public, address)
    if not address:
        raise Refused(f"no {setting.replace('-', ' ')}(es)", why="the machine has told no address yet")
    return Reply(value=address)


# --- ports -----------------------------------------------------------------------------------------------


def _open_port(context: HookContext, args: Args) -> Reply:
    wanted = _ports.parse_range(args.word(0))
    opened = _ports.opened(context, wanted, _endpoints(context, args))
    return Reply(effects=replace(context.effects, ports=opened))


def _close_port(context: HookContext, args: Args) -> Reply:
    wanted = _ports.parse_range(args.word(0))
    closed = _ports.closed(context, wanted, _endpoints(context, args))
    return Reply(effects=replace(context.effects, ports=closed))


def _endpoints(context: HookContext, args: Args) -> list[str]:
    """Return the endpoints that `--endpoints` names; empty: all of them."""
    names = [name.strip() for name in (args.text("endpoints") or "").split(",") if name.strip()]
    for name in names:
        if context.world.charm.find_endpoint(name) is None:
            raise Refused(f'cannot change ports: endpoint "{name}" not found')
    return names


def _opened_ports(context: HookContext, args: Args) -> Reply:
    by_range = _ports.by_range(context.ports())
    if not args.flag("endpoints"):
        return Reply(value=[str(one) for one in by_range])
    shown = {one: "*" if "" in names else ", ".join(sorted(names)) for one, names in by_range.items()}
    return Reply(value=[f"{one} ({names})" for one, names in shown.items()])


_PORT = "PORT[/PROTOCOL]|FROM-TO[/PROTOCOL]|icmp"
_ENDPOINTS = Flag(name="endpoints", help="only for these endpoints, separated by commas", takes="ENDPOINTS")

COMMANDS = (
    Command(
        name="network-get",
        summary="Print the addresses of this unit at an endpoint or extra binding.",
        run=_network_get,
        words="BINDING",
        words_max=1,
        flags=(
            RELATION,
            Flag(name="bind-address", help="the address to listen on"),
            Flag(name="ingress-address", help="the address that others connect to"),
            Flag(name="egress-subnets", help="the subnets that traffic of this unit comes from"),
            Flag(name="primary-address", help="deprecated name of --bind-address"),
        ),
        formats=OUTPUT,
    ),
    Command(
        name="unit-get",
        summary="Print an address of this unit.",
        run=_unit_get,
        words="private-address|public-address",
        words_max=1,
        formats=OUTPUT,
    ),
    Command(
        name="open-port",
        summary="Open a port or a range of ports of this unit.",
        run=_open_port,
        words=_PORT,
        words_max=1,
        flags=(_ENDPOINTS,),
        format_ignored=True,
    ),
    Command(
        name="close-port",
        summary="Close a port or a range of ports of this unit.",
        run=_close_port,
        words=_PORT,
        words_max=1,
        flags=(_ENDPOINTS,),
        format_ignored=True,
    ),
    Command(
        name="opened-ports",
        summary="Print the open ports of this unit.",
        run=_opened_ports,
        flags=(Flag(name="endpoints", help="also for which endpoints, * for all"),),
        formats=OUTPUT,
    ),
)
