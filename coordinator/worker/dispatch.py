"""Start a charm's process, pass on its output line by line, and end it when told to.

Role: processes and pipes.  A hook runs in a process group of its own, which the minder knows before the charm's
first instruction: the charm waits behind a gate until then.  Daemons that a hook starts (in a session of their
own) outlive it; one that holds the hook's stdout open does not hold the hook.
Not here: which program (perform.py), what its output means (logs.py), when authority ends (minder.py).
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from coordinator.errors import Unavailable
from coordinator.worker import minder

LINE_BYTES_MAX = 4096  # longer lines are cut into pieces, as charms are used to
DRAIN_S = 0.1  # how long output is read after the program itself has ended
MINDER_ANSWER_S = 5.0

#: The gate: waits for one line on stdin, which comes when the minder knows the group; then becomes the charm.
_GATE = 'read -r go && [ "$go" = go ] && exec "$0" "$@" </dev/null'

Emit = Callable[[str, str], None]  # (stream name, one line without its end)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: its exit status, or the signal that killed it (then `status` is None)."""

    status: int | None
    signal: int | None = None

    @property
    def text(self) -> str:
        return f"exit status {self.status}" if self.signal is None else f"signal {self.signal}"


class Minder:
    """The worker's side of minder.py.  One per worker process.

    *hold* is a descriptor that it keeps open: a lock on it is free only when worker and minder are both gone,
    and with them every hook.
    """

    def __init__(self, *, hold: int | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", minder.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            pass_fds=() if hold is None else (hold,),
        )
        self._lock = threading.Lock()

    def allow_until(self, deadline_s: float) -> None:
        """Let hooks run until *deadline_s* of the session's clock."""
        with self._lock:
            self._tell(f"until {deadline_s!r}")

    def mind(self, group: int) -> None:
        """Return when the minder knows *group*.

        Raises:
            Unavailable: the minder is gone; nothing may run without it.
        """
        with self._lock:
            self._tell(f"run {group}")
            assert self._process.stdout is not None
            answer = self._process.stdout.readline()
        if answer != f"ok {group}\n".encode():
            raise Unavailable("cannot run a hook", why="the minder process is gone", fix="restart the worker")

    def release(self, group: int) -> None:
        with self._lock:
            self._tell(f"end {group}")

    def close(self) -> None:
        """End the minder, which ends every hook that still runs."""
        with self._lock:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError) as cause:
            raise Unavailable(
                "cannot run a hook", why="the minder process is gone", fix="restart the worker"
            ) from cause


class Run:
    """One run of a charm's program."""

    def __init__(
        self, program: Path, *, cwd: Path, environment: Mapping[str, str], minder: Minder, emit: Emit
    ) -> None:
        self._emit, self._minder = emit, minder
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _GATE, str(program)],
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._group = self._process.pid
        try:
            minder.mind(self._group)
            assert self._process.stdin is not None
            with contextlib.suppress(BrokenPipeError):  # killed already: wait() tells
                self._process.stdin.write(b"go\n")
                self._process.stdin.flush()
        except Unavailable:
            self.kill()
            self._close()
            raise

    def kill(self) -> None:
        """End the program and what it started in its own group, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._group, signal.SIGKILL)

    def wait(self) -> Ended:
        """Pass on output until the program has ended; no time limit, hooks may run for hours."""
        try:
            self._pump()
            code = self._process.wait()
            return Ended(None, -code) if code < 0 else Ended(code)
        finally:
            self._minder.release(self._group)
            self._close()

    def _pump(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        pending = {"stdout": b"", "stderr": b""}
        ended = _child_end(self._process.pid)
        with selectors.DefaultSelector() as selector:
            for name, pipe in (("stdout", self._process.stdout), ("stderr", self._process.stderr)):
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, selectors.EVENT_READ, name)
            if ended is not None:
                selector.register(ended, selectors.EVENT_READ, "end")
            drain_until: float | None = None
            open_pipes = 2
            while open_pipes and (drain_until is None or time.monotonic() < drain_until):
                timeout = None if drain_until is None else max(0.0, drain_until - time.monotonic())
                if ended is None and drain_until is None:
                    timeout = DRAIN_S  # no pidfd on this platform: look for the end now and then
                    if self._process.poll() is not None:
                        drain_until = time.monotonic() + DRAIN_S
                for key, _ in selector.select(timeout):
                    if key.data == "end":
                        selector.unregister(key.fileobj)
                        drain_until = time.monotonic() + DRAIN_S
                    elif not self._take(key.fd, key.data, pending):
                        selector.unregister(key.fileobj)
                        open_pipes -= 1
        if ended is not None:
            os.close(ended)
        for name, rest in pending.items():
            if rest:
                self._emit(name, rest.decode(errors="replace"))

    def _take(self, fd: int, name: str, pending: dict[str, bytes]) -> bool:
        """Read what is there; say whether the pipe is still open."""
        try:
            data = os.read(fd, 65536)
        except BlockingIOError:
            return True
        *lines, pending[name] = (pending[name] + data).split(b"\n")
        while len(pending[name]) > LINE_BYTES_MAX:
            lines.append(pending[name][:LINE_BYTES_MAX])
            pending[name] = pending[name][LINE_BYTES_MAX:]
        for line in lines:
            for start in range(0, max(len(line), 1), LINE_BYTES_MAX):
                self._emit(name, line[start : start + LINE_BYTES_MAX].decode(errors="replace"))
        return bool(data)

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        self._process.wait()


class Runs:
    """The runs of this process that are under way, so that they can be ended together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: set[Run] = set()

    @contextlib.contextmanager
    def running(self, run: Run) -> Iterator[None]:
        with self._lock:
            self._runs.add(run)
        try:
            yield
        finally:
            with self._lock:
                self._runs.discard(run)

    def kill(self) -> None:
        with self._lock:
            for run in self._runs:
                run.kill()


def _child_end(pid: int) -> int | None:
    """Return a descriptor that becomes readable when *pid* ends; None where there is no such thing."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None
