"""CPU per hook: of the workers, of what they start, and of etcd.

Role: user and system time from /proc, children included, over many rounds; the floors are the CPU of a bare
interpreter's start and of a bare put.
"""

from __future__ import annotations

from collections.abc import Sequence

from system import System

from tests.bench.floor import Floor
from tests.bench.pair import HOOKS_PER_ROUND, Pair
from tests.bench.processes import BARE_PYTHON, Cpu, children, cpu, time_command
from tests.bench.rows import Row, median, ms

START, PUT = "bare interpreter's CPU", "put's CPU at etcd"


def measure(system: System, pairs: Sequence[Pair], floor: Floor, *, rounds: int) -> list[Row]:
    """CPU per hook, of each pair; its start and its relation are long over."""
    etcd = [member.pid for member in system.etcd if member.pid]
    start_s = median(time_command(BARE_PYTHON).cpu_s for _ in range(20))
    before = cpu(*etcd)
    puts = 10 * rounds
    floor.sample(puts)
    put_s = (cpu(*etcd) - before).own_s / puts
    rows = [ms(f"floor: {START}", start_s), ms(f"floor: {PUT}, with its watch event", put_s)]
    workers = [worker.pid for worker in system.workers]
    # What a worker starts and keeps: its minder first, then the warm parents of charms.
    minders = [children(worker)[0] for worker in workers]
    for pair in pairs:
        parents = [child for worker in workers for child in children(worker)[1:]]
        before = [cpu(*workers), cpu(*minders), cpu(*parents), cpu(*etcd)]
        for _ in range(rounds):
            pair.round()
        after = [cpu(*workers), cpu(*minders), cpu(*parents), cpu(*etcd)]
        hooks = rounds * HOOKS_PER_ROUND
        worker, minder, parent, in_etcd = (_per(new - old, hooks) for new, old in zip(after, before, strict=True))
        ours_s, charm_s = worker.own_s + minder.own_s, worker.children_s + parent.own_s + parent.children_s
        rows += [
            ms(f"{pair.name}: CPU per hook, worker", ours_s, start_s, START),
            ms(f"{pair.name}: CPU per hook, charm and commands", charm_s, start_s, START),
            ms(f"{pair.name}: CPU per hook, etcd", in_etcd.own_s, put_s, PUT),
            ms(f"{pair.name}: CPU per hook, all", ours_s + charm_s + in_etcd.own_s, start_s, START),
        ]
    return rows


def _per(spent: Cpu, count: int) -> Cpu:
    return Cpu(spent.own_s / count, spent.children_s / count)
