"""Carry out a task: an action of the charm, or commands for a unit or machine; once, with what it prints.

Role: from a task that is marked as running to what came of its program; writes nothing to the store.
Not here: hooks (perform.py), how the program is started (start.py), what is written (engine/task.py).
"""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from coordinator.domain.task import OUTPUT_BYTES_MAX, Task
from coordinator.domain.task_stream import STDERR, STDOUT, STREAM_BYTES_MAX
from coordinator.domain.unit_state import Memory
from coordinator.engine.effects import Effects
from coordinator.engine.task import NOT_IMPLEMENTED, Printed, Ran
from coordinator.engine.tools.context import HookContext
from coordinator.engine.world import World
from coordinator.errors import Refused
from coordinator.worker.charmenv import python_directory
from coordinator.worker.dispatch import Ended, Killable
from coordinator.worker.host import Host
from coordinator.worker.output import Kept
from coordinator.worker.perform import ENTROPY_BYTES, deploy, provide_storage
from coordinator.worker.script import SHELL, plain_run, script_file
from coordinator.worker.start import LEVELS, Start
from coordinator.worker.stream import fed
from coordinator.worker.unit_log import UnitLog

PerformTask = Callable[[Host, Memory, World, Task, Callable[[Effects], None]], tuple[Effects, Ran]]
PerformOnMachine = Callable[[Host, str, Task, Callable[[], None]], Ran]


def shown_output(kept: Kept) -> dict[str, str]:
    """Return what a program printed as it is stored: each stream that has something; base64 if it is no text.

    What does not fit is left out, and a last line says so.
    """
    found = {}
    for stream in (STDOUT, STDERR):
        data = kept.of(stream)[:OUTPUT_BYTES_MAX]
        if not data:
            continue
        is_whole = kept.size[stream] == len(data)
        try:
            text = data.decode()
        except UnicodeDecodeError as cause:
            # A cut may go through a letter.
            text = None if is_whole or cause.start < len(data) - 3 else data[: cause.start].decode()
        if text is None:
            found[stream] = base64.b64encode(data).decode()
            found[f"{stream}-encoding"] = "base64"
            continue
        # Some characters take six bytes when they are stored.
        while len(json.dumps(text, ensure_ascii=False)) > 2 * OUTPUT_BYTES_MAX:
            text, is_whole = text[: len(text) // 2], False
        cut = f"\n(cut: it has {kept.size[stream]} bytes in all)\n"
        found[stream] = text if is_whole else text + cut
    return found


def perform_task(
    host: Host, memory: Memory, world: World, task: Task, on_effects: Callable[[Effects], None]
) -> tuple[Effects, Ran]:
    """Run the program of *task* and return what it asked for and what came of it; no time limit of its own."""
    log = UnitLog(host, world, f"unit.{world.unit}.{task.name}")
    try:
        charm_dir = deploy(host, memory, world, memory.unit.charm)
        provide_storage(host, HookContext(world=world, memory=memory, task=task))
        python = python_directory(charm_dir, host.data_dir / "environments", log.say)
    except Refused as problem:
        return Effects(), Ran(reason=str(problem))
    output = Kept(OUTPUT_BYTES_MAX)
    with _command(task, charm_dir) as command:
        if not command:
            return Effects(), Ran(reason=f'{NOT_IMPLEMENTED} "{world.unit}"')
        context = HookContext(
            world=world, memory=memory, task=task, now_s=host.clock.now_s(), entropy=os.urandom(ENTROPY_BYTES)
        )
        with host.tools.open(
            context, on_logs=log.on_logs, on_effects=on_effects, resource=partial(host.resource, world)
        ) as opened:
            start = Start(
                host=host,
                world=world,
                work=task,
                sha256=memory.unit.charm,
                charm_dir=charm_dir,
                program=command[0],
                arguments=tuple(map(str, command[1:])),
                python=python,
                context=opened,
                say=log.say,
                keep=output,
            )
            # A script of commands is no program of the charm: nothing of it is loaded in advance.
            run = start.cold() if task.is_exec else start.warm() or start.cold()
            with host.runs.running(run, (world.model, world.unit)), _limited(run, task.timeout_s) as has_timed_out:
                on_effects(opened.effects)  # it may have been cancelled before there was anything to end
                ended = run.wait()
    return opened.effects, _ran(task, ended, output, has_timed_out())


def perform_on_machine(host: Host, model: str, task: Task, on_start: Callable[[], None]) -> Ran:
    """Run the commands of *task* with nothing of any unit around them, and return what came of it.

    *on_start* is called when they can be ended.
    """
    log, speaker = host.logs.of(model), f"machine-{host.machine}"

    def emit(stream: str, line: str) -> None:
        # What is kept for whoever asked may be anything, such as a file.
        if not (task.keeps_output and stream == STDOUT):
            log.write(speaker, LEVELS[stream], f"{speaker}.{task.name}", line)

    output = Kept(STREAM_BYTES_MAX if task.keeps_output else OUTPUT_BYTES_MAX)
    with script_file(host.data_dir, _commands(task), owner=f"machine-{model}") as file:
        run = plain_run(host, file, emit=emit, keep=output, has_input=task.has_input)
        with (
            host.runs.running(run, (model, task.id)),
            fed(host, model, task, run) as broke_off,
            _limited(run, task.timeout_s) as has_timed_out,
        ):
            on_start()  # it may have been cancelled before there was anything to end
            ended = run.wait()
    if why := broke_off():
        return Ran(reason=why, output=shown_output(output))
    ran = _ran(task, ended, output, has_timed_out())
    return replace(ran, kept=_too_much_to_show(output)) if task.keeps_output else ran


def ended_by(trouble: OSError) -> Ran:
    """Return the end of a task that the machine could not run, or not to its end: its disk is full, say."""
    return Ran(reason=f"the machine cannot run it: {trouble.strerror or trouble}")


def _too_much_to_show(output: Kept) -> dict[str, Printed]:
    """Return the streams that results have only the beginning of."""
    printed = {
        stream: (output.of(stream), size) for stream, size in output.size.items() if size > OUTPUT_BYTES_MAX
    }
    return {stream: Printed(data, is_whole=len(data) == size) for stream, (data, size) in printed.items()}


def _commands(task: Task) -> str:
    return str(task.parameters.get("command", ""))


def _ran(task: Task, ended: Ended, output: Kept, has_timed_out: bool) -> Ran:
    if has_timed_out:
        return Ran(reason=f"timed out after {task.timeout_s:g} s", output=shown_output(output))
    if ended.status is None:
        return Ran(reason=ended.text, output=shown_output(output))
    failed = ended.status != 0 and not task.is_exec  # what commands wrote lands whatever the last of them says
    return Ran(status=ended.status, reason=ended.text if failed else None, output=shown_output(output))


@contextmanager
def _command(task: Task, charm_dir: Path) -> Iterator[Sequence[Path]]:
    """Find, or write, what runs: a program, and its arguments; empty when the charm has no such action."""
    if task.is_exec:
        with script_file(charm_dir.parent, _commands(task)) as file:
            yield SHELL, file
        return
    for program in (charm_dir / "dispatch", charm_dir / "actions" / task.action):
        if os.access(program, os.X_OK):
            yield (program,)
            return
    yield ()


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
