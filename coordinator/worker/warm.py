"""Hooks as forks of a process that has everything loaded, instead of new processes.

Role: one parent process (`ops/_warm.py`) for each charm and environment, started when a hook wants it; a hook
as one fork of it, with the same face as `dispatch.Run`.  A parent is replaced when the charm is, when it is
old, large, dead or unfit, and dropped when nobody wants it for a while.  Anything unusual is run the ordinary
way, and the log says once why.
Not here: what the charm asks for while it runs (channel.py), how `dispatch` is read (recipe.py).
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
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from coordinator.engine.tools.ahead import answers_ahead
from coordinator.errors import CharmInvalid, Unavailable
from coordinator.worker.channel import HookChannel
from coordinator.worker.charmdir import unpack
from coordinator.worker.dispatch import Ended, Minder
from coordinator.worker.output import Emit, pass_on
from coordinator.worker.recipe import Recipe, is_python, read_recipe
from coordinator.worker.toolserver import ToolContext

_DOOR = "ops._door"
PROGRAM = Path(__file__).parents[2] / "ops" / "_warm.py"

READY_S_MAX = 30.0  # to start a parent, with all its imports
ANSWER_S_MAX = 10.0  # to fork, and to tell how a child ended
HOOKS_MAX = 2_000  # of one parent; what leaks in it, if anything does, is gone then
MEMORY_BYTES_MAX = 256 * 1024 * 1024
IDLE_S_MAX = 600.0
FAILURES_MAX = 2  # of the parents of one charm; then it is run the ordinary way
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


def usual_recipe(charm_dir: Path, dispatch: Path) -> Recipe:
    """Return how the charm's `dispatch` starts its program.

    Raises:
        Cold: it does something else.
    """
    try:
        recipe = read_recipe(dispatch.read_text(encoding="utf-8"))
        if recipe is None:
            raise Cold("its dispatch is a program of its own")
        if recipe.by_itself:
            with (charm_dir / recipe.program).open(encoding="utf-8") as program:
                if not is_python(program.readline(200)):
                    raise Cold(f"{recipe.program} is not started by the python3 in the search path")
    except (OSError, ValueError) as cause:
        raise Cold(f"its dispatch cannot be read: {cause}") from cause
    return recipe


@dataclass
class _Child:
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
        self._waiting: list[_Child] = []
        self._children: dict[int, _Child] = {}
        self._known: set[str] = set(modules)
        environment = wanted.environment
        python = shutil.which("python3", path=environment["PATH"])
        if python is None:
            raise Cold("there is no python3 in its search path")
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [python, str(PROGRAM), "ops", *(() if wanted.own_library else (_DOOR,)), *modules],
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
                self._tell({"prepare": wanted.recipe.program, "cwd": str(wanted.charm_dir)})

    def order(self, wanted: Wanted, order: Mapping[str, object], descriptors: list[int]) -> _Child:
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

    def _next_child(self, wanted: Wanted) -> _Child:
        self.prepare(wanted)
        with self._news:
            self._news.wait_for(lambda: self._waiting or self.unfit, ANSWER_S_MAX)
            if self.unfit or not self._waiting:
                raise Cold(self.unfit or "its warm parent does not answer")
            return self._waiting.pop()

    def end_of(self, child: _Child) -> Ended:
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

    def _tell(self, message: Mapping[str, object]) -> None:
        with contextlib.suppress(OSError):  # gone: the reader sees it
            self._control.send(json.dumps(message).encode())

    # --- what the process tells --------------------------------------------------------------------------

    def _read(self) -> None:
        while True:
            try:
                message, descriptors, _, _ = socket.recv_fds(self._control, MESSAGE_BYTES_MAX, 1)
            except OSError:
                message, descriptors = b"", []
            with self._news:
                if not message:
                    self.unfit = self.unfit or "its warm parent has ended"
                    self.is_gone = True
                    self._news.notify_all()
                    return
                self._hear(json.loads(message), descriptors)
                self._news.notify_all()

    is_gone = False
    """Whether the process has ended."""

    def _hear(self, told: Mapping[str, object], descriptors: list[int]) -> None:
        if "ready" in told:
            self._path = [str(each) for each in told["path"]]  # type: ignore[attr-defined]
            self.has_door = _DOOR in told["modules"]  # type: ignore[operator]
        elif "unfit" in told:
            self.unfit = f"a warm parent must not fork: {told['unfit']}"
        elif "child" in told:
            child = _Child(int(told["child"]), socket.socket(fileno=descriptors[0]))  # type: ignore[call-overload]
            if self._retired:  # forked before the parent heard of it
                child.connection.close()
                return
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
            for child in self._waiting:
                child.connection.close()
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


class Run:
    """One hook as a fork of *parent*; the same face as `dispatch.Run`.

    Raises:
        Cold: it could not be forked; nothing of the charm has run.
    """

    def __init__(
        self,
        parent: Parent,
        wanted: Wanted,
        context: ToolContext,
        *,
        emit: Emit,
    ) -> None:
        self._parent, self._wanted, self._emit = parent, wanted, emit
        self._connection, theirs = socket.socketpair()
        self._channel = HookChannel(self._connection, context)
        output, error_output = os.pipe(), os.pipe()
        self._pipes = {"stdout": output[0], "stderr": error_output[0]}
        order = {
            "name": f"{wanted.environment['JUJU_UNIT_NAME']} {wanted.environment['JUJU_HOOK_NAME']}",
            "argv": [wanted.recipe.program],
            "cwd": str(wanted.charm_dir),
            "env": {**wanted.environment, **_paths(wanted)},
            "path": parent.path_in(wanted.charm_dir),
        }
        try:
            try:
                self._child = parent.order(wanted, order, [output[1], error_output[1], theirs.fileno()])
            finally:
                os.close(output[1])
                os.close(error_output[1])
                theirs.close()
            self._channel.begin(answers_ahead(context.context) if parent.has_door else {})
        except BaseException:
            self._close()  # a charm that has begun finds nobody to talk to, and fails
            raise

    def kill(self) -> None:
        """End the charm and what it started in its own group, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)

    def wait(self) -> Ended:
        """Pass on output, and answer what the charm asks, until it has ended; no time limit."""
        try:
            pass_on(
                self._pipes,
                self._emit,
                pid=self._child.pid,
                has_ended=lambda: self._channel.status is not None or self._child.status is not None,
                channel=(self._connection.fileno(), self._channel.take),
            )
            self._channel.take()
            told = self._channel.status
            ended = Ended(told) if told is not None else self._parent.end_of(self._child)
            self._parent.learn(self._channel.modules)
            self._parent.prepare(self._wanted)
            if self._channel.failure is not None and ended.status == 0:
                # The charm believes that this was done; a process of its own would have been told.
                self._emit("stderr", self._channel.failure)
                return Ended(1)
            return ended
        finally:
            self._close()

    def _close(self) -> None:
        self._connection.close()
        for pipe in self._pipes.values():
            os.close(pipe)


def _paths(wanted: Wanted) -> dict[str, str]:
    """Return the variables that `dispatch` sets for its program."""
    found = dict(wanted.recipe.variables)
    if wanted.recipe.python_path is not None:
        found["PYTHONPATH"] = ":".join(wanted.recipe.python_path)
    return found


@dataclass
class _Place:
    """All that is known of one charm: its parent, what its hooks used, and how often parents failed."""

    pristine: Path
    parent: Parent | None = None
    modules: list[str] = field(default_factory=list)
    failures: int = 0
    used_s: float = 0.0


class WarmParents:
    """The parents of one worker.

    *directory* is where charms that bring their own library are unpacked for them, once per archive: a parent
    must not depend on the directory of a unit, which changes and goes.  It is empty at the start and at the end.
    """

    def __init__(self, directory: Path, minder: Minder) -> None:
        self._directory, self._minder = directory, minder
        shutil.rmtree(directory, ignore_errors=True)
        self._lock = threading.Lock()
        self._places: dict[tuple[object, ...], _Place] = {}
        self._retired: list[Parent] = []
        self._said: set[tuple[str, str]] = set()
        self._closed = threading.Event()
        self._keeper = threading.Thread(target=self._drop_idle, name="warm-idle", daemon=True)
        self._keeper.start()

    def parent_for(self, wanted: Wanted) -> Parent:
        """Return a parent that is fit for *wanted*, started if needed.

        Raises:
            Cold: there is none.
        """
        with self._lock:
            place = self._places.setdefault(wanted.key, _Place(self._directory / wanted.sha256))
            place.used_s = time.monotonic()
            parent = place.parent
            if parent is not None and parent.is_worn_out:
                place.modules = parent.modules
                if parent.unfit:
                    # One of the modules may be to blame.
                    place.failures, place.modules = place.failures + 1, []
                parent = self._retire(place)
            if place.failures >= FAILURES_MAX:
                raise Cold(f"its warm parents failed {FAILURES_MAX} times")
            if parent is None:
                try:
                    self._unpack(wanted, place.pristine)
                    parent = place.parent = Parent(wanted, place.pristine, place.modules, self._minder)
                except Cold:
                    place.failures += 1
                    raise
            return parent

    @staticmethod
    def _unpack(wanted: Wanted, pristine: Path) -> None:
        """Unpack the charm as it was packed, if a parent has to look into it."""
        if not wanted.own_library or pristine.is_dir():
            return
        fresh = pristine.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        try:
            unpack(wanted.archive(wanted.sha256), fresh)
        except CharmInvalid as cause:
            raise Cold(str(cause)) from cause
        fresh.replace(pristine)

    def _drop_idle(self) -> None:
        while not self._closed.wait(IDLE_S_MAX / 10):
            self.drop_unused(IDLE_S_MAX)

    def drop_unused(self, idle_s: float) -> None:
        """Forget every charm that had no hook for *idle_s* seconds, with its parent and its files."""
        with self._lock:
            now_s = time.monotonic()
            for key, place in list(self._places.items()):
                if now_s - place.used_s > idle_s:
                    if place.parent is not None:
                        self._retire(place)
                    del self._places[key]
                    if all(other.pristine != place.pristine for other in self._places.values()):
                        shutil.rmtree(place.pristine, ignore_errors=True)

    def _retire(self, place: _Place) -> None:
        """Let the parent of *place* go, and clean up after those that have gone."""
        assert place.parent is not None
        place.parent.retire()
        self._retired.append(place.parent)
        place.parent = None
        for parent in [each for each in self._retired if each.is_gone]:
            self._retired.remove(parent)
            parent.close()

    def is_news(self, sha256: str, why: str) -> bool:
        """Return whether *why* was not said of this archive before."""
        with self._lock:
            known = (sha256, why) in self._said
            self._said.add((sha256, why))
            return not known

    def close(self) -> None:
        """End all parents.  May be called twice."""
        self._closed.set()
        self._keeper.join()
        with self._lock:
            for place in self._places.values():
                if place.parent is not None:
                    self._retire(place)
            for parent in self._retired:
                parent.close()
            self._retired.clear()
            self._places.clear()
        shutil.rmtree(self._directory, ignore_errors=True)
