"""What a `dispatch` says about how the charm is started, and what says too much."""

from __future__ import annotations

import pytest

from coordinator.worker.recipe import Recipe, is_python, read_recipe

CHARM = "src/charm.py"
PATH = ("lib", "venv")
KNOWN = 'JUJU_DISPATCH_PATH="${JUJU_DISPATCH_PATH:-$0}"'


@pytest.mark.parametrize(
    ("line", "recipe"),
    [
        ("exec python3 ./src/charm.py", Recipe(CHARM, False)),
        ("python3 src/charm.py", Recipe(CHARM, False)),
        ("/usr/bin/env python3 ./src/charm.py", Recipe(CHARM, False)),
        ("./src/charm.py", Recipe(CHARM, True)),
        ('exec ./src/charm.py "$@"', Recipe(CHARM, True)),
        (f"{KNOWN} PYTHONPATH=lib:venv ./src/charm.py", Recipe(CHARM, True, PATH)),
        (f"{KNOWN} PYTHONPATH=lib:venv exec ./src/charm.py", Recipe(CHARM, True, PATH)),
        (f"{KNOWN} PYTHONPATH=lib:venv /usr/bin/env python3 ./src/charm.py", Recipe(CHARM, False, PATH)),
        ('PYTHONPATH="lib:venv:$PYTHONPATH" exec python3 src/charm.py', Recipe(CHARM, False, PATH)),
        ('LEVEL=3 NAME="a b" python3 src/charm.py', Recipe(CHARM, False, None, (("LEVEL", "3"), ("NAME", "a b")))),
    ],
)
def test_the_usual_line_of_a_dispatch_is_a_recipe(line: str, recipe: Recipe) -> None:
    assert read_recipe(f"#!/bin/sh\n# As charm tools write it.\n\n{line}\n") == recipe
    assert read_recipe(f"#!/bin/sh -e\n{line}") == recipe


@pytest.mark.parametrize(
    "script",
    [
        "",
        "#!/usr/bin/env python3\nimport ops\n",
        "#!/bin/sh\n",
        "#!/bin/sh\napt-get install -y gcc\nexec ./src/charm.py\n",
        "#!/bin/sh\nexec ./src/charm.py; echo done\n",
        "#!/bin/sh\nexec ./src/charm.py > log\n",
        "#!/bin/sh\nexec ./src/charm.py && true\n",
        "#!/bin/sh\nexec ./src/charm.sh\n",
        "#!/bin/sh\nexec python3 -O ./src/charm.py\n",
        "#!/bin/sh\nexec python3 ../charm.py\n",
        "#!/bin/sh\nexec python3 /usr/lib/charm.py\n",
        "#!/bin/sh\nPYTHONPATH=$(pwd)/lib exec ./src/charm.py\n",
        "#!/bin/sh\nPYTHONPATH=$HOME/lib exec ./src/charm.py\n",
        "#!/bin/sh\nNAME=`hostname` exec ./src/charm.py\n",
        "#!/bin/sh\nNAME='x' exec ./src/charm.py\n",
        "#!/bin/zsh\nexec ./src/charm.py\n",
    ],
)
def test_a_dispatch_that_does_anything_else_is_a_program_of_its_own(script: str) -> None:
    assert read_recipe(script) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("#!/usr/bin/env python3\n", True),
        ("#!/usr/bin/python3\n", False),  # which may be another one than that in the search path
        ("#!/bin/sh\n", False),
        ("import ops\n", False),
        ("", False),
    ],
)
def test_a_program_says_by_its_first_line_what_runs_it(line: str, expected: bool) -> None:
    assert is_python(line) is expected
