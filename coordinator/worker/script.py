"""Carry out a script that a program of the machine handed in: find the unit, wait for its turn, run, answer.

Role: from `juju-exec` at the socket to its exit code and output.  Whoever hands one in waits until it has run.
Not here: what the arguments mean (engine/script.py), when its turn is (agent.py).
"""

from __future__ import annotations

import os
import pwd
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from coordinator.domain.names import UnitName
from coordinator.domain.unit_state import Memory
from coordinator.engine.effects import Effects
from coordinator.engine.script import HELP, HelpWanted, Script, context_of, find_unit, parse
from coordinator.engine.world import World
from coordinator.errors import BadRequest, CoordinatorError
from coordinator.worker.charmenv import python_directory
from coordinator.worker.dispatch import Ended, Run
from coordinator.worker.host import Host
from coordinator.worker.output import Emit, Keep, Kept
from coordinator.worker.perform import ENTROPY_BYTES, deploy
from coordinator.worker.start import Start
from coordinator.worker.unit_log import UnitLog

OUTPUT_BYTES_MAX = 4 * 1024 * 1024  # of each stream; it is handed over at the end
SHELL = Path("/bin/bash")


class Said(NamedTuple):
    """What the caller gets: exit code, and what was printed."""

    code: int
    stdout: bytes = b""
    stderr: bytes = b""

    def but(self, error: CoordinatorError) -> Said:
        """Return the same with *error* in the end; it is no success then."""
        return Said(self.code or 1, self.stdout, self.stderr + failed(error).stderr)


class Handed:
    """A script that waits for its turn."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self._over = threading.Event()
        self._said = Said(1)

    def answer(self, said: Said) -> None:
        self._said = said
        self._over.set()

    def wait(self) -> Said:
        self._over.wait()
        return self._said

    @property
    def is_over(self) -> bool:
        return self._over.is_set()


RunIn = Callable[[tuple[str, UnitName], Script], Said]
PerformScript = Callable[[Host, Memory, World, Script], tuple[Effects | None, Said]]


def run_script(host: Host, run_in: RunIn, argv: Sequence[str], model: str) -> Said:
    """Run what *argv* ask for, in the unit they mean, and return what came of it.

    *model* is that of the caller, empty when it does not say; *run_in* waits for the unit's turn.
    """
    try:
        script = parse(argv)
        if script.no_context:
            with host.machine_lock:
                return _without_context(host, script)
        return run_in(find_unit(script, host.units(), model), script)
    except HelpWanted:
        return Said(0, HELP.encode())
    except CoordinatorError as error:
        return failed(error)


def failed(error: CoordinatorError) -> Said:
    return Said(2 if isinstance(error, BadRequest) else 1, b"", f"ERROR {error}\n".encode("utf-8", "replace"))


def perform_script(host: Host, memory: Memory, world: World, script: Script) -> tuple[Effects | None, Said]:
    """Run *script* and return what its commands asked for, and what the caller gets.

    What they asked for lasts whatever the exit status is; None: the script was killed, and nobody knows how far it
    came.

    Raises:
        CoordinatorError: it cannot be run; nothing of it has.
    """
    log = UnitLog(host, world, f"unit.{world.unit}.{script.name}")
    context = context_of(memory, world, script)
    context = replace(context, now_s=host.clock.now_s(), entropy=os.urandom(ENTROPY_BYTES))
    charm_dir = deploy(host, memory, world, memory.unit.charm)
    python = python_directory(charm_dir, host.data_dir / "environments", log.say)
    kept = Kept(OUTPUT_BYTES_MAX)
    with script_file(charm_dir.parent, script.commands) as file:
        with host.tools.open(context, on_logs=log.on_logs, resource=partial(host.resource, world)) as opened:
            start = Start(
                host=host,
                world=world,
                work=script,
                sha256=memory.unit.charm,
                charm_dir=charm_dir,
                program=SHELL,
                arguments=(str(file),),
                python=python,
                context=opened,
                say=log.say,
                keep=kept,
            )
            run = start.cold()
            with host.runs.running(run, (world.model, world.unit)):
                ended = run.wait()
    return opened.effects if ended.status is not None else None, _said(ended, kept)


@contextmanager
def script_file(directory: Path, commands: str, *, owner: str = "script") -> Iterator[Path]:
    """Write *commands* into a file for SHELL to run; what a worker that died has left of *owner* there is removed.

    Not into the arguments of a process, where everybody on the machine could read them.  It is no program itself:
    a process that another thread starts meanwhile has it open for a moment, and then it could not be run.

    An owner runs one thing at a time, so nothing else uses these files.
    """
    for old in directory.glob(f"{owner}-{'[0-9a-f]' * 16}.sh"):
        old.unlink(missing_ok=True)
    path = directory / f"{owner}-{secrets.token_hex(8)}.sh"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(f"{commands}\n")
        yield path
    finally:
        path.unlink(missing_ok=True)


def _without_context(host: Host, script: Script) -> Said:
    """Run *script* by itself: nothing else of the machine runs beside it, and it can ask for nothing."""
    kept = Kept(OUTPUT_BYTES_MAX)
    with script_file(host.data_dir, script.commands) as file:
        run = plain_run(host, file, emit=lambda stream, line: None, keep=kept)
        with host.runs.running(run, script):
            return _said(run.wait(), kept)


def plain_run(host: Host, file: Path, *, emit: Emit, keep: Keep, has_input: bool = False) -> Run:
    """Start the script in *file* with nothing of any unit around it."""
    environment = {
        "PATH": host.agent_path,
        "LANG": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
        "HOME": pwd.getpwuid(os.getuid()).pw_dir,  # people write ~
    }
    return Run(
        SHELL,
        str(file),
        cwd=Path("/"),
        environment=environment,
        minder=host.minder,
        emit=emit,
        keep=keep,
        has_input=has_input,
    )


def _said(ended: Ended, kept: Kept) -> Said:
    # A shell says 128 and more of a program that was killed.
    code = ended.status if ended.status is not None else 128 + (ended.signal or 0)
    return Said(code, kept.of("stdout"), kept.of("stderr"))
