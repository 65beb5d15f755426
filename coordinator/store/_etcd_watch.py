"""One watch of etcd that survives whatever happens to members and connections.

Role: rules W11 to W16 of spec/etcd.md.  A thread reads the stream and only fills a bounded queue; `next`
empties it in the owner's thread.  After a break the thread opens a new stream on the next member, from the
revision after the last complete one.
One stream and one connection per watch, instead of many watches on one stream (W11): a process of ours has
one watch, or two, so sharing would buy nothing and cost the plainness.
Not here: reading the range first and after Compacted (mirror.py).
"""

from __future__ import annotations

import queue
import random
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import grpc

from coordinator.errors import Compacted, Denied
from coordinator.store._etcd_calls import CallFailed, Calls, Fault, Member, describe, explain
from coordinator.store._etcd_proto import rpc
from coordinator.store._etcd_wire import decode_change, encode_range
from coordinator.store.port import Batch

QUIET_S = 5.0  # W14: after so long without a message, ask whether the stream is alive
ANSWER_S = 2.0  # and wait so long for the answer before another member is tried
LOOK_S = 1.0  # how often that is looked at
BACKOFF_S_MIN, BACKOFF_S_MAX = 0.05, 1.0  # W12
QUEUE_BYTES_MAX = 64 * 1024 * 1024  # W15: an owner so far behind is better off reading the range afresh
CHANGE_BYTES = 200  # what a change costs beside its value
CLOSE_S = 5.0

#: Another member, or the same one later, may do better.  A rejected token is renewed by the first call on
#: the next connection.
PASSING = (Fault.NOT_DONE, Fault.UNKNOWN, Fault.TOKEN)

#: Manual progress answers overtake the events they speak of in older servers (spec 2.4).
PROGRESS_IS_TRUE_FROM = ((3, 4, 25), (3, 5, 8))


class EtcdWatch:
    """See port.Watch."""

    def __init__(self, calls: Calls, start: str, end: str, revision: int) -> None:
        self._calls, self._start, self._end = calls, start, end
        self._next = revision + 1  # only the reader thread moves it (W12)
        self._member_number = calls.current
        self._lock = threading.Condition()  # guards what follows
        self._batches: deque[tuple[Batch, int]] = deque()
        self._queued_bytes = 0
        self._failure: Exception | None = None
        self._closed = False
        self._member: Member | None = None  # the connection, for whoever wants to cut it
        self._stream: Any = None  # open on it, once there is one
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._heard_s = time.monotonic()  # when the stream last said something
        self._asked_s: float | None = None  # when it was asked whether it is alive
        self._progress_is_true = False
        self._progress_asked = False
        self._thread = threading.Thread(target=self._run, name=f"watch {start}", daemon=True)
        self._thread.start()

    # -- the owner's side

    def next(self, timeout_s: float) -> Batch | None:
        ends_s = time.monotonic() + timeout_s
        with self._lock:
            while True:
                if self._closed:
                    return None
                if self._batches:
                    batch, size = self._batches.popleft()
                    self._queued_bytes -= size
                    return batch
                if self._failure is not None:
                    raise self._failure
                self._check_alive()
                left_s = ends_s - time.monotonic()
                if left_s <= 0:
                    return None
                self._lock.wait(min(left_s, LOOK_S))

    def ask_progress(self) -> bool:
        with self._lock:
            self._progress_asked = True
            if self._stream is None:
                return True  # asked as soon as the stream is open
            if not self._progress_is_true:
                return False
            self._requests.put(_progress_request())
            return True

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._cut()
        if threading.current_thread() is not self._thread:
            self._thread.join(CLOSE_S)

    def fail(self, failure: Exception) -> None:
        """End the watch: `next` raises *failure* after what was queued before."""
        with self._lock:
            self._failure = self._failure or failure
            self._cut()

    def _cut(self) -> None:
        """Wake up both threads, the reader by closing its connection; lock held."""
        self._lock.notify_all()
        if self._member is not None:
            self._member.close()

    def _check_alive(self) -> None:
        """Ask a quiet stream for a sign of life, and tear it down if there is none (W14); lock held.

        Called by whoever waits for the next batch: while nobody waits, nobody is kept waiting.
        """
        now_s = time.monotonic()
        if self._stream is None or now_s - self._heard_s < QUIET_S:
            return
        if self._asked_s is None or self._asked_s < self._heard_s:
            self._asked_s = now_s
            self._requests.put(_progress_request())
        elif now_s - self._asked_s > ANSWER_S:
            self._stream.cancel()  # the reader goes on to the next member

    # -- the reader's side

    def _run(self) -> None:
        backoff_s = BACKOFF_S_MIN
        while not self._is_over():
            opened_s = time.monotonic()
            try:
                self._follow_one_member()
            except (grpc.RpcError, CallFailed) as error:
                failed = error if isinstance(error, CallFailed) else CallFailed(*describe(error), maybe_done=False)
                if failed.fault not in PASSING:
                    self.fail(explain(f"watch {self._start!r}", failed))
            except Exception as failure:  # ours, or a bug: either must reach the owner, not end here in silence
                self.fail(failure)
            self._member_number += 1
            if time.monotonic() - opened_s > QUIET_S:
                backoff_s = BACKOFF_S_MIN
            with self._lock:
                if not (self._closed or self._failure):
                    self._lock.wait(random.uniform(BACKOFF_S_MIN, backoff_s))
            backoff_s = min(2 * backoff_s, BACKOFF_S_MAX)

    def _is_over(self) -> bool:
        with self._lock:
            return self._closed or self._failure is not None

    def _follow_one_member(self) -> None:
        """Connect to one member and queue what it says, until the stream breaks."""
        member = self._calls.connect(self._member_number)
        requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        try:
            with self._lock:
                self._member = member
                if self._closed or self._failure:
                    return
            self._make_sure_of(member)
            requests.put(self._create_request())
            self._calls.counts.add("watch")
            stream = member.open_watch(_until_none(requests), self._calls.token.metadata())
            with self._lock:
                self._stream, self._requests, self._heard_s = stream, requests, time.monotonic()
                if self._progress_asked and self._progress_is_true:
                    requests.put(_progress_request())
            self._read_stream(stream)
        finally:
            with self._lock:
                self._member = self._stream = None
            requests.put(None)  # ends the thread of gRPC that sends requests
            member.close()

    def _make_sure_of(self, member: Member) -> None:
        """Check that *member* has a quorum and still has the history that we stand on.

        A watch from a future revision is legal and silent (spec 2.4): after a restore we would wait for ever.
        """
        header = self._calls.call_member(member, "range", encode_range(self._start, None)).header
        if header.revision < self._next - 1:
            why = f"the cluster is at revision {header.revision}, before {self._next - 1}: restored from a backup?"
            raise watch_compacted(self._start, why)
        version = self._calls.call_member(member, "status", rpc.StatusRequest()).version
        with self._lock:
            self._progress_is_true = is_progress_true(version)

    def _create_request(self) -> Any:
        create = rpc.WatchCreateRequest(
            key=self._start.encode(),
            range_end=self._end.encode(),
            start_revision=self._next,
            progress_notify=True,
            fragment=True,  # W16
        )
        return rpc.WatchRequest(create_request=create)

    def _read_stream(self, stream: Any) -> None:
        fragments: list[Any] = []
        for response in stream:
            with self._lock:
                self._heard_s = time.monotonic()
            if response.canceled:
                self._stopped_by_server(response)
                return
            if response.created:
                continue
            if response.events:
                fragments.extend(response.events)
                if not response.fragment:  # W12: only whole revisions
                    self._queue_events(fragments)
                    fragments = []
            elif not fragments:
                self._progress(response)

    def _stopped_by_server(self, response: Any) -> None:
        """Tell a refusal from an end; returning means: try the next member (W13)."""
        if response.compact_revision > 0:
            raise watch_compacted(self._start, f"history before revision {response.compact_revision} is gone")
        reason = response.cancel_reason
        if "permission denied" in reason:
            raise Denied(f"cannot watch {self._start!r}", why=reason, fix="give the etcd user the role")

    def _queue_events(self, events: list[Any]) -> None:
        # Servers before 3.4.24 and 3.5.8 may send an event again after a reconnect (spec 2.4).
        fresh = [event for event in events if event.kv.mod_revision >= self._next]
        if fresh:
            revision = fresh[-1].kv.mod_revision
            size = sum(CHANGE_BYTES + len(event.kv.value) for event in fresh)
            self._put(Batch(revision, tuple(decode_change(event) for event in fresh)), size)

    def _progress(self, response: Any) -> None:
        """Take a notice that everything up to its revision was sent; watch id -1 answers our own question."""
        revision = response.header.revision
        by_itself = response.watch_id >= 0
        if not by_itself and not self._progress_is_true:
            return  # a sign of life, but its revision may be ahead of the events
        if revision >= self._next or self._progress_asked:
            self._put(Batch(max(revision, self._next - 1), ()), CHANGE_BYTES)

    def _put(self, batch: Batch, size: int) -> None:
        with self._lock:
            if self._closed or self._failure:
                return
            self._progress_asked = self._progress_asked and bool(batch.changes)
            if self._queued_bytes + size > QUEUE_BYTES_MAX and self._batches:
                self._batches.clear()
                self._queued_bytes = 0
                self._failure = watch_compacted(self._start, "the reader is too far behind; its queue is full")
                self._cut()
            else:
                self._batches.append((batch, size))
                self._queued_bytes += size
            self._lock.notify_all()
        self._next = batch.revision + 1


def _progress_request() -> Any:
    return rpc.WatchRequest(progress_request=rpc.WatchProgressRequest())


def _until_none(requests: queue.SimpleQueue[Any]) -> Iterator[Any]:
    return iter(requests.get, None)


def is_progress_true(version: str) -> bool:
    """Answer whether a server of *version* never lets a progress answer overtake the events it covers."""
    numbers = parse_version(version)
    return any(numbers[:2] == since[:2] and numbers >= since for since in PROGRESS_IS_TRUE_FROM) or numbers >= (
        3,
        6,
    )


def parse_version(text: str) -> tuple[int, ...]:
    """Return "3.5.16" or "3.6.0-rc.1" as numbers; anything else as ()."""
    parts = text.partition("-")[0].partition("+")[0].split(".")
    return tuple(int(part) for part in parts) if all(part.isdecimal() for part in parts) else ()


def watch_compacted(start: str, why: str) -> Compacted:
    return Compacted(f"cannot go on watching {start!r}", why=why, fix="read the range afresh and watch from there")
