"""The example charms have tests of their own, which charm authors copy; they pass, and leave nothing behind."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

import ops

REPOSITORY = pathlib.Path(ops.__file__).parents[1]
EXAMPLES = REPOSITORY / "deploy" / "examples"


@pytest.mark.parametrize("charm", ["store", "web"])
def test_the_tests_of_an_example_pass(charm, tmp_path):
    root = EXAMPLES / charm
    before = sorted(root.rglob("*"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "JUJU"))}
    path = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment |= {"PYTHONPATH": os.pathsep.join(path), "PYTHONDONTWRITEBYTECODE": "1"}
    options = [
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        f"--rootdir={root}",
        f"--basetemp={tmp_path / 't'}",
    ]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "tests", *options],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert sorted(root.rglob("*")) == before
