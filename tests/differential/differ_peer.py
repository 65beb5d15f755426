"""The released `ops`, installed beside this repository as the peer that ours is compared with, and its own tests.

Both are put once per machine into the user's cache, never into the environment of the project or into the
repository, and no product code imports them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

RELEASE = "3.9.0"
STATES_RELEASE = "8.9.0"
"""Of `ops-scenario`, the part of the peer's `ops.testing` that goes from state to state."""
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

    def install(target: Path) -> None:
        _pip(
            python, "install", "--target", str(target), f"ops[{extra}]=={RELEASE}" if extra else f"ops=={RELEASE}"
        )

    return _cached("-".join(filter(None, ("ops", RELEASE, extra, tag))), install)


#: Which folders of which package's sources have its tests.
SUITES = {f"ops=={RELEASE}": "test", f"ops-scenario=={STATES_RELEASE}": "tests"}


def suites() -> Path:
    """Return a directory with the tests that the peer is released with: the folders of `SUITES`.

    Raises:
        NoPeer: there is no package index that has them.
    """

    def unpack(target: Path) -> None:
        with tempfile.TemporaryDirectory() as downloads:
            for requirement, folder in SUITES.items():
                options = ("--no-deps", "--no-binary=:all:", "--dest", downloads)
                _pip(sys.executable, "download", *options, requirement)
                name, _, release = requirement.replace("-", "_").partition("==")
                with tarfile.open(Path(downloads, f"{name}-{release}.tar.gz")) as source:
                    _extract(source, f"{name}-{release}", folder, target)

    return _cached(f"suites-{RELEASE}-{STATES_RELEASE}", unpack)


def _extract(source: tarfile.TarFile, top: str, folder: str, target: Path) -> None:
    """Unpack one folder only: beside the package itself, tests would import that."""
    for member in source.getmembers():
        if member.isfile() and member.name.startswith(f"{top}/{folder}/"):
            member.name = member.name.removeprefix(f"{top}/")
            source.extract(member, target, filter="data")


def _cached(name: str, fill: Callable[[Path], None]) -> Path:
    """Return the directory *name* of the cache, which is filled when it is first asked for."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "coordinator-tests"
    target = cache / name
    if target.is_dir():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=cache))
    try:
        fill(unfinished)
        # Whole or not at all, also when two test processes do this at the same time.
        unfinished.rename(target)
    except OSError:
        if not target.is_dir():
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return target


def _pip(python: str, what: str, *arguments: str) -> None:
    command = [python, "-m", "pip", what, "--quiet", "--retries=0", *arguments]
    requirement = arguments[-1]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_S_MAX)
    except subprocess.TimeoutExpired as error:
        raise NoPeer(f"fetching {requirement} took more than {error.timeout} s") from error
    if ended.returncode != 0:
        raise NoPeer(f"{requirement} cannot be fetched: {ended.stderr.strip().splitlines()[-1:]}")
