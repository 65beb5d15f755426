"""Put into effect who may reach the open ports of this machine.

Role: one plan after the other (domain/firewall.py), by the firewaller that the settings name; what cannot be done
is said in the log and tried again.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from ipaddress import ip_network
from pathlib import Path
from typing import Protocol

from coordinator.domain import refs
from coordinator.domain.firewall import Opening, Plan, plan_of
from coordinator.domain.model import Machine
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.space import Spaces, networks_of
from coordinator.domain.status import UnitStatus
from coordinator.domain.unit import Application
from coordinator.domain.view import View
from coordinator.errors import BadRequest, CoordinatorError, Unavailable
from coordinator.log import get_logger
from coordinator.store.live import LiveTree

RETRY_S = 30.0
NFT_S_MAX = 20.0
TABLE = "coordinator"

log = get_logger()


class Firewaller(Protocol):
    """Puts a plan into effect, whole; raises Unavailable if it cannot."""

    def apply(self, plan: Plan) -> None: ...


class Recorder:
    """Only records the plan, in `firewall.json`, for whoever looks after the host's firewall."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "firewall.json"

    def apply(self, plan: Plan) -> None:
        fresh = self._path.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(asdict(plan), indent=2) + "\n")
            fresh.replace(self._path)
        except OSError as cause:
            raise Unavailable(f"cannot write {self._path}", why=cause.strerror or str(cause)) from cause


class Nftables:
    """Replaces one table of the kernel's packet filter, as one transaction of `nft`."""

    def apply(self, plan: Plan) -> None:
        try:
            done = subprocess.run(
                ["nft", "-f", "-"],
                input=ruleset(plan),
                capture_output=True,
                text=True,
                timeout=NFT_S_MAX,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as cause:
            raise Unavailable(
                "cannot run nft", why=str(cause), fix="install nftables, or set COORDINATOR_FIREWALL=record"
            ) from cause
        if done.returncode:
            raise Unavailable("nft refuses the rules", why=done.stderr.strip()[:500])


def firewaller(name: str, data_dir: Path) -> Firewaller:
    """Return the firewaller called *name*.

    Raises:
        BadRequest: there is none of that name.
    """
    if name == "nftables":
        return Nftables()
    if name == "record":
        return Recorder(data_dir)
    raise BadRequest(f'no firewaller is called "{name}"', fix="choose record or nftables")


def ruleset(plan: Plan) -> str:
    """Return what `nft` reads: opened ports for the cluster and those they are exposed to, and for nobody else."""
    rules = ["ct state established,related accept", 'iifname "lo" accept']
    for opening in plan.openings:
        match = _match(opening)
        for cidr in (*plan.cluster, *opening.sources):
            if source := _source(cidr):
                rules.append(f"{source} {match} accept")
        rules.append(f"{match} drop")
    body = "\n".join(f"    {rule}" for rule in rules)
    hook = "type filter hook input priority filter; policy accept;"
    # Made if it is missing, so that it can be deleted, then made anew: all in one transaction of the kernel.
    return (
        f"table inet {TABLE} {{}}\ndelete table inet {TABLE}\n"
        f"table inet {TABLE} {{\n  chain input {{\n    {hook}\n{body}\n  }}\n}}\n"
    )


def _match(opening: Opening) -> str:
    ports, slash, protocol = opening.ports.partition("/")
    return f"{protocol} dport {ports}" if slash else "meta l4proto { icmp, ipv6-icmp }"


def _source(text: str) -> str:
    """Return how a rule says who sends; empty for a host name, which a packet does not have."""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return ""
    return f"{'ip' if network.version == 4 else 'ip6'} saddr {network}"


class Firewall:
    """Follows what is open and exposed on one machine.  `moved` may be called by the mirror.

    The units of the machine are those that are placed there, whether anybody runs them yet or not: a worker that
    starts must not open for a moment what was closed.
    """

    def __init__(self, live: LiveTree, machine: str, firewaller: Firewaller) -> None:
        self._live, self._machine, self._firewaller = live, machine, firewaller
        self._statuses: frozenset[Ref] = frozenset()  # of the units that the last plan is about
        self._news, self._stopping = threading.Event(), threading.Event()
        self._applied: Plan | None = None
        self._thread = threading.Thread(target=self._run, name="firewall", daemon=True)

    def start(self) -> None:
        self._news.set()
        self._thread.start()

    def moved(self, moved: list[Ref]) -> None:
        """Take note of what may change the plan."""
        if any(
            ref.kind in (Kind.APPLICATION, Kind.UNIT, Kind.MACHINE, Kind.SPACE) or ref in self._statuses
            for ref in moved
        ):
            self._news.set()

    def close(self) -> None:
        self._stopping.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._news.clear()
            with self._live.look() as view:
                placed = self._placed(view)
                self._statuses = frozenset(refs.status(model, unit) for model, unit in placed)
                plan = plan_of(_openings(view, placed), _cluster(view))
            wait_s = None
            if plan != self._applied:
                try:
                    self._firewaller.apply(plan)
                    self._applied = plan
                except CoordinatorError as trouble:
                    log.warning("firewall.trouble", why=str(trouble))
                    wait_s = RETRY_S
            self._news.wait(wait_s)

    def _placed(self, view: View) -> list[tuple[str, UnitName]]:
        return [
            (model.path[0], unit.name)
            for model, _ in view.list(Kind.MODEL)
            for _, unit in view.list(Kind.UNIT, model.path[0])
            if unit.machine == self._machine
        ]


def _openings(view: View, placed: Iterable[tuple[str, UnitName]]) -> Iterator[tuple[dict, dict]]:
    machines = [machine for _, machine in view.list(Kind.MACHINE)]
    for model, unit in placed:
        status: UnitStatus | None = view.peek(refs.status(model, unit))
        application: Application | None = view.peek(refs.application(model, unit.app))
        if status is not None and status.ports and application is not None:
            spaces = Spaces.of(view, model)
            yield (
                dict(status.ports),
                {
                    endpoint: tuple(cidr for source in sources for cidr in _cidrs(source, spaces, machines))
                    for endpoint, sources in application.exposed.items()
                },
            )


def _cidrs(source: str, spaces: Spaces, machines: list[Machine]) -> tuple[str, ...]:
    """Return the networks that *source*, a network or the name of a space, stands for."""
    return (source,) if "/" in source else networks_of(spaces, machines, source)


def _cluster(view: View) -> Iterator[str]:
    for _, machine in view.list(Kind.MACHINE):
        yield from machine.addresses
