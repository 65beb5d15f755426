"""Stories of a Harness go the same way under both libraries: events, data, errors, and how things stand.

``differ_harness.py`` makes them up; each library runs it in a process of its own, with the same seed.
OPS_DIFFERENTIAL_SEED=… begins with another one; OPS_DIFFERENTIAL_S=60 tries many more.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import differ_peer
import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
RUNNER = Path(__file__).with_name("differ_harness.py")

SEARCH_S = float(os.environ.get("OPS_DIFFERENTIAL_S") or 0)
SEED = int(os.environ.get("OPS_DIFFERENTIAL_SEED") or (random.randrange(1_000_000) if SEARCH_S else 1))

#: Stories.  A dozen takes about a second under both.
COUNT = 40 + int(10 * SEARCH_S)

pytestmark = pytest.mark.xdist_group("ops-differential")


def steps(path: str) -> list[str]:
    """Return one line for each step, as the library in *path* has it."""
    command = [sys.executable, str(RUNNER), str(SEED), str(COUNT)]
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def test_stories_go_the_same_way():
    try:
        peer = differ_peer.directory(extra="testing")
    except differ_peer.NoPeer as reason:
        pytest.skip(f"no peer to compare with: {reason}")
    print(f"seed {SEED}: OPS_DIFFERENTIAL_SEED={SEED} repeats these stories")
    theirs = steps(str(peer))
    ours = steps(f"{REPOSITORY}{os.pathsep}{Path(yaml.__file__).parents[1]}")
    assert len(ours) == len(theirs) > 1000
    different = [pair for pair in zip(theirs, ours, strict=True) if pair[0] != pair[1]]
    assert not different, "\n".join(f"theirs: {one}\nours:   {other}" for one, other in different[:3])
    # Enough happens to tell anything.
    assert sum("relation_changed" in line for line in ours) > COUNT
