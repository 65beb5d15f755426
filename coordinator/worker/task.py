"""Carry out a task: an action of the charm, or commands that somebody sends; once, with what it prints.

Role: from a task that is marked as running to what came of its program; writes nothing to the store.
Not here: hooks (perform.py), how the program is started (start.py), what is written (engine/task.py).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from coordinator.domain.task import OUTPUT_BYTES_MAX, Task
from coordinator.domain.unit_state import Memory
from coordinator.engine.effects import Effects
from coordinator.engine.task import NOT_IMPLEMENTED, Ran
from coordinator.engine.tools import LogLine
from coordinator.engine.tools.context import HookContext
from coordinator.engine.world import World
from coordinator.errors import CharmInvalid
from coordinator.worker.charmenv import python_directory
from coordinator.worker.dispatch import Ended, Killable
from coordinator.worker.host import Host
from coordinator.worker.perform import deploy
from coordinator.worker.start import Start

PerformTask = Callable[[Host, Memory, World, Task, Callable[[Effects], None]], tuple[Effects, Ran]]


class Output:
    """What a program prints, kept up to a limit for each stream."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self._bytes = {"stdout": 0, "stderr": 0}

    def add(self, stream: str, line: str) -> None:
        size = len(line.encode("utf-8", "replace")) + 1
        if self._bytes[stream] > OUTPUT_BYTES_MAX:
            return
        self._bytes[stream] += size
        cut = self._bytes[stream] > OUTPUT_BYTES_MAX
        self._lines[stream].append(f"(more than {OUTPUT_BYTES_MAX} bytes; the rest is left out)" if cut else line)

    def texts(self) -> dict[str, str]:
        return {stream: "\n".join([*lines, ""]) for stream, lines in self._lines.items() if lines}


def perform_task(
    host: Host, memory: Memory, world: World, task: Task, on_effects: Callable[[Effects], None]
) -> tuple[Effects, Ran]:
    """Run the program of *task* and return what it asked for and what came of it; no time limit of its own."""
    log = host.logs.of(world.model)
    speaker = f"unit.{world.unit}.{task.name}"

    def say(level: str, message: str, module: str = speaker) -> None:
        log.write(world.unit.dashed, level, module, message)

    def on_logs(lines: Sequence[LogLine]) -> None:
        for line in lines:
            say(line.level, line.message, f"unit.{world.unit}.juju-log")

    try:
        charm_dir = deploy(host, memory, world, memory.unit.charm)
        python = python_directory(charm_dir, host.data_dir / "environments", lambda level, text: say(level, text))
    except CharmInvalid as problem:
        return Effects(), Ran(reason=str(problem))
    output = Output()
    with _program(task, charm_dir) as program:
        if program is None:
            return Effects(), Ran(reason=f'{NOT_IMPLEMENTED} "{world.unit}"')
        context = HookContext(world=world, memory=memory, task=task)
        with host.tools.open(context, on_logs=on_logs, on_effects=on_effects) as opened:
            start = Start(
                host=host,
                world=world,
                work=task,
                sha256=memory.unit.charm,
                charm_dir=charm_dir,
                program=program,
                python=python,
                context=opened,
                say=say,
                on_output=output.add,
            )
            # A script of commands is no program of the charm: nothing of it is loaded in advance.
            run = start.cold() if task.is_exec else start.warm() or start.cold()
            with host.runs.running(run, (world.model, world.unit)), _limited(run, task.timeout_s) as has_timed_out:
                ended = run.wait()
    return opened.effects, _ran(task, ended, output, has_timed_out())


def _ran(task: Task, ended: Ended, output: Output, has_timed_out: bool) -> Ran:
    if has_timed_out:
        return Ran(reason=f"timed out after {task.timeout_s:g} s", output=output.texts())
    if ended.status is None:
        return Ran(reason=ended.text, output=output.texts())
    failed = ended.status != 0 and not task.is_exec  # what commands wrote lands whatever the last of them says
    return Ran(status=ended.status, reason=ended.text if failed else None, output=output.texts())


@contextmanager
def _program(task: Task, charm_dir: Path) -> Iterator[Path | None]:
    """Find, or write, what runs; None when the charm has no such action."""
    if task.is_exec:
        script = charm_dir.parent / f"exec-{task.id}.sh"
        try:
            # Not in the arguments of a process, where everybody on the machine could read it.
            with open(os.open(script, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700), "w") as file:
                file.write(f"#!/bin/bash\n{task.parameters.get('command', '')}\n")
            yield script
        finally:
            script.unlink(missing_ok=True)
        return
    for program in (charm_dir / "dispatch", charm_dir / "actions" / task.action):
        if os.access(program, os.X_OK):
            yield program
            return
    yield None


@contextmanager
def _limited(run: Killable, timeout_s: float | None) -> Iterator[Callable[[], bool]]:
    """End *run* after *timeout_s*; yields how to ask whether that has happened."""
    timed_out = threading.Event()

    def end() -> None:
        timed_out.set()
        run.kill()

    timer = threading.Timer(timeout_s, end) if timeout_s is not None else None
    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        yield timed_out.is_set
    finally:
        if timer is not None:
            timer.cancel()
            timer.join()
