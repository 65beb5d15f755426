"""How many transactions one hook costs: the promise is one.

Role: counts entries of the journal (one per transaction that changed the model) by units, and what etcd itself
received, against the hooks that the workers counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from system import System

from coordinator.domain.model import Journal
from coordinator.store.journal import history
from tests.bench import scrape
from tests.bench.pair import HOOKS_PER_ROUND, Pair
from tests.bench.rows import Row

BESIDE = (" idle", " executing", " leads", "claim ", " status", "release ", " steps down")


def measure(system: System, pairs: Sequence[Pair], *, rounds: int) -> list[Row]:
    """Transactions and requests per hook, of each pair."""
    rows = []
    for pair in pairs:
        revision = system.store.read("/").revision
        before = pair.hooks()
        requests, ours = scrape.etcd_requests(system), pair.store.requests.snapshot()
        for _ in range(rounds):
            pair.round()
        received = scrape.etcd_requests(system) - requests
        ours = pair.store.requests.snapshot() - ours
        ended = pair.hooks_after(before, rounds=rounds).total - before.total
        assert ended == rounds * HOOKS_PER_ROUND, f"{ended} hooks in {rounds} rounds"
        by_units = [entry.did for entry in _since(system, revision) if entry.by.startswith("unit ")]
        beside = [did for did in by_units if any(word in f" {did}" for word in BESIDE)]
        settles, at_etcd = (len(by_units) - len(beside)) / ended, (received["Txn"] - ours["txn"]) / ended
        ranges = (received["Range"] - ours["range"]) / ended
        rows += [
            Row(f"{pair.name}: transactions per hook", settles, "", settles, "the promised one"),
            Row(f"{pair.name}: beside the path, of hooks > 250 ms", len(beside) / ended, ""),
            Row(f"{pair.name}: Txn requests at etcd per hook, of both", at_etcd, "", at_etcd, "the promised one"),
            Row(f"{pair.name}: Range requests at etcd per hook", ranges, ""),
        ]
    return rows


def _since(system: System, revision: int) -> Iterator[Journal]:
    for at, entry in history(system.store, "m", limit=100_000):
        if at <= revision:
            return
        yield entry
