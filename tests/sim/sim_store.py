"""The store as one simulated process sees it: other things happen around every write, and writes go wrong.

Role: stands between a process's code and the one MemoryStore; where a crash, a lost answer or a cut network is
injected.  What lands is told to the checker.
Not here: when faults happen (simulation.py), what must hold (promises.py).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from coordinator.errors import Unavailable, UnknownOutcome
from coordinator.store.port import Batch, Snapshot
from coordinator.store.txn import Outcome, Txn

if TYPE_CHECKING:
    from processes import Process
    from simulation import Simulation

T = TypeVar("T")


class Died(BaseException):
    """The process that this code runs in is dead: nothing of it happens any more."""


class Fault(Enum):
    """What becomes of one write."""

    DIES_BEFORE = "dies before the write"
    DIES_AFTER = "dies after the write"
    UNAVAILABLE = "write refused"
    UNKNOWN_LOST = "answer lost, write too"
    UNKNOWN_LANDED = "answer lost, write landed"
    UNKNOWN_LATER = "answer lost, write lands later"


class SimStore:
    """See port.Store."""

    def __init__(self, sim: Simulation, process: Process) -> None:
        self._sim, self._process = sim, process

    # -- reading

    def read(self, start: str, end: str | None = None, *, revision: int | None = None) -> Snapshot:
        self._check()
        return self._sim.store.read(start, end, revision=revision)

    def read_many(self, ranges: tuple[tuple[str, str | None], ...]) -> Snapshot:
        self._check()
        return self._sim.store.read_many(ranges)

    def watch(self, start: str, end: str, *, revision: int) -> SimWatch:
        self._check()
        return SimWatch(self, self._sim.store.watch(start, end, revision=revision))

    # -- writing

    def commit(self, txn: Txn) -> Outcome:
        return self._write(lambda: self._sim.land(self._process, txn), later=txn)

    def grant(self, ttl_s: int) -> int:
        lease = self._write(lambda: self._sim.store.grant(ttl_s))
        self._process.leases.add(lease)
        return lease

    def revoke(self, lease: int) -> None:
        self._write(lambda: self._sim.store.revoke(lease))

    def refresh(self, lease: int) -> int:
        self._check()
        return self._sim.store.refresh(lease)

    def close(self) -> None:
        pass

    def _write(self, write: Callable[[], T], *, later: Txn | None = None) -> T:
        self._sim.interlude(self._process)
        self._check()
        fault = self._sim.next_fault(self._process)
        if fault is Fault.UNKNOWN_LATER:
            if later is None:
                fault = Fault.UNKNOWN_LOST
            else:
                self._sim.on_the_way.append((self._process, later))
        if fault in (Fault.UNKNOWN_LOST, Fault.UNKNOWN_LATER):
            raise UnknownOutcome("no answer")
        if fault is Fault.UNAVAILABLE:
            raise Unavailable("no connection")
        if fault is Fault.DIES_BEFORE:
            self._die()
        result = write()
        if fault is Fault.DIES_AFTER:
            self._die()
        if fault is Fault.UNKNOWN_LANDED:
            raise UnknownOutcome("no answer")
        self._sim.interlude(self._process)
        if self._process.is_dead:
            raise Died
        return result

    def _die(self) -> None:
        self._sim.kill(self._process)
        raise Died

    def _check(self) -> None:
        if self._process.is_dead:
            raise Died
        if self._process.is_cut:
            raise Unavailable("no connection")

    @property
    def is_cut(self) -> bool:
        return self._process.is_cut


class SimWatch:
    """A watch that never waits: when somebody would, it says how far the store is."""

    def __init__(self, store: SimStore, watch: object) -> None:
        self._store, self._watch = store, watch

    def next(self, timeout_s: float) -> Batch | None:
        if self._store.is_cut:
            return None
        if timeout_s > 0:
            self._watch.ask_progress()
        return self._watch.next(0)

    def ask_progress(self) -> bool:
        return self._watch.ask_progress()

    def close(self) -> None:
        self._watch.close()
