"""What the differential tests have in common: which cases they take, and a process for each of the two libraries.

By default these are the same cases each time.  OPS_DIFFERENTIAL_SEED=… begins with another one;
OPS_DIFFERENTIAL_S=60 tries many more, from a seed that is drawn and printed.
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

#: How long a search takes, about; 0: there is none.
SEARCH_S = float(os.environ.get("OPS_DIFFERENTIAL_S") or 0)
SEED = int(os.environ.get("OPS_DIFFERENTIAL_SEED") or (random.randrange(1_000_000) if SEARCH_S else 1))


def paths(*, extra: str = "") -> tuple[str, str]:
    """Return PYTHONPATH for the released library, with its optional part *extra*, and for ours.

    Without a package index that has the released one the test is skipped.
    """
    try:
        peer = differ_peer.directory(extra=extra)
    except differ_peer.NoPeer as reason:
        pytest.skip(f"no peer to compare with: {reason}")
    print(f"seed {SEED}: OPS_DIFFERENTIAL_SEED={SEED} repeats these cases")
    return str(peer), os.pathsep.join((str(REPOSITORY), str(Path(yaml.__file__).parents[1])))


def lines_of_both(runner: str, count: int) -> tuple[list[str], list[str]]:
    """Return what the file *runner* prints for *count* cases: with the released library, and with ours."""
    theirs, ours = paths(extra="testing")
    return _lines(runner, count, theirs), _lines(runner, count, ours)


def _lines(runner: str, count: int, path: str) -> list[str]:
    command = [sys.executable, str(Path(__file__).with_name(runner)), str(SEED), str(count)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("JUJU", "SCENARIO"))}
    environment |= {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()
