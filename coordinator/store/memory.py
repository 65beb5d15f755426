"""A store in this process that keeps etcd's promises.

Role: what simulations and unit tests run on; held to etcd by tests/contract/test_store.py.
It keeps every version of every key (until `compact`), so old revisions can be read and watched.  Its clock
stands still until `advance` moves it: leases end exactly when a test says so.
Not here: faults.  Wrap it to lose answers or to crash between two writes.
"""

from __future__ import annotations

import time
from bisect import bisect_right, insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Condition

from coordinator.errors import Compacted, LeaseLost, Unavailable
from coordinator.store._counts import RequestCounts
from coordinator.store.port import Batch, Snapshot
from coordinator.store.txn import Committed, Conflict, Delete, Item, Outcome, Put, Txn, check, holds

FIRST_REVISION = 1  # of an empty etcd

Change = tuple[str, Item | None]


@dataclass
class _Lease:
    ttl_s: int
    ends_s: float
    keys: set[str] = field(default_factory=set)


class MemoryStore:
    """See port.Store.  Safe to use from many threads."""

    def __init__(self) -> None:
        self.requests = RequestCounts()
        self.now_s = 0.0
        self._changed = Condition()  # guards everything below; notified after each new revision
        self._revision = FIRST_REVISION
        self._compacted = 0  # history before this revision is gone
        self._keys: list[str] = []  # every key with history, in order
        self._versions: dict[str, list[tuple[int, Item | None]]] = {}
        self._log: list[tuple[Change, ...]] = []  # what each revision changed
        self._log_start = FIRST_REVISION + 1  # the revision of _log[0]
        self._leases: dict[int, _Lease] = {}
        self._leases_granted = 0
        self._closed = False

    # -- reading

    def read(self, start: str, end: str | None = None, *, revision: int | None = None) -> Snapshot:
        self.requests.add("range")
        with self._changed:
            self._check_open()
            at = self._revision if revision is None else revision
            if at < self._compacted or at > self._revision:
                raise compacted(f"read {start!r} as of revision {at}", self._compacted)
            found = tuple(item for key in self._select(start, end) if (item := self._at(key, at)))
            return Snapshot(self._revision if revision is None else revision, found)

    def read_many(self, ranges: tuple[tuple[str, str | None], ...]) -> Snapshot:
        self.requests.add("txn")
        with self._changed:
            self._check_open()
            keys = sorted({key for start, end in ranges for key in self._select(start, end)})
            found = tuple(item for key in keys if (item := self._at(key, self._revision)))
            return Snapshot(self._revision, found)

    def _select(self, start: str, end: str | None) -> list[str]:
        if end is None:
            return [start] if start in self._versions else []
        low = bisect_right(self._keys, start)
        if low and self._keys[low - 1] == start:
            low -= 1
        high = bisect_right(self._keys, end)
        if high and self._keys[high - 1] == end:
            high -= 1
        return self._keys[low:high]

    def _at(self, key: str, revision: int) -> Item | None:
        versions = self._versions.get(key)
        if not versions:
            return None
        if versions[-1][0] <= revision:  # nearly always: the present
            return versions[-1][1]
        index = bisect_right(versions, revision, key=lambda version: version[0])
        return versions[index - 1][1] if index else None

    def _now(self, key: str) -> Item | None:
        return self._at(key, self._revision)

    # -- writing

    def commit(self, txn: Txn) -> Outcome:
        check(txn)
        self.requests.add("txn")
        with self._changed:
            self._check_open()
            if not all(holds(guard, self._now(guard.key)) for guard in txn.guards):
                keys = sorted({guard.key for guard in txn.guards})
                return Conflict(self._revision, tuple(item for key in keys if (item := self._now(key))))
            for write in txn.writes:
                if isinstance(write, Put) and write.lease and write.lease not in self._leases:
                    raise lease_lost(write.lease)
            self._apply(txn.writes)
            return Committed(self._revision)

    def _apply(self, writes: Iterable[Put | Delete]) -> None:
        """Write one revision, or none if *writes* only delete what is not there."""
        revision = self._revision + 1
        changes: dict[str, Item | None] = {}
        for write in writes:
            if isinstance(write, Put):
                changes[write.key] = Item(write.key, write.value, revision, write.lease)
            else:
                changes |= {key: None for key in self._select(write.key, write.end) if self._now(key)}
        if not changes:
            return
        for key, item in changes.items():
            before = self._now(key)
            if before and before.lease:
                self._leases[before.lease].keys.discard(key)
            if item and item.lease:
                self._leases[item.lease].keys.add(key)
            if key not in self._versions:
                insort(self._keys, key)
            self._versions.setdefault(key, []).append((revision, item))
        self._log.append(tuple(changes.items()))
        self._revision = revision
        self._changed.notify_all()

    # -- watching

    def watch(self, start: str, end: str, *, revision: int) -> MemoryWatch:
        assert start < end
        self.requests.add("watch")
        return MemoryWatch(self, start, end, revision)

    def changes(self, start: str, end: str, after: int) -> Batch | None:
        """Return what the first revision after *after* that touched [start, end) changed there."""
        with self._changed:
            if after + 1 < self._compacted or after > self._revision:
                raise compacted(f"watch {start!r} after revision {after}", self._compacted)
            for revision in range(max(after + 1, self._log_start), self._revision + 1):
                touched = self._log[revision - self._log_start]
                mine = tuple(change for change in touched if start <= change[0] < end)
                if mine:
                    return Batch(revision, mine)
            return None

    def wait_change(self, revision: int, timeout_s: float, watch: MemoryWatch) -> None:
        """Wait for a revision above *revision*, for something to do in *watch*, or for the timeout."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._revision > revision or watch.is_closed or watch.is_asked or self._closed, timeout_s
            )

    def wake(self) -> None:
        """Let every waiting watch look again."""
        with self._changed:
            self._changed.notify_all()

    @property
    def revision(self) -> int:
        """The present revision."""
        with self._changed:
            return self._revision

    def compact(self, revision: int) -> None:
        """Forget the history before *revision*; what is current at *revision* stays readable."""
        with self._changed:
            assert self._compacted < revision <= self._revision
            self._compacted = revision
            for key in list(self._versions):
                versions = self._versions[key]
                index = bisect_right(versions, revision, key=lambda version: version[0])
                kept = versions[max(0, index - 1) :]
                if kept[0][0] < revision and kept[0][1] is None:  # a deletion that nobody can ask for any more
                    kept = kept[1:]
                if kept:
                    self._versions[key] = kept
                else:
                    del self._versions[key]
            self._keys = [key for key in self._keys if key in self._versions]
            del self._log[: max(0, revision - self._log_start)]
            self._log_start = max(self._log_start, revision)

    # -- leases

    def grant(self, ttl_s: int) -> int:
        self.requests.add("grant")
        with self._changed:
            self._check_open()
            self._leases_granted += 1
            lease = 0x7000_0000 + self._leases_granted
            self._leases[lease] = _Lease(ttl_s, self.now_s + ttl_s)
            return lease

    def refresh(self, lease: int) -> int:
        self.requests.add("refresh")
        with self._changed:
            self._check_open()
            if lease not in self._leases:
                raise lease_lost(lease)
            held = self._leases[lease]
            held.ends_s = self.now_s + held.ttl_s
            return held.ttl_s

    def revoke(self, lease: int) -> None:
        self.requests.add("revoke")
        with self._changed:
            self._check_open()
            self._end(lease)

    def advance(self, seconds: float) -> None:
        """Move the clock; leases that were not refreshed in time end, each in a revision of its own."""
        with self._changed:
            self.now_s += seconds
            over = [lease for lease, held in self._leases.items() if held.ends_s <= self.now_s]
            for lease in sorted(over, key=lambda lease: self._leases[lease].ends_s):
                self._end(lease)

    def _end(self, lease: int) -> None:
        if lease in self._leases:
            self._apply([Delete(key) for key in sorted(self._leases[lease].keys)])
            del self._leases[lease]

    # -- ending

    def close(self) -> None:
        """End every watch.  What is stored is gone with the object."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def is_closed(self) -> bool:
        return self._closed

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("cannot reach the store", why="it was closed")


class MemoryWatch:
    """See port.Watch.  One batch per revision; `next(0)` never blocks."""

    def __init__(self, store: MemoryStore, start: str, end: str, revision: int) -> None:
        self._store, self._start, self._end = store, start, end
        self._done = revision  # everything up to here was returned
        self.is_asked = False
        self.is_closed = False

    def next(self, timeout_s: float) -> Batch | None:
        ends_s = time.monotonic() + timeout_s
        while not (self.is_closed or self._store.is_closed):
            present = self._store.revision
            batch = self._store.changes(self._start, self._end, self._done)
            if batch is None and self.is_asked:
                batch = Batch(present, ())
            if batch is not None:
                self._done, self.is_asked = batch.revision, False
                return batch
            self._done = max(self._done, present)
            left_s = ends_s - time.monotonic()
            if left_s <= 0:
                return None
            self._store.wait_change(self._done, left_s, self)
        return None

    def ask_progress(self) -> bool:
        self.is_asked = True
        self._store.wake()
        return True

    def close(self) -> None:
        self.is_closed = True
        self._store.wake()


def compacted(what: str, oldest: int) -> Compacted:
    return Compacted(
        f"cannot {what}",
        why=f"the store keeps history from revision {oldest} to the present only",
        fix="read the present state and go on from there",
    )


def lease_lost(lease: int) -> LeaseLost:
    return LeaseLost(
        f"cannot use lease {lease:x}",
        why="it has ended",
        fix="get a new lease; whatever was held with the old one is gone",
    )
