"""What a watch makes of everything that a member may say, told by a scripted member."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from coordinator.errors import Compacted, Denied
from coordinator.store import _etcd_watch
from coordinator.store._counts import RequestCounts
from coordinator.store._etcd_calls import CallFailed, Fault
from coordinator.store._etcd_proto import kv, rpc
from coordinator.store._etcd_watch import EtcdWatch
from coordinator.store.port import Batch

WAIT_S = 30.0
START = 10  # everything is watched after this revision


class Broken(grpc.RpcError, grpc.Call):  # type: ignore[misc]
    """A stream that ended as streams do."""

    def __init__(self, code: grpc.StatusCode, text: str = "") -> None:
        self.code = lambda: code  # type: ignore[method-assign]
        self.details = lambda: text  # type: ignore[method-assign]


for _name in grpc.Call.__abstractmethods__:
    setattr(Broken, _name, None)
Broken.__abstractmethods__ = frozenset()


class FakeStream:
    """Says what the script says; a callable in it is called; then it waits until it is cut."""

    def __init__(self, script: list[Any], requests: Iterator[Any]) -> None:
        self._script, self._cut, self.asked = script, threading.Event(), queue.SimpleQueue[Any]()
        threading.Thread(target=lambda: [self.asked.put(request) for request in requests], daemon=True).start()

    def __iter__(self) -> Iterator[Any]:
        for line in self._script:
            if isinstance(line, Exception):
                raise line
            if callable(line):
                line()
            else:
                yield line
        self._cut.wait(WAIT_S)
        raise Broken(grpc.StatusCode.CANCELLED)

    def cancel(self) -> None:
        self._cut.set()


class FakeCalls:
    """Stands in for Calls: member number n follows the nth script."""

    def __init__(self, *scripts: list[Any], version: str = "3.5.16", revision: int = 1_000) -> None:
        self.scripts, self.version, self.revision = list(scripts), version, revision
        self.current, self.counts = 0, RequestCounts()
        self.token = SimpleNamespace(metadata=lambda: ())
        self.streams: list[FakeStream] = []
        self.created: list[int] = []
        self.refusal: CallFailed | None = None

    def connect(self, number: int) -> Any:
        script = self.scripts[min(number, len(self.scripts) - 1)]

        def open_watch(requests: Iterator[Any], metadata: Any) -> FakeStream:
            self.streams.append(FakeStream(script, requests))
            create = self.streams[-1].asked.get(timeout=WAIT_S).create_request
            assert create.fragment
            self.created.append(create.start_revision)
            return self.streams[-1]

        return SimpleNamespace(
            open_watch=open_watch, close=lambda: [stream.cancel() for stream in self.streams], number=number
        )

    def call_member(self, member: Any, kind: str, request: Any) -> Any:
        if self.refusal is not None:
            raise self.refusal
        header = rpc.ResponseHeader(revision=self.revision)
        return rpc.StatusResponse(version=self.version) if kind == "status" else rpc.RangeResponse(header=header)


CREATED = rpc.WatchResponse(created=True)


def said(*revisions: int, fragment: bool = False, value: bytes = b"") -> Any:
    events = [
        kv.Event(type=kv.Event.PUT, kv=kv.KeyValue(key=b"k/%d" % number, mod_revision=revision, value=value))
        for number, revision in enumerate(revisions)
    ]
    return rpc.WatchResponse(events=events, fragment=fragment)


def progress(revision: int, *, watch_id: int) -> Any:
    return rpc.WatchResponse(header=rpc.ResponseHeader(revision=revision), watch_id=watch_id)


@pytest.fixture
def opened() -> Iterator[Callable[[FakeCalls], EtcdWatch]]:
    watches: list[EtcdWatch] = []

    def watch(calls: FakeCalls) -> EtcdWatch:
        watches.append(EtcdWatch(calls, "k/", "k0", START))  # type: ignore[arg-type]
        return watches[-1]

    yield watch
    for each in watches:
        each.close()


Opened = Callable[[FakeCalls], EtcdWatch]


def revisions(watch: EtcdWatch, count: int) -> list[tuple[int, list[int]]]:
    """Return the next *count* batches: revision, and the revisions of the changes."""
    batches: list[Batch] = []
    for _ in range(count):
        batch = watch.next(WAIT_S)
        assert batch is not None
        batches.append(batch)
    return [(batch.revision, [item.revision for _, item in batch.changes if item]) for batch in batches]


def test_after_a_break_it_goes_on_with_the_next_member_at_the_next_revision(opened: Opened) -> None:
    broken = Broken(grpc.StatusCode.UNAVAILABLE, "Socket closed")
    calls = FakeCalls([CREATED, said(11, 12), broken], [broken], [CREATED, said(14, 14)])
    assert revisions(opened(calls), 2) == [(12, [11, 12]), (14, [14, 14])]
    assert calls.created == [11, 13, 13]


def test_fragments_of_a_revision_are_put_together(opened: Opened) -> None:
    calls = FakeCalls([CREATED, said(11, fragment=True), said(11, fragment=True), said(11), said(12)])
    assert revisions(opened(calls), 2) == [(11, [11, 11, 11]), (12, [12])]


def test_half_a_revision_is_forgotten_when_the_stream_breaks_in_it(opened: Opened) -> None:
    broken = Broken(grpc.StatusCode.UNAVAILABLE)
    calls = FakeCalls([CREATED, said(11), said(12, fragment=True), broken], [CREATED, said(12, 12)])
    assert revisions(opened(calls), 2) == [(11, [11]), (12, [12, 12])]
    assert calls.created == [11, 12]


def test_what_an_old_server_says_twice_is_delivered_once(opened: Opened) -> None:
    calls = FakeCalls([CREATED, said(11, 12), said(11, 12), said(12, 13)])
    assert revisions(opened(calls), 2) == [(12, [11, 12]), (13, [13])]


def test_a_notice_of_progress_moves_the_start_of_the_next_stream(opened: Opened) -> None:
    broken = Broken(grpc.StatusCode.UNAVAILABLE)
    calls = FakeCalls([CREATED, progress(20, watch_id=0), broken], [CREATED, said(21)])
    assert revisions(opened(calls), 2) == [(20, []), (21, [21])]
    assert calls.created == [11, 21]


def test_an_answer_about_progress_is_believed_only_from_a_server_that_tells_the_truth(opened: Opened) -> None:
    for version, expected in (("3.5.16", [(20, []), (21, [21])]), ("3.4.23", [(19, [19]), (21, [21])])):
        script = [CREATED, progress(20, watch_id=-1), *([said(19)] if version == "3.4.23" else []), said(21)]
        assert revisions(opened(FakeCalls(script, version=version)), 2) == expected


def test_the_owner_may_ask_for_progress(opened: Opened) -> None:
    calls = FakeCalls([CREATED])
    watch = opened(calls)
    assert watch.ask_progress()
    while not calls.streams:
        time.sleep(0.01)
    assert calls.streams[0].asked.get(timeout=WAIT_S).HasField("progress_request")


def test_compacted_history_is_the_owners_to_read_afresh(opened: Opened) -> None:
    gone = rpc.WatchResponse(canceled=True, compact_revision=50)
    watch = opened(FakeCalls([CREATED, said(11), gone]))
    assert revisions(watch, 1) == [(11, [11])]
    for _ in range(2):
        with pytest.raises(Compacted, match="before revision 50 is gone"):
            watch.next(WAIT_S)


def test_a_cluster_that_went_back_in_time_is_noticed_before_watching(opened: Opened) -> None:
    calls = FakeCalls([CREATED], revision=START - 1)
    with pytest.raises(Compacted, match="restored"):
        opened(calls).next(WAIT_S)
    assert calls.created == []


def test_a_refusal_is_raised_and_any_other_end_is_not(opened: Opened) -> None:
    refused = rpc.WatchResponse(
        created=True, canceled=True, watch_id=-1, cancel_reason="etcdserver: permission denied"
    )
    ended = rpc.WatchResponse(canceled=True, cancel_reason="etcdserver: server stopped")
    with pytest.raises(Denied, match="permission denied"):
        opened(FakeCalls([CREATED, ended], [refused])).next(WAIT_S)

    calls = FakeCalls([CREATED])
    calls.refusal = CallFailed(Fault.DENIED, "PERMISSION_DENIED etcdserver: permission denied", maybe_done=False)
    with pytest.raises(Denied):
        opened(calls).next(WAIT_S)


def test_a_reader_that_falls_behind_must_read_afresh(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_etcd_watch, "QUEUE_BYTES_MAX", 10_000)
    calls = FakeCalls([CREATED, *(said(number, value=b"x" * 1_000) for number in range(11, 31))])
    watch = opened(calls)
    watch._thread.join(WAIT_S)
    with pytest.raises(Compacted, match="too far behind"):
        watch.next(WAIT_S)


def test_a_stream_that_is_silent_is_asked_and_then_left(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_etcd_watch, "QUIET_S", 0.2)
    monkeypatch.setattr(_etcd_watch, "ANSWER_S", 0.1)
    monkeypatch.setattr(_etcd_watch, "LOOK_S", 0.05)
    calls = FakeCalls([CREATED], [CREATED, said(11)])
    assert revisions(opened(calls), 1) == [(11, [11])]
    assert calls.streams[0].asked.get(timeout=WAIT_S).HasField("progress_request")
    assert calls.created == [11, 11]


def test_a_bug_of_ours_reaches_the_owner(opened: Opened) -> None:
    with pytest.raises(ZeroDivisionError):
        opened(FakeCalls([CREATED, lambda: 1 // 0])).next(WAIT_S)
