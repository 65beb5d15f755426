"""Life of an entity: alive, dying, dead.  Never backwards; "removed" is the absence of the key."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Life(str, Enum):
    """Where an entity stands between being made and being gone."""

    ALIVE = "alive"
    DYING = "dying"
    DEAD = "dead"


#: Where each step of a life may lead.
LIFE_STEPS: Mapping[Life, frozenset[Life]] = {
    Life.ALIVE: frozenset({Life.DYING}),
    Life.DYING: frozenset({Life.DEAD}),
    Life.DEAD: frozenset(),
}
