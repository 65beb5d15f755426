"""The library's own tests on every interpreter of the machine that it supports.

Each gets what the tests need once, in the user's cache; `pytest -rs` shows which interpreters are missing.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest
from ops_stage import REPOSITORY

pytestmark = pytest.mark.slow

NEEDED = ["pytest", "pytest-timeout", "PyYAML", "pydantic", "hypothesis"]
TESTS = ["ops", "ops_testing"]
VERSIONS = ["3.10", "3.11", "3.12", "3.13"]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "coordinator-tests"


def find(version: str) -> str | None:
    """Return an interpreter of this version that runs, or None: a name in PATH may be an empty promise."""
    pyenv = pathlib.Path(os.environ.get("PYENV_ROOT") or pathlib.Path.home() / ".pyenv") / "versions"
    for found in (*sorted(pyenv.glob(f"{version}.*/bin/python")), shutil.which(f"python{version}")):
        command = [str(found), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        if (
            found
            and subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() == version
        ):
            return str(found)
    return None


def packages(python: str, version: str) -> pathlib.Path:
    """Return a directory with what the tests need, for PYTHONPATH."""
    target = CACHE / f"tests-{version}-{len(NEEDED)}"
    if not target.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        unfinished = tempfile.mkdtemp(prefix="unfinished-", dir=CACHE)
        command = [python, "-m", "pip", "install", "--quiet", "--retries=0", "--target", unfinished, *NEEDED]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            shutil.rmtree(unfinished)
            pytest.skip(f"no package index: {ended.stderr.strip().splitlines()[-1:]}")
        os.rename(unfinished, target)
    return target


@pytest.mark.timeout(1200)  # all of the tests, in one process
@pytest.mark.parametrize("version", VERSIONS)
def test_the_tests_of_the_library_pass(version):
    python = find(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        pytest.skip(f"this is Python {version}")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
        "PYTHONPATH": f"{packages(python, version)}{os.pathsep}{REPOSITORY}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    above = pathlib.Path(__file__).parents[1]
    command = [python, "-m", "pytest", *(str(above / name) for name in TESTS), "-m", "not slow"]
    command += ["-p", "no:cacheprovider", "--tb=short", f"--confcutdir={above}"]
    # Short: below it are sockets, whose paths have at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="ops-") as folder:
        command += [f"--basetemp={folder}/t"]
        ended = subprocess.run(
            command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
    print(f"{python}: {ended.stdout.strip().splitlines()[-1]}")
    assert ended.returncode == 0, ended.stdout[-5000:] + ended.stderr[-1000:]
