"""A whole system of real processes for tests: etcd, controllers and workers, and ways to break them.

Role: start, kill, freeze and return processes by PID; ask the API; look at etcd.  Leaves nothing behind.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from networks import Network
from ports import own_port

from coordinator.cli.client import Client
from coordinator.domain.refs import Kind
from coordinator.domain.view import View
from coordinator.store import keys
from coordinator.store.embedded import LOOPBACK, EmbeddedEtcd
from coordinator.store.etcd import EtcdStore
from coordinator.store.journal import history
from coordinator.store.repository import tree_of
from coordinator.wire import RunTasks

ROOT = Path(__file__).resolve().parents[2]
CHARMS = ROOT / "tests" / "charms"
EXAMPLES = ROOT / "deploy" / "examples"
WAIT_S = 120.0
#: How long leases last where their end is waited for.  Elsewhere they last as long as people have them: on a busy
#: machine a process may stand still for a second; a worker that has lost its lease runs hooks again, a controller
#: is written down anew.
SHORT_TTL_S = 4
SECRET_KEY = "c2VjcmV0cyBvZiB0aGUgdGVzdHMsIG5vIG90aGVycy4="

T = TypeVar("T")


class ApiError(Exception):
    """The API said no; `status` and the error it told."""

    def __init__(self, status: int, told: dict[str, Any]) -> None:
        super().__init__(f"{status}: {told}")
        self.status, self.told = status, told


def wait_for(condition: Callable[[], T], what: str, *, timeout_s: float = WAIT_S) -> T:
    """Return the first true answer of *condition*; fail with *what* after *timeout_s*."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        if answer := condition():
            return answer
        assert time.monotonic() < deadline_s, f"waited {timeout_s} s for {what}"
        time.sleep(0.05)


def pack(charm: Path) -> bytes:
    """Return the archive of a charm directory."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        for path in sorted(charm.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                bundle.write(path, path.relative_to(charm))
    return buffer.getvalue()


class Process:
    """One process of the system, started as `python -m coordinator …`, perhaps by another command."""

    def __init__(
        self, arguments: list[str], environment: dict[str, str], log: Path, *, prefix: Sequence[str] = ()
    ) -> None:
        self._arguments, self._environment, self.log, self._prefix = arguments, environment, log, prefix
        self._process: subprocess.Popen | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._prefix, sys.executable, "-m", "coordinator", *self._arguments],
                env={**os.environ, **self._environment},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """SIGTERM, and wait until it has ended by itself."""
        self.ask_to_stop()
        self.wait_until_ended()

    def ask_to_stop(self) -> None:
        assert self._process is not None
        self._process.terminate()

    def wait_until_ended(self) -> None:
        assert self._process is not None
        self._process.wait(WAIT_S)

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def end(self) -> None:
        """However it is: make it end."""
        if self.is_running():
            with suppress(ProcessLookupError):
                self.thaw()
            self.kill()


class System:
    """Use with `running`."""

    recorder_charm = "recorder"

    def __init__(
        self,
        home: Path,
        endpoints: str,
        etcd: list[EmbeddedEtcd],
        *,
        workers: int,
        controllers: int = 1,
        ttl_s: int | None = None,
        networks: Sequence[Network] = (),
    ) -> None:
        """*ttl_s*: of the leases of all; None: as people have it.  *networks*: of the first, the second, …
        worker, then of the controllers; none: that of all.
        """
        self.home, self.etcd, self.endpoints = home, etcd, endpoints
        self.networks, self.networks_of_controllers = networks[:workers], networks[workers:]
        names = ("COORDINATOR_SESSION_TTL_S", "COORDINATOR_LEADER_TTL_S")
        self._leases = {} if ttl_s is None else {name: str(ttl_s) for name in names}
        self.port = own_port()
        self.addresses: list[str] = []
        self.token_file = home / "token"
        self.store = EtcdStore(endpoints.split(","))
        self.controllers = [self._make_controller(number) for number in range(controllers)]
        self.workers = [self.make_worker(number) for number in range(workers)]

    def _make_controller(self, number: int) -> Process:
        network = self.networks_of_controllers[number] if self.networks_of_controllers else None
        listen = f"{network.theirs if network else LOOPBACK}:{own_port() if number else self.port}"
        self.addresses.append(f"http://{listen}")
        environment = {
            **self._common(network),
            "COORDINATOR_FORCE_WAIT_S": "1",
            "COORDINATOR_ALLOW_PLAINTEXT_API_BEYOND_LOOPBACK": "true",
        }
        return Process(
            ["controller", "--listen", listen, "--admin-token-file", str(self.token_file)],
            environment,
            self.home / f"controller{number}.log",
            prefix=network.prefix if network else (),
        )

    def _common(self, network: Network | None) -> dict[str, str]:
        return {
            "COORDINATOR_ETCD": self.endpoints.replace(LOOPBACK, network.ours) if network else self.endpoints,
            "COORDINATOR_LOG_FORMAT": "json",
            "COORDINATOR_SECRET_KEY": SECRET_KEY,
            **self._leases,
        }

    @property
    def controller(self) -> Process:
        """The only one, or the first."""
        return self.controllers[0]

    def make_worker(self, number: int, *arguments: str) -> Process:
        network = self.networks[number] if number < len(self.networks) else None
        environment = {**self._common(network), "COORDINATOR_ADDRESS": "127.0.0.1"}
        data_dir = str(self.home / f"w{number}")
        return Process(
            ["worker", "--data-dir", data_dir, *arguments],
            environment,
            self.home / f"w{number}.log",
            prefix=network.prefix if network else (),
        )

    def start(self) -> None:
        for process in (*self.controllers, *self.workers):
            process.start()
        wait_for(self._is_ready, "the system to start")

    def _is_ready(self) -> bool:
        try:
            machines = self.ask("GET", "/v1/machines")["machines"]
        except (OSError, ApiError):
            return False
        started = [m for m in machines.values() if m["juju-status"]["current"] == "started"]
        return len(started) == len(self.workers)

    def close(self) -> None:
        for process in (*self.workers, *self.controllers):
            process.end()
        if "client" in self.__dict__:
            self.client.close()
        self.store.close()

    # --- the API -----------------------------------------------------------------------------------------

    @cached_property
    def client(self) -> Client:
        """What the command line asks with, as the user admin; errors are those that people see."""
        return Client(self.addresses, self.token_file.read_text().strip())

    def start_task(self, unit: str, action: str = "", *, command: str | None = None, **parameters: Any) -> int:
        """Queue an action, or *command*; return the number of the task."""
        request = RunTasks(receivers=[unit], action=action, command=command, parameters=parameters)
        (number,) = self.client.run_tasks("m", request)["tasks"]
        return int(number)

    def wait_task(self, number: int) -> dict[str, Any]:
        """Return a task when it is over."""

        def over() -> dict[str, Any] | None:
            task = self.client.task("m", number)
            return task if task["status"] not in ("pending", "running", "aborting") else None

        return wait_for(over, f"task {number} to be over")

    def run(self, unit: str, action: str = "", *, command: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Run an action, or *command*, to its end; return its task."""
        return self.wait_task(self.start_task(unit, action, command=command, **parameters))

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request as the user admin; bytes are sent as they are.

        Raises:
            ApiError: the answer was an error.
        """
        data = body if isinstance(body, bytes) else json.dumps(body if body is not None else {}).encode()
        token = self.token_file.read_text().strip()
        request = urllib.request.Request(
            self.addresses[0] + path,
            data=None if method == "GET" else data,
            method=method,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise ApiError(error.code, json.load(error)["error"]) from error

    def ask_lines(self, path: str) -> list[dict[str, Any]]:
        """Return the answer to a GET that comes as JSON lines."""
        request = urllib.request.Request(
            self.addresses[0] + path,
            headers={"Authorization": f"Bearer {self.token_file.read_text().strip()}"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return [json.loads(line) for line in answer if line.strip()]

    def add_model(self, name: str = "m", **settings: Any) -> None:
        self.ask("POST", "/v1/models", {"name": name, "settings": settings})

    def deploy(self, charm: Path, app: str, *, units: int = 1, to: tuple[str, ...] = (), **config: Any) -> None:
        charm_hash = self.ask("POST", "/v1/charms", pack(charm))["sha256"]
        self.ask(
            "POST",
            "/v1/models/m/applications",
            {"charm": charm_hash, "name": app, "units": units, "to": list(to), "config": config},
        )

    def recorder(self, app: str, *, units: int = 1, to: tuple[str, ...] = (), **config: Any) -> None:
        """Deploy the charm that writes down its hooks in `self.record`."""
        self.deploy(CHARMS / self.recorder_charm, app, units=units, to=to, record=str(self.record), **config)

    def config(self, app: str, **values: Any) -> None:
        self.ask("PATCH", f"/v1/models/m/applications/{app}/config", {"config": values})

    def integrate(self, left: str, right: str) -> None:
        self.ask("POST", "/v1/models/m/relations", {"left": left, "right": right})

    def status(self) -> dict[str, Any]:
        return self.ask("GET", "/v1/models/m/status")

    def units(self) -> dict[str, Any]:
        apps = self.status()["applications"].values()
        return {name: unit for app in apps for name, unit in app.get("units", {}).items()}

    def leader(self, app: str) -> str:
        found = self.store.read(f"/coordinator/models/m/applications/{app}/leader").items
        return found[0].value.decode() if found else ""

    def number_of_worker(self, unit: str) -> int:
        """Return which of `workers` serves the machine of *unit*."""
        machine = self.units()[unit]["machine"]
        for number in range(len(self.workers)):
            if f'"{machine}"' in (self.home / f"w{number}" / "machine.json").read_text():
                return number
        raise AssertionError(f"nobody serves machine {machine}")

    def worker_of(self, unit: str) -> Process:
        return self.workers[self.number_of_worker(unit)]

    # --- etcd --------------------------------------------------------------------------------------------

    def view(self) -> View:
        """Return everything of machines and models, as of one revision."""
        snapshot = self.store.read(*keys.MIRRORED)
        return View(tree_of(snapshot.items, snapshot.revision))

    def keys_below(self, prefix: str) -> list[str]:
        return [item.key for item in self.store.read(prefix, keys.prefix_end(prefix)).items]

    def memories(self) -> dict[str, Any]:
        """Return what each unit remembers."""
        return {f"{ref.path[1]}/{ref.path[2]}": memory for ref, memory in self.view().list(Kind.MEMORY, "m")}

    def counts(self) -> dict[str, int]:
        """Return how many hooks each unit counted in its stored state: of each settled hook, one."""
        states = self.view().list(Kind.STATE, "m")
        return {f"{ref.path[1]}/{ref.path[2]}": int(state["count"]) for ref, state in states}

    def wait_settled(self, count: int, *, timeout_s: float = WAIT_S) -> None:
        """Wait until *count* units are started and none has anything to do, over a moment's look."""

        def settled() -> bool:
            units = self.units()
            started = [m for m in self.memories().values() if m.started and m.failed is None]
            return len(units) == len(started) == count and all(
                unit["juju-status"]["current"] == "idle" for unit in units.values()
            )

        def stays() -> bool:
            before = self.memories()
            if not settled():
                return False
            end_s = time.monotonic() + 0.4
            wait_for(lambda: time.monotonic() > end_s, "a quiet moment")
            return before == self.memories() and settled()

        wait_for(stays, f"{count} units to settle", timeout_s=timeout_s)

    # --- what the recorder wrote -------------------------------------------------------------------------

    @property
    def record(self) -> Path:
        return self.home / "record"

    def lines(self) -> list[dict[str, str]]:
        """Return what hooks wrote: `what` (start, end, fail, slow, OVERLAP), unit, hook, remote, machine."""
        if not self.record.exists():
            return []
        found = []
        for line in self.record.read_text().splitlines():
            what, *pairs = line.split(" ")
            found.append({"what": what, **dict(pair.split("=", 1) for pair in pairs)})
        return found


def journal(system: System) -> dict[str, list[str]]:
    """Return the hooks that landed, by unit, in order: the store's own history of the journal."""
    landed: dict[str, list[str]] = {}
    for _, entry in reversed(list(history(system.store, "m", limit=5000))):
        kind, _, unit = entry.by.partition(" ")
        beside_the_path = (" idle", " executing", " leads", "claim ", " status", "release ", " steps down")
        if kind == "unit" and not any(word in f" {entry.did}" for word in beside_the_path):
            landed.setdefault(unit, []).append(entry.did)
    return landed


class People:
    """The command line, with the model of *system*."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.environment = {
            **{
                name: value for name, value in os.environ.items() if not name.startswith(("JUJU_", "COORDINATOR_"))
            },
            "COORDINATOR_API": ",".join(system.addresses),
            "COORDINATOR_TOKEN_FILE": str(system.token_file),
            "COORDINATOR_MODEL": "m",
        }

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "coordinator", *arguments],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def run(self, unit: str, *words: str) -> dict[str, Any]:
        """Return the task of an action that does not end the command with an error."""
        done = self("run", "--format", "json", unit, *words)
        assert done.returncode == 0, done.stderr
        (task,) = json.loads(done.stdout).values()
        return task

    def task(self, number: str) -> dict[str, Any]:
        """Return a task as it is now; without a process, for it is looked at again and again."""
        return self._system.client.task("m", int(number))

    def background(self, unit: str, *words: str) -> str:
        """Return the number of a task that nobody waits for."""
        done = self("run", "--background", unit, *words)
        assert done.returncode == 0, done.stderr
        return done.stderr.split("with task ")[1].split()[0]


@contextmanager
def running(
    *,
    workers: int = 1,
    controllers: int = 1,
    members: int = 1,
    start: bool = True,
    ttl_s: int | None = None,
    networks: Sequence[Network] = (),
) -> Iterator[System]:
    """A system of its own, in memory where the platform has that; everything is gone afterwards.

    *ttl_s* and *networks* as in System; the networks are opened and closed here.
    """
    shm = Path("/dev/shm")
    with ExitStack() as stack:
        folder = tempfile.TemporaryDirectory(prefix="coordinator-", dir=shm if shm.is_dir() else None)
        home = Path(stack.enter_context(folder))
        for network in networks:
            stack.callback(network.close)
            network.open()
        etcd = _members(home, members, [network.ours for network in networks])
        system = None
        try:
            for member in etcd:
                member.start(wait=False)
            for member in etcd:
                member.wait_ready()
            endpoints = ",".join(member.endpoint for member in etcd)
            how = {"workers": workers, "controllers": controllers, "ttl_s": ttl_s, "networks": networks}
            system = System(home, endpoints, etcd, **how)
            if start:
                system.start()
            yield system
        except BaseException:
            for log in sorted(home.glob("*.log")):
                print(f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-25:]))
            for log in sorted(home.glob("w*/logs/*.jsonl")):
                print(f"--- {log}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-25:]))
            raise
        finally:
            if system is not None:
                system.close()
            for member in etcd:
                member.stop()
            _end_daemons(home)


def _end_daemons(home: Path) -> None:
    """End what hooks started below *home*: it outlives workers, as it should, but not the test."""
    found = subprocess.run(["pgrep", "-f", f"{home}/w"], capture_output=True, text=True, check=False)
    for pid in map(int, found.stdout.split()):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _members(home: Path, count: int, hosts: Sequence[str]) -> list[EmbeddedEtcd]:
    """Return *count* members, not started, which will listen on the addresses *hosts* too."""
    if count == 1 and not hosts:
        return [EmbeddedEtcd(home / "etcd", throwaway=True, client_port=own_port(), peer_port=own_port())]
    peers = {f"member-{number}": own_port() for number in range(count)}
    members = []
    for name, peer_port in peers.items():
        port = own_port()
        listening = ",".join(f"http://{host}:{port}" for host in (LOOPBACK, *hosts))
        flags = ("--heartbeat-interval=50", "--election-timeout=500", f"--listen-client-urls={listening}")
        how = {"throwaway": True, "cluster": peers, "flags": flags}
        members.append(EmbeddedEtcd(home / name, name=name, client_port=port, peer_port=peer_port, **how))
    return members
