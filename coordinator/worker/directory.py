"""Mounts and deletes directories that may be large, and that others may write to meanwhile.

Not here: which directories (storage.py).
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

MOUNT_S_MAX = 30.0  # for one call of `mount` or `umount`
MOUNTS = Path("/proc/self/mountinfo")  # where there is none, nothing is known to be mounted


class Interrupted(Exception):
    """Somebody asked to stop on the way; what was done is done."""


def mount(directory: Path, *how: str) -> str:
    """Mount something at *directory*, *how* as the program `mount` wants it; return what went wrong, or ""."""
    try:
        done = _run("mount", *how, str(directory))
    except FileNotFoundError:
        return "there is no program `mount`"
    except subprocess.TimeoutExpired:
        return f"`mount` took longer than {MOUNT_S_MAX:.0f} s"
    return (done.stderr.strip() or "it was not allowed") if done.returncode else ""


def unmount(directory: Path) -> None:
    """Unmount what was mounted at *directory* last.

    Raises:
        OSError: it stays mounted.
    """
    try:
        done = _run("umount", "--", str(directory))
    except FileNotFoundError as cause:
        raise OSError(None, "there is no program `umount`", str(directory)) from cause
    except subprocess.TimeoutExpired as cause:
        raise OSError(None, f"`umount` took longer than {MOUNT_S_MAX:.0f} s", str(directory)) from cause
    if done.returncode:
        raise OSError(None, done.stderr.strip() or "it cannot be unmounted", str(directory))


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=MOUNT_S_MAX)


def is_mounted(directory: Path) -> bool:
    """Say whether something is mounted at *directory*."""
    return any(mount.point == directory.resolve() for mount in mounts())


def mounted_below(directory: Path) -> list[Path]:
    """Return where something is mounted, *directory* itself or below, what was mounted last first."""
    below = directory.resolve()
    return [mount.point for mount in reversed(mounts()) if mount.point.is_relative_to(below)]


def keep_from_writing(directory: Path) -> str:
    """Let nobody write below *directory*, whatever their rights; return what went wrong, or ""."""
    # Mounted on itself, so that only this place is read-only, and `let_write` finds what it has to undo.
    if not is_on_itself(directory) and (trouble := mount(directory, "--bind", str(directory))):
        return trouble
    if os.statvfs(directory).f_flag & os.ST_RDONLY:
        return ""
    return mount(directory, "-o", "remount,bind,ro")


def let_write(directory: Path) -> None:
    """Undo `keep_from_writing`.

    Raises:
        OSError: it cannot be undone.
    """
    while is_on_itself(directory):
        unmount(directory)


def is_on_itself(directory: Path) -> bool:
    """Say whether what is mounted at *directory* is the same that is there without."""
    known = mounts()
    top = next((mount for mount in reversed(known) if mount.point == directory.resolve()), None)
    under = next((mount for mount in known if top is not None and mount.id == top.parent), None)
    if top is None or under is None:
        return False
    return (top.device, top.root) == (under.device, under.root / top.point.relative_to(under.point))


class Mount(NamedTuple):
    """One line of what the kernel says: `root` of the file system on `device` is seen at `point`."""

    id: str
    parent: str
    device: str
    root: Path
    point: Path


def mounts() -> list[Mount]:
    """Return everything that is mounted, in the order in which it was; a place may come twice."""
    try:
        lines = MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return []
    parts = (line.split(" ")[:5] for line in lines)
    return [Mount(id, parent, device, _path(root), _path(point)) for id, parent, device, root, point in parts]


def _path(text: str) -> Path:
    return Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), text))


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
