"""Start a charm's process, pass on its output line by line, and end it when told to.

Role: processes.  A hook runs in a process group of its own, which the minder knows before the charm's
first instruction: the charm waits behind a gate until then.  Daemons that a hook starts (in a session of their
own) outlive it.
Not here: which program (perform.py), what it prints (output.py), a fork instead of a new process (warm.py), when
authority ends (minder.py).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from coordinator.errors import Unavailable
from coordinator.worker import minder
from coordinator.worker.output import Emit, Keep, keep_nothing, pass_on

MINDER_ANSWER_S = 5.0
CANCEL_S = 5.0  # for a program to end after it was asked to

#: The gate: waits for one line on stdin, which comes when the minder knows the group; then becomes the charm,
#: which reads what comes after that line, or nothing.
_GATE_WITH_INPUT = 'read -r go && [ "$go" = go ] && exec "$0" "$@"'
_GATE = f"{_GATE_WITH_INPUT} </dev/null"


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
    """One run of a charm's program; *keep* gets all that it prints.

    With *has_input* it reads what is written to `take_stdin`.
    """

    def __init__(
        self,
        program: Path,
        *arguments: str,
        cwd: Path,
        environment: Mapping[str, str],
        minder: Minder,
        emit: Emit,
        keep: Keep = keep_nothing,
        has_input: bool = False,
    ) -> None:
        self._emit, self._keep, self._minder = emit, keep, minder
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _GATE_WITH_INPUT if has_input else _GATE, str(program), *arguments],
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

    def take_stdin(self) -> int:
        """Return the descriptor of what the program reads; the caller closes it, which ends the input."""
        assert self._process.stdin is not None
        taken = os.dup(self._process.stdin.fileno())
        self._process.stdin.close()
        return taken

    def kill(self) -> None:
        """End the program and what it started in its own group, at once."""
        self._signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the program, and what it started in its own group, to end."""
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._group, number)

    def wait(self) -> Ended:
        """Pass on output until the program has ended; no time limit, hooks may run for hours."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        pipes = {"stdout": self._process.stdout.fileno(), "stderr": self._process.stderr.fileno()}
        try:
            pid, poll = self._process.pid, self._process.poll
            pass_on(pipes, self._emit, pid=pid, has_ended=lambda: poll() is not None, keep=self._keep)
            code = self._process.wait()
            return Ended(None, -code) if code < 0 else Ended(code)
        finally:
            self._minder.release(self._group)
            self._close()

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        self._process.wait()


class Killable(Protocol):
    """A run that can be ended."""

    def kill(self) -> None: ...
    def terminate(self) -> None: ...


class Runs:
    """The runs of this process that are under way, so that they can be ended together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[Killable, object] = {}
        self._cancelled: set[Killable] = set()

    @contextlib.contextmanager
    def running(self, run: Killable, owner: object) -> Iterator[None]:
        """While inside, *run* can be ended by whoever names its *owner*."""
        with self._lock:
            self._runs[run] = owner
        try:
            yield
        finally:
            with self._lock:
                del self._runs[run]
                self._cancelled.discard(run)

    def cancel(self, owner: object) -> None:
        """Ask the runs of *owner* to end, and end those that have not after CANCEL_S."""
        with self._lock:
            asked = {run for run, belongs_to in self._runs.items() if belongs_to == owner} - self._cancelled
            self._cancelled |= asked
        for run in asked:
            run.terminate()
            timer = threading.Timer(CANCEL_S, self._kill_if_running, [run])
            timer.daemon = True
            timer.start()

    def _kill_if_running(self, run: Killable) -> None:
        with self._lock:
            if run in self._runs:
                run.kill()

    def kill(self, owner: object = None) -> None:
        """End the runs of *owner*; None: all of them."""
        with self._lock:
            for run, belongs_to in self._runs.items():
                if owner is None or belongs_to == owner:
                    run.kill()
