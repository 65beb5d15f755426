"""Many units on many machines: how long one change takes until all of them have handled it.

Role: twenty workers and their charms share the two cores of one host here, which in earnest each have a machine of
their own; what says something is that every unit runs one hook, with one transaction.
"""

from __future__ import annotations

import time

from system import System, wait_for

from tests.bench import CHARMS, scrape
from tests.bench.change import change
from tests.bench.processes import cpu, rss_mb
from tests.bench.rows import Row, ms

APP = "fleet"
AT_ONCE_MAX = 500  # units that one request adds
SETTLE_S_MAX = 900.0


def measure(system: System, *, units: int) -> list[Row]:
    """Deploy *units* units, let all of them handle one changed option, and count what that took."""
    started_s = time.perf_counter()
    system.deploy(CHARMS / "python", APP, units=min(units, AT_ONCE_MAX))
    for more in range(AT_ONCE_MAX, units, AT_ONCE_MAX):
        system.ask("POST", f"/v1/models/m/applications/{APP}/units", {"count": min(AT_ONCE_MAX, units - more)})
    wait_for(lambda: _count(system, "started") == units, "the fleet to start", timeout_s=SETTLE_S_MAX)
    deployed_s = time.perf_counter() - started_s
    hooks = _count(system, "hooks")
    requests, busy = scrape.etcd_requests(system), _worker_cpu_s(system)
    took_s = change(system, APP, "v1", units)
    received, busy = scrape.etcd_requests(system) - requests, _worker_cpu_s(system) - busy
    ran = _count(system, "hooks") - hooks
    workers = len(system.workers)
    return [
        Row(f"{units} units on {workers} workers: from deploy to started", deployed_s, "s"),
        Row("one changed option, until all have handled it", took_s, "s"),
        Row("hooks of it per second, all workers on one host", ran / took_s, "/s"),
        Row(
            "transactions at etcd per hook, the change's own included",
            received["Txn"] / ran,
            "",
            received["Txn"] / ran,
            "the promised one",
        ),
        ms("CPU of all workers per hook, watching each other included", busy / ran),
        Row(
            f"memory: a worker with {units // workers} of {units} units",
            max(rss_mb(w.pid) for w in system.workers),
            "MB",
        ),
    ]


def _count(system: System, field: str) -> int:
    return sum(getattr(memory, field) for memory in system.memories().values())


def _worker_cpu_s(system: System) -> float:
    return cpu(*(worker.pid for worker in system.workers)).own_s
