"""The store in etcd.

Role: port.Store over the protocol layer of etcd3; what a caller may rely on is in port.py, the rules behind
it are in spec/etcd.md 1.6.
This file says what requests mean: pages at one revision, what an error tells the caller, and how a commit
whose answer was lost is settled.
Not here: members and attempts (_etcd_calls.py), messages (_etcd_wire.py), streams (_etcd_watch.py).
"""

from __future__ import annotations

import random
import threading
import weakref
from collections.abc import Sequence
from typing import Any

from coordinator.errors import Compacted, Refused, Unavailable, UnknownOutcome
from coordinator.store import _etcd_wire as wire
from coordinator.store._counts import RequestCounts
from coordinator.store._etcd_calls import TLS, CallFailed, Calls, Fault, History, Token, explain, lease_lost
from coordinator.store._etcd_proto import rpc
from coordinator.store._etcd_watch import EtcdWatch, parse_version, watch_compacted
from coordinator.store.port import Snapshot
from coordinator.store.txn import (
    FLAT_WRITES_MAX,
    Committed,
    Conflict,
    Item,
    Outcome,
    Put,
    Txn,
    breaking_guards,
    check,
    holds,
    is_self_invalidating,
)

DEADLINE_S = 5.0  # a leader election takes 1.3 to 2 s (spec 1.4)
REFRESH_DEADLINE_S = 2.5  # a session asks again anyway; two members are tried
SILENCE_S = 1.0  # how long the history of a deleted witness is listened to
REREADS_MAX = 3  # a range that is compacted away between two of its pages

CORRUPT_FROM, CORRUPT_TO = (3, 5, 0), (3, 5, 2)  # may lose committed writes in a crash (spec 2.11)
TESTED_FROM = (3, 5, 16)


class EtcdStore:
    """See port.Store.  Safe to use from many threads.  `requests` counts what was sent, by kind."""

    def __init__(
        self,
        endpoints: Sequence[str],
        *,
        tls: TLS | None = None,
        user: str | None = None,
        password: str | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self.requests = RequestCounts()
        self._history = History()
        self._history.listen(self._on_restored)
        token = Token(user, password)

        def connect() -> Calls:
            return Calls(
                endpoints, tls=tls, token=token, history=self._history, counts=self.requests, deadline_s=deadline_s
            )

        self._calls = connect()
        self._lease_calls = connect()  # W17: refreshes do not queue behind large answers
        self._lock = threading.Lock()
        self._watches: weakref.WeakSet[EtcdWatch] = weakref.WeakSet()

    # -- reading

    def read(self, start: str, end: str | None = None, *, revision: int | None = None) -> Snapshot:
        assert end is None or start < end
        what = f"read {start!r} from etcd"
        for _ in range(REREADS_MAX):
            page = self._ask(what, "range", wire.encode_range(start, end, revision=revision or 0))
            at = revision or page.header.revision
            items = wire.decode_items(page.kvs)
            try:
                if page.more:
                    items += self._read_rest(what, items[-1].key, end, at)
            except Compacted:
                if revision is not None:
                    raise
                continue  # the present was compacted away while we paged through it: start again (spec 4h)
            return Snapshot(at, tuple(items))
        raise Unavailable(f"cannot {what}", why="its history is compacted faster than it can be read")

    def read_many(self, ranges: tuple[tuple[str, str | None], ...]) -> Snapshot:
        what = "read from etcd"
        for _ in range(REREADS_MAX):
            try:
                return self._read_many(what, ranges)
            except Compacted:
                continue
        raise Unavailable(f"cannot {what}", why="their history is compacted faster than they can be read")

    def _read_many(self, what: str, ranges: tuple[tuple[str, str | None], ...]) -> Snapshot:
        items: dict[str, Item] = {}
        revision = 0
        for first in range(0, max(1, len(ranges)), FLAT_WRITES_MAX):
            group = ranges[first : first + FLAT_WRITES_MAX]
            # A revision may be named here because this transaction writes nothing (W9, etcd issue 18667).
            response = self._ask(what, "txn", wire.encode_reads(group, revision=revision))
            revision = revision or response.header.revision
            for (_, end), answer in zip(group, response.responses, strict=True):
                page = wire.decode_items(answer.response_range.kvs)
                if answer.response_range.more:
                    page += self._read_rest(what, page[-1].key, end, revision)
                items |= {item.key: item for item in page}
        return Snapshot(revision, tuple(items[key] for key in sorted(items)))

    def _read_rest(self, what: str, last_key: str, end: str | None, revision: int) -> list[Item]:
        """Return the pages after the one that ends with *last_key*, as of *revision*."""
        items: list[Item] = []
        while True:
            request = wire.encode_range(wire.next_page_start(last_key), end, revision=revision)
            page = self._ask(what, "range", request)
            items += wire.decode_items(page.kvs)
            if not page.more:
                return items
            last_key = items[-1].key

    def _ask(self, what: str, kind: str, request: Any) -> Any:
        try:
            return self._calls.call(kind, request)[0]
        except CallFailed as failed:
            raise explain(what, failed) from failed

    # -- writing

    def commit(self, txn: Txn) -> Outcome:
        check(txn)
        resend = not txn.writes or is_self_invalidating(txn)
        try:
            response, maybe_done = self._calls.call("txn", wire.encode_txn(txn), resend=resend)
        except CallFailed as failed:
            return self._settle_failure(txn, failed)
        if response.succeeded:
            return Committed(response.header.revision)
        found = wire.decode_found(response)
        if maybe_done and txn.writes:
            return self._settle_conflict(txn, Conflict(response.header.revision, found))
        return Conflict(response.header.revision, found)

    def _settle_conflict(self, txn: Txn, conflict: Conflict) -> Outcome:
        """Tell whether the guards failed because an earlier attempt of *txn* landed (W7).

        A Conflict is final if a guard failed that cannot hold again (Unmoved from a revision, Owned).  If
        the only reason is that a key exists, or does not, an attempt that is still under way inside etcd
        could land once that changes back; the guards hold then, so what it writes is right, but late.
        """
        revision = self._landed(txn, Snapshot(conflict.revision, conflict.found))
        return conflict if revision is None else Committed(revision)

    def _settle_failure(self, txn: Txn, failed: CallFailed) -> Outcome:
        """Find out what became of *txn* when the last attempt got no usable answer."""
        if not failed.maybe_done or not txn.writes:
            raise explain("commit the transaction", failed) from failed
        # A transaction that cannot succeed twice got as far as its lease only because its guards held: no
        # earlier attempt had landed, and none can land later, for a lease does not come back.
        if failed.fault is Fault.NO_LEASE and is_self_invalidating(txn):
            raise explain("commit the transaction", failed) from failed
        try:
            keys = {guard.key for guard in txn.guards} | ({txn.witness} if txn.witness else set())
            present = self.read_many(tuple((key, None) for key in sorted(keys)))
        except Unavailable as error:
            raise _unknown(txn, f"{failed.text}, and then: {error}") from failed
        revision = self._landed(txn, present)
        if revision is not None:
            return Committed(revision)
        if not failed.under_way:
            raise explain("commit the transaction", failed) from failed
        raise _unknown(txn, f"{failed.text}; it has not landed yet, but it may") from failed

    def _landed(self, txn: Txn, seen: Snapshot) -> int | None:
        """Return the revision at which *txn* landed, or None if it had not by the revision of *seen*.

        *seen* has the guarded keys that exist.

        Raises:
            UnknownOutcome: it has no witness, or the history cannot be read.
        """
        items = {item.key: item for item in seen.items}
        if any(holds(guard, items.get(guard.key)) for guard in breaking_guards(txn)):
            return None  # its success would have broken that guard
        if txn.witness is None:
            raise _unknown(txn, "an answer was lost, and it has no witness")
        value = next(write.value for write in txn.writes if isinstance(write, Put) and write.key == txn.witness)
        try:
            now = self.read(txn.witness, revision=seen.revision).items
            if not now:
                return self._search(txn.witness, value, txn.since, None)
            if now[0].value == value:
                return now[0].revision
            if now[0].revision <= txn.since:
                return None
            return self._search(txn.witness, value, txn.since, now[0].revision)
        except (Unavailable, Compacted) as error:
            raise _unknown(txn, f"an answer was lost, and the history cannot be read ({error.why})") from error

    def _search(self, key: str, value: bytes, since: int, last: int | None) -> int | None:
        """Look through the versions of *key* after *since*, up to the one written at *last*.

        If the key is deleted by now (*last* is None), nothing says where its history ends; then only a find
        is an answer, and silence is not.
        """
        watch = self.watch(key, wire.next_page_start(key), revision=since)
        try:
            while True:
                batch = watch.next(self._calls.deadline_s if last is not None else SILENCE_S)
                if batch is None:
                    raise Unavailable(f"cannot read the history of {key!r}", why="the watch is silent")
                for _, item in batch.changes:
                    if item is not None and item.value == value:
                        return item.revision
                if last is not None and batch.revision >= last:
                    return None
        finally:
            watch.close()

    # -- watching

    def watch(self, start: str, end: str, *, revision: int) -> EtcdWatch:
        assert start < end
        watch = EtcdWatch(self._calls, start, end, revision)
        with self._lock:
            self._watches.add(watch)
        return watch

    def _on_restored(self) -> None:
        """The history that open watches stand on is gone (W4)."""
        with self._lock:
            watches = list(self._watches)
        for watch in watches:
            watch.fail(watch_compacted("the store", "the cluster was restored from a backup, or is another one"))

    # -- leases

    def grant(self, ttl_s: int) -> int:
        # An id of our own choice makes a grant safe to resend: "exists" means that an earlier attempt landed.
        lease = random.SystemRandom().getrandbits(62) | 1
        try:
            self._lease_calls.call("grant", rpc.LeaseGrantRequest(TTL=ttl_s, ID=lease))
        except CallFailed as failed:
            if not (failed.fault is Fault.LEASE_TAKEN and failed.maybe_done):
                raise explain("get a lease", failed) from failed
        return lease

    def refresh(self, lease: int) -> int:
        request = rpc.LeaseKeepAliveRequest(ID=lease)
        try:
            response, _ = self._lease_calls.call("refresh", request, deadline_s=REFRESH_DEADLINE_S)
        except CallFailed as failed:
            raise explain(f"refresh lease {lease:x}", failed) from failed
        if response.TTL <= 0:  # W18
            raise lease_lost(f"refresh lease {lease:x}", "it has ended")
        return response.TTL

    def revoke(self, lease: int) -> None:
        try:
            self._lease_calls.call("revoke", rpc.LeaseRevokeRequest(ID=lease))
        except CallFailed as failed:
            if failed.fault is not Fault.NO_LEASE:
                raise explain(f"revoke lease {lease:x}", failed) from failed

    # -- maintenance

    def compact(self, revision: int) -> None:
        """Forget the history before *revision*.  etcd does it by itself if its settings say so (spec 5.1)."""
        self._ask("compact", "compact", rpc.CompactionRequest(revision=revision, physical=True))

    def versions(self) -> dict[str, str]:
        """Return the version of every member that answers, by endpoint."""
        versions: dict[str, str] = {}
        failures: list[CallFailed] = []
        for member in self._calls.members:
            try:
                versions[member.endpoint] = self._calls.call_member(member, "status", rpc.StatusRequest()).version
            except CallFailed as failed:
                failures.append(failed)
        if not versions:
            raise explain("ask for the version", failures[-1]) from failures[-1]
        return versions

    def close(self) -> None:
        with self._lock:
            watches = list(self._watches)
        for watch in watches:
            watch.close()
        self._calls.close()
        self._lease_calls.close()


def check_version(store: EtcdStore) -> str | None:
    """Return a warning about the versions of the members, or None.

    Raises:
        Refused: a member runs a version that may lose committed writes.
        Unavailable: no member answers.
    """
    versions = {endpoint: parse_version(version) for endpoint, version in store.versions().items()}
    for endpoint, version in versions.items():
        if CORRUPT_FROM <= version[:3] <= CORRUPT_TO:
            raise Refused(
                f"cannot keep data in the etcd at {endpoint}",
                why=f"version {_dotted(version)} may lose committed writes in a crash (etcd issue 13766)",
                fix=f"upgrade it to {_dotted(TESTED_FROM)} or later",
            )
    old = {endpoint: version for endpoint, version in versions.items() if version < TESTED_FROM}
    if not old:
        return None
    listed = ", ".join(
        f"{endpoint} runs {_dotted(version) or 'an unknown version'}" for endpoint, version in old.items()
    )
    return f"{listed}; use etcd {_dotted(TESTED_FROM)} or later for anything but development"


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _unknown(txn: Txn, why: str) -> UnknownOutcome:
    keys = ", ".join(sorted(write.key for write in txn.writes)[:3])
    return UnknownOutcome(f"cannot tell whether {keys} was written", why=why, fix="read, then decide")
