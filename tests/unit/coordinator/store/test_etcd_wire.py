"""Transactions in etcd's messages, and what etcd's errors mean."""

from __future__ import annotations

import subprocess
import sys

import grpc
import pytest

from coordinator.store._etcd_calls import Fault, History, classify
from coordinator.store._etcd_proto import kv, rpc
from coordinator.store._etcd_watch import is_progress_true, parse_version
from coordinator.store._etcd_wire import decode_change, encode_txn
from coordinator.store.txn import Delete, Exists, Item, Owned, Put, Txn, Unmoved


def test_etcd3_loads_on_the_fast_backend_without_help_from_the_environment() -> None:
    """In a process of its own: what others import first must not matter, nor must anything leak."""
    program = """
import os
before = dict(os.environ)
from coordinator.store._etcd_proto import rpc
import etcd3
from google.protobuf.internal import api_implementation
assert api_implementation.Type() in ("upb", "cpp"), api_implementation.Type()
assert etcd3.etcdrpc.PutRequest is rpc.PutRequest
assert dict(os.environ) == before
print(rpc.WatchRequest(progress_request=rpc.WatchProgressRequest()).SerializeToString().hex())
create = rpc.WatchCreateRequest(watch_id=5, fragment=True)
print(create.SerializeToString().hex(), rpc.WatchResponse.FromString(bytes.fromhex("3801")).fragment)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    # 1a 00 is the progress request as etcd's own client sends it; 38 and 40 are the tags 7 and 8.
    assert (run.stdout, run.returncode) == ("1a00\n38054001 True\n", 0), run.stderr


def test_a_transaction_in_full() -> None:
    txn = Txn(
        guards=(Unmoved("a", 7), Exists("b"), Owned("c", 8, 9)),
        writes=(Put("a", b"1", lease=9), Delete("d"), Delete("e", "f")),
    )
    mod, lease, create = rpc.Compare.MOD, rpc.Compare.LEASE, rpc.Compare.CREATE
    assert encode_txn(txn) == rpc.TxnRequest(
        compare=[
            rpc.Compare(result=rpc.Compare.EQUAL, target=mod, key=b"a", mod_revision=7),
            rpc.Compare(result=rpc.Compare.GREATER, target=create, key=b"b", create_revision=0),
            rpc.Compare(result=rpc.Compare.EQUAL, target=mod, key=b"c", mod_revision=8),
            rpc.Compare(result=rpc.Compare.EQUAL, target=lease, key=b"c", lease=9),
        ],
        success=[
            rpc.RequestOp(request_put=rpc.PutRequest(key=b"a", value=b"1", lease=9)),
            rpc.RequestOp(request_delete_range=rpc.DeleteRangeRequest(key=b"d")),
            rpc.RequestOp(request_delete_range=rpc.DeleteRangeRequest(key=b"e", range_end=b"f")),
        ],
        failure=[rpc.RequestOp(request_range=rpc.RangeRequest(key=key)) for key in (b"a", b"b", b"c")],
    )


@pytest.mark.parametrize(
    ("guards", "writes", "groups"),
    [(0, 128, 0), (0, 129, 3), (0, 4096, 64), (100, 2800, 100), (70, 129, 3)],
)
def test_many_writes_are_nested_so_that_every_path_has_room(guards: int, writes: int, groups: int) -> None:
    txn = Txn(tuple(Unmoved(str(n), 0) for n in range(guards)), tuple(Put(str(n), b"") for n in range(writes)))

    request = encode_txn(txn)

    nested = [op.request_txn for op in request.success if op.HasField("request_txn")]
    assert len(nested) == groups
    outer = max(len(request.compare), len(request.success), len(request.failure))
    assert all(len(group.success) + outer <= 128 and not group.compare for group in nested)
    puts = [op for group in nested for op in group.success] or request.success
    assert [op.request_put.key for op in puts] == [str(n).encode() for n in range(writes)]


def test_changes_of_a_watch() -> None:
    stored = kv.KeyValue(key=b"a", value=b"1", mod_revision=7, lease=9, create_revision=3)
    assert decode_change(kv.Event(type=kv.Event.PUT, kv=stored)) == ("a", Item("a", b"1", 7, 9))
    assert decode_change(kv.Event(type=kv.Event.DELETE, kv=kv.KeyValue(key=b"a", mod_revision=8))) == ("a", None)


@pytest.mark.parametrize(
    ("code", "text", "fault"),
    [
        ("UNAVAILABLE", "failed to connect to all addresses; last error: refused", Fault.NOT_DONE),
        ("UNAVAILABLE", "etcdserver: no leader", Fault.NOT_DONE),
        ("UNAVAILABLE", "Socket closed", Fault.UNKNOWN),
        ("UNAVAILABLE", "etcdserver: request timed out, possibly due to previous leader failure", Fault.UNKNOWN),
        ("DEADLINE_EXCEEDED", "Deadline Exceeded", Fault.UNKNOWN),
        ("RESOURCE_EXHAUSTED", "etcdserver: too many requests", Fault.NOT_DONE),
        ("RESOURCE_EXHAUSTED", "etcdserver: mvcc: database space exceeded", Fault.NO_SPACE),
        ("RESOURCE_EXHAUSTED", "grpc: received message larger than max", Fault.TOO_LARGE),
        ("INVALID_ARGUMENT", "etcdserver: request is too large", Fault.TOO_LARGE),
        ("INVALID_ARGUMENT", "etcdserver: revision of auth store is old", Fault.TOKEN),
        ("INVALID_ARGUMENT", "etcdserver: authentication failed, invalid user ID or password", Fault.DENIED),
        ("UNAUTHENTICATED", "etcdserver: invalid auth token", Fault.TOKEN),
        ("PERMISSION_DENIED", "etcdserver: permission denied", Fault.DENIED),
        ("NOT_FOUND", "etcdserver: requested lease not found", Fault.NO_LEASE),
        ("OUT_OF_RANGE", "etcdserver: mvcc: required revision has been compacted", Fault.COMPACTED),
        ("OUT_OF_RANGE", "etcdserver: mvcc: required revision is a future revision", Fault.COMPACTED),
        ("INVALID_ARGUMENT", "etcdserver: duplicate key given in txn request", Fault.REFUSED),
    ],
)
def test_an_error_is_told_by_code_and_text(code: str, text: str, fault: Fault) -> None:
    assert classify(grpc.StatusCode[code], text) is fault


class TestHistory:
    """W4: what a header of an answer says about the cluster."""

    def setup_method(self) -> None:
        self.history, self.told = History(), 0
        self.history.listen(self._tell)

    def _tell(self) -> None:
        self.told += 1

    def _answer(self, revision: int, *, cluster: int = 1, term: int = 2, floor: tuple[int, int] | None) -> None:
        self.history.check(rpc.ResponseHeader(cluster_id=cluster, revision=revision, raft_term=term), floor)

    def test_answers_may_overtake_each_other(self) -> None:
        floor = self.history.floor()
        self._answer(10, floor=floor)
        self._answer(9, floor=floor)  # asked before the first was answered
        assert (self.told, self.history.floor()) == (0, (10, 2))

    def test_an_answer_older_than_what_was_known_when_it_was_asked_means_a_restore(self) -> None:
        self._answer(10, floor=self.history.floor())
        self._answer(9, floor=self.history.floor())
        assert (self.told, self.history.floor()) == (1, (9, 2))

    def test_an_older_term_means_a_restore(self) -> None:
        self._answer(10, floor=self.history.floor())
        self._answer(11, term=1, floor=self.history.floor())
        assert self.told == 1

    def test_another_cluster_is_noticed_in_any_answer(self) -> None:
        self._answer(10, floor=self.history.floor())
        self._answer(0, cluster=3, floor=None)
        assert (self.told, self.history.floor()) == (1, (0, 0))


@pytest.mark.parametrize(
    ("version", "expected"),
    [("3.4.23", False), ("3.4.25", True), ("3.5.7", False), ("3.5.16", True), ("3.6.0-rc.1", True), ("?", False)],
)
def test_progress_answers_of_old_servers_are_not_believed(version: str, expected: bool) -> None:
    assert is_progress_true(version) is expected


def test_versions_are_numbers() -> None:
    assert parse_version("3.5.16") == (3, 5, 16)
    assert parse_version("3.6.0-rc.1+git") == (3, 6, 0)
    assert parse_version("unknown") == ()
