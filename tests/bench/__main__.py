"""Run every benchmark and print one table: `python -m tests.bench [--full] [--json FILE]`.

Role: composes; sizes of a short and a full run are here.  Nothing is asserted about time: on a busy machine only
the ratios, to floors of the same run, say something.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import system as integration
from system import running

from tests.bench import (
    CHARMS,
    command,
    commits,
    cpu,
    crowd,
    fleet,
    floor,
    foreign,
    forks,
    looks,
    remote,
    report,
    startup,
    throughput,
)
from tests.bench.floor import Floor
from tests.bench.pair import Observer, Pair
from tests.bench.rows import Row

integration.TTL_S = 10  # what real workers have; tests are in a greater hurry


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much of everything."""

    floors: int
    rounds: int
    commands: int
    starts: int
    units: tuple[int, ...] = (1, 10, 50)
    related: tuple[int, ...] = (1, 10, 100, 1000)
    hooks: int
    crowd: int = 100
    looks: int
    idle_s: float
    busy: int
    changes: int
    fleet: int = 0
    fleet_workers: int = 20


SHORT = Sizes(floors=200, rounds=8, commands=40, starts=10, hooks=100, looks=5, idle_s=20, busy=30, changes=3)
FULL = Sizes(
    floors=2000, rounds=150, commands=400, starts=50, hooks=1000, looks=25, idle_s=120, busy=50, changes=20,
    fleet=1000,
)  # fmt: skip

Benchmarks = dict[str, Callable[[], list[Row]]]


@contextmanager
def two_machines(sizes: Sizes) -> Iterator[Benchmarks]:
    """What happens between etcd, two workers and charms."""
    with running(workers=2) as system, ExitStack() as stack:
        system.add_model()
        observer = stack.enter_context(Observer(system.endpoints))
        puts = stack.enter_context(Floor(system.endpoints))
        machines = tuple(sorted(system.ask("GET", "/v1/machines")["machines"]))
        charms = {"bash": CHARMS / "shell", "ops": CHARMS / "python"}
        if released := forks.with_released_library(system.home):
            charms["released"] = released
        pairs = [Pair(system, observer, name, charm, machines) for name, charm in charms.items()]
        for pair in pairs:
            stack.callback(pair.close)
        command.prepare(system)
        system.wait_settled(2 * len(pairs) + 1)
        for pair in pairs:
            pair.prepare(system)
            pair.round()
        yield {
            "F": lambda: floor.measure(puts, times=sizes.floors),
            "From a write to a remote charm's effect": lambda: remote.measure(pairs, puts, rounds=sizes.rounds),
            "Transactions": lambda: commits.measure(system, pairs, rounds=sizes.rounds),
            "CPU": lambda: cpu.measure(system, pairs, puts, rounds=sizes.rounds),
            "Hook commands": lambda: command.measure(system, times=sizes.commands),
            "Forks and new processes": lambda: forks.measure(system, pairs[1:], rounds=max(3, sizes.rounds // 2)),
            "Start of a charm": lambda: startup.measure(pairs, times=sizes.starts, rounds=sizes.rounds // 2),
        }


@contextmanager
def one_machine(sizes: Sizes) -> Iterator[Benchmarks]:
    """Many units that do little, or nothing."""
    with running(workers=1) as system:
        system.add_model()

        def status_of(units: int) -> list[Row]:
            crowd.grow(system, units)
            return crowd.measure_status(system, units=units, times=sizes.looks)

        yield {
            "Many units": lambda: crowd.measure_growth(system, counts=sizes.units, hooks=sizes.hooks),
            "Status": lambda: status_of(sizes.crowd),
            "Changes of others": lambda: foreign.measure(system, changes=sizes.changes * 200),
            "At rest": lambda: crowd.measure_idle(system, seconds=sizes.idle_s),
            "Throughput": lambda: throughput.measure(system, units=sizes.busy, changes=sizes.changes),
        }


@contextmanager
def many_machines(sizes: Sizes) -> Iterator[Benchmarks]:
    """A fleet; it takes minutes, so only a full run has one."""
    if not sizes.fleet:
        yield {}
        return
    with running(workers=sizes.fleet_workers) as system:
        system.add_model()
        yield {
            "A fleet": lambda: fleet.measure(system, units=sizes.fleet),
            "Status of a fleet": lambda: crowd.measure_status(system, units=sizes.fleet, times=sizes.looks),
        }


@contextmanager
def no_machine(sizes: Sizes) -> Iterator[Benchmarks]:
    """What is computed, without anything around it."""
    yield {"One look of a unit": lambda: looks.measure(counts=sizes.related, times=sizes.looks)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure, and print ratios.")
    parser.add_argument("--full", action="store_true", help="more of everything")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE, too")
    parser.add_argument("--readme", action="store_true", help="print the table of the README, too")
    given = parser.parse_args()
    sizes = FULL if given.full else SHORT
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an orderly end, which leaves nothing behind
    started_s, before = time.monotonic(), report.circumstances()
    print(f"before: {report.line_of(before)}", flush=True)
    sections: dict[str, list[Row]] = {}
    for scene in (no_machine, two_machines, one_machine, many_machines):
        with scene(sizes) as benchmarks:
            for title, measure in benchmarks.items():
                sections[title] = measure()
                print(report.table({title: sections[title]}), flush=True)
    after = report.circumstances()
    print(f"\nafter:  {report.line_of(after)}; it took {time.monotonic() - started_s:.0f} s")
    if given.readme:
        print(report.markdown(sections, before, time.strftime("%Y-%m-%d")))
    if given.json:
        report.write_json(given.json, sections, before, after)


if __name__ == "__main__":
    main()
