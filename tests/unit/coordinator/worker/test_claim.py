"""The session of a worker: who is told of doubt, of loss, and that the doubt is over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from coordinator.errors import Unavailable
from coordinator.store.memory import MemoryStore
from coordinator.store.session import Session
from coordinator.worker.claim import Authority

TTL_S = 9


class Mute(MemoryStore):
    """Does not answer refreshes while `mute`."""

    mute = False

    def refresh(self, lease: int) -> int:
        if self.mute:
            raise Unavailable("no answer")
        return super().refresh(lease)


class Worker:
    """An authority on a clock that stands still; `told`: the wake-ups; `until_s`: what the minder knows."""

    def __init__(self) -> None:
        self.store = Mute()
        self.told: list[str] = []
        self.until_s = 0.0
        self.session: Session | None = None
        self.authority = Authority(self.store, self, ttl_s=TTL_S, on_change=self._changed, open_session=self._open)

    def _open(self, store: MemoryStore, **how: object) -> Session:
        self.session = Session(store, clock=lambda: self.store.now_s, **how)
        self.session.grant()
        return self.session

    def _changed(self) -> None:
        self.told.append("valid" if self.authority.is_valid() else "lost" if self.authority.is_lost() else "doubt")

    def allow_until(self, deadline_s: float) -> None:
        self.until_s = deadline_s

    def pass_time(self, seconds: int) -> None:
        for _ in range(seconds):
            self.store.advance(1)
            self.session.poll()


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    worker.authority.begin()
    yield worker
    worker.authority.end()


def test_hooks_are_allowed_for_two_thirds_of_the_lease_after_each_confirmation(worker: Worker) -> None:
    assert worker.until_s == 6
    worker.pass_time(4)
    assert worker.until_s == 9
    assert worker.told == []


def test_whoever_waits_is_woken_when_the_doubt_is_over(worker: Worker) -> None:
    worker.store.mute = True
    worker.pass_time(6)
    assert worker.told == ["doubt"]
    worker.store.mute = False
    worker.pass_time(1)
    assert worker.told == ["doubt", "valid"]
    worker.pass_time(20)
    assert worker.told == ["doubt", "valid"]


def test_a_session_that_was_lost_is_replaced_by_another_one_with_another_name(worker: Worker) -> None:
    before = (worker.authority.id, worker.authority.lease)
    worker.store.mute = True
    worker.pass_time(10)
    assert worker.told == ["doubt", "lost"]
    assert worker.authority.is_lost()
    worker.store.mute = False
    worker.authority.begin()
    assert worker.authority.is_valid()
    assert worker.authority.id != before[0]
    assert worker.authority.lease != before[1]


def test_the_end_of_a_session_gives_up_what_it_held_at_once(worker: Worker) -> None:
    lease = worker.authority.lease
    worker.authority.end()
    assert (worker.authority.lease, worker.authority.id) == (0, "")
    assert not worker.authority.is_valid()
    assert lease not in worker.store._leases
