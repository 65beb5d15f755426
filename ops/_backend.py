"""The one door between a charm and whoever runs it.

Role: everything that leaves this process on behalf of the model goes through `call`, and this is the only
module that starts a process.  A door takes the name of a hook command, its arguments and its input, and
returns what the command would print; so the hook commands in PATH, a socket of a worker and an in-memory
model for tests are the same to all code above.
Not here: any rule.  Which arguments, what the answers mean and which errors they become is decided in
hookcmds/ (one function per command) and _tools.py (what the model needs of them).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Protocol


class Reply:
    """What one hook command answered: an exit status (0 is success) and its two outputs as text."""

    def __init__(self, returncode: int, stdout: str, stderr: str):
        self.returncode = returncode
        self.stdout = stdout
        self.stderr = stderr


class Door(Protocol):
    """Carries out hook commands."""

    def call(self, tool: str, arguments: Sequence[str], stdin: str | None) -> Reply:
        """Run *tool*; *stdin* None means that the command may not read any input.

        A command that ran and failed is a reply with a return code other than 0.

        Raises:
            FileNotFoundError: there is no such command.
        """
        ...

    def has(self, tool: str) -> bool:
        """Return whether there is a command of this name."""
        ...


class CommandDoor:
    """Runs the hook commands that are found in PATH, one process each."""

    def call(self, tool: str, arguments: Sequence[str], stdin: str | None) -> Reply:
        """See `Door.call`.  Output is decoded as UTF-8."""
        import subprocess

        # Without input the command gets none at all: the charm's own standard input is not for it.
        ended = subprocess.run(
            [tool, *arguments],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        return Reply(ended.returncode, ended.stdout, ended.stderr)

    def has(self, tool: str) -> bool:
        """See `Door.has`."""
        import shutil

        return shutil.which(tool) is not None


_door: Door = CommandDoor()


def call(tool: str, arguments: Sequence[str], stdin: str | None = None) -> Reply:
    """Run *tool* through the door that is open now."""
    return _door.call(tool, arguments, stdin)


def has(tool: str) -> bool:
    """Return whether the door that is open now has a command of this name."""
    return _door.has(tool)


def open_for_good(door: Door) -> None:
    """Send all calls of this process through *door* from now on."""
    global _door
    _door = door


def is_open(door: Door) -> bool:
    """Return whether calls go through *door* now."""
    return _door is door


@contextlib.contextmanager
def through(door: Door) -> Iterator[None]:
    """Send all calls of this process through *door* while the block runs.

    It is a fact about the process, not about the thread: charms start threads that call tools as well.
    """
    global _door
    before, _door = _door, door
    try:
        yield
    finally:
        _door = before


def find_program(path: str) -> str | None:
    """Return the file at *path* with one of the platform's executable suffixes, or None."""
    import shutil

    return shutil.which(path)


def run_program(command: Sequence[str]) -> int:
    """Run a program of the charm with this process's input, output and environment; return its status.

    Raises:
        OSError: it cannot be started.
    """
    import subprocess

    return subprocess.run(list(command), check=False).returncode
