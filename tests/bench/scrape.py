"""Read figures from the /metrics of etcd and of workers.

Not here: what they mean.
"""

from __future__ import annotations

import re
import time
import urllib.request
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from system import System

from coordinator.domain.model import Worker
from coordinator.domain.refs import Kind

HOOK_SECONDS = "coordinator_hook_seconds"
COUNTED_S_MAX = 5.0

_LINE = re.compile(r"^(?P<name>\w+)(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def figures(url: str, name: str, *labels: str) -> Counter[tuple[str, ...]]:
    """Return the values of the metric *name*, added up by the values of *labels*."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        text = answer.read().decode()
    found: Counter[tuple[str, ...]] = Counter()
    for line in _LINE.finditer(text):
        if line["name"] == name:
            given = dict(_LABEL.findall(line["labels"] or ""))
            found[tuple(given.get(label, "") for label in labels)] += float(line["value"])  # type: ignore[assignment]
    return found


def etcd_requests(system: System) -> Counter[str]:
    """Return how many messages etcd has received, by gRPC method; a stream counts each of its messages."""
    found: Counter[str] = Counter()
    for member in system.etcd:
        received = figures(f"http://{member.endpoint}/metrics", "grpc_server_msg_received_total", "grpc_method")
        found.update({method: value for (method,), value in received.items() if value})
    return found


def worker_urls(system: System) -> dict[str, str]:
    """Return where the worker of each machine serves its figures."""
    workers: list[tuple[object, Worker]] = system.view().list(Kind.WORKER)  # type: ignore[assignment]
    return {ref.path[0]: f"{worker.url}/metrics" for ref, worker in workers}  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Hooks:
    """Hooks that have ended, by (machine, kind): how many, and the seconds that they took."""

    counts: Counter[tuple[str, str]]
    seconds: Counter[tuple[str, str]]

    @property
    def total(self) -> int:
        return round(sum(self.counts.values()))


def hooks(urls: Mapping[str, str]) -> Hooks:
    """Return what the workers have counted."""
    found = Hooks(Counter(), Counter())
    for machine, url in urls.items():
        for mine, name in (found.counts, "count"), (found.seconds, "sum"):
            mine.update(
                {(machine, kind): n for (kind,), n in figures(url, f"{HOOK_SECONDS}_{name}", "kind").items()}
            )
    return found


def wait_for_hooks(urls: Mapping[str, str], total: int) -> Hooks:
    """Return what the workers have counted once they have counted *total*: it is done after a hook has landed."""
    deadline_s = time.monotonic() + COUNTED_S_MAX
    while (found := hooks(urls)).total < total and time.monotonic() < deadline_s:
        time.sleep(0.005)
    return found
