"""`coordinator up`: the whole system on this machine: etcd, a controller and workers, as child processes.

Role: for a newcomer and for one machine; the same processes as anywhere else, only started and stopped together.
A child that dies is started again; they are stopped in order: workers, controller, etcd.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import click

from coordinator.cli.usage import at_least
from coordinator.errors import Refused, Unavailable
from coordinator.settings import SESSION_TTL_S_MIN, parse_listen

READY_S = 30.0
STOP_S = 45.0  # a worker waits for its running hooks
RESTART_FIRST_S, RESTART_MAX_S = 2.0, 30.0
CONTROLLER = "local"
LINES_OF_ERROR, LAST_WORDS_BYTES = 3, 8192  # an error says what, why and how to fix it
IDENTITY = "machine.json"  # as worker/register.py calls it


class Child:
    """One process of ours; started again, after a pause that grows, when it dies by itself."""

    def __init__(
        self, name: str, arguments: list[str], environment: dict[str, str], log: Path, *, mark: Path | None = None
    ) -> None:
        """*mark*: a file that is there once it has registered; None: it does not register."""
        self.name, self.log, self.mark = name, log, mark
        self._arguments, self._environment = arguments, environment
        self._process: subprocess.Popen | None = None
        self._pause_s = RESTART_FIRST_S
        self._again_at_s = 0.0

    def start(self) -> None:
        with self.log.open("ab") as log:
            # It shall not outlive us, however we end; where there is no setpriv it may.
            prefix = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
            self._process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "coordinator", *self._arguments],
                env={**os.environ, **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # ^C in the terminal is for us: we stop them in order
            )

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def watch(self) -> None:
        """Start it again when it is due."""
        if self.is_running():
            return
        now_s = time.monotonic()
        if not self._again_at_s:
            assert self._process is not None, "not started"
            why = self._error()
            say(f"{self.name} ended with status {self._process.returncode}; again in {self._pause_s:.0f} s{why}")
            self._again_at_s = now_s + self._pause_s
            self._pause_s = min(2 * self._pause_s, RESTART_MAX_S)
        elif now_s >= self._again_at_s:
            self._again_at_s = 0.0
            self.start()

    def stop(self) -> None:
        """Ask it to end, and wait for that; in the end, make it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def last_words(self) -> str:
        return "\n".join(self._lines()[-8:])

    def _error(self) -> str:
        """Return, on lines of its own, the error that its log ends with; empty when it ends otherwise."""
        lines = self._lines()[-LINES_OF_ERROR:]
        at = next((at for at, line in enumerate(lines) if line.startswith("ERROR ")), len(lines))
        return "".join(f"\n  {line}" for line in lines[at:])

    def _lines(self) -> list[str]:
        with self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LAST_WORDS_BYTES))
            return log.read().decode(errors="replace").splitlines()


@click.command()
@click.option(
    "--workers",
    type=at_least(0),
    default=1,
    show_default=True,
    help="How many workers; each is a machine of its own.",
)
@click.option("--data-dir", help="Where everything is kept.  [default: beside the state of the CLI]")
@click.option("--listen", default="127.0.0.1:17070", show_default=True, help="Where the API listens; port 0: any.")
@click.option("--throwaway", is_flag=True, help="Keep nothing: quicker, and any etcd will do.")
@click.option(
    "--session-ttl",
    type=at_least(SESSION_TTL_S_MIN),
    default=10,
    show_default=True,
    help="Seconds until a silent worker is given up.",
)
@click.option(
    "--address", default="127.0.0.1", show_default=True, help="Address that units know their machine by."
)
def command(
    workers: int, data_dir: str | None, listen: str, throwaway: bool, session_ttl: int, address: str
) -> None:
    """Run the whole system on this machine.

    Starts etcd, a controller and workers, and keeps them running until ^C.  The CLI finds it by itself.
    """
    from coordinator.cli.store import remember_controller
    from coordinator.settings import user_data_dir
    from coordinator.store.embedded import EmbeddedEtcd, free_port
    from coordinator.store.keyring import ensure_key_file

    host, port = parse_listen(listen)
    root = Path(data_dir) if data_dir else user_data_dir() / "local"
    logs = root / "log"
    logs.mkdir(parents=True, exist_ok=True)
    root.chmod(0o700)
    lock = _lock(root)
    listen = f"{host}:{port or free_port()}"
    token_file = root / "admin.token"
    ensure_key_file(root / "secret.key")
    etcd = EmbeddedEtcd(root / "etcd", throwaway=throwaway)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with lock, contextlib.ExitStack() as stack:
        say("starting etcd")
        etcd.start()
        stack.callback(_stopped("etcd", etcd.stop))
        common = {
            "COORDINATOR_ETCD": etcd.endpoint,
            "COORDINATOR_BLOBS": str(root / "blobs"),
            "COORDINATOR_SESSION_TTL_S": str(session_ttl),
            "COORDINATOR_ACCEPT_DATA_LOSS": str(throwaway).lower(),
            "COORDINATOR_SECRET_KEY_FILE": str(root / "secret.key"),
        }
        children = [
            Child(
                "controller",
                ["controller", "--listen", listen, "--name", CONTROLLER, "--admin-token-file", str(token_file)],
                common,
                logs / "controller.log",
            )
        ]
        children += [
            Child(
                f"worker {number}",
                ["worker", "--data-dir", str(root / f"machine-{number}"), "--address", address],
                common,
                logs / f"worker-{number}.log",
                mark=root / f"machine-{number}" / IDENTITY,
            )
            for number in range(workers)
        ]
        for child in children:
            say(f"starting {child.name}")
            child.start()
            stack.callback(_stopped(child.name, child.stop))
            if child.mark is not None:
                _wait_registered(child, child.mark, stopping)  # so that machine 0 is the one in machine-0
        _wait_ready(listen, token_file, workers, children, stopping)
        remember_controller(CONTROLLER, [f"http://{listen}"], str(token_file))
        processes = {"etcd": etcd.pid, **{child.name: child.pid for child in children}}
        (root / "up.json").write_text(
            json.dumps({"api": f"http://{listen}", "etcd": etcd.endpoint, "processes": processes}) + "\n"
        )
        say(f"ready: API at http://{listen}, etcd at {etcd.endpoint}, logs in {logs}")
        say("try: coordinator add-model demo; coordinator deploy ./deploy/examples/store; coordinator status")
        while not stopping.wait(0.2):
            if not etcd.is_running:
                say("etcd ended; it starts again")
                etcd.start()
            for child in children:
                child.watch()
        say("stopping")


def _lock(root: Path) -> TextIO:
    """Return the open file that keeps others from running in *root*: two would share its etcd, and its machines.

    Raises:
        Refused: somebody does.
    """
    lock = (root / "up.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as cause:
        lock.close()
        raise Refused(
            f"cannot run in {root}",
            why="another `coordinator up` runs there",
            fix="use that one: coordinator status; or choose another place with --data-dir and --listen",
        ) from cause
    return lock


def say(text: str) -> None:
    click.echo(text, err=True)


def _stopped(name: str, stop: Callable[[], None]) -> Callable[[], None]:
    def call() -> None:
        stop()
        say(f"stopped {name}")

    return call


def _wait_registered(child: Child, mark: Path, stopping: threading.Event) -> None:
    """Return when *child* has registered, or after READY_S: then what is wrong is found by `_wait_ready`."""
    deadline_s = time.monotonic() + READY_S
    while not mark.exists() and child.is_running() and time.monotonic() < deadline_s:
        if stopping.wait(0.02):
            return


def _wait_ready(
    listen: str, token_file: Path, workers: int, children: list[Child], stopping: threading.Event
) -> None:
    """Return when the API answers and every worker has registered.

    Raises:
        Unavailable: one of them ended, or it took longer than READY_S.
    """
    deadline_s = time.monotonic() + READY_S
    while not stopping.wait(0.1):
        for child in children:
            if not child.is_running():
                raise Unavailable(f"{child.name} did not start", why=child.last_words(), fix=f"see {child.log}")
        if _machines(listen, token_file) >= workers:
            return
        if time.monotonic() > deadline_s:
            raise Unavailable(
                "the system did not get ready",
                why=f"not every worker registered within {READY_S:.0f} s",
                fix=f"see the logs in {children[0].log.parent}",
            )


def _machines(listen: str, token_file: Path) -> int:
    """Return how many machines have a worker now; 0 while the API does not answer."""
    try:
        request = urllib.request.Request(
            f"http://{listen}/v1/machines", headers={"Authorization": f"Bearer {token_file.read_text().strip()}"}
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            machines = json.load(answer)["machines"]
    except (OSError, urllib.error.URLError, ValueError):
        return 0
    return sum(machine["juju-status"]["current"] == "started" for machine in machines.values())
