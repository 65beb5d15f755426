"""One request to etcd: which member, how long, what an error means, is it still the same cluster.

Role: rules W1 to W8 of spec/etcd.md for single requests.  Every request goes through `Calls.call`.
Not here: what a request says (_etcd_wire.py), streams (_etcd_watch.py), what callers make of it (etcd.py).
"""

from __future__ import annotations

import enum
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from coordinator.errors import (
    BadRequest,
    Compacted,
    CoordinatorError,
    Corrupt,
    Denied,
    LeaseLost,
    Refused,
    Unavailable,
)
from coordinator.store._counts import RequestCounts
from coordinator.store._etcd_proto import rpc, stubs

ATTEMPT_S = 1.0  # W1: a frozen member costs one attempt
ATTEMPT_BIG_S = 2.0  # requests from BIG_BYTES on
BIG_BYTES = 100_000
PAUSE_S_MIN, PAUSE_S_MAX = 0.02, 0.2  # between two attempts, with full jitter
TOKEN_TRIES = 3  # W5: a fresh token may be unknown to another member for a moment

CHANNEL_OPTIONS: list[tuple[str, int]] = [  # W2
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", 6_000),  # below 5 s the server says too_many_pings and hangs up
    ("grpc.http2.ping_timeout_ms", 2_000),  # keepalive_timeout_ms alone has no effect (spec 1.4)
    ("grpc.keepalive_timeout_ms", 2_000),
    ("grpc.http2.max_pings_without_data", 0),
    # etcd takes pings on a connection without a stream for abuse ("too_many_pings" after a few) and hangs up.
    # A watch always has a stream, and a lone request has its deadline: neither needs them.
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.enable_retries", 0),  # resending is decided here, by what the request is (W7)
    ("grpc.enable_http_proxy", 0),  # http_proxy in the environment is meant for charms, not for etcd
    ("grpc.use_local_subchannel_pool", 1),  # else channels to one member share a connection (W17)
]


@dataclass(frozen=True, slots=True)
class TLS:
    """Files in PEM form.  With `cert` and `key`, etcd takes the certificate's common name as the user (W5)."""

    ca: Path
    cert: Path | None = None
    key: Path | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        chain = self.cert.read_bytes() if self.cert else None
        private = self.key.read_bytes() if self.key else None
        return grpc.ssl_channel_credentials(self.ca.read_bytes(), private, chain)


class Fault(enum.Enum):
    """What the error of a request means for the one who sent it (W6)."""

    NOT_DONE = "it was certainly not carried out; another attempt may work"
    UNKNOWN = "it may have been carried out"
    TOKEN = "it was rejected because the token is not valid any more"
    NO_SPACE = "the database is full; it may have been carried out just before"
    NO_LEASE = "the lease does not exist"
    LEASE_TAKEN = "a lease of this id exists"
    COMPACTED = "the revision is not kept, or does not exist yet"
    TOO_LARGE = "it exceeds a limit of the server"
    DENIED = "the user may not do this"
    CORRUPT = "the members of the cluster disagree"
    REFUSED = "the server does not accept it"


# Code and a part of the text -> fault.  The first that fits counts; the text tells apart what codes do not.
_FAULTS: list[tuple[grpc.StatusCode, str, Fault]] = [
    (grpc.StatusCode.UNAVAILABLE, "failed to connect", Fault.NOT_DONE),  # never left this process
    (grpc.StatusCode.UNAVAILABLE, "DNS resolution failed", Fault.NOT_DONE),
    (grpc.StatusCode.UNAVAILABLE, "no leader", Fault.NOT_DONE),  # the answer to `hasleader` (W3)
    (grpc.StatusCode.RESOURCE_EXHAUSTED, "too many requests", Fault.NOT_DONE),
    (grpc.StatusCode.RESOURCE_EXHAUSTED, "space exceeded", Fault.NO_SPACE),
    (grpc.StatusCode.RESOURCE_EXHAUSTED, "", Fault.TOO_LARGE),
    (grpc.StatusCode.UNAUTHENTICATED, "", Fault.TOKEN),
    (grpc.StatusCode.INVALID_ARGUMENT, "revision of auth store is old", Fault.TOKEN),
    (grpc.StatusCode.INVALID_ARGUMENT, "user name is empty", Fault.TOKEN),  # asked without any
    (grpc.StatusCode.INVALID_ARGUMENT, "authentication failed", Fault.DENIED),
    (grpc.StatusCode.INVALID_ARGUMENT, "too large", Fault.TOO_LARGE),
    (grpc.StatusCode.INVALID_ARGUMENT, "too many operations", Fault.TOO_LARGE),
    (grpc.StatusCode.NOT_FOUND, "lease not found", Fault.NO_LEASE),
    (grpc.StatusCode.FAILED_PRECONDITION, "lease already exists", Fault.LEASE_TAKEN),
    (grpc.StatusCode.OUT_OF_RANGE, "", Fault.COMPACTED),
    (grpc.StatusCode.PERMISSION_DENIED, "", Fault.DENIED),
    (grpc.StatusCode.DATA_LOSS, "", Fault.CORRUPT),
    (grpc.StatusCode.UNAVAILABLE, "", Fault.UNKNOWN),
    (grpc.StatusCode.DEADLINE_EXCEEDED, "", Fault.UNKNOWN),
    (grpc.StatusCode.CANCELLED, "", Fault.UNKNOWN),
    (grpc.StatusCode.UNKNOWN, "", Fault.UNKNOWN),
    (grpc.StatusCode.INTERNAL, "", Fault.UNKNOWN),
]


def classify(code: grpc.StatusCode, text: str) -> Fault:
    for faulty, part, fault in _FAULTS:
        if code is faulty and part in text:
            return fault
    return Fault.REFUSED


class CallFailed(Exception):
    """A request ended without a usable answer.

    `maybe_done`: this or an earlier attempt may have landed.  `under_way`: one of them was never answered, and
    may still land.
    """

    def __init__(self, fault: Fault, text: str, *, maybe_done: bool) -> None:
        super().__init__(f"{text} ({fault.value})")
        self.fault, self.text, self.maybe_done = fault, text, maybe_done
        self.under_way = fault is Fault.UNKNOWN


class History:
    """The one cluster and the newest revision seen: W4.  Shared by all connections of a store.

    A cluster id that changes, or a linearizable answer older than an answer that came before the question,
    means that the cluster was restored from a backup or is another one.  `restored` listeners are told; what
    they have cached does not count any more.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cluster, self._revision, self._term = 0, 0, 0
        self._listeners: list[Callable[[], None]] = []
        self.restores = 0

    def listen(self, restored: Callable[[], None]) -> None:
        with self._lock:
            self._listeners.append(restored)

    def floor(self) -> tuple[int, int]:
        """Return what an answer to a question that is asked now must reach: (revision, term)."""
        return self._revision, self._term  # two attributes, but both only grow: an older pair is a lower floor

    def check(self, header: Any, floor: tuple[int, int] | None) -> None:
        """Note *header*; *floor* is None for answers that are not linearizable."""
        with self._lock:
            another = self._cluster not in (0, header.cluster_id)
            older = floor is not None and (header.revision < floor[0] or header.raft_term < floor[1])
            restored = another or older
            if restored:
                self.restores += 1
                self._revision, self._term = 0, 0
            self._cluster = header.cluster_id
            if floor is not None:
                self._revision = max(self._revision, header.revision)
                self._term = max(self._term, header.raft_term)
            listeners = list(self._listeners) if restored else []
        for restored_listener in listeners:
            restored_listener()


class Token:
    """The session token of a user with a password: got when needed, renewed when rejected (W5)."""

    def __init__(self, user: str | None, password: str | None) -> None:
        self._user, self._password = user, password
        self._lock = threading.Lock()
        self._token = ""

    def metadata(self) -> tuple[tuple[str, str], ...]:
        # W3: with `hasleader` a member without quorum says so instead of letting us wait.
        token = self._token
        return (("hasleader", "true"), ("token", token)) if token else (("hasleader", "true"),)

    def renew(self, member: Member, rejected: tuple[tuple[str, str], ...], timeout_s: float) -> None:
        """Get a new token from *member*, unless another thread did since *rejected* was used.

        Raises grpc.RpcError like any call.
        """
        with self._lock:  # single flight: authenticating costs the server 100 ms of bcrypt
            if self.metadata() != rejected:
                return
            request = rpc.AuthenticateRequest(name=self._user, password=self._password)
            self._token = member.methods["authenticate"](request, timeout=timeout_s).token

    def __bool__(self) -> bool:
        """Answer whether tokens are used at all."""
        return self._user is not None


class Member:
    """One endpoint: its channel and the methods on it, by the kind of request."""

    def __init__(self, endpoint: str, tls: TLS | None) -> None:
        scheme, _, address = endpoint.rpartition("://")
        if scheme not in ("", "http", "https") or (scheme == "https" and tls is None):
            raise BadRequest(
                f"cannot use the etcd endpoint {endpoint!r}",
                why="https needs TLS files" if scheme == "https" else "it is not an address",
                fix="write it like 127.0.0.1:2379, and name the CA file if etcd speaks TLS",
            )
        self.endpoint = address.rstrip("/")
        self.channel: grpc.Channel = (
            grpc.secure_channel(self.endpoint, tls.credentials(), options=CHANNEL_OPTIONS)
            if tls
            else grpc.insecure_channel(self.endpoint, options=CHANNEL_OPTIONS)
        )
        kv, lease = stubs.KVStub(self.channel), stubs.LeaseStub(self.channel)
        self.methods: dict[str, Callable[..., Any]] = {
            "range": kv.Range,
            "txn": kv.Txn,
            "compact": kv.Compact,
            "grant": lease.LeaseGrant,
            "revoke": lease.LeaseRevoke,
            # A stream of one question and one answer.  Sent as a plain call it needs no threads, leaves
            # nothing behind, and has a deadline like every other call.
            "refresh": self.channel.unary_unary(
                "/etcdserverpb.Lease/LeaseKeepAlive",
                request_serializer=rpc.LeaseKeepAliveRequest.SerializeToString,
                response_deserializer=rpc.LeaseKeepAliveResponse.FromString,
            ),
            "status": stubs.MaintenanceStub(self.channel).Status,
            "authenticate": stubs.AuthStub(self.channel).Authenticate,
        }

    def open_watch(self, requests: Any, metadata: tuple[tuple[str, str], ...]) -> Any:
        return stubs.WatchStub(self.channel).Watch(requests, metadata=metadata)

    def close(self) -> None:
        self.channel.close()


LINEARIZABLE = frozenset({"range", "txn", "compact"})  # answers that reflect all that was answered before


class Calls:
    """Requests to whichever member answers.  Safe to use from many threads."""

    def __init__(
        self,
        endpoints: Sequence[str],
        *,
        tls: TLS | None,
        token: Token,
        history: History,
        counts: RequestCounts,
        deadline_s: float,
    ) -> None:
        if not endpoints:
            raise BadRequest("cannot connect to etcd", why="no endpoint is named", fix="name at least one")
        self.deadline_s, self.token, self.history, self.counts = deadline_s, token, history, counts
        self._endpoints, self._tls = tuple(endpoints), tls
        self.members = [Member(endpoint, tls) for endpoint in endpoints]
        self._lock = threading.Lock()
        self._current = 0
        self._closed = threading.Event()

    def call(self, kind: str, request: Any, *, resend: bool = True, deadline_s: float | None = None) -> Any:
        """Send *request* until a member answers; return (response, maybe_done_before).

        With *resend* False, the first attempt that may have been carried out is the last one.

        Raises:
            CallFailed: the server said no, or nobody answered within *deadline_s*.
        """
        ends_s = time.monotonic() + (self.deadline_s if deadline_s is None else deadline_s)
        attempt_s = ATTEMPT_BIG_S if request.ByteSize() >= BIG_BYTES else ATTEMPT_S
        maybe_done = under_way = False
        while not self._closed.is_set():
            index = self._current
            member = self.members[index]
            try:
                left_s = max(0.01, ends_s - time.monotonic())
                return self.call_member(member, kind, request, min(attempt_s, left_s)), maybe_done
            except CallFailed as failed:
                failed.maybe_done = maybe_done = maybe_done or failed.maybe_done
                failed.under_way = under_way = under_way or failed.under_way
                if failed.fault in (Fault.NOT_DONE, Fault.UNKNOWN):
                    self.rotate(index)
                    attempt_s *= 2  # a large answer may need longer than the first attempt had
                may_go_on = failed.fault is Fault.NOT_DONE or (failed.fault is Fault.UNKNOWN and resend)
                pause_s = random.uniform(PAUSE_S_MIN, PAUSE_S_MAX)
                if not may_go_on or time.monotonic() + pause_s >= ends_s:
                    raise
            self._closed.wait(pause_s)
        closed = CallFailed(Fault.NOT_DONE, "the store was closed", maybe_done=maybe_done)
        closed.under_way = under_way
        raise closed

    def call_member(self, member: Member, kind: str, request: Any, timeout_s: float = ATTEMPT_S) -> Any:
        """Send *request* to *member* once; when it rejects the token, get a new one and send it again.

        Sending again is safe for writes too: the request was rejected before it was proposed (W5).

        Raises:
            CallFailed: no usable answer.
        """
        for tries_left in range(TOKEN_TRIES, -1, -1):
            metadata = self.token.metadata()
            self.counts.add(kind)
            floor = self.history.floor() if kind in LINEARIZABLE else None
            try:
                response = member.methods[kind](request, timeout=timeout_s, metadata=metadata)
            except (grpc.RpcError, ValueError) as error:
                fault, text = describe(error)
                if fault is Fault.TOKEN and not self.token:
                    fault = Fault.DENIED  # we have nobody to authenticate as
                if fault is not Fault.TOKEN or not tries_left:
                    maybe_done = fault in (Fault.UNKNOWN, Fault.NO_SPACE)
                    raise CallFailed(fault, f"{member.endpoint}: {text}", maybe_done=maybe_done) from error
            else:
                self.history.check(response.header, floor)
                return response
            self._renew(member, metadata)
        raise AssertionError("the last try returns or raises")

    def _renew(self, member: Member, rejected: tuple[tuple[str, str], ...]) -> None:
        self.counts.add("authenticate")
        try:
            self.token.renew(member, rejected, ATTEMPT_S)
        except (grpc.RpcError, ValueError) as error:
            fault, text = describe(error)
            # What was to be sent with the token was not carried out, whatever became of this.
            fault = Fault.NOT_DONE if fault in (Fault.UNKNOWN, Fault.NOT_DONE) else Fault.DENIED
            raise CallFailed(fault, f"{member.endpoint}: {text}", maybe_done=False) from error

    def connect(self, number: int) -> Member:
        """Return a connection of the caller's own to the member *number* (modulo how many there are)."""
        return Member(self._endpoints[number % len(self._endpoints)], self._tls)

    def rotate(self, failed: int) -> None:
        """Leave the member number *failed*, unless another thread did."""
        with self._lock:
            if self._current == failed:
                self._current = (failed + 1) % len(self.members)

    @property
    def current(self) -> int:
        return self._current

    def close(self) -> None:
        self._closed.set()
        for member in self.members:
            member.close()


def describe(error: Exception) -> tuple[Fault, str]:
    """Return what *error* of gRPC means, with its code and text, which are kept whatever becomes of it (W6).

    A call on a channel that another thread has closed is a ValueError.  Any other ValueError is a bug.
    """
    if isinstance(error, grpc.Call):
        code, text = error.code(), error.details() or ""
        return classify(code, text), f"{code.name} {text}"
    if isinstance(error, grpc.RpcError):
        return Fault.UNKNOWN, repr(error)
    if isinstance(error, ValueError) and "closed" in str(error):
        return Fault.NOT_DONE, str(error)
    raise error


def explain(what: str, failed: CallFailed) -> CoordinatorError:
    """Return the error for the caller: by kind, with the server's words (W6)."""
    what, why = f"cannot {what}", failed.text
    match failed.fault:
        case Fault.COMPACTED:
            return Compacted(what, why=why, fix="read the present state and go on from there")
        case Fault.NO_LEASE:
            return lease_lost(what.removeprefix("cannot "), why)
        case Fault.TOO_LARGE:
            return Refused(what, why=why, fix="make it smaller; the limits are in store/txn.py")
        case Fault.DENIED | Fault.TOKEN:
            return Denied(what, why=why, fix="check the user, the password and the roles that etcd knows")
        case Fault.CORRUPT:
            return Corrupt(what, why=why, fix="stop etcd, keep its data, and compare the members")
        case Fault.NO_SPACE:
            return Unavailable(what, why=why, fix="compact, defragment every member, then disarm the alarm")
        case Fault.NOT_DONE | Fault.UNKNOWN:
            return Unavailable(what, why=why, fix="check that etcd runs and that it has a quorum")
        case Fault.REFUSED | Fault.LEASE_TAKEN:
            return Refused(what, why=why)


def lease_lost(what: str, why: str) -> LeaseLost:
    return LeaseLost(f"cannot {what}", why=why, fix="get a new lease; whatever was held with the old one is gone")
