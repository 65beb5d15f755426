"""Parts of states, plans, deferred events and what fits together are the same under both libraries.

``differ_states.py`` makes them up; ``differ_sides.py`` says how to try others.
"""

from __future__ import annotations

import differ_sides
import pytest

#: Cases of each kind.  A thousand of all kinds take about a second.
COUNT = 150 + int(100 * differ_sides.SEARCH_S)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ops-differential")]


def test_both_libraries_make_the_same_of_the_same():
    theirs, ours = differ_sides.lines_of_both("differ_states.py", COUNT)
    assert len(ours) == len(theirs) > 4 * 100
    different = [pair for pair in zip(theirs, ours, strict=True) if pair[0] != pair[1]]
    assert not different, "\n".join(f"theirs: {one}\nours:   {other}" for one, other in different[:5])
    # Both accept and refuse often enough to tell anything.
    scenes = [line for line in ours if line.startswith('["scene"')]
    refused = sum("raised" in line for line in scenes)
    assert 0.2 * len(scenes) < refused < 0.8 * len(scenes)
