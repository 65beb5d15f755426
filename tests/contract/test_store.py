"""What port.Store promises, asked of both stores; and stories to which both must give equal answers.

Revisions are compared relative to the start of a story, leases by the order in which they were granted.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordinator.errors import BadRequest, Compacted, CoordinatorError, LeaseLost, Refused
from coordinator.store.etcd import EtcdStore
from coordinator.store.memory import MemoryStore
from coordinator.store.port import Batch, Store, Watch
from coordinator.store.txn import (
    BYTES_MAX,
    COMPARES_MAX,
    WRITES_MAX,
    Committed,
    Conflict,
    Delete,
    Exists,
    Guard,
    Item,
    Owned,
    Put,
    Txn,
    Unmoved,
)

WAIT_S = 30.0  # for things that happen in milliseconds


def put(store: Store, key: str, value: bytes = b"", lease: int = 0) -> int:
    outcome = store.commit(Txn((), (Put(key, value, lease),)))
    assert isinstance(outcome, Committed)
    return outcome.revision


def end_of(prefix: str) -> str:
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def collect(watch: Watch, until: int) -> list[tuple[str, Item | None]]:
    """Return what *watch* delivers up to the revision *until*, which must change something in its range."""
    changes: list[tuple[str, Item | None]] = []
    ends_s = time.monotonic() + WAIT_S
    while time.monotonic() < ends_s:
        batch = watch.next(0.5)
        if batch is not None:
            changes += batch.changes
            if batch.revision >= until:
                return changes
    raise AssertionError(f"revision {until} did not come; got {changes}")


# -- stories


@dataclass(frozen=True)
class Revision:
    """A revision of the story: *back* steps before the present one; None is "the key does not exist"."""

    back: int | None


class Teller:
    """Plays a story on one store and answers in words that do not depend on the store."""

    def __init__(self, store: Store, prefix: str) -> None:
        self.store, self.prefix = store, prefix
        self.leases: list[int] = []
        self.start = put(store, prefix + "~")
        self.now = self.start

    def play(self, step: Callable[[Teller], Any]) -> Any:
        try:
            return self.words(step(self))
        except CoordinatorError as error:
            return type(error).__name__

    def revision(self, revision: Revision) -> int:
        return 0 if revision.back is None else max(self.start, self.now - revision.back)

    def lease(self, number: int | None) -> int:
        return self.leases[number % len(self.leases)] if self.leases and number is not None else 0

    def words(self, answer: Any) -> Any:
        match answer:
            case Item():
                owner = self.leases.index(answer.lease) if answer.lease else None
                return (answer.key.removeprefix(self.prefix), answer.value, answer.revision - self.start, owner)
            case Committed():
                self.now = answer.revision
                return ("committed", answer.revision - self.start)
            case Conflict():
                return ("conflict", answer.revision - self.start, self.words(answer.found))
            case list() | tuple():
                return [self.words(part) for part in answer]
            case str():
                return answer.removeprefix(self.prefix)
            case _:
                return answer


KEYS = st.sampled_from("abc")
REVISIONS = st.builds(Revision, st.one_of(st.none(), st.integers(0, 4)))
LEASES = st.one_of(st.none(), st.none(), st.integers(0, 2))
RANGES = st.sampled_from([("a", None), ("b", None), ("a", "c"), ("b", "d"), ("a", "~~")])


@dataclass(frozen=True)
class Write:
    key: str
    value: bytes | None
    """None deletes."""
    lease: int | None = None
    end: str | None = None


@dataclass(frozen=True)
class Commit:
    guards: list[tuple[str, str, Revision, int | None]]
    writes: list[Write] = field(default_factory=list)

    def __call__(self, teller: Teller) -> Any:
        p = teller.prefix
        guards: list[Guard] = []
        for kind, key, revision, lease in self.guards:
            if kind == "exists":
                guards.append(Exists(p + key))
            elif kind == "owned":
                guards.append(Owned(p + key, teller.revision(revision), teller.lease(lease)))
            else:
                found = teller.store.read(p + key).items
                current = found[0].revision if found and kind == "current" else teller.revision(revision)
                guards.append(Unmoved(p + key, current))
        writes = tuple(
            Put(p + write.key, write.value, teller.lease(write.lease))
            if write.value is not None
            else Delete(p + write.key, write.end and p + write.end)
            for write in self.writes
        )
        return teller.store.commit(Txn(tuple(guards), writes))


@dataclass(frozen=True)
class Read:
    range: tuple[str, str | None]
    revision: Revision | None

    def __call__(self, teller: Teller) -> Any:
        start, end = self.range
        revision = None if self.revision is None else teller.revision(self.revision) or None
        snapshot = teller.store.read(teller.prefix + start, end and teller.prefix + end, revision=revision)
        return (snapshot.revision - teller.start, snapshot.items)


@dataclass(frozen=True)
class ReadMany:
    ranges: tuple[tuple[str, str | None], ...]

    def __call__(self, teller: Teller) -> Any:
        p = teller.prefix
        snapshot = teller.store.read_many(tuple((p + start, end and p + end) for start, end in self.ranges))
        return (snapshot.revision - teller.start, snapshot.items)


@dataclass(frozen=True)
class Lease:
    verb: str
    number: int

    def __call__(self, teller: Teller) -> Any:
        if self.verb == "grant" or not teller.leases:
            teller.leases.append(teller.store.grant(60))
            return "granted"
        if self.verb == "refresh":
            return teller.store.refresh(teller.lease(self.number))
        teller.store.revoke(teller.lease(self.number))
        return "revoked"


WRITES = st.builds(Write, KEYS, st.one_of(st.none(), st.sampled_from([b"", b"1", b"2"])), LEASES)
CLEAR = st.builds(Write, st.sampled_from("ab"), st.none(), st.none(), st.sampled_from("cd"))
GUARDS = st.tuples(st.sampled_from(["current", "unmoved", "exists", "owned"]), KEYS, REVISIONS, LEASES)
COMMITS = st.builds(Commit, st.lists(GUARDS, max_size=2), st.lists(st.one_of(WRITES, WRITES, CLEAR), max_size=3))
READS = st.builds(Read, RANGES, st.one_of(st.none(), REVISIONS))
READ_MANYS = st.builds(ReadMany, st.lists(RANGES, max_size=3).map(tuple))
LEASE_STEPS = st.builds(Lease, st.sampled_from(["grant", "refresh", "revoke"]), st.integers(0, 2))
STORIES = st.lists(st.one_of(COMMITS, COMMITS, COMMITS, LEASE_STEPS, READS, READ_MANYS), max_size=14)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(story=STORIES, data=st.data())
def test_both_stores_tell_the_same_story(etcd_store: EtcdStore, prefix: str, story: list[Any], data: Any) -> None:
    own = f"{prefix}{uuid.uuid4()}/"  # hypothesis plays a story more than once
    tellers = [Teller(MemoryStore(), own), Teller(etcd_store, own)]
    for step in story:
        memory, etcd = (teller.play(step) for teller in tellers)
        assert memory == etcd, step

    back = data.draw(st.integers(0, 4), label="watch from so many revisions ago")
    memory, etcd = (watched(teller, teller.now - back) for teller in tellers)
    assert memory == etcd


def watched(teller: Teller, since: int) -> Any:
    """Return everything that a watch of the whole story after *since* delivers."""
    end = put(teller.store, teller.prefix + "~")
    watch = teller.store.watch(teller.prefix, end_of(teller.prefix), revision=max(since, teller.start))
    changes = collect(watch, end)
    watch.close()
    return teller.words(changes)


# -- reading


def test_a_range_ends_before_its_end_and_comes_in_key_order(store: Store, prefix: str) -> None:
    for name in ("c", "a", "b", "a/1"):
        put(store, prefix + name)

    found = store.read(prefix + "a", prefix + "c")

    assert [item.key for item in found.items] == [prefix + "a", prefix + "a/1", prefix + "b"]


def test_a_range_of_many_pages_is_of_one_revision(store: Store, prefix: str) -> None:
    keys = [f"{prefix}{number:05}" for number in range(2_500)]
    written = store.commit(Txn((), tuple(Put(key, b"1") for key in keys)))
    put(store, prefix + "00000", b"2")

    found = store.read(prefix, end_of(prefix), revision=written.revision)
    many = store.read_many(((prefix, end_of(prefix)), (prefix + "00000", None)))

    assert found.revision == written.revision
    assert [(item.key, item.value) for item in found.items] == [(key, b"1") for key in keys]
    assert [item.value for item in many.items] == [b"2"] + [b"1"] * 2_499


def test_more_ranges_than_one_request_takes(store: Store, prefix: str) -> None:
    last = put(store, prefix + "299")

    found = store.read_many(tuple((f"{prefix}{number}", None) for number in range(300)))

    assert found.revision >= last
    assert [item.key for item in found.items] == [prefix + "299"]


def test_a_revision_of_the_future_is_refused_like_one_of_the_past(store: Store, prefix: str) -> None:
    now = put(store, prefix + "a")
    with pytest.raises(Compacted):
        store.read(prefix + "a", revision=now + 1_000_000)


# -- committing


def test_a_conflict_says_what_the_guarded_keys_are_now(store: Store, prefix: str) -> None:
    a, b = prefix + "a", prefix + "b"
    revision = put(store, a, b"1")

    outcome = store.commit(Txn((Unmoved(a, 0), Exists(b)), (Put(b, b"2"),)))

    assert isinstance(outcome, Conflict)
    assert outcome.revision >= revision
    assert outcome.found == (Item(a, b"1", revision),)
    assert store.read(b).items == ()


def test_an_owner_is_fenced_by_revision_and_by_lease(store: Store, prefix: str) -> None:
    claim, work = prefix + "claim", prefix + "work"
    mine, other = store.grant(60), store.grant(60)
    token = Owned(claim, put(store, claim, b"me", mine), mine)
    assert isinstance(store.commit(Txn((token,), (Put(work, b"1"),))), Committed)

    with_other_lease = Owned(claim, token.revision, other)
    assert isinstance(store.commit(Txn((with_other_lease,), (Put(work, b"2"),))), Conflict)
    put(store, claim, b"someone else", other)
    assert isinstance(store.commit(Txn((token,), (Put(work, b"2"),))), Conflict)

    store.revoke(mine)  # the key was handed over, so the old lease takes nothing with it
    assert [item.value for item in store.read(claim).items] == [b"someone else"]
    store.revoke(other)
    assert store.read(claim).items == ()


def test_whoever_owns_nothing_writes_nothing(store: Store, prefix: str) -> None:
    with pytest.raises(BadRequest, match="the owner of a key that was never written"):
        store.commit(Txn((Owned(prefix + "claim", 0, 0),), (Put(prefix + "work", b"1"),)))


@pytest.mark.parametrize(
    ("guards", "writes"),
    [
        pytest.param(0, WRITES_MAX, id="writes alone"),
        pytest.param(64, WRITES_MAX, id="writes beside guards"),
        pytest.param(100, 2_800, id="writes beside many guards"),
        pytest.param(COMPARES_MAX, 128, id="guards"),
    ],
)
def test_the_largest_transaction_is_one_revision(store: Store, prefix: str, guards: int, writes: int) -> None:
    txn = Txn(
        tuple(Unmoved(f"{prefix}{number}", 0) for number in range(guards)),
        tuple(Put(f"{prefix}{number}", b"") for number in range(writes)),
    )

    first, again = store.commit(txn), store.commit(txn)

    assert isinstance(first, Committed)
    assert isinstance(again, Conflict if guards else Committed)
    assert len(store.read(prefix, end_of(prefix), revision=first.revision).items) == writes


@pytest.mark.parametrize(
    ("guards", "writes", "limit"),
    [
        pytest.param(0, WRITES_MAX + 1, "4096 fit", id="writes"),
        pytest.param(100, 2_801, "2800 fit", id="writes beside many guards"),
        pytest.param(COMPARES_MAX + 1, 0, "etcd allows 128", id="guards"),
    ],
)
def test_too_many_operations_are_refused_by_name(
    store: Store, prefix: str, guards: int, writes: int, limit: str
) -> None:
    txn = Txn(
        tuple(Unmoved(f"{prefix}{number}", 0) for number in range(guards)),
        tuple(Put(f"{prefix}{number}", b"") for number in range(writes)),
    )
    with pytest.raises(Refused, match=limit):
        store.commit(txn)


def test_the_largest_value_fits_and_a_larger_one_is_refused_by_name(store: Store, prefix: str) -> None:
    put(store, prefix + "large", b"x" * (BYTES_MAX - 1_000))
    with pytest.raises(Refused, match="1,400,000"):
        put(store, prefix + "larger", b"x" * BYTES_MAX)
    assert len(store.read(prefix, end_of(prefix)).items) == 1


def test_a_key_is_written_once(store: Store, prefix: str) -> None:
    for writes in (
        (Put(prefix + "a", b"1"), Put(prefix + "a", b"2")),
        (Put(prefix + "a", b"1"), Delete(prefix + "a")),
        (Delete(prefix, end_of(prefix)), Put(prefix + "a", b"1")),
        (Put("", b"1"),),
    ):
        with pytest.raises(BadRequest):
            store.commit(Txn((), writes))


# -- watching


def test_a_watch_delivers_whole_transactions_in_order_and_once(store: Store, prefix: str) -> None:
    start = put(store, prefix + "x")
    watch = store.watch(prefix, end_of(prefix), revision=start)
    expected: list[tuple[str, Item | None]] = []
    last = start
    for number in range(20):
        keys = [f"{prefix}{number}/{part}" for part in range(3)]
        last = store.commit(Txn((), tuple(Put(key, b"") for key in keys))).revision
        expected += [(key, Item(key, b"", last)) for key in keys]
        put(store, f"{end_of(prefix)}outside")

    batches: list[Batch] = []
    while not batches or batches[-1].revision < last:
        batch = watch.next(WAIT_S)
        assert batch is not None
        batches.append(batch)

    assert [change for batch in batches for change in batch.changes] == expected
    for batch in batches:  # a revision is never torn
        assert {item.revision for _, item in batch.changes if item} & {batch.revision}
    assert watch.next(0) is None
    watch.close()


def test_a_watch_starts_in_the_past_and_again_where_it_stopped(store: Store, prefix: str) -> None:
    revisions = [put(store, f"{prefix}{number}") for number in range(5)]
    end = end_of(prefix)

    for at, revision in enumerate(revisions[:-1]):
        watch = store.watch(prefix, end, revision=revision)
        assert [key for key, _ in collect(watch, revisions[-1])] == [f"{prefix}{n}" for n in range(at + 1, 5)]
        watch.close()


def test_the_end_of_a_lease_deletes_all_its_keys_in_one_batch(store: Store, prefix: str) -> None:
    lease = store.grant(60)
    start = store.commit(Txn((), tuple(Put(f"{prefix}{n}", b"", lease) for n in range(3)))).revision
    watch = store.watch(prefix, end_of(prefix), revision=start)

    store.revoke(lease)
    store.revoke(lease)  # gone already is fine

    batch = watch.next(WAIT_S)
    assert batch is not None
    assert batch.changes == tuple((f"{prefix}{n}", None) for n in range(3))
    with pytest.raises(LeaseLost):
        store.refresh(lease)
    with pytest.raises(LeaseLost):
        put(store, prefix + "late", b"", lease)
    watch.close()


def test_a_watch_says_how_far_it_has_come_or_that_it_cannot(store: Store, prefix: str) -> None:
    watch = store.watch(prefix, end_of(prefix), revision=put(store, prefix + "a"))
    elsewhere = put(store, end_of(prefix) + "outside")
    assert watch.next(0.2) is None

    if watch.ask_progress():
        batch = watch.next(WAIT_S)
        assert batch is not None
        assert batch.revision >= elsewhere
        assert batch.changes == ()
    watch.close()


def test_closing_a_watch_wakes_up_who_waits(store: Store, prefix: str) -> None:
    watch = store.watch(prefix, end_of(prefix), revision=put(store, prefix + "a"))
    answers: list[Batch | None] = []
    waiting = threading.Thread(target=lambda: answers.append(watch.next(60)))
    waiting.start()

    watch.close()

    waiting.join(WAIT_S)
    assert answers == [None]


def test_a_watch_of_the_future_does_not_wait_in_silence(store: Store, prefix: str) -> None:
    """After a restore without --bump-revision it would wait for revisions that were given before."""
    watch = store.watch(prefix, end_of(prefix), revision=put(store, prefix + "a") + 1_000_000)
    with pytest.raises(Compacted):
        watch.next(WAIT_S)
    watch.close()
