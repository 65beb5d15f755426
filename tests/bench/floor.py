"""F: the time from the start of an etcd put of 200 bytes to its watch event at another client.

Role: the unit of every other time.  Each benchmark takes samples of it between its own, so that both meet the
same noise.  Watcher and writer have a connection of their own, through the store that all of our processes use.
"""

from __future__ import annotations

import threading
import time
from queue import Empty, SimpleQueue

from coordinator.store.etcd import EtcdStore
from coordinator.store.keys import prefix_end
from coordinator.store.txn import Committed, Put, Txn
from tests.bench.rows import Row, median, ms, percentile

KEY = "/bench/floor"  # outside of what workers and controllers mirror
VALUE = b"x" * 200
EVENT_S_MAX = 10.0


class Floor:
    """Use with `with`."""

    def __init__(self, endpoints: str) -> None:
        self._writer, self._reader = EtcdStore(endpoints.split(",")), EtcdStore(endpoints.split(","))
        self._seen: SimpleQueue[tuple[int, float]] = SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="floor", daemon=True)

    def __enter__(self) -> Floor:
        self._watch = self._reader.watch(KEY, prefix_end(KEY), revision=self._reader.read(KEY).revision)
        self._thread.start()
        self.sample(20)  # connections, caches
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._writer.close()
        self._reader.close()

    def _follow(self) -> None:
        while not self._stopping.is_set():
            batch = self._watch.next(0.2)
            if batch is not None and batch.changes:
                self._seen.put((batch.revision, time.perf_counter()))

    def sample(self, times: int) -> list[float]:
        """Return F, so many times, in seconds."""
        return [event_s for event_s, _ in self.sample_both(times)]

    def sample_both(self, times: int) -> list[tuple[float, float]]:
        """Return (F, what the writer itself waited for), so many times, in seconds."""
        return [self._once() for _ in range(times)]

    def _once(self) -> tuple[float, float]:
        started_s = time.perf_counter()
        outcome = self._writer.commit(Txn(guards=(), writes=(Put(KEY, VALUE),)))
        returned_s = time.perf_counter()
        assert isinstance(outcome, Committed)
        revision = 0
        while revision < outcome.revision:
            try:
                revision, seen_s = self._seen.get(timeout=EVENT_S_MAX)
            except Empty:
                raise TimeoutError(f"no watch event after {EVENT_S_MAX} s") from None
        return seen_s - started_s, returned_s - started_s


def measure(floor: Floor, *, times: int) -> list[Row]:
    """F itself, and how much of it is the writer's own wait."""
    both = floor.sample_both(times)
    events_s, writes_s = [event_s for event_s, _ in both], [write_s for _, write_s in both]
    f_s = median(events_s)
    return [
        ms("F: start of a put to its watch event, p50", f_s),
        ms("F: start of a put to its watch event, p99", percentile(events_s, 99), f_s, "F"),
        ms("put: start to answer, p50", median(writes_s), f_s, "F"),
    ]
