"""What a benchmark returns: rows of name, value, unit, and the ratio to a floor measured in the same run.

Pure.  Not here: how they are shown (report.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.  `ratio` is `value` in units of what `floor` names; a row of a floor itself has none."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    floor: str = ""


def percentile(samples: Iterable[float], percent: float) -> float:
    """Return the smallest sample that at least *percent* of them do not exceed; 0 when there is none."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] if ordered else 0.0


def median(samples: Iterable[float]) -> float:
    return percentile(samples, 50)


def ms(name: str, seconds: float, floor_s: float | None = None, floor: str = "") -> Row:
    """Return a row in milliseconds."""
    return Row(name, 1000 * seconds, "ms", ratio(seconds, floor_s), floor)


def ratio(value: float, floor: float | None) -> float | None:
    return value / floor if floor else None
