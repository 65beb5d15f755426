"""What only the memory store can do: move time, forget history on request, count."""

from __future__ import annotations

import pytest

from coordinator.errors import Compacted, LeaseLost, Unavailable
from coordinator.store.memory import MemoryStore
from coordinator.store.txn import Delete, Put, Txn


def put(store: MemoryStore, key: str, value: bytes = b"", lease: int = 0) -> int:
    return store.commit(Txn((), (Put(key, value, lease),))).revision


def test_time_ends_leases_one_revision_each() -> None:
    store = MemoryStore()
    short, long = store.grant(5), store.grant(10)
    start = store.commit(Txn((), (Put("a", b"", short), Put("b", b"", long), Put("c", b"", short)))).revision
    watch = store.watch("a", "z", revision=start)

    store.advance(4.9)
    assert store.refresh(short) == 5
    store.advance(4.9)
    assert watch.next(0) is None

    store.advance(0.2)  # 10 s since the grants, 5.1 s since the refresh
    batches = [watch.next(0), watch.next(0), watch.next(0)]
    assert [batch and batch.changes for batch in batches] == [(("a", None), ("c", None)), (("b", None),), None]
    with pytest.raises(LeaseLost):
        store.refresh(short)


def test_a_key_that_was_written_without_the_lease_outlives_it() -> None:
    store = MemoryStore()
    lease = store.grant(5)
    put(store, "a", b"1", lease)
    put(store, "a", b"2")
    store.advance(6)
    assert [item.value for item in store.read("a").items] == [b"2"]


def test_compaction_keeps_the_present_and_what_came_after() -> None:
    store = MemoryStore()
    old = put(store, "a", b"1")
    put(store, "b")
    store.commit(Txn((), (Delete("b"),)))
    kept = put(store, "a", b"2")
    new = put(store, "a", b"3")
    behind, ahead = store.watch("a", "z", revision=old), store.watch("a", "z", revision=kept - 1)

    store.compact(kept)

    with pytest.raises(Compacted):
        store.read("a", revision=kept - 1)
    with pytest.raises(Compacted):
        behind.next(0)
    assert [item.value for item in store.read("a", revision=kept).items] == [b"2"]
    batches = [ahead.next(0), ahead.next(0), ahead.next(0)]
    assert [batch and batch.revision for batch in batches] == [kept, new, None]
    assert store.read("b").items == ()
    put(store, "b", b"again")
    assert [item.key for item in store.read("a", "z").items] == ["a", "b"]


def test_a_quiet_watch_survives_the_compaction_of_what_it_has_seen() -> None:
    store = MemoryStore()
    watch = store.watch("quiet", "quieu", revision=store.revision)
    for _ in range(3):
        put(store, "busy")
    assert watch.next(0) is None
    store.compact(store.revision)
    assert watch.next(0) is None


def test_requests_are_counted_by_kind() -> None:
    store = MemoryStore()
    before = store.requests.snapshot()
    put(store, "a")
    store.read("a")
    store.read_many((("a", None),))
    assert store.requests.snapshot() - before == {"txn": 2, "range": 1}


def test_a_closed_store_is_unavailable() -> None:
    store = MemoryStore()
    watch = store.watch("a", "b", revision=1)
    store.close()
    assert watch.next(60) is None
    with pytest.raises(Unavailable):
        store.read("a")
