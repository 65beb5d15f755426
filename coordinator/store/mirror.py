"""A copy of one range in memory that is a consistent snapshot at every moment.

Role: one range read at a revision, then one watch from there (spec 2.5).  Whole transactions are applied
under a lock, so whoever reads under it sees one revision.  After Compacted the range is read afresh, and
the difference to what was there is reported as if it had been watched: listeners look at state, not events.
Not here: what the keys mean, indexes over them (listeners keep their own), the watch itself.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from coordinator.errors import Compacted, Unavailable
from coordinator.store.port import Batch, Snapshot, Store, Watch
from coordinator.store.txn import Item

NEXT_S = 1.0  # how long the thread waits for a batch before it looks whether to stop
BACKOFF_S_MIN, BACKOFF_S_MAX = 0.05, 1.0
PROGRESS_AFTER_S = 0.01  # a waiter gives the watch so long before it asks how far it has come
READ_AFTER_S = 0.25  # and so long before it reads the range itself
JOIN_S = 5.0

Listener = Callable[[list[str], int], None]


class Mirror:
    """Use `start` and `close`; or `poll` and `close` without a thread (simulations).

    Listeners are called with each batch's changed keys and revision, in order, with the mirror's lock held, in
    the thread that applied it: the mirror's own, or one in `wait_for`.  They should note and return, and take
    no lock that is held by somebody who looks at the mirror; what they raise ends the mirror (`failure`).
    """

    def __init__(self, store: Store, start: str, end: str) -> None:
        self._store, self._start, self._end = store, start, end
        self._changed = threading.Condition(threading.RLock())  # guards what follows; notified after each batch
        self._items: dict[str, Item] = {}
        self._revision = 0
        self._reads = 0  # how often the range was read as a whole; tells an old answer from a new one
        self._failure: Exception | None = None
        self._watch: Watch | None = None
        self._applying = threading.RLock()  # one batch with its listeners after the other
        self._listeners: list[Listener] = []
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    # -- looking

    @property
    def revision(self) -> int:
        """The revision that `items` is a snapshot of; 0 before the first read."""
        with self._changed:
            return self._revision

    @property
    def items(self) -> Mapping[str, Item]:
        """A live view.  Single look-ups are safe from any thread; for more than one use `view`."""
        return MappingProxyType(self._items)

    @contextmanager
    def view(self) -> Iterator[tuple[Mapping[str, Item], int]]:
        """Hold the mirror still: (items, revision) belong together inside the `with`.  Keep it short."""
        with self._changed:
            yield MappingProxyType(self._items), self._revision

    @property
    def failure(self) -> Exception | None:
        """What ended the mirror: the server refuses the range, or a listener raised."""
        return self._failure

    def listen(self, listener: Listener) -> None:
        """Call *listener* after every batch from now on."""
        with self._changed:
            self._listeners = [*self._listeners, listener]

    def wait_for(self, revision: int, timeout_s: float) -> bool:
        """Wait until the mirror has reached *revision*; False if it has not after *timeout_s*.

        *revision* may be one that changed nothing in the range, like that of a Conflict.  Do not call this
        from a listener, or with a lock that a listener wants.
        """
        ends_s = time.monotonic() + timeout_s
        if self._reach(revision, min(timeout_s, PROGRESS_AFTER_S)):
            return True
        # Nothing came, perhaps because nothing in our range changed: ask.
        with self._changed:
            watch = self._watch
        wait_s = READ_AFTER_S if watch is not None and watch.ask_progress() else 0.0
        while True:
            if self._reach(revision, max(0.0, min(wait_s, ends_s - time.monotonic()))):
                return True
            if time.monotonic() >= ends_s or self._closed.is_set():
                return False
            self._read_again()
            wait_s = max(2 * wait_s, READ_AFTER_S)

    def wait_past(self, revision: int, timeout_s: float) -> bool:
        """Wait until something has moved after *revision*; False if nothing has after *timeout_s*."""
        return self._reach(revision + 1, timeout_s)

    def _reach(self, revision: int, timeout_s: float) -> bool:
        ends_s = time.monotonic() + timeout_s
        while True:
            with self._changed:
                if self._thread is not None:
                    self._changed.wait_for(lambda: self._is_over() or self._revision >= revision, timeout_s)
                self._check()
                if self._revision >= revision:
                    return True
            left_s = ends_s - time.monotonic()
            if self._thread is not None or (not self._step(max(0.0, left_s)) and left_s <= 0):
                return False

    def _is_over(self) -> bool:
        return self._failure is not None or self._closed.is_set()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    # -- running

    def start(self) -> None:
        """Read the range, then follow it in a thread.

        Raises:
            Unavailable: etcd does not answer.  (Later it is waited for.)
        """
        self._load()
        self._thread = threading.Thread(target=self._run, name=f"mirror {self._start}", daemon=True)
        self._thread.start()

    def poll(self) -> bool:
        """Apply all that is there, without waiting; return whether there was anything.

        Raises:
            Unavailable: etcd does not answer; the mirror stays as it was, and the next call tries again.
        """
        self._check()
        something = False
        while self._step(0.0):
            something = True
        return something

    def close(self) -> None:
        """Stop following.  What was mirrored can still be looked at."""
        self._closed.set()
        with self._changed:
            watch, self._watch = self._watch, None
            self._changed.notify_all()
        if watch is not None:
            watch.close()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(JOIN_S)

    def _run(self) -> None:
        backoff_s = BACKOFF_S_MIN
        while not self._closed.is_set():
            try:
                self._step(NEXT_S)
                backoff_s = BACKOFF_S_MIN
            except Unavailable:  # only a read after Compacted; a watch waits by itself
                self._closed.wait(random.uniform(BACKOFF_S_MIN, backoff_s))
                backoff_s = min(2 * backoff_s, BACKOFF_S_MAX)
            except Exception as failure:
                with self._changed:
                    self._failure = failure
                    self._changed.notify_all()
                raise

    def _step(self, timeout_s: float) -> bool:
        """Apply the next batch, or read the range if there is no watch; return whether there was one."""
        with self._changed:
            watch = self._watch
        if self._closed.is_set():
            return False
        if watch is None:
            self._load()
            return True
        try:
            batch = watch.next(timeout_s)
        except Compacted:
            watch.close()
            with self._changed:
                self._watch = None
            return True
        if batch is None:
            return False
        self._apply(batch)
        return True

    def _load(self) -> None:
        """Read the range and watch it from there, whatever was known before."""
        snapshot = self._store.read(self._start, self._end)
        watch = self._store.watch(self._start, self._end, revision=snapshot.revision)
        with self._applying:
            with self._changed:
                self._reads += 1
                if self._closed.is_set():
                    watch.close()
                    return
                self._watch = watch
            self._adopt(snapshot)

    def _read_again(self) -> None:
        """Read the range to learn its present revision; the watch goes on.  No answer changes nothing."""
        with self._changed:
            reads = self._reads
        try:
            snapshot = self._store.read(self._start, self._end)
        except Unavailable:
            self._closed.wait(BACKOFF_S_MIN)  # the waiter asks again, until its own timeout
            return
        with self._applying:
            # Not if the range was loaded meanwhile: after a restore even an older revision is the truth.
            if self._reads == reads and snapshot.revision > self._revision:
                self._adopt(snapshot)

    # -- changing; `_applying` is held

    def _adopt(self, snapshot: Snapshot) -> None:
        """Become *snapshot*, and report what is different (synthetic events, spec 2.5)."""
        now = {item.key: item for item in snapshot.items}
        changed = [key for key, item in now.items() if self._items.get(key) != item]
        changed += [key for key in self._items if key not in now]
        self._become({key: now.get(key) for key in sorted(changed)}, snapshot.revision)

    def _apply(self, batch: Batch) -> None:
        with self._applying:
            # After `_read_again` the watch is behind for a while.  A batch that only reaches back is known.
            # One that reaches further is applied whole: the last change of each key is what counts.
            if batch.revision > self._revision:
                self._become(dict(batch.changes), batch.revision)

    def _become(self, changes: Mapping[str, Item | None], revision: int) -> None:
        with self._changed:
            for key, item in changes.items():
                if item is None:
                    self._items.pop(key, None)
                else:
                    self._items[key] = item
            self._revision = revision
            # Inside the lock: whoever sees this revision also sees what the listeners made of it.
            if changes:
                for listener in self._listeners:
                    listener(list(changes), revision)
            self._changed.notify_all()
