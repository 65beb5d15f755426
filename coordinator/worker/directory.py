"""Mounts and deletes directories that may be large, and that others may write to meanwhile.

Not here: which directories (storage.py).
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")  # where there is none, nothing is known to be mounted


class Interrupted(Exception):
    """Somebody asked to stop on the way; what was done is done."""


def mount(directory: Path, *how: str) -> str:
    """Mount something at *directory*, *how* as the program `mount` wants it; return what went wrong, or ""."""
    try:
        done = subprocess.run(["mount", *how, str(directory)], check=False, capture_output=True, text=True)
    except FileNotFoundError:
        return "there is no program `mount`"
    return (done.stderr.strip() or "it was not allowed") if done.returncode else ""


def unmount_below(directory: Path) -> None:
    """Unmount everything at *directory* and below, whoever mounted it: it would be deleted along.

    Raises:
        OSError: something stays mounted.
    """
    # Those that were mounted last go first: they may lie on top of the others.
    for place in reversed([place for place in mounts() if place.is_relative_to(directory)]):
        try:
            done = subprocess.run(["umount", "--", str(place)], check=False, capture_output=True, text=True)
        except FileNotFoundError as cause:
            raise OSError(None, "there is no program `umount`", str(place)) from cause
        if done.returncode:
            raise OSError(None, done.stderr.strip() or "it cannot be unmounted", str(place))


def mounts() -> list[Path]:
    """Return where something is mounted, in the order in which it was; a place may come twice."""
    try:
        lines = MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return []
    return [Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), line.split(" ")[4])) for line in lines]


def delete_tree(directory: Path, is_stopping: Callable[[], bool]) -> None:
    """Delete *directory* with all that is in it, if it is there.

    Directories are held open while they are emptied, so that nobody can put a link in the place of one and have
    something else deleted.

    Raises:
        OSError: something of it cannot be deleted, or is nested too deeply.
        Interrupted: *is_stopping* said so.
    """
    try:
        for _, directories, files, at in os.fwalk(directory, topdown=False, onerror=_raise):
            for name in files:
                if is_stopping():
                    raise Interrupted
                os.unlink(name, dir_fd=at)
            for name in directories:
                try:
                    os.rmdir(name, dir_fd=at)
                except NotADirectoryError:  # a link to one
                    os.unlink(name, dir_fd=at)
        os.rmdir(directory)
    except FileNotFoundError:
        if directory.exists():
            raise  # somebody else deletes there, too
    except RecursionError as cause:  # in Python before 3.12
        raise OSError(None, "its directories are nested too deeply", str(directory)) from cause


def _raise(trouble: OSError) -> None:
    raise trouble
