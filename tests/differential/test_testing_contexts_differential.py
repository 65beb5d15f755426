"""Generated charms go from state to state as under the released library: what they see, do and leave is the same.

``differ_contexts.py`` makes them up; each library runs them in a process of its own, with the same seed.
OPS_DIFFERENTIAL_SEED=… begins with another one; OPS_DIFFERENTIAL_S=60 tries many more.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import differ_peer
import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
RUNNER = Path(__file__).with_name("differ_contexts.py")

SEARCH_S = float(os.environ.get("OPS_DIFFERENTIAL_S") or 0)
SEED = int(os.environ.get("OPS_DIFFERENTIAL_SEED") or (random.randrange(1_000_000) if SEARCH_S else 1))
#: A hundred take about two seconds.
COUNT = 150 + int(40 * SEARCH_S)

pytestmark = pytest.mark.xdist_group("ops-differential")


def cases(path: str) -> list[dict]:
    """Return what came of each case, as the library in *path* has it."""
    command = [sys.executable, str(RUNNER), str(SEED), str(COUNT)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("JUJU", "SCENARIO"))}
    environment |= {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def different(theirs: Any, ours: Any, where: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield where two values differ, as deep within them as can be told, and what is there."""
    if isinstance(theirs, dict) and isinstance(ours, dict) and theirs.keys() == ours.keys():
        for key in theirs:
            yield from different(theirs[key], ours[key], f"{where}.{key}")
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for number, (one, other) in enumerate(zip(theirs, ours, strict=True)):
            yield from different(one, other, f"{where}[{number}]")
    elif theirs != ours:
        yield where, theirs, ours


def test_generated_charms_do_the_same_under_both_libraries():
    try:
        peer = differ_peer.directory(extra="testing")
    except differ_peer.NoPeer as reason:
        pytest.skip(f"no peer to compare with: {reason}")
    print(f"seed {SEED}: OPS_DIFFERENTIAL_SEED={SEED} repeats these cases")
    theirs = cases(str(peer))
    ours = cases(f"{REPOSITORY}{os.pathsep}{Path(yaml.__file__).parents[1]}")
    assert len(theirs) == len(ours) == COUNT
    differences = [
        f"case {number}, script {here['script']}\n  theirs{where}: {one}\n  ours{where}:   {other}"
        for number, (there, here) in enumerate(zip(theirs, ours, strict=True))
        for where, one, other in different(there, here)
    ]
    assert not differences, "\n".join(differences[:8])
    # Enough of them come to an end in each way to tell anything.
    ends = [end if isinstance(end, str) else end[0] for case in ours for end in case["ends"]]
    assert {"ended", "failed", "UncaughtCharmError", "InconsistentScenarioError"} <= {*ends}
    assert ends.count("ended") > len(ends) / 3
