"""Many idle units: memory of their worker, `coordinator status`, and what the system asks of etcd at rest.

Role: one application without hooks on one machine, in growing numbers.
"""

from __future__ import annotations

import sys
import time

from system import System

from tests.bench import CHARMS, scrape
from tests.bench.processes import children, rss_mb, time_interleaved
from tests.bench.rows import Row, median, ms, ratio

APP = "silent"
SETTLE_S_MAX = 120.0


def grow(system: System, count: int) -> None:
    """Have *count* units, with nothing more to do."""
    have = len(system.units())
    if have == 0:
        system.deploy(CHARMS / "silent", APP, units=count)
    elif count > have:
        system.ask("POST", f"/v1/models/m/applications/{APP}/units", {"count": count - have})
    system.wait_settled(count, timeout_s=SETTLE_S_MAX)


def measure_memory(system: System, *, counts: tuple[int, ...]) -> list[Row]:
    """Resident memory of the worker with so many idle units."""
    (worker,) = system.workers
    empty_mb = rss_mb(worker.pid)
    rows = [
        Row("memory: minder", sum(map(rss_mb, children(worker.pid))), "MB"),
        Row("memory: worker without units", empty_mb, "MB"),
    ]
    for count in counts:
        grow(system, count)
        mb = rss_mb(worker.pid)
        rows.append(Row(f"memory: worker with {count} idle units", mb, "MB", ratio(mb, empty_mb), "no units"))
    return rows


def measure_status(system: System, *, units: int, times: int) -> list[Row]:
    """`coordinator status` of so many units against bare interpreters, and the API's part of it."""
    grow(system, units)
    took = time_interleaved(
        {
            "bare": (sys.executable, "-c", "pass"),
            "status": (sys.executable, "-m", "coordinator", "status"),
        },
        times=times,
        environment={
            "COORDINATOR_API": f"http://127.0.0.1:{system.port}",
            "COORDINATOR_TOKEN_FILE": str(system.token_file),
            "COORDINATOR_MODEL": "m",
            "COORDINATOR_DATA": str(system.home / "cli"),
        },
    )
    api_s = []
    for _ in range(times):
        started_s = time.perf_counter()
        system.status()
        api_s.append(time.perf_counter() - started_s)
    bare_s, status_s = (median(t.wall_s for t in took[name]) for name in ("bare", "status"))
    return [
        ms(f"status of {units} units: coordinator status", status_s, bare_s, "python -c pass"),
        ms(f"status of {units} units: the API alone", median(api_s), bare_s, "python -c pass"),
    ]


def measure_idle(system: System, *, seconds: float) -> list[Row]:
    """Requests per second while nobody asks for anything; refreshes of leases are what must be."""
    before = scrape.etcd_requests(system)
    revision = system.store.read("/").revision
    started_s = time.monotonic()
    time.sleep(seconds)
    took_s = time.monotonic() - started_s
    received = scrape.etcd_requests(system)
    received.subtract(before)
    received["Range"] -= 1  # our own look at the revision
    writes = system.store.read("/").revision - revision
    sessions = len(system.workers) + 1
    wanted = received["LeaseKeepAlive"]
    total = sum(received.values())
    rows = [
        Row(
            f"idle: requests at etcd, {sessions} sessions",
            total / took_s,
            "/s",
            ratio(total, wanted),
            "keep-alives",
        ),
        Row("idle: writes", writes / took_s, "/s"),
    ]
    words = {"Watch": "Watch (asking quiet streams for a sign of life)"}
    rows += [
        Row(f"idle: of these {words.get(method, method)}", n / took_s, "/s")
        for method, n in received.most_common()
        if n
    ]
    return rows
