"""Transactions, ranges and items in etcd's messages, there and back.

Role: pure translation; tests/unit/coordinator/store/test_etcd_wire.py reads it like a table.
Not here: sending (_etcd_calls.py), what a lost answer means (etcd.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from coordinator.store._etcd_proto import rpc
from coordinator.store.txn import (
    FLAT_WRITES_MAX,
    Delete,
    Exists,
    Guard,
    Item,
    Owned,
    Put,
    Txn,
    Unmoved,
)

PAGE_KEYS = 1_000  # keys per range request: an unpaged range blocks the member longer (spec 4h)

_EQUAL, _GREATER = rpc.Compare.EQUAL, rpc.Compare.GREATER
_MOD, _LEASE, _CREATE = rpc.Compare.MOD, rpc.Compare.LEASE, rpc.Compare.CREATE


def encode_txn(txn: Txn) -> Any:
    """Return the request for *txn*: IF the guards THEN the writes ELSE a read of every guarded key (W9)."""
    compares = [compare for guard in txn.guards for compare in _compares(guard)]
    keys = sorted({guard.key for guard in txn.guards})
    writes = [_write(write) for write in txn.writes]
    if len(writes) > FLAT_WRITES_MAX:
        writes = _nested(writes, room_taken=len(compares))
    return rpc.TxnRequest(compare=compares, success=writes, failure=[_read(key) for key in keys])


def encode_range(start: str, end: str | None, *, revision: int = 0, limit: int = PAGE_KEYS) -> Any:
    """Return the request for one key (*end* None) or one page of [start, end)."""
    range_end = b"" if end is None else end.encode()
    return rpc.RangeRequest(key=start.encode(), range_end=range_end, revision=revision, limit=limit)


def encode_reads(ranges: Sequence[tuple[str, str | None]], *, revision: int = 0) -> Any:
    """Return one read-only transaction for the first pages of *ranges*."""
    reads = [encode_range(start, end, revision=revision) for start, end in ranges]
    return rpc.TxnRequest(success=[rpc.RequestOp(request_range=read) for read in reads])


def decode_item(kv: Any) -> Item:
    return Item(kv.key.decode(), kv.value, kv.mod_revision, kv.lease)


def decode_items(kvs: Iterable[Any]) -> list[Item]:
    return [Item(kv.key.decode(), kv.value, kv.mod_revision, kv.lease) for kv in kvs]


def decode_change(event: Any) -> tuple[str, Item | None]:
    """Return the key of a watch event and what it is now; None if it was deleted."""
    if event.type == event.DELETE:
        return event.kv.key.decode(), None
    item = decode_item(event.kv)
    return item.key, item


def decode_found(response: Any) -> tuple[Item, ...]:
    """Return the guarded keys that the ELSE branch of a failed transaction found."""
    return tuple(item for op in response.responses for item in decode_items(op.response_range.kvs))


def next_page_start(last_key: str) -> str:
    """Return the smallest key after *last_key*."""
    return last_key + "\0"


def _compares(guard: Guard) -> list[Any]:
    key = guard.key.encode()
    match guard:
        case Unmoved(revision=revision):  # an absent key has mod revision 0 (spec 2.1)
            return [rpc.Compare(result=_EQUAL, target=_MOD, key=key, mod_revision=revision)]
        case Exists():
            return [rpc.Compare(result=_GREATER, target=_CREATE, key=key, create_revision=0)]
        case Owned(revision=revision, lease=lease):
            return [
                rpc.Compare(result=_EQUAL, target=_MOD, key=key, mod_revision=revision),
                rpc.Compare(result=_EQUAL, target=_LEASE, key=key, lease=lease),
            ]


def _write(write: Put | Delete) -> Any:
    key = write.key.encode()
    if isinstance(write, Put):
        return rpc.RequestOp(request_put=rpc.PutRequest(key=key, value=write.value, lease=write.lease))
    end = b"" if write.end is None else write.end.encode()
    return rpc.RequestOp(request_delete_range=rpc.DeleteRangeRequest(key=key, range_end=end))


def _read(key: str) -> Any:
    return rpc.RequestOp(request_range=rpc.RangeRequest(key=key.encode()))


def _nested(writes: list[Any], *, room_taken: int) -> list[Any]:
    """Pack *writes* into transactions without guards inside the guarded one: still one revision (W10).

    etcd allows 128 operations per path through the nest: what the outer level has (its comparisons or its
    groups, whichever are more) is missing inside.  txn.writes_max keeps the same account.
    """
    groups_max = max(room_taken, FLAT_WRITES_MAX // 2)
    each = FLAT_WRITES_MAX - groups_max
    groups = [writes[at : at + each] for at in range(0, len(writes), each)]
    assert len(groups) <= groups_max, "txn.check allows no more"
    return [rpc.RequestOp(request_txn=rpc.TxnRequest(success=group)) for group in groups]
