"""The example charms have tests of their own, which charm authors copy; they pass, and leave nothing behind."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import ops

REPOSITORY = pathlib.Path(ops.__file__).parents[1]
EXAMPLES = REPOSITORY / "deploy" / "examples"


COMPARES = """
from ops import testing

def test_states():
    model = testing.Model("m")
    assert testing.State(leader=True, model=model) == testing.State(model=model)
"""


@pytest.mark.parametrize("charm", ["store", "web"])
def test_the_tests_of_an_example_pass(charm, tmp_path):
    root = EXAMPLES / charm
    before = sorted(root.rglob("*"))
    ended = run_pytest(root, tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert sorted(root.rglob("*")) == before


def test_with_the_conftest_of_an_example_pytest_says_in_what_two_states_differ(tmp_path):
    tests = tmp_path / "charm" / "tests"
    tests.mkdir(parents=True)
    shutil.copy(EXAMPLES / "web" / "tests" / "conftest.py", tests)
    (tests / "test_compares.py").write_text(COMPARES)
    ended = run_pytest(tests.parent, tmp_path)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "leader: True → False" in ended.stdout


def run_pytest(root: pathlib.Path, tmp_path: pathlib.Path) -> subprocess.CompletedProcess:
    """Run the tests of the charm in *root* like its author, without the settings of this project."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "JUJU"))}
    path = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment |= {"PYTHONPATH": os.pathsep.join(path), "PYTHONDONTWRITEBYTECODE": "1"}
    quietly = ["-q", "-p", "no:cacheprovider", "-c", os.devnull]
    places = [f"--rootdir={root}", f"--basetemp={tmp_path / 't'}"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "tests", *quietly, *places],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
