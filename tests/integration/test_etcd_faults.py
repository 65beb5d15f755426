"""etcd members are killed, stopped, restarted and compacted; answers get lost.  Nothing else may.

Every test starts members of its own on free ports of the loopback interface.
"""

from __future__ import annotations

import datetime
import itertools
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from ports import own_port

from coordinator.errors import BadRequest, Denied, Unavailable, UnknownOutcome
from coordinator.store._etcd_watch import EtcdWatch
from coordinator.store.embedded import EmbeddedEtcd, find_binary
from coordinator.store.etcd import TLS, EtcdStore
from coordinator.store.mirror import Mirror
from coordinator.store.session import Session
from coordinator.store.txn import Committed, Conflict, Exists, Put, Txn, Unmoved

WAIT_S = 30.0

pytestmark = pytest.mark.slow


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = WAIT_S) -> None:
    ends_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < ends_s, f"{what} did not happen in {timeout_s} s"
        time.sleep(0.01)


@pytest.fixture
def folder(etcd_folder: Path) -> Iterator[Path]:
    folder = etcd_folder / uuid.uuid4().hex
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def single(folder: Path) -> Iterator[EmbeddedEtcd]:
    ports = {"client_port": own_port(), "peer_port": own_port()}
    with EmbeddedEtcd(folder / "single", throwaway=True, **ports) as member:
        yield member


@pytest.fixture
def cluster(folder: Path) -> Iterator[list[EmbeddedEtcd]]:
    """Three members on loopback."""
    peers = {f"m{number}": own_port() for number in range(3)}
    members = [
        EmbeddedEtcd(
            folder / name, throwaway=True, name=name, client_port=own_port(), peer_port=port, cluster=peers
        )
        for name, port in peers.items()
    ]
    with ExitStack() as stack:
        for member in members:
            stack.callback(member.stop, timeout_s=1)
            member.start(wait=False)
        for member in members:
            member.wait_ready()
        yield members


def kill(member: EmbeddedEtcd) -> None:
    assert member.pid is not None
    os.kill(member.pid, signal.SIGKILL)
    wait_until(lambda: not member.is_running, "the end of the member")


@contextmanager
def stopped(member: EmbeddedEtcd) -> Iterator[None]:
    """Frozen, which is also what a network that swallows packets looks like."""
    assert member.pid is not None
    os.kill(member.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(member.pid, signal.SIGCONT)


class Writer:
    """Writes one key after the other, each in a transaction that can be told apart from all others."""

    def __init__(self, store: EtcdStore, name: str) -> None:
        self.store, self.name = store, name
        self.acknowledged: dict[str, int] = {}
        self.unknown: list[str] = []
        self.errors = 0
        self.conflicts: list[str] = []
        self.gap_s_max = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        last_s = time.monotonic()
        for number in itertools.count():
            if self._stop.is_set():
                return
            key = f"w/{self.name}/{number:06}"
            try:
                outcome = self.store.commit(witnessed(self.store, key))
            except Unavailable:
                self.errors += 1
                continue
            except UnknownOutcome:
                self.unknown.append(key)
                continue
            if isinstance(outcome, Conflict):
                self.conflicts.append(key)
                continue
            self.acknowledged[key] = outcome.revision
            self.gap_s_max = max(self.gap_s_max, time.monotonic() - last_s)
            last_s = time.monotonic()
            time.sleep(0.002)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()


def witnessed(store: EtcdStore, key: str) -> Txn:
    """Create *key*, and leave a note that only this transaction writes: the journal of a model, say."""
    nonce = uuid.uuid4().bytes
    return Txn((Unmoved(key, 0),), (Put(key, nonce), Put("journal", nonce)), witness="journal", since=1)


class Reader:
    """Collects what a watch of all writers delivers."""

    def __init__(self, store: EtcdStore) -> None:
        self.seen: list[tuple[int, str]] = []
        self._watch = store.watch("w/", "w0", revision=store.read("w/", "w0").revision)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            batch = self._watch.next(0.2)
            if batch is not None:
                self.seen += [(item.revision, key) for key, item in batch.changes if item is not None]

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(WAIT_S)
        self._watch.close()


def check_nothing_is_lost(store: EtcdStore, reader: Reader, *writers: Writer) -> None:
    """Every acknowledged write is there once, and the watch delivered all, once, in order."""
    stored = {item.key: item.revision for item in store.read("w/", "w0").items}
    wait_until(lambda: len(reader.seen) >= len(stored), "the arrival of every write")
    reader.stop()
    acknowledged = {key: revision for writer in writers for key, revision in writer.acknowledged.items()}
    unknown = {key for writer in writers for key in writer.unknown}

    assert [key for writer in writers for key in writer.conflicts] == []  # nobody else writes these keys
    assert acknowledged.items() <= stored.items()
    assert set(stored) - set(acknowledged) <= unknown
    assert reader.seen == sorted((revision, key) for key, revision in stored.items())


def test_a_watch_survives_kill_and_restart_of_the_only_member(single: EmbeddedEtcd) -> None:
    store = EtcdStore([single.endpoint])
    reader = Reader(store)
    writer = Writer(store, "a")
    wait_until(lambda: len(reader.seen) > 50, "traffic")

    kill(single)
    failures = writer.errors + len(writer.unknown)
    wait_until(lambda: writer.errors + len(writer.unknown) > failures, "a write that fails")
    before = len(writer.acknowledged)
    single.start()
    wait_until(lambda: len(writer.acknowledged) > before + 50, "traffic after the restart")

    writer.stop()
    check_nothing_is_lost(store, reader, writer)
    store.close()


def test_the_connected_member_of_three_is_killed(cluster: list[EmbeddedEtcd]) -> None:
    stores = [EtcdStore([member.endpoint for member in cluster]) for _ in range(2)]
    reader = Reader(stores[0])
    writers = [Writer(stores[number % 2], str(number)) for number in range(4)]
    wait_until(lambda: len(reader.seen) > 100, "traffic")

    kill(cluster[0])
    before = len(reader.seen)
    wait_until(lambda: len(reader.seen) > before + 100, "traffic after the kill")
    cluster[0].start()
    kill(cluster[1])
    before = len(reader.seen)
    wait_until(lambda: len(reader.seen) > before + 100, "traffic after the second kill")

    for writer in writers:
        writer.stop()
    check_nothing_is_lost(stores[0], reader, *writers)
    assert max(writer.gap_s_max for writer in writers) < 5
    for store in stores:
        store.close()


def test_the_connected_member_of_three_is_stopped(cluster: list[EmbeddedEtcd]) -> None:
    store = EtcdStore([member.endpoint for member in cluster])
    reader, writer = Reader(store), Writer(store, "a")
    doubts: list[float] = []
    session = Session(store, ttl_s=9, on_doubt=lambda: doubts.append(time.monotonic()))
    session.start()
    wait_until(lambda: len(reader.seen) > 20, "traffic")

    with stopped(cluster[0]):
        before = len(writer.acknowledged)
        wait_until(lambda: len(writer.acknowledged) > before + 50, "commits through another member")
        before = len(reader.seen)
        wait_until(lambda: len(reader.seen) > before + 50, "changes through another member")
        confirmed_s = session.confirmed_s
        wait_until(lambda: session.confirmed_s > confirmed_s, "a refresh through another member")

    assert session.close()
    assert doubts == []
    writer.stop()
    check_nothing_is_lost(store, reader, writer)
    store.close()


def test_without_a_quorum_everything_says_so_in_time_and_resumes(cluster: list[EmbeddedEtcd]) -> None:
    store = EtcdStore([member.endpoint for member in cluster], deadline_s=2)
    store.commit(witnessed(store, "a"))
    kill(cluster[1])
    kill(cluster[2])

    wait_until(lambda: not answers(store), "the loss of the quorum")
    started_s = time.monotonic()
    with pytest.raises((Unavailable, UnknownOutcome)):
        store.commit(witnessed(store, "b"))
    assert time.monotonic() - started_s < 6

    cluster[1].start()
    wait_until(lambda: answers(store), "a quorum again")
    assert isinstance(store.commit(witnessed(store, "c")), Committed)
    store.close()


def answers(store: EtcdStore) -> bool:
    try:
        store.read("a")
    except Unavailable:
        return False
    return True


def test_a_mirror_is_compacted_past_while_it_is_paused(single: EmbeddedEtcd) -> None:
    """Its connection is cut; when it has another one, the history in between is gone."""
    store = EtcdStore([single.endpoint])
    mirror = Mirror(store, "m/", "m0")
    told: list[str] = []
    for name in ("kept", "deleted", "changed"):
        store.commit(Txn((), (Put(f"m/{name}", b"1"),)))
    mirror.start()
    mirror.listen(lambda keys, revision: told.extend(keys))
    watch = mirror._watch
    assert isinstance(watch, EtcdWatch)

    with held(watch):
        store.commit(Txn((), (Put("m/changed", b"2"), Put("m/created", b"1"))))
        store.revoke(leased(store, "m/deleted"))
        last = store.commit(Txn((), (Put("m/last", b"1"),))).revision
        store.compact(last)

    assert mirror.wait_for(last, WAIT_S)
    assert {key: item.value for key, item in mirror.items.items()} == {
        "m/kept": b"1",
        "m/changed": b"2",
        "m/created": b"1",
        "m/last": b"1",
    }
    assert sorted(told) == ["m/changed", "m/created", "m/deleted", "m/last"]
    mirror.close()
    store.close()


def leased(store: EtcdStore, key: str) -> int:
    lease = store.grant(60)
    store.commit(Txn((), (Put(key, b"", lease),)))
    return lease


@contextmanager
def held(watch: EtcdWatch) -> Iterator[None]:
    """Cut the connection of *watch* and keep it from opening another one."""
    connect, may_connect = watch._calls.connect, threading.Event()

    def wait_and_connect(number: int):  # type: ignore[no-untyped-def]
        assert may_connect.wait(WAIT_S)
        return connect(number)

    wait_until(lambda: watch._stream is not None, "the stream")
    watch._calls.connect = wait_and_connect  # type: ignore[method-assign]
    with watch._lock:
        watch._stream.cancel()
    wait_until(lambda: watch._stream is None, "the end of the stream")
    yield
    watch._calls.connect = connect  # type: ignore[method-assign]
    may_connect.set()


class Proxy:
    """A TCP proxy in front of a member that can swallow what passes through it in one direction."""

    def __init__(self, member: EmbeddedEtcd) -> None:
        self._member = member
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.swallow_questions = self.swallow_answers = False
        self._spawn(self._accept)

    def _spawn(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            server = socket.create_connection(("127.0.0.1", self._member.client_port))
            self._sockets += [client, server]
            self._spawn(self._pump, client, server, lambda: self.swallow_questions)
            self._spawn(self._pump, server, client, lambda: self.swallow_answers)

    def _pump(self, source: socket.socket, target: socket.socket, swallow: Callable[[], bool]) -> None:
        try:
            while data := source.recv(65536):
                if not swallow():
                    target.sendall(data)
        except OSError:  # the other side is gone
            pass
        hang_up(source, target)

    def cut(self) -> None:
        """Close every connection; new ones are accepted."""
        hang_up(*self._sockets)
        self._sockets.clear()

    def close(self) -> None:
        hang_up(self._listener)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(WAIT_S)
            assert not thread.is_alive()


def hang_up(*ends: socket.socket) -> None:
    """Wake up whoever reads from *ends* or writes to them."""
    for end in ends:
        with suppress(OSError):  # not connected any more
            end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxied(single: EmbeddedEtcd) -> Iterator[tuple[Proxy, EtcdStore, EtcdStore]]:
    """A proxy, a store that meets the proxy first, and one that goes straight to etcd."""
    proxy = Proxy(single)
    through, straight = EtcdStore([proxy.endpoint, single.endpoint]), EtcdStore([single.endpoint])
    through.read("a")
    yield proxy, through, straight
    through.close()
    straight.close()
    proxy.close()


class Race(threading.Thread):
    """Does something the moment a key is there: between the lost answer and the next attempt."""

    def __init__(self, store: EtcdStore, key: str, action: Callable[[], object]) -> None:
        super().__init__()
        self._store, self._key, self._action = store, key, action
        self.start()

    def run(self) -> None:
        wait_until(lambda: bool(self._store.read(self._key).items), "the first attempt")
        self._action()


def test_a_lost_answer_is_found_by_its_witness(proxied: tuple[Proxy, EtcdStore, EtcdStore]) -> None:
    proxy, through, straight = proxied
    since = straight.commit(Txn((), (Put("journal", b"before"),))).revision
    txn = Txn((Unmoved("a", 0),), (Put("a", b"1"), Put("journal", b"mine")), witness="journal", since=since)
    proxy.swallow_answers = True
    # Meanwhile the journal moves on, so its present value says nothing about us.
    race = Race(straight, "a", lambda: [straight.commit(Txn((), (Put("journal", b"%d" % n),))) for n in range(20)])

    outcome = through.commit(txn)

    race.join(WAIT_S)
    stored = straight.read("a").items[0]
    assert outcome == Committed(stored.revision)
    assert through.requests["txn"] == 2


def test_a_lost_answer_without_a_witness_is_not_guessed(proxied: tuple[Proxy, EtcdStore, EtcdStore]) -> None:
    proxy, through, straight = proxied
    proxy.swallow_answers = True
    with pytest.raises(UnknownOutcome, match="no witness"):
        through.commit(Txn((Unmoved("a", 0),), (Put("a", b"1"),)))
    assert len(straight.read("a").items) == 1


def test_a_write_that_could_land_twice_is_not_sent_again(proxied: tuple[Proxy, EtcdStore, EtcdStore]) -> None:
    proxy, through, straight = proxied
    straight.commit(Txn((), (Put("a", b""),)))
    since = straight.read("a").revision
    proxy.swallow_answers = True

    found = through.commit(Txn((Exists("a"),), (Put("b", b"nonce"),), witness="b", since=since))

    assert found == Committed(straight.read("b").items[0].revision)
    assert through.requests["txn"] == 2  # the commit, and one read of what became of it


def test_a_conflict_after_a_lost_question_is_a_conflict(proxied: tuple[Proxy, EtcdStore, EtcdStore]) -> None:
    """The first attempt never arrived, and somebody else was quicker than the second."""
    proxy, through, straight = proxied
    since = straight.commit(Txn((), (Put("journal", b"before"),))).revision
    txn = Txn((Unmoved("a", 0),), (Put("a", b"mine"), Put("journal", b"mine")), witness="journal", since=since)
    straight.commit(Txn((), (Put("a", b"theirs"), Put("journal", b"theirs"))))
    proxy.swallow_questions = True

    outcome = through.commit(txn)

    assert isinstance(outcome, Conflict)
    assert [item.value for item in outcome.found] == [b"theirs"]
    assert through.requests["txn"] == 2


def test_an_unknown_outcome_when_the_history_is_gone(proxied: tuple[Proxy, EtcdStore, EtcdStore]) -> None:
    proxy, through, straight = proxied
    txn = Txn((Unmoved("a", 0),), (Put("a", b"1"), Put("journal", b"mine")), witness="journal", since=1)
    proxy.swallow_answers = True

    def forget() -> None:
        revision = straight.commit(Txn((), (Put("journal", b"theirs"),))).revision
        straight.compact(revision)

    race = Race(straight, "a", forget)
    with pytest.raises(UnknownOutcome, match="history"):
        through.commit(txn)
    race.join(WAIT_S)


def test_leases_are_kept_through_lost_answers(proxied: tuple[Proxy, EtcdStore, EtcdStore]) -> None:
    proxy, through, straight = proxied
    proxy.swallow_answers = True
    lease = through.grant(60)  # the first attempt landed; the id is ours, so the second says so
    assert straight.refresh(lease) == 60
    through.revoke(lease)
    straight.revoke(lease)


def test_connections_that_are_cut_again_and_again_lose_nothing(single: EmbeddedEtcd) -> None:
    proxy = Proxy(single)
    store, straight = EtcdStore([proxy.endpoint]), EtcdStore([single.endpoint])
    reader = Reader(store)
    writers = [Writer(store, str(number)) for number in range(3)]
    for _ in range(8):
        before = sum(len(writer.acknowledged) for writer in writers)
        wait_until(lambda: sum(len(writer.acknowledged) for writer in writers) > before + 5, "traffic")  # noqa: B023
        proxy.cut()

    for writer in writers:
        writer.stop()
    check_nothing_is_lost(straight, reader, *writers)
    store.close()
    straight.close()
    proxy.close()


# -- the cluster itself: replaced, full, guarded


def test_a_cluster_that_was_restored_is_read_afresh(single: EmbeddedEtcd) -> None:
    """Revisions go back, and nothing in etcd would tell (W4, spec 2.8)."""
    store = EtcdStore([single.endpoint])
    mirror = Mirror(store, "m/", "m0")
    for number in range(20):
        store.commit(Txn((), (Put("m/a", b"lost %d" % number),)))
    mirror.start()
    kill(single)
    shutil.rmtree(single.folder / "data")
    single.start()
    restored = EtcdStore([single.endpoint])
    restored.commit(Txn((), (Put("m/b", b"restored"),)))

    wait_until(lambda: set(mirror.items) == {"m/b"}, "reading afresh")
    assert mirror.wait_for(restored.commit(Txn((), (Put("m/c", b"new"),))).revision, WAIT_S)
    assert set(mirror.items) == {"m/b", "m/c"}
    mirror.close()
    store.close()
    restored.close()


def test_a_full_database_says_so_and_can_be_helped(folder: Path) -> None:
    if (3, 5, 0) <= find_binary(throwaway=True).version <= (3, 5, 1):
        pytest.skip("these versions refuse even transactions that only read (seen on 3.5.1)")
    quota = f"--quota-backend-bytes={256 * 1024}"
    with EmbeddedEtcd(folder / "small", throwaway=True, flags=[quota]) as member:
        store = EtcdStore([member.endpoint])
        with pytest.raises(Unavailable, match="space exceeded") as caught:
            fill(store)
        assert "disarm the alarm" in str(caught.value)
        assert store.read("k", "l").items  # reading still works
        check_that_an_earlier_attempt_may_still_land(member)
        store.close()


def check_that_an_earlier_attempt_may_still_land(member: EmbeddedEtcd) -> None:
    """The second attempt finds no space; of the first nobody knows where it is."""
    proxy = Proxy(member)
    store = EtcdStore([proxy.endpoint, member.endpoint])
    revision = store.read("k0").items[0].revision
    proxy.swallow_questions = True
    with pytest.raises(UnknownOutcome, match=r"space exceeded.*it may"):
        store.commit(Txn((Unmoved("k0", revision),), (put := Put("k0", os.urandom(20)),), witness=put.key))
    store.close()
    proxy.close()


def fill(store: EtcdStore) -> None:
    for number in range(5_000):  # the quota is looked at ten times a second
        # The first that finds no space has been carried out nonetheless: only a witness can tell.
        put = Put(f"k{number}", os.urandom(20_000))
        store.commit(Txn((Unmoved(put.key, 0),), (put,), witness=put.key))


def etcdctl(member: EmbeddedEtcd, *words: str) -> None:
    command = [shutil.which("etcdctl") or "etcdctl", f"--endpoints={member.endpoint}", *words]
    environment = {**os.environ, "ETCDCTL_API": "3"}
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=WAIT_S)


@pytest.mark.skipif(shutil.which("etcdctl") is None, reason="etcdctl turns authentication on")
def test_passwords_tokens_and_roles(folder: Path) -> None:
    with EmbeddedEtcd(folder / "auth", throwaway=True, flags=["--auth-token-ttl=1"]) as member:
        etcdctl(member, "user", "add", "root:secret")
        etcdctl(member, "user", "grant-role", "root", "root")
        etcdctl(member, "user", "add", "limited:secret")
        etcdctl(member, "role", "add", "a-only")
        etcdctl(member, "role", "grant-permission", "a-only", "readwrite", "a/", "a0")
        etcdctl(member, "user", "grant-role", "limited", "a-only")
        etcdctl(member, "auth", "enable")
        stores = [
            EtcdStore([member.endpoint]),
            EtcdStore([member.endpoint], user="root", password="wrong"),
            EtcdStore([member.endpoint], user="limited", password="secret"),
            EtcdStore([member.endpoint], user="root", password="secret"),
        ]
        anonymous, wrong, limited, root = stores
        for store, key in ((anonymous, "a/1"), (wrong, "a/1"), (limited, "b/1")):
            with pytest.raises(Denied):
                store.commit(Txn((), (Put(key, b""),)))
        with pytest.raises(Denied):
            limited.watch("b/", "b0", revision=1).next(WAIT_S)
        assert isinstance(limited.commit(Txn((), (Put("a/1", b"1"),))), Committed)

        watch = root.watch("a/", "a0", revision=root.read("a/1").revision)
        time.sleep(2.5)  # the tokens end; they are renewed without anybody noticing
        revision = root.commit(Txn((), (Put("a/2", b"2"),))).revision
        batch = watch.next(WAIT_S)
        assert batch is not None
        assert batch.revision == revision
        with watch._lock:
            watch._stream.cancel()
        time.sleep(2.5)
        revision = root.commit(Txn((), (Put("a/3", b"3"),))).revision
        batch = watch.next(WAIT_S)
        assert batch is not None
        assert batch.revision == revision
        for store in stores:
            store.close()


def test_mutual_tls(folder: Path) -> None:
    folder.mkdir()
    ca, server, client = certificates(folder)
    port = own_port()
    url = f"https://127.0.0.1:{port}"
    flags = [
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--cert-file={server[0]}",
        f"--key-file={server[1]}",
        f"--trusted-ca-file={ca}",
        "--client-cert-auth",
    ]
    member = EmbeddedEtcd(folder / "tls", throwaway=True, client_port=port, peer_port=own_port(), flags=flags)
    member.start(wait=False)
    try:
        store = EtcdStore([url], tls=TLS(ca=ca, cert=client[0], key=client[1]))
        wait_until(lambda: answers(store), "TLS")
        watch = store.watch("a", "b", revision=store.read("a").revision)
        committed = store.commit(Txn((), (Put("a", b"1"),)))
        batch = watch.next(WAIT_S)
        assert batch is not None
        assert batch.revision == committed.revision
        store.close()

        stranger = EtcdStore([url], tls=TLS(ca=ca), deadline_s=1)
        assert not answers(stranger)
        stranger.close()
        with pytest.raises(BadRequest, match="https needs TLS files"):
            EtcdStore([url])
    finally:
        member.stop()


def certificates(folder: Path) -> tuple[Path, tuple[Path, Path], tuple[Path, Path]]:
    """Return the files of a CA, and certificate and key of a server on loopback and of a client."""
    now = datetime.datetime.now(datetime.timezone.utc)

    def issue(name: str, issuer: x509.Name | None, signer: ec.EllipticCurvePrivateKey | None):  # type: ignore[no-untyped-def]
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer or subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        )
        certificate = builder.sign(signer or key, hashes.SHA256())
        paths = folder / f"{name}.crt", folder / f"{name}.key"
        paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
        paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return paths, subject, key

    (ca, _), authority, signer = issue("ca", None, None)
    return ca, issue("server", authority, signer)[0], issue("client", authority, signer)[0]
