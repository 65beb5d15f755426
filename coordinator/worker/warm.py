"""Hooks as forks of a process that has everything loaded, instead of new processes.

Role: one parent process (warm_parent.py, `ops/_warm.py`) for each charm and environment, started when a hook wants
it; a hook as one fork of it, with the same face as `dispatch.Run`.  A parent is replaced when its charm changed,
when it is worn out, and when it has died.  What cannot be run like this goes the ordinary way, and the log says
once why.
Not here: what the charm asks for while it runs (channel.py), how `dispatch` is read (recipe.py).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from coordinator.engine.tools.ahead import answers_ahead
from coordinator.errors import CharmInvalid
from coordinator.worker.channel import HookChannel
from coordinator.worker.charmdir import unpack
from coordinator.worker.dispatch import Ended, Minder
from coordinator.worker.output import Emit, Keep, keep_nothing, pass_on
from coordinator.worker.recipe import Recipe, is_python, read_recipe
from coordinator.worker.toolserver import ToolContext
from coordinator.worker.warm_parent import Cold, Parent, Wanted

IDLE_S_MAX = 600.0
FAILURES_MAX = 2  # of the parents of one charm; then it is run the ordinary way


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
        keep: Keep = keep_nothing,
    ) -> None:
        self._parent, self._wanted, self._emit, self._keep = parent, wanted, emit, keep
        self._connection, theirs = socket.socketpair()
        self._channel = HookChannel(self._connection, context)
        output, error_output = os.pipe(), os.pipe()
        self._pipes = {"stdout": output[0], "stderr": error_output[0]}
        work = wanted.environment["JUJU_DISPATCH_PATH"].partition("/")[2]
        order = {
            "name": f"{wanted.environment['JUJU_UNIT_NAME']} {work}",
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
        self._signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the charm, and what it started in its own group, to end."""
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, number)

    def wait(self) -> Ended:
        """Pass on output, and answer what the charm asks, until it has ended; no time limit."""
        try:
            pass_on(
                self._pipes,
                self._emit,
                pid=self._child.pid,
                has_ended=lambda: self._channel.status is not None or self._child.status is not None,
                channel=(self._connection.fileno(), self._channel.take),
                keep=self._keep,
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
