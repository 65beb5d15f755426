"""View -> what `spaces`, `show-space` and `subnets` say.  Pure.

Role: the JSON shape that people's tools read.  A subnet is what machines tell of their interfaces, or what was
given to a space.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from coordinator.domain import refs
from coordinator.domain.names import natural
from coordinator.domain.refs import Kind
from coordinator.domain.space import (
    ALPHA,
    Space,
    Spaces,
    endpoint_bindings,
    find_space,
    is_inside,
    space_of,
)
from coordinator.domain.view import View

Tree = dict[str, Any]


def spaces_tree(view: View, model: str) -> Tree:
    """Return every space, by name: {"spaces": [{"id": …, "name": …, "subnets": {CIDR: {…}}}]}."""
    subnets = _subnets(view, model)
    names = [ALPHA, *Spaces.of(view, model)]
    return {"spaces": [_space(find_space(view, model, name), subnets) for name in sorted(names)]}


def show(view: View, model: str, name: str) -> Tree:
    """Return one space, the applications that are bound to it, and how many machines have an address in it.

    Raises:
        NotFound: there is none.
    """
    space, spaces, subnets = find_space(view, model, name), Spaces.of(view, model), _subnets(view, model)
    own = [{"cidr": cidr, **about} for cidr, about in subnets.items() if about["space"] == name]
    users = []
    for _, app in view.list(Kind.APPLICATION, model):
        charm = view.peek(refs.charm(app.charm))
        if name in endpoint_bindings(app, charm.meta if charm else None).values():
            users.append(app.name)
    machines = [m for _, m in view.list(Kind.MACHINE) if name in {space_of(spaces, each) for each in m.addresses}]
    return {
        "space": {"id": space.id, "name": space.name, "subnets": own},
        "applications": sorted(users, key=natural),
        "machine-count": len(machines),
    }


def subnets_tree(view: View, model: str, *, space: str | None = None) -> Tree:
    """Return every subnet, or those of *space*: {"subnets": {CIDR: {"type": …, "space": …, …}}}."""
    if space is not None:
        find_space(view, model, space)
    found = _subnets(view, model)
    return {"subnets": {cidr: about for cidr, about in found.items() if space in (None, about["space"])}}


def _space(space: Space, subnets: Mapping[str, Tree]) -> Tree:
    own = {cidr: about for cidr, about in subnets.items() if about["space"] == space.name}
    shown = {cidr: {key: each for key, each in about.items() if key != "space"} for cidr, about in own.items()}
    return {"id": space.id, "name": space.name, "subnets": shown}


def _subnets(view: View, model: str) -> dict[str, Tree]:
    """Return the subnets by CIDR, sorted."""
    spaces = Spaces.of(view, model)
    machines = [machine for _, machine in view.list(Kind.MACHINE)]
    told = [each for machine in machines for interface in machine.interfaces for each in interface.addresses]
    found = {each.cidr: space_of(spaces, each.value) for each in told if each.cidr}
    found |= {cidr: space.name for space in spaces.values() for cidr in space.cidrs}
    addresses = {address for machine in machines for address in machine.addresses}
    networks = sorted((ip_network(cidr) for cidr in found), key=lambda each: (each.version, each.network_address))
    return {
        str(network): {
            "type": f"ipv{network.version}",
            "provider-id": "",
            "status": "in-use" if any(is_inside(each, str(network)) for each in addresses) else "available",
            "space": found[str(network)],
            "zones": [],
        }
        for network in networks
    }
