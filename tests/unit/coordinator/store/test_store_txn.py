"""What makes a transaction too large, malformed, or safe to send twice."""

from __future__ import annotations

import pytest

from coordinator.errors import BadRequest, Refused
from coordinator.store.txn import (
    Delete,
    Exists,
    Guard,
    Owned,
    Put,
    Txn,
    Unmoved,
    check,
    is_self_invalidating,
    writes_max,
)


@pytest.mark.parametrize(
    ("guard", "write", "expected"),
    [
        pytest.param(Unmoved("k", 7), Put("k", b""), True, id="a put moves the key"),
        pytest.param(Unmoved("k", 0), Put("k", b""), True, id="a created key is not absent any more"),
        pytest.param(Unmoved("k", 7), Delete("k"), True, id="a deleted key has moved"),
        pytest.param(Unmoved("k", 0), Delete("k"), False, id="deleting what is absent changes nothing"),
        pytest.param(Owned("k", 7, 1), Put("k", b""), True, id="a put ends ownership"),
        pytest.param(Exists("k"), Put("k", b""), False, id="a key still exists after a put"),
        pytest.param(Exists("k"), Delete("a", "z"), True, id="a range that is deleted covers the guard"),
        pytest.param(Exists("z"), Delete("a", "z"), False, id="the end is not in the range"),
        pytest.param(Unmoved("k", 7), Put("other", b""), False, id="a guard on another key stays true"),
    ],
)
def test_a_transaction_that_breaks_its_own_guard_cannot_succeed_twice(
    guard: Guard, write: Put | Delete, expected: bool
) -> None:
    assert is_self_invalidating(Txn((guard,), (write,))) is expected


@pytest.mark.parametrize(("compares", "expected"), [(0, 4096), (64, 4096), (100, 2800), (120, 960), (128, 128)])
def test_guards_take_room_from_writes(compares: int, expected: int) -> None:
    assert writes_max(compares) == expected


def test_an_owner_counts_as_two_comparisons() -> None:
    check(Txn(tuple(Owned(str(n), 1, 1) for n in range(64)), ()))
    with pytest.raises(Refused, match="130 comparisons and etcd allows 128"):
        check(Txn(tuple(Owned(str(n), 1, 1) for n in range(65)), ()))


def test_the_error_names_the_key_that_is_written_twice() -> None:
    with pytest.raises(BadRequest, match="it writes a/1 more than once"):
        check(Txn((), (Put("a/1", b""), Put("b", b""), Delete("a/", "a0"))))
