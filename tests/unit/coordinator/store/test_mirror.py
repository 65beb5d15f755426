"""A mirror is a consistent snapshot at every moment, and misses nothing."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from threading import Condition

import pytest
from seeds import seeds

from coordinator.errors import Unavailable
from coordinator.store.memory import MemoryStore
from coordinator.store.mirror import Mirror
from coordinator.store.port import Snapshot, Store
from coordinator.store.txn import Delete, Item, Put, Txn

WAIT_S = 30.0


class Followed:
    """A mirror, and what its listener was told."""

    def __init__(self, store: Store, prefix: str) -> None:
        self.store, self.prefix = store, prefix
        self.mirror = Mirror(store, prefix, prefix[:-1] + "0")
        self.told: list[tuple[list[str], int]] = []
        self.mirror.listen(lambda keys, revision: self.told.append((self.short(keys), revision)))

    def short(self, keys: list[str]) -> list[str]:
        return [key.removeprefix(self.prefix) for key in keys]

    def write(self, **values: bytes | None) -> int:
        writes = tuple(
            Put(self.prefix + name, value) if value is not None else Delete(self.prefix + name)
            for name, value in values.items()
        )
        return self.store.commit(Txn((), writes)).revision

    def values(self) -> dict[str, bytes]:
        with self.mirror.view() as (items, _):
            return {key.removeprefix(self.prefix): item.value for key, item in items.items()}


@pytest.fixture
def stepped() -> Iterator[Followed]:
    followed = Followed(MemoryStore(), "m/")
    yield followed
    followed.mirror.close()


@pytest.fixture
def followed(store: Store, prefix: str) -> Iterator[Followed]:
    followed = Followed(store, prefix)
    yield followed
    followed.mirror.close()


def test_each_transaction_arrives_whole(stepped: Followed) -> None:
    assert stepped.mirror.poll()
    first = stepped.write(a=b"1", b=b"1")
    second = stepped.write(a=None, c=b"1")

    assert stepped.mirror.poll()

    assert stepped.told == [(["a", "b"], first), (["a", "c"], second)]
    assert stepped.values() == {"b": b"1", "c": b"1"}
    assert stepped.mirror.revision == second
    assert not stepped.mirror.poll()


def test_after_a_compaction_the_difference_is_reported(stepped: Followed) -> None:
    store = stepped.store
    assert isinstance(store, MemoryStore)
    stepped.write(kept=b"1", changed=b"1", deleted=b"1")
    stepped.mirror.poll()
    stepped.told.clear()
    stepped.write(changed=b"2", transient=b"1")
    stepped.write(deleted=None, transient=None)
    last = stepped.write(created=b"1")
    store.compact(last)

    stepped.mirror.poll()

    assert stepped.told == [(["changed", "created", "deleted"], last)]
    assert stepped.values() == {"kept": b"1", "changed": b"2", "created": b"1"}


def test_a_revision_that_changed_nothing_here_is_reached_too(stepped: Followed) -> None:
    stepped.mirror.poll()
    elsewhere = stepped.store.commit(Txn((), (Put("elsewhere", b""),))).revision
    assert stepped.mirror.wait_for(elsewhere, timeout_s=0)
    assert not stepped.mirror.wait_for(elsewhere + 1, timeout_s=0)


def test_a_read_that_overtakes_the_watch_is_not_undone(stepped: Followed) -> None:
    """wait_for may read the range itself; what the watch then delivers is partly old."""
    mirror = stepped.mirror
    mirror.poll()
    stepped.write(a=b"1", b=b"1")
    stepped.write(a=b"2")
    mirror._read_again()
    assert (stepped.values(), mirror.revision) == ({"a": b"2", "b": b"1"}, 3)

    last = stepped.write(b=None)
    mirror.poll()

    assert (stepped.values(), mirror.revision) == ({"a": b"2"}, last)
    assert stepped.told == [(["a", "b"], 3), (["b"], last)]


def test_a_store_that_went_back_in_time_is_believed() -> None:
    """A restored backup: the watch says Compacted, and the present has a smaller revision."""
    before, after = Followed(MemoryStore(), "m/"), Followed(MemoryStore(), "m/")
    for _ in range(5):
        before.write(a=b"lost")
    after.write(a=b"restored")
    before.mirror.poll()
    before.store.close()
    before.mirror._store = after.store
    before.mirror._watch = after.store.watch("m/", "m0", revision=before.mirror.revision)

    before.mirror.poll()

    assert (before.values(), before.mirror.revision) == ({"a": b"restored"}, 2)


def test_a_running_mirror_follows_and_waits(followed: Followed) -> None:
    followed.write(a=b"1")
    followed.mirror.start()
    assert followed.values() == {"a": b"1"}

    revision = followed.write(a=b"2", b=b"2")
    assert followed.mirror.wait_for(revision, WAIT_S)
    assert followed.values() == {"a": b"2", "b": b"2"}

    elsewhere = followed.store.commit(Txn((), (Put(followed.prefix[:-1] + "1", b""),))).revision
    assert followed.mirror.wait_for(elsewhere, WAIT_S)
    started_s = time.monotonic()
    assert not followed.mirror.wait_for(elsewhere + 1_000_000, 0.1)
    assert time.monotonic() - started_s < 1
    followed.mirror.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("mirror", "watch"))]


def test_readers_see_one_revision_while_it_changes(followed: Followed) -> None:
    """Two keys are always written together with equal values."""
    followed.write(a=b"0", b=b"0")
    followed.mirror.start()
    done, torn = threading.Event(), []

    def read() -> None:
        while not done.is_set():
            with followed.mirror.view() as (items, revision):
                a, b = items[followed.prefix + "a"], items[followed.prefix + "b"]
                if a.value != b.value or a.revision > revision:
                    torn.append((a, b, revision))

    reader = threading.Thread(target=read)
    reader.start()
    last = 0
    for number in range(100):
        last = followed.write(a=b"%d" % number, b=b"%d" % number)
    assert followed.mirror.wait_for(last, WAIT_S)
    done.set()
    reader.join(WAIT_S)

    assert torn == []
    assert followed.values() == {"a": b"99", "b": b"99"}
    revisions = [revision for _, revision in followed.told]
    assert revisions == sorted(set(revisions))


class FlakyStore(MemoryStore):
    """Does not answer reads while `down`; `refused` is set when it has not."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.refused = False, threading.Event()

    def alone(self) -> Condition:
        """Return what to hold while nobody else shall read or be told anything."""
        return self._changed

    def read(self, start: str, end: str | None = None, *, revision: int | None = None) -> Snapshot:
        if self.down:
            self.refused.set()
            raise Unavailable("cannot read", why="etcd does not answer")
        return super().read(start, end, revision=revision)


def test_it_survives_that_the_store_does_not_answer() -> None:
    store = FlakyStore()
    followed = Followed(store, "m/")
    store.down = True
    with pytest.raises(Unavailable):
        followed.mirror.start()
    store.down = False
    followed.mirror.start()

    store.down = True
    store.refused.clear()
    with store.alone():  # the watch comes too late, and it has to be read again
        for number in range(3):
            last = followed.write(a=b"%d" % number)
        store.compact(last)
    assert store.refused.wait(WAIT_S)
    store.down = False

    assert followed.mirror.wait_for(last, WAIT_S)
    assert followed.values() == {"a": b"2"}
    assert followed.mirror.failure is None
    followed.mirror.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_listener_that_raises_ends_the_mirror_and_everyone_hears_of_it() -> None:
    store = MemoryStore()
    mirror = Mirror(store, "m/", "m0")
    mirror.start()

    def fail(keys: list[str], revision: int) -> None:
        raise RuntimeError("cannot index")

    mirror.listen(fail)
    store.commit(Txn((), (Put("m/a", b""),)))
    with pytest.raises(RuntimeError, match="cannot index"):
        mirror.wait_for(1_000, WAIT_S)
    assert isinstance(mirror.failure, RuntimeError)
    mirror.close()


@pytest.mark.parametrize("seed", seeds(range(20)))
def test_whatever_happens_the_mirror_ends_up_like_the_store(seed: int) -> None:
    """Random writes, compactions, polls and reads; listeners' own copy must agree as well."""
    chance = random.Random(seed)
    store = MemoryStore()
    followed = Followed(store, "m/")
    copy: dict[str, Item] = {}

    def note(keys: list[str], revision: int) -> None:
        for key in keys:
            if key in followed.mirror.items:
                copy[key] = followed.mirror.items[key]
            else:
                copy.pop(key, None)

    followed.mirror.listen(note)
    for step in range(100):
        names = chance.sample("abcdef", chance.randint(1, 3))
        followed.write(**{name: chance.choice([None, b"%d" % step]) for name in names})
        action = chance.random()
        if action < 0.05 and store.revision > 2:
            store.compact(store.revision)
            followed.write(z=b"%d" % step)  # so that the next compaction has something to do
        elif action < 0.3:
            followed.mirror.poll()
        elif action < 0.4:
            followed.mirror._read_again()
    followed.mirror.poll()

    now = {item.key: item for item in store.read("m/", "m0").items}
    assert dict(followed.mirror.items) == now
    assert copy == now
