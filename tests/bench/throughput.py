"""How many hooks a machine gets through: forks with our `ops` that do nothing, while there is no end of work.

Role: one option of one application changes, which runs one hook in each of its units; hooks of one machine run one
at a time, so this is what one core does.
"""

from __future__ import annotations

from system import System, wait_for

from tests.bench import CHARMS
from tests.bench.change import change
from tests.bench.processes import Cpu, children, cpu, rss_mb
from tests.bench.rows import Row, ms

APP = "busy"
SETTLE_S_MAX = 180.0


def measure(system: System, *, units: int, changes: int) -> list[Row]:
    """Hooks per second, and the CPU of each, of *units* units that handle *changes* changes."""
    system.deploy(CHARMS / "python", APP, units=units)
    wait_for(lambda: _started(system) == units, "the units to start", timeout_s=SETTLE_S_MAX)
    change(system, APP, "warm", units)
    before = _cpu(system)
    took_s = sum(change(system, APP, f"v{number}", units) for number in range(changes))
    spent = _cpu(system)
    (worker,) = system.workers
    parents = children(worker.pid)[1:]  # after the minder
    hooks = units * changes
    total = sum((new - old for new, old in zip(spent, before, strict=True)), Cpu())
    return [
        Row(f"no-op hooks of {units} units on one machine, one at a time", hooks / took_s, "/s"),
        ms("wall time of each", took_s / hooks),
        ms("CPU of each: worker, charm, etcd and controller", (total.own_s + total.children_s) / hooks),
        Row("memory: a warm parent", max(map(rss_mb, parents)), "MB"),
        Row(
            "memory: a child that waits, most of it shared",
            max(rss_mb(c) for p in parents for c in children(p)),
            "MB",
        ),
    ]


def _started(system: System) -> int:
    return sum(memory.started for unit, memory in system.memories().items() if unit.startswith(f"{APP}/"))


def _cpu(system: System) -> list[Cpu]:
    """Return what every process of ours has used: workers with all below them, controller and etcd."""
    workers = [worker.pid for worker in system.workers]
    below = [child for worker in workers for child in children(worker)]
    etcd = [member.pid for member in system.etcd if member.pid]
    return [cpu(*workers), cpu(*below), cpu(system.controller.pid), cpu(*etcd)]
