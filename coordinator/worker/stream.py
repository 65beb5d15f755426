"""Hand the input of a command to its program while people send it.

Role: from pieces in the store to the pipe that a program reads.  A program that does not read on holds nobody up,
and one whose input breaks off is ended rather than told that this was all.
Not here: what it prints (output.py, machine_tasks.py), who may send what (commands/task_stream.py).
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from coordinator.domain import refs
from coordinator.domain.refs import Ref
from coordinator.domain.task import Task
from coordinator.domain.task_stream import SILENCE_S_MAX, STDIN
from coordinator.errors import Unavailable
from coordinator.worker.dispatch import Run
from coordinator.worker.host import Host

NEXT_S = 0.25  # how long the thread waits for news, or for its program, before it looks whether that has ended
TROUBLE_S = 1.0


@contextmanager
def fed(host: Host, model: str, task: Task, run: Run) -> Iterator[Callable[[], str | None]]:
    """Let *run* read the input of *task*, if it has one, while inside.

    Yields how to ask why that has ended the program; None: it has not.
    """
    if not task.has_input:
        yield lambda: None
        return
    feed = _Feed(host, model, task, run)
    try:
        yield lambda: feed.reason
    finally:
        feed.over.set()  # it ends by itself: the descriptor is its own


class _Feed:
    def __init__(self, host: Host, model: str, task: Task, run: Run) -> None:
        self._host, self._model, self._task = host, model, task.id
        self._pipe = run.take_stdin()
        self.reason: str | None = None
        self.over = threading.Event()
        threading.Thread(target=self._serve, name=f"input of task {task.id}", daemon=True).start()

    def _serve(self) -> None:
        try:
            os.set_blocking(self._pipe, False)
            self._pass_on()
        except BrokenPipeError:
            pass  # the program has read enough
        except Exception as trouble:  # whatever it is: the program must not take it for the end of its input
            self._break_off(str(trouble) or repr(trouble))
        finally:
            os.close(self._pipe)

    def _pass_on(self) -> None:
        clock, ref = self._host.clock, refs.task_stream(self._model, self._task, STDIN)
        seen, given, heard_s = 0, 0, clock.monotonic_s()
        while not self.over.is_set():
            with self._host.live.look() as view:
                stored, revision = view.peek_stored(ref), view.revision
            if stored is not None and stored.revision != seen:
                seen = stored.revision
                for index in range(given, stored.value.pieces):
                    self._write(self._piece(refs.piece(self._model, self._task, STDIN, index)))
                given, heard_s = stored.value.pieces, clock.monotonic_s()
                if stored.value.is_whole:
                    return
            elif clock.monotonic_s() - heard_s > SILENCE_S_MAX:
                self._break_off("whoever sent its input is gone")
                return
            self._host.live.wait_past(revision, NEXT_S)

    def _piece(self, ref: Ref) -> bytes:
        while not self.over.is_set():
            try:
                return self._host.repository.read(ref).get(ref)
            except Unavailable:
                self.over.wait(TROUBLE_S)
        return b""

    def _write(self, data: bytes) -> None:
        poll = select.poll()
        poll.register(self._pipe, select.POLLOUT)
        rest = memoryview(data)
        while rest and not self.over.is_set():
            if poll.poll(NEXT_S * 1000):
                rest = rest[os.write(self._pipe, rest) :]

    def _break_off(self, why: str) -> None:
        """End the program before the end of its pipe, which it would take for that of its input."""
        self.reason = why
        self._host.runs.kill((self._model, self._task))
