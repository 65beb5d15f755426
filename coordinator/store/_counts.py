"""How many requests of each kind were sent, countable from any thread.

Role: lets tests and benchmarks assert "one transaction per hook" instead of guessing from times.
Not here: what is counted (etcd.py counts every attempt that is sent, memory.py every call).
"""

from __future__ import annotations

from collections import Counter
from threading import Lock


class RequestCounts:
    """A `collections.Counter` by kind ("range", "txn", "watch", "refresh", …) that threads may share."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[str] = Counter()

    def add(self, kind: str) -> None:
        # `Counter[kind] += 1` is a read and a write: two threads would lose counts without the lock.
        with self._lock:
            self._counts[kind] += 1

    def __getitem__(self, kind: str) -> int:
        with self._lock:
            return self._counts[kind]

    def snapshot(self) -> Counter[str]:
        """Return a copy; subtract an older one to see what happened in between."""
        with self._lock:
            return self._counts.copy()
