"""Which Python runs a charm: with its own libraries, with some installed from its requirements, or with ours.

A charm that brings `venv/` or `lib/` with its own `ops` uses it.  One with a `requirements.txt` and no
environment gets one built once per content of that file.  One without gets our `ops`.
Role: the directory that goes in front of PATH; its `python3` finds the right libraries, whatever PYTHONPATH
the charm's own `dispatch` sets on top.
"""

from __future__ import annotations

import fcntl
import hashlib
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from coordinator.errors import CharmInvalid

BUILD_TIMEOUT_S = 900

Say = Callable[[str, str], None]  # (level, message)


def python_directory(charm_dir: Path, environments: Path, say: Say) -> Path | None:
    """Return the directory to put in front of PATH; None when the charm brings all it needs.

    Raises:
        CharmInvalid: its requirements cannot be installed; the text has the installer's last words.
    """
    own = [path for path in (charm_dir / "venv", charm_dir / "lib") if path.is_dir()]
    if any(_has_ops(path) for path in own):
        return None
    requirements = charm_dir / "requirements.txt"
    if requirements.is_file() and not (charm_dir / "venv").is_dir():
        return _built(requirements, environments, say)
    return _once(environments / "ours", lambda fresh: _write_python(fresh, None))


def _has_ops(directory: Path) -> bool:
    patterns = ("ops/__init__.py", "lib/python3*/site-packages/ops/__init__.py")
    return any(next(directory.glob(pattern), None) is not None for pattern in patterns)


def _built(requirements: Path, environments: Path, say: Say) -> Path:
    """Return the environment with the packages that *requirements* asks for, installed when it is new."""
    name = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:32]

    def build(fresh: Path) -> None:
        say("INFO", f"installing requirements.txt of the charm, once ({name[:12]})")
        site = fresh / "site"
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
             "--target", str(site), "-r", str(requirements)],
            capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, check=False,
        )  # fmt: skip
        if done.returncode:
            raise CharmInvalid(
                "cannot install the charm's requirements.txt",
                why=done.stderr.strip()[-2000:] or f"pip ended with status {done.returncode}",
                fix="correct requirements.txt, or ship the packages in venv/",
            )
        _write_python(fresh, environments / name / "site")

    return _once(environments / name, build)


def _once(target: Path, build: Callable[[Path], None]) -> Path:
    """Return *target*, built when it is missing: whole or not at all, by one process at a time."""
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():
            fresh = target.with_suffix(".new")
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir()
            build(fresh)
            fresh.replace(target)
    return target


def _write_python(directory: Path, site: Path | None) -> None:
    """Write a `python3` that is our interpreter, with *site* before its own packages."""
    path = "" if site is None else f'PYTHONPATH="{site}${{PYTHONPATH:+:$PYTHONPATH}}" '
    for name in ("python3", "python"):
        program = directory / name
        program.write_text(f'#!/bin/sh\n{path}exec {shlex.quote(sys.executable)} "$@"\n')
        program.chmod(0o755)
