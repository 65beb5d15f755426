"""Hooks as forks of a warm process against the same hooks as new processes, in one run.

Role: turns the model's setting `warm` off and on between rounds.  With our `ops`, and with the released one in the
charm's own `venv/`, which calls a dozen hook commands in each hook.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from system import System

from tests.bench import CHARMS
from tests.bench.pair import Pair
from tests.bench.rows import Row, median, ms

sys.path.append(str(Path(__file__).parents[1] / "differential"))

import differ_peer


def with_released_library(folder: Path) -> Path | None:
    """Return a charm that brings the released `ops` itself; None where that cannot be had."""
    try:
        peer = differ_peer.directory()
    except differ_peer.NoPeer as reason:
        print(f"without the released library: {reason}")
        return None
    charm = folder / "released"
    shutil.copytree(CHARMS / "python", charm)
    shutil.copytree(peer, charm / "venv", ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    (charm / "dispatch").write_text("#!/bin/sh\nPYTHONPATH=lib:venv exec python3 ./src/charm.py\n")
    return charm


def measure(system: System, pairs: Sequence[Pair], *, rounds: int) -> list[Row]:
    """The hook that answers another one, start to end as the worker counts it, in both ways in turn."""
    spent: dict[tuple[str, bool], list[float]] = {}
    for _ in range(rounds):
        for warm in (False, True):
            system.ask("PATCH", "/v1/models/m/settings", {"settings": {"warm": warm}, "reset": []})
            for pair in pairs:
                pair.round()  # the first hook after the change may see the setting as it was
                before = pair.hooks()
                pair.round()
                hooks = pair.spent_s(before, pair.hooks_after(before, rounds=1))
                spent.setdefault((pair.name, warm), []).append(hooks.echo_s)
    rows = []
    for pair in pairs:
        cold_s, warm_s = median(spent[pair.name, False]), median(spent[pair.name, True])
        rows += [
            ms(f"{pair.name}: hook as a new process, p50", cold_s),
            ms(f"{pair.name}: hook as a fork, p50", warm_s, cold_s, "the new process"),
        ]
    return rows
