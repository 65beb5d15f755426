"""Stories of a Harness go the same way under both libraries: events, data, errors, and how things stand.

``differ_harness.py`` makes them up; ``differ_sides.py`` says how to try others.
"""

from __future__ import annotations

import differ_sides
import pytest

#: Stories.  A dozen takes about a second under both.
COUNT = 40 + int(10 * differ_sides.SEARCH_S)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ops-differential")]


def test_stories_go_the_same_way():
    theirs, ours = differ_sides.lines_of_both("differ_harness.py", COUNT)
    assert len(ours) == len(theirs) > 1000
    different = [pair for pair in zip(theirs, ours, strict=True) if pair[0] != pair[1]]
    assert not different, "\n".join(f"theirs: {one}\nours:   {other}" for one, other in different[:3])
    # Enough happens to tell anything.
    assert sum("relation_changed" in line for line in ours) > COUNT
