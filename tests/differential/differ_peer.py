"""The released `ops`, installed beside this repository as the peer that ours is compared with.

It is installed once per machine and interpreter into the user's cache, never into the environment of the
project, and no product code imports it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

RELEASE = "3.9.0"
INSTALL_S_MAX = 120.0


class NoPeer(Exception):
    """The peer is not there and cannot be installed; the text says why."""


def directory(
    python: str = sys.executable, tag: str = str(sys.implementation.cache_tag), *, extra: str = ""
) -> Path:
    """Return where the peer is for the interpreter *python*, to be put into PYTHONPATH; install it if needed.

    *extra* names one of its optional parts, which is then there as well.

    Raises:
        NoPeer: there is no package index that has it.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "coordinator-tests"
    target = cache / "-".join(filter(None, ("ops", RELEASE, extra, tag)))
    if target.is_dir():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=cache))
    try:
        _install(python, unfinished, f"ops[{extra}]=={RELEASE}" if extra else f"ops=={RELEASE}")
        # Whole or not at all, also when two test processes do this at the same time.
        unfinished.rename(target)
    except OSError:
        if not target.is_dir():
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return target


def _install(python: str, target: Path, requirement: str) -> None:
    command = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--retries=0",
        "--target",
        str(target),
        requirement,
    ]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_S_MAX)
    except subprocess.TimeoutExpired as error:
        raise NoPeer(f"installing {requirement} took more than {error.timeout} s") from error
    if ended.returncode != 0:
        raise NoPeer(f"{requirement} cannot be installed: {ended.stderr.strip().splitlines()[-1:]}")
