"""A session tells the truth by the local clock, in time, and in the right order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from coordinator.errors import LeaseLost, Unavailable
from coordinator.store.embedded import EmbeddedEtcd
from coordinator.store.memory import MemoryStore
from coordinator.store.session import Session, Standing, boot_clock
from coordinator.store.txn import Put, Txn

WAIT_S = 30.0


class Told(list[str]):
    """What the owner was told, in order."""

    def session(self, store: MemoryStore, *, ttl_s: int = 9) -> Session:
        session = Session(
            store,
            ttl_s=ttl_s,
            on_doubt=lambda: self.append("doubt"),
            on_lost=lambda: self.append("lost"),
            clock=lambda: store.now_s,
        )
        session.grant()
        return session


class MuteStore(MemoryStore):
    """Does not answer refreshes while `mute`; while `stopped` the answer comes, but so much later."""

    mute = False
    stopped_s = 0.0

    def refresh(self, lease: int) -> int:
        if self.mute:
            raise Unavailable("cannot refresh", why="etcd does not answer")
        ttl_s = super().refresh(lease)
        self.now_s += self.stopped_s
        return ttl_s


def test_a_session_refreshes_at_a_third_of_its_ttl() -> None:
    store, told = MemoryStore(), Told()
    session = told.session(store)
    for _ in range(30):
        store.advance(1)
        assert session.poll() is Standing.VALID
    assert store.requests["refresh"] == 10
    assert told == []


def test_doubt_at_two_thirds_and_loss_before_the_lease_can_end() -> None:
    store, told = MuteStore(), Told()
    session = told.session(store)
    store.mute = True

    timetable = {}
    for second in range(1, 11):
        store.advance(1)
        timetable[second] = session.poll()

    assert [second for second, standing in timetable.items() if standing is Standing.VALID] == [1, 2, 3, 4, 5]
    assert [second for second, standing in timetable.items() if standing is Standing.DOUBTFUL] == [6, 7]
    assert told == ["doubt", "lost"]
    assert session.failure is not None


def test_a_refresh_in_time_ends_the_doubt_and_the_next_doubt_is_told_again() -> None:
    store, told = MuteStore(), Told()
    session = told.session(store)
    for _ in range(2):
        store.mute = True
        store.advance(6)
        assert session.poll() is Standing.DOUBTFUL
        store.mute = False
        store.advance(1)
        assert session.poll() is Standing.VALID
        assert session.confirmed_s == store.now_s
    assert told == ["doubt", "doubt"]


def test_a_lease_that_is_gone_is_lost_at_once() -> None:
    store, told = MemoryStore(), Told()
    session = told.session(store)
    store.revoke(session.lease)
    store.advance(3)
    assert session.poll() is Standing.LOST
    assert told == ["doubt", "lost"]
    assert isinstance(session.failure, LeaseLost)


def test_after_a_stop_the_clock_is_believed_before_the_answer() -> None:
    """W18: the answer had been sent in time, but this process was stopped before it could read it."""
    store, told = MuteStore(), Told()
    session = told.session(store)
    store.advance(3)
    store.stopped_s = 4

    assert session.poll() is Standing.VALID  # the lease is alive; but what ran meanwhile has been killed
    assert told == ["doubt"]

    store.stopped_s = 18
    store.advance(3)
    assert session.poll() is Standing.LOST
    store.stopped_s = 0
    store.advance(0.1)
    assert session.poll() is Standing.LOST
    assert told == ["doubt", "doubt", "lost"]


def test_a_stop_is_seen_by_whoever_asks_first() -> None:
    store, told = MemoryStore(), Told()
    session = told.session(store)
    store.now_s += 7
    assert not session.is_valid()
    store.now_s += 7
    assert session.standing() is Standing.LOST
    store.now_s -= 14  # nothing brings it back
    assert session.standing() is Standing.LOST


def test_the_time_that_counts_is_the_one_before_sending() -> None:
    store, told = MuteStore(), Told()
    session = told.session(store)
    store.advance(3)
    store.stopped_s = 2
    session.poll()
    assert session.confirmed_s == 3


def test_each_refresh_that_is_believed_is_told_and_says_how_long_it_is_good_for() -> None:
    store, until = MuteStore(), []
    session = Session(
        store, ttl_s=9, clock=lambda: store.now_s, on_confirmed=lambda: until.append(session.valid_until_s)
    )
    session.grant()
    assert session.valid_until_s == 6
    for store.mute in (False, True, False):
        store.advance(3)
        session.poll()
    store.stopped_s = 18  # answered, but too late to be believed
    store.advance(3)
    session.poll()
    assert until == [9, 15]


def test_closing_gives_up_everything_that_was_held() -> None:
    store, told = MemoryStore(), Told()
    session = told.session(store)
    store.commit(Txn((), (Put("claim", b"", session.lease),)))
    assert session.close()
    assert store.read("claim").items == ()
    assert session.standing() is Standing.LOST
    assert told == []


def test_an_owner_that_raises_is_reported_and_the_session_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    store, reported = MemoryStore(), []
    monkeypatch.setattr(threading, "excepthook", lambda args: reported.append(str(args.exc_value)))

    def fail() -> None:
        raise RuntimeError("cannot kill")

    session = Session(store, ttl_s=9, on_doubt=fail, on_lost=fail, clock=lambda: store.now_s)
    session.grant()
    store.now_s += 8
    assert session.poll() is Standing.LOST
    assert reported == ["cannot kill", "cannot kill"]


def test_with_threads_the_owner_is_told_in_time_and_nothing_is_left() -> None:
    store, told = MuteStore(), []
    lost = threading.Event()
    session = Session(
        store,
        ttl_s=3,
        on_doubt=lambda: told.append(boot_clock()),
        on_lost=lambda: (told.append(boot_clock()), session.close(), lost.set()),
    )
    session.start()
    store.mute = True
    assert lost.wait(WAIT_S)
    since_s = [at - session.confirmed_s for at in told]
    assert 2.0 <= since_s[0] < session.ttl_s, "before anybody else can have what it held"
    assert len(told) == 2
    session.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("session")]


def test_with_threads_and_etcd_it_stays_valid_longer_than_its_ttl(etcd: EmbeddedEtcd) -> None:
    from coordinator.store.etcd import EtcdStore

    store = EtcdStore([etcd.endpoint])
    session = Session(store, ttl_s=4)  # less would be lost when a busy machine stalls
    session.start()
    ends_s = time.monotonic() + 5.0
    while time.monotonic() < ends_s:
        assert session.standing() is not Standing.LOST
        time.sleep(0.05)
    lease = session.lease
    assert session.close()
    with pytest.raises(LeaseLost):
        store.refresh(lease)
    store.close()


ZOMBIE = """
import os, sys, time
from coordinator.store.etcd import EtcdStore
from coordinator.store.session import Session

def say(text):
    os.write(1, (text + "\\n").encode())  # at once: several threads speak

session = Session(
    EtcdStore([sys.argv[1]]), ttl_s=2, on_doubt=lambda: say("doubt"), on_lost=lambda: say("lost"),
)
session.start()
last = time.monotonic()
say("started")
while True:
    time.sleep(0.01)
    now = time.monotonic()
    if now - last > 1:
        say(f"woke {session.is_valid()} {session.standing().value}")
    last = now
"""


def test_a_process_that_was_stopped_for_twice_its_ttl_wakes_up_without_authority(etcd: EmbeddedEtcd) -> None:
    zombie = subprocess.Popen([sys.executable, "-c", ZOMBIE, etcd.endpoint], stdout=subprocess.PIPE, text=True)
    assert zombie.stdout is not None
    limit = threading.Timer(60, zombie.kill)  # whatever it does not say, the test ends
    limit.start()
    try:
        assert zombie.stdout.readline() == "started\n"
        os.kill(zombie.pid, signal.SIGSTOP)
        time.sleep(4)
        os.kill(zombie.pid, signal.SIGCONT)
        said = {zombie.stdout.readline().strip() for _ in range(3)}
    finally:
        limit.cancel()
        zombie.kill()
        zombie.wait(WAIT_S)
        zombie.stdout.close()
    assert said == {"woke False lost", "doubt", "lost"}
