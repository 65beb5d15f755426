"""Many units: memory and CPU of their worker, `coordinator status`, and what the system asks of etcd at rest.

Role: one application without hooks on one machine, in growing numbers.
"""

from __future__ import annotations

import sys
import time

from system import System, wait_for

from coordinator.domain import refs
from coordinator.store import keys
from tests.bench import CHARMS, scrape
from tests.bench.processes import children, cpu, rss_mb, time_interleaved
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


def measure_growth(system: System, *, counts: tuple[int, ...], hooks: int) -> list[Row]:
    """Resident memory of the worker with so many idle units, and its CPU per hook while all of them run one."""
    (worker,) = system.workers
    empty_mb = rss_mb(worker.pid)
    memory = [
        Row("memory: minder", sum(map(rss_mb, children(worker.pid))), "MB"),
        Row("memory: worker without units", empty_mb, "MB"),
    ]
    spent: list[Row] = []
    for count in counts:
        grow(system, count)
        mb = rss_mb(worker.pid)
        memory.append(Row(f"memory: worker with {count} idle units", mb, "MB", ratio(mb, empty_mb), "no units"))
        rounds = max(2, hooks // count)
        before = cpu(worker.pid)
        for number in range(rounds):
            _change_all(system, f"{count}-{number}")
        spent_s = (cpu(worker.pid) - before).own_s / (rounds * count)
        first_s = spent[0].value / 1000 if spent else None
        of = f"{counts[0]} unit" if spent else ""
        spent.append(ms(f"worker's CPU per hook without a process, {count} units", spent_s, first_s, of))
    return memory + spent


def _change_all(system: System, value: str) -> None:
    """Run config-changed in every unit, and wait until all have settled."""
    system.config(APP, value=value)
    (config,) = system.store.read(keys.key_of(refs.config("m", APP))).items
    wait_for(
        lambda: all(memory.config == config.revision for memory in system.memories().values()),
        "every unit to handle the change",
    )


def measure_status(system: System, *, units: int, times: int) -> list[Row]:
    """`coordinator status` of the *units* that there are against bare interpreters, and the API's part of it."""
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
