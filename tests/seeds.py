"""Seeds of tests that draw what happens: the same each time, or others when somebody asks.

`COORDINATOR_SIM_SEED=…` with numbers and ranges, as in `7,100-999`, makes each of them live through these instead.
"""

from __future__ import annotations

import os
from collections.abc import Iterable


def seeds(usual: Iterable[int]) -> list[int]:
    """Return the seeds that were asked for, or else the *usual* ones."""
    found: list[int] = []
    for part in filter(None, os.environ.get("COORDINATOR_SIM_SEED", "").split(",")):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found or list(usual)
