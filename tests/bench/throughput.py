"""How many hooks a machine gets through: forks with our `ops` that do nothing, while there is no end of work.

Role: one option of one application changes, which runs one hook in each of its units; hooks of one machine run one
at a time, so this is what one core does.
"""

from __future__ import annotations

import time

from system import System, wait_for

from coordinator.domain import refs
from coordinator.store import keys
from tests.bench import CHARMS
from tests.bench.processes import Cpu, children, cpu, rss_mb
from tests.bench.rows import Row, ms

APP = "busy"
SETTLE_S_MAX = 180.0
LOOK_S = 0.05


def measure(system: System, *, units: int, changes: int) -> list[Row]:
    """Hooks per second, and the CPU of each, of *units* units that handle *changes* changes."""
    system.deploy(CHARMS / "python", APP, units=units)
    wait_for(lambda: _started(system) == units, "the units to start", timeout_s=SETTLE_S_MAX)
    _change(system, "warm", units)
    before, started_s = _cpu(system), time.perf_counter()
    for number in range(changes):
        _change(system, f"v{number}", units)
    took_s, spent = time.perf_counter() - started_s, _cpu(system)
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


def _change(system: System, value: str, units: int) -> None:
    """Change the option, and return when every unit has handled that."""
    system.config(APP, value=value)
    (config,) = system.store.read(keys.key_of(refs.config("m", APP))).items

    def handled() -> int:
        time.sleep(LOOK_S)  # looking costs etcd more than a hook does
        found = system.memories().items()
        return sum(memory.config == config.revision for unit, memory in found if unit.startswith(f"{APP}/"))

    wait_for(lambda: handled() == units, "every unit to handle the change", timeout_s=SETTLE_S_MAX)


def _cpu(system: System) -> list[Cpu]:
    """Return what every process of ours has used: workers with all below them, controller and etcd."""
    workers = [worker.pid for worker in system.workers]
    below = [child for worker in workers for child in children(worker)]
    etcd = [member.pid for member in system.etcd if member.pid]
    return [cpu(*workers), cpu(*below), cpu(system.controller.pid), cpu(*etcd)]
