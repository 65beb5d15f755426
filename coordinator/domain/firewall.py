"""Who may reach the open ports of a machine: from what is open and exposed to a plan for its firewall.  Pure.

Role: a port that a unit opened is for the machines of the cluster, and, where its application is exposed, for the
networks it is exposed to.  Whatever no unit opened is not ours to judge.
Not here: how a plan is put into effect (worker/firewall.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

ALL = ""  # every endpoint, in open ports and in what is exposed


@dataclass(frozen=True, order=True, slots=True)
class Opening:
    """One range of ports as charms write it (`80/tcp`, `8000-8010/udp`, `icmp`), and who may reach it.

    `sources` are the networks that may, besides the cluster.
    """

    ports: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """`cluster` has the addresses of all machines."""

    cluster: tuple[str, ...] = ()
    openings: tuple[Opening, ...] = ()


def plan_of(
    units: Iterable[tuple[Mapping[str, tuple[str, ...]], Mapping[str, tuple[str, ...]]]], cluster: Iterable[str]
) -> Plan:
    """Return the plan for a machine.

    *units* are those on it: the open ports by endpoint, and what the application is exposed to, by endpoint too.
    """
    sources: dict[str, set[str]] = {}
    for ports, exposed in units:
        for endpoint, ranges in ports.items():
            reach = _reach(endpoint, exposed)
            for one in ranges:
                sources.setdefault(one, set()).update(reach)
    openings = tuple(Opening(ports, tuple(sorted(found))) for ports, found in sorted(sources.items()))
    return Plan(cluster=tuple(sorted(set(cluster))), openings=openings)


def _reach(endpoint: str, exposed: Mapping[str, tuple[str, ...]]) -> set[str]:
    """Return the networks that may reach what is open for *endpoint*.

    What is exposed for one endpoint counts in place of what is exposed for all; what is open for all endpoints can
    be reached by whoever may reach any of them.
    """
    if endpoint == ALL:
        return {cidr for cidrs in exposed.values() for cidr in cidrs}
    return set(exposed.get(endpoint, exposed.get(ALL, ())))
