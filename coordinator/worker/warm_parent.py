"""One warm process: started for a charm, told what to fork, and heard of how its children ended.

Role: the worker's end of `ops/_warm.py`, where the messages are explained.
Not here: which charms have one and for how long, and what a hook does in a child (warm.py).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from coordinator.errors import Unavailable
from coordinator.worker.dispatch import Ended, Minder
from coordinator.worker.recipe import Recipe

DOOR = "ops._door"
PROGRAM = Path(__file__).parents[2] / "ops" / "_warm.py"

READY_S_MAX = 30.0  # to start a parent, with all its imports
ANSWER_S_MAX = 10.0  # to fork, and to tell how a child ended
HOOKS_MAX = 2_000  # of one parent; what leaks in it, if anything does, is gone then
MEMORY_BYTES_MAX = 256 * 1024 * 1024
MODULES_MAX = 500  # that a parent imports in advance
MESSAGE_BYTES_MAX = 1 << 20  # of ops/_warm.py
KILLED = Ended(None, signal.SIGKILL)


class Cold(Exception):
    """This hook has to be run the ordinary way; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a hook needs of a parent.

    `archive` fetches the charm's archive by its hash `sha256`.  `environment` is that of the hook;
    `own_library` says that the charm brings its `ops` itself.
    """

    sha256: str
    charm_dir: Path
    recipe: Recipe
    environment: Mapping[str, str]
    own_library: bool
    archive: Callable[[str], Path]

    @property
    def key(self) -> tuple[object, ...]:
        return self.sha256, self.environment["PATH"], self.recipe


@dataclass
class Child:
    """A process that waits for its order, or carries it out.  `status` is what `os.waitpid` gave in the end."""

    pid: int
    connection: socket.socket
    status: int | None = None


class Parent:
    """One process that forks.

    Its children are known to *minder* as soon as they exist, before they can have an order.

    Raises:
        Cold: it cannot be started.
    """

    def __init__(self, wanted: Wanted, pristine: Path, modules: list[str], minder: Minder) -> None:
        self.hooks = 0
        self._retired = False
        self.unfit = ""
        self.has_door = False
        """Whether the charm uses our library, which asks over the channel and not by commands."""
        self._minder = minder
        self._pristine = pristine
        self._path: list[str] = []
        self._news = threading.Condition()
        self._coming: deque[socket.socket] = deque()  # for the orders of children that are not forked yet
        self._waiting: list[Child] = []
        self._children: dict[int, Child] = {}
        self._known: set[str] = set(modules)
        environment = wanted.environment
        python = shutil.which("python3", path=environment["PATH"])
        if python is None:
            raise Cold("there is no python3 in its search path")
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [python, str(PROGRAM), "ops", *(() if wanted.own_library else (DOOR,)), *modules],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=pristine if pristine.is_dir() else "/",
                env={**_without_identity(environment), **self._python_path(wanted.recipe)},
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read, name="warm-parent", daemon=True)
        self._reader.start()
        with self._news:
            if not self._news.wait_for(lambda: self._path or self.unfit, READY_S_MAX) or self.unfit:
                why = self.unfit or f"it was not ready within {READY_S_MAX:.0f} s"
                self.close()
                raise Cold(f"no warm parent could be started: {why}")

    def _python_path(self, recipe: Recipe) -> dict[str, str]:
        found = dict(recipe.variables)
        if recipe.python_path is not None:
            found["PYTHONPATH"] = ":".join(str(self._pristine / part) for part in recipe.python_path)
        return found

    def path_in(self, charm_dir: Path) -> list[str]:
        """Return what a program in *charm_dir* searches for modules: what this process does, moved there."""
        pristine, moved = str(self._pristine), str(charm_dir)
        return [moved + each[len(pristine) :] if each.startswith(pristine) else each for each in self._path]

    @property
    def is_worn_out(self) -> bool:
        """Whether the next hook needs another parent."""
        return bool(self.unfit) or self.hooks >= HOOKS_MAX or self._memory_bytes() > MEMORY_BYTES_MAX

    def _memory_bytes(self) -> int:
        try:
            pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        except (OSError, IndexError):
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    # --- children ----------------------------------------------------------------------------------------

    def prepare(self, wanted: Wanted) -> None:
        """Have a child forked, if none waits."""
        with self._news:
            if not self._waiting:
                mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                self._coming.append(mine)
                with theirs:
                    self._tell({"prepare": wanted.recipe.program, "cwd": str(wanted.charm_dir)}, theirs.fileno())

    def order(self, wanted: Wanted, order: Mapping[str, object], descriptors: list[int]) -> Child:
        """Give an order to a child, and return that.

        Raises:
            Cold: there is no child, or it cannot be told.
        """
        message = json.dumps(order).encode()
        if len(message) > MESSAGE_BYTES_MAX:
            raise Cold("its environment is too large")
        self.hooks += 1
        for _ in range(2):  # the first may have been ended, with all that ran, when authority was in doubt
            child = self._next_child(wanted)
            try:
                with child.connection as connection:
                    socket.send_fds(connection, [message], descriptors)
                return child
            except OSError:
                continue
        raise Cold("its warm children end before they begin")

    def _next_child(self, wanted: Wanted) -> Child:
        with self._news:  # actions run beside each other: nobody takes the child that another one asked for
            self.prepare(wanted)
            self._news.wait_for(lambda: self._waiting or self.unfit, ANSWER_S_MAX)
            if self.unfit or not self._waiting:
                raise Cold(self.unfit or "its warm parent does not answer")
            return self._waiting.pop()

    def end_of(self, child: Child) -> Ended:
        """Return how a child that is dead has ended; killed, if nobody can tell any more."""
        with self._news:
            self._news.wait_for(lambda: child.status is not None or self.is_gone, ANSWER_S_MAX)
        if child.status is None:
            return KILLED
        code = os.waitstatus_to_exitcode(child.status)
        return Ended(None, -code) if code < 0 else Ended(code)

    def learn(self, modules: list[str]) -> None:
        """Import what a hook has used, before the next one."""
        new = [name for name in modules if name not in self._known][: MODULES_MAX - len(self._known)]
        if new:
            self._known.update(new)
            self._tell({"import": new})

    @property
    def modules(self) -> list[str]:
        return sorted(self._known)

    def _tell(self, message: Mapping[str, object], *descriptors: int) -> None:
        with contextlib.suppress(OSError):  # gone: the reader sees it
            socket.send_fds(self._control, [json.dumps(message).encode()], descriptors)

    # --- what the process tells --------------------------------------------------------------------------

    def _read(self) -> None:
        while True:
            try:
                message = self._control.recv(MESSAGE_BYTES_MAX)
            except OSError:
                message = b""
            with self._news:
                if not message:
                    self.unfit = self.unfit or "its warm parent has ended"
                    self.is_gone = True
                    self._news.notify_all()
                    return
                self._hear(json.loads(message))
                self._news.notify_all()

    is_gone = False
    """Whether the process has ended."""

    def _hear(self, told: Mapping[str, object]) -> None:
        if "ready" in told:
            self._path = [str(each) for each in told["path"]]  # type: ignore[attr-defined]
            self.has_door = DOOR in told["modules"]  # type: ignore[operator]
        elif "unfit" in told:
            self.unfit = f"a warm parent must not fork: {told['unfit']}"
        elif "child" in told:
            if self._retired:  # forked before the parent heard of it
                return
            child = Child(int(told["child"]), self._coming.popleft())  # type: ignore[call-overload]
            try:
                self._minder.mind(child.pid)
            except Unavailable as trouble:
                child.connection.close()
                self.unfit = str(trouble)
                return
            self._children[child.pid] = child
            self._waiting.append(child)
        elif "ended" in told:
            child = self._children.pop(int(told["ended"]), None)  # type: ignore[call-overload]
            if child is not None:
                child.status = int(told["status"])  # type: ignore[call-overload]
                self._minder.release(child.pid)
                if child in self._waiting:
                    self._waiting.remove(child)
                    child.connection.close()

    def retire(self) -> None:
        """Give no more orders; the process ends when its last hook has."""
        with self._news:
            self._retired = True
            for connection in (*self._coming, *(child.connection for child in self._waiting)):
                connection.close()
            self._coming.clear()
            self._waiting.clear()
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End the process.  Hooks that run are not its business: the minder knows them."""
        self._process.kill()
        self._process.wait()
        self.retire()
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)  # wakes up the reader, which close() alone does not
        self._reader.join()
        self._control.close()


def _without_identity(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(("JUJU_", "CHARM_"))}
