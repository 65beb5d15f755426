"""Real programs that read what comes through the store: all of it, some of it, or until nothing comes any more."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from coordinator.clock import RealClock
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.task import EXEC, Task
from coordinator.domain.task_stream import STDIN, TaskStream
from coordinator.store.live import LiveTree
from coordinator.store.memory import MemoryStore
from coordinator.store.repository import Author, Repository
from coordinator.worker import stream
from coordinator.worker.dispatch import Ended, Minder, Run, Runs
from coordinator.worker.output import Kept

MODEL = "m"
OWNER = (MODEL, 2)
TASK = Task(id=2, operation=1, machine="0", action=EXEC, has_input=True, enqueued="2026-01-01T00:00:00Z")
STREAM = refs.task_stream(MODEL, TASK.id, STDIN)


class Machine:
    """What feeding a program needs of a host."""

    def __init__(self) -> None:
        store = MemoryStore()
        self.clock, self.runs, self.minder, self.live = RealClock(), Runs(), Minder(), LiveTree(store)
        self.repository = Repository(store, self.clock)
        self.pieces: list[bytes] = []
        self.live.start()

    def hand_in(self, *pieces: bytes, is_whole: bool = False) -> None:
        puts: dict[refs.Ref, Any] = {}
        for piece in pieces:
            puts[refs.piece(MODEL, TASK.id, STDIN, len(self.pieces))] = piece
            self.pieces.append(piece)
        size = sum(map(len, self.pieces))
        puts[STREAM] = TaskStream(size=size, pieces=len(self.pieces), is_whole=is_whole)
        self.repository.write(Change(did="input", puts=puts), Author(name="test"), since=0)

    def run(self, script: str, task: Task = TASK) -> tuple[Ended, bytes, str | None]:
        """Run *script* to its end; return what it printed too, and why its input ended it."""
        kept = Kept(10**7)
        environment = {"PATH": os.environ["PATH"]}
        run = Run(
            Path("/bin/sh"), "-c", script, cwd=Path("/"), environment=environment, minder=self.minder,
            emit=lambda stream, line: None, keep=kept, has_input=task.has_input,
        )  # fmt: skip
        host: Any = SimpleNamespace(
            live=self.live, repository=self.repository, clock=self.clock, runs=self.runs
        )  # what a Host has
        with self.runs.running(run, OWNER), stream.fed(host, MODEL, task, run) as broke_off:
            ended = run.wait()
        return ended, kept.of("stdout"), broke_off()


@pytest.fixture
def machine() -> Iterator[Machine]:
    machine = Machine()
    yield machine
    machine.minder.close()
    machine.live.close()


def test_a_program_reads_what_is_there_and_what_comes_later_and_then_its_end(machine):
    large = bytes(range(256)) * 4000  # more than a pipe takes at once
    machine.hand_in(b"there ", large)
    threading.Timer(0.05, machine.hand_in, [b" later"], {"is_whole": True}).start()
    assert machine.run("cat") == (Ended(0), b"there " + large + b" later", None)


def test_a_program_that_does_not_read_holds_nobody_up(machine):
    machine.hand_in(bytes(10**6))
    started_s = time.monotonic()
    assert machine.run("echo done") == (Ended(0), b"done\n", None)
    assert machine.run("head -c 2 | od -An -c")[0] == Ended(0)
    assert time.monotonic() - started_s < 10, "nobody waits for the rest"


def test_a_program_whose_input_breaks_off_is_ended_and_does_not_take_it_for_the_end(machine, monkeypatch):
    monkeypatch.setattr(stream, "SILENCE_S_MAX", 0.2)
    monkeypatch.setattr(stream, "NEXT_S", 0.05)
    machine.hand_in(b"some")
    ended, printed, why = machine.run("cat; echo whole")
    assert (ended, printed, why) == (Ended(None, 9), b"some", "whoever sent its input is gone")


def test_a_program_without_input_reads_nothing(machine):
    task = Task(id=2, operation=1, machine="0", action=EXEC, enqueued="2026-01-01T00:00:00Z")
    assert machine.run("cat; echo end", task) == (Ended(0), b"end\n", None)
