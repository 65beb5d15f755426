"""Generated charms go from state to state as under the released library: what they see, do and leave is the same.

``differ_contexts.py`` makes them up; ``differ_sides.py`` says how to try others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import differ_sides
import pytest

#: A hundred take about two seconds.
COUNT = 150 + int(40 * differ_sides.SEARCH_S)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ops-differential")]


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
    both = differ_sides.lines_of_both("differ_contexts.py", COUNT)
    theirs, ours = ([json.loads(line) for line in lines] for lines in both)
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
