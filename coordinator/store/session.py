"""One lease per process, kept alive, and the honest answer to "are we still who we were?".

Role: grants the lease, refreshes it from a thread that does nothing else (W17), and tells by the local
clock alone, without asking anybody, whether it can still be relied on (W18).
Not here: what is held with the lease (worker/, controller/), killing hooks (the worker does, when told).

    confirmed        2/3 TTL            TTL - margin
        |---- valid ----|---- doubtful ----|---- lost, for good
                     on_doubt           on_lost
"""

from __future__ import annotations

import enum
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from coordinator.errors import CoordinatorError, LeaseLost
from coordinator.store.port import Store

TTL_S = 10  # W17: at least three times the longest stall that is expected of this process
REFRESHES_PER_TTL = 3
RETRIES_PER_TTL = 20  # after a refresh that got no answer
DOUBT_AT = 2 / 3  # of the TTL: DESIGN.md section 7, self-fencing
MARGIN_S = 1.0  # W18: and at least a tenth of the TTL
WAIT_S_MAX = 1.0  # waits count a clock that stops in suspend, so none may be long
JOIN_S = 5.0


class Standing(enum.Enum):
    VALID = "valid"
    DOUBTFUL = "doubtful"
    LOST = "lost"


def boot_clock() -> float:
    """Return seconds that only go forwards, and go on while the machine is suspended where that is known."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class Session:
    """Use `start` and `close`; or `grant`, `poll` and `close` without threads (simulations, tests).

    `on_doubt` is called once each time the session becomes doubtful: kill what runs on its authority.  A
    refresh that is answered before it is lost makes it valid again.  `on_lost` is called once, always after
    `on_doubt`; the session stays lost even if etcd still has the lease, and a new one must be made.
    `on_confirmed` is called after each refresh that is believed.
    All run in a thread of the session (or inside `poll`), must not take long, and may call `close`.  What they
    raise goes to `threading.excepthook`, and the session goes on.
    """

    def __init__(
        self,
        store: Store,
        *,
        ttl_s: int = TTL_S,
        on_doubt: Callable[[], None] = lambda: None,
        on_lost: Callable[[], None] = lambda: None,
        on_confirmed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = boot_clock,
    ) -> None:
        self._store, self.ttl_s, self._clock = store, ttl_s, clock
        self._doubt_after_s = ttl_s * DOUBT_AT
        self._lost_after_s = max(self._doubt_after_s, ttl_s - max(MARGIN_S, ttl_s / 10))
        self._on_doubt, self._on_lost, self._on_confirmed = on_doubt, on_lost, on_confirmed
        self._lock = threading.Lock()  # guards what follows; never held while a callback runs
        self._lease = 0
        self._confirmed_s = 0.0
        self._refresh_s = 0.0  # when the next refresh is due
        self._told = Standing.VALID  # the last standing that the owner was told of
        self._gone = False
        self.failure: CoordinatorError | None = None  # why the last refresh got no answer
        self._telling = threading.Lock()  # callbacks run one at a time, in order
        self._stop = threading.Event()
        self._wake = threading.Event()  # the watchdog has something to look at
        self._threads: list[threading.Thread] = []

    # -- asking

    @property
    def lease(self) -> int:
        """The id of the lease.  Writes that name it fail once it is gone, whatever this object believes."""
        assert self._lease, "start() first"
        return self._lease

    @property
    def confirmed_s(self) -> float:
        """When, by this session's clock, the last refresh that was answered had been sent."""
        return self._confirmed_s

    def standing(self) -> Standing:
        """Judge by the clock, now: right even if this process was stopped a moment ago."""
        with self._lock:
            return self._judge()

    @property
    def valid_until_s(self) -> float:
        """Until when, by this session's clock, work may go on without another confirmation."""
        return self._confirmed_s + self._doubt_after_s

    def is_valid(self) -> bool:
        """Answer whether work may be started on the session's authority."""
        return self.standing() is Standing.VALID

    def _judge(self) -> Standing:
        since_s = self._clock() - self._confirmed_s
        if self._gone or since_s >= self._lost_after_s:
            self._gone = True  # for good: another process may have seen the lease end
            return Standing.LOST
        return Standing.DOUBTFUL if since_s >= self._doubt_after_s else Standing.VALID

    # -- running

    def start(self) -> None:
        """Get the lease and keep it from now on.

        Raises:
            Unavailable: etcd does not answer.
        """
        self.grant()
        for run, name in ((self._keep_refreshing, "refresh"), (self._keep_judging, "watchdog")):
            thread = threading.Thread(target=run, name=f"session {name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def grant(self) -> None:
        """Get the lease, for an owner who will call `poll`; part of `start`."""
        assert not self._lease
        sent_s = self._clock()
        self._lease = self._store.grant(self.ttl_s)
        with self._lock:
            self._confirmed_s, self._refresh_s = sent_s, sent_s + self.ttl_s / REFRESHES_PER_TTL

    def poll(self) -> Standing:
        """Tell the owner what the clock says, then refresh the lease if it is due, then tell again."""
        if self._tell() is not Standing.LOST and self._clock() >= self._refresh_s:
            self._refresh()
            self._tell()
        return self.standing()

    def close(self) -> bool:
        """Stop, and give up the lease and everything held with it; no callback comes after this.

        Return False if etcd could not be told; the lease ends by itself then.
        """
        self._stop.set()
        self._wake.set()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(JOIN_S)
        with self._lock:
            self._gone = True
        if not self._lease:
            return True
        try:
            self._store.revoke(self._lease)  # W20
        except CoordinatorError as error:
            self.failure = error
            return False
        return True

    # -- the thread that refreshes

    def _keep_refreshing(self) -> None:
        while not self._stop.is_set() and self.standing() is not Standing.LOST:
            wait_s = self._refresh_s - self._clock()
            if wait_s > 0:
                self._stop.wait(min(wait_s, WAIT_S_MAX))
            else:
                self._refresh()
                self._wake.set()

    def _refresh(self) -> None:
        sent_s = self._clock()
        try:
            ttl_s = self._store.refresh(self._lease)
        except LeaseLost as error:
            with self._lock:
                self.failure, self._gone = error, True
            return
        except CoordinatorError as error:  # whatever the reason, the clock will tell what follows from it
            with self._lock:
                self.failure = error
                self._refresh_s = self._clock() + self.ttl_s / RETRIES_PER_TTL
            return
        # The answer may have waited in a socket while this process was stopped.  What the clock says comes
        # first: the owner is told of the doubt, or the loss, before the answer is believed (W18).
        if self._tell() is Standing.LOST:
            return
        with self._lock:
            self._confirmed_s = max(self._confirmed_s, sent_s - max(0, self.ttl_s - ttl_s))
            self._refresh_s = sent_s + self.ttl_s / REFRESHES_PER_TTL
            self.failure = None
        self._call(self._on_confirmed)

    # -- the thread that judges

    def _keep_judging(self) -> None:
        while not self._stop.is_set() and self._tell() is not Standing.LOST:
            self._wake.wait(self._until_next_standing_s())
            self._wake.clear()

    def _until_next_standing_s(self) -> float:
        since_s = self._clock() - self._confirmed_s
        ahead = [step - since_s for step in (self._doubt_after_s, self._lost_after_s) if step > since_s]
        return min([*ahead, WAIT_S_MAX])

    def _tell(self) -> Standing:
        """Tell the owner what has changed since the last time; return the standing."""
        while not self._telling.acquire(timeout=WAIT_S_MAX):
            if self._stop.is_set():  # a callback calls close, which waits for this thread
                return self.standing()
        try:
            with self._lock:
                now, before = self._judge(), self._told
                self._told = now
            if before is Standing.VALID and now is not Standing.VALID:
                self._call(self._on_doubt)
            if before is not Standing.LOST and now is Standing.LOST:
                self._call(self._on_lost)
            return now
        finally:
            self._telling.release()

    def _call(self, callback: Callable[[], None]) -> None:
        if self._stop.is_set():
            return
        try:
            callback()
        except Exception:
            kind, value, trace = sys.exc_info()
            assert kind is not None
            threading.excepthook(threading.ExceptHookArgs((kind, value, trace, threading.current_thread())))


def started(store: Store, **how: Any) -> Session:
    """Return a session that keeps itself alive; *how* as for Session.

    Raises:
        Unavailable: etcd does not answer.
    """
    session = Session(store, **how)
    session.start()
    return session
