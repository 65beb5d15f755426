"""What the commands about constraints share: reading them, showing them, and a remark on those without effect."""

from __future__ import annotations

from collections.abc import Mapping

from coordinator.cli.client import Tree
from coordinator.cli.target import Target
from coordinator.domain.constraints import HONOURED, as_typed


def words_of(found: Tree) -> str:
    """Return constraints as they are typed; nothing when there are none."""
    return " ".join(as_typed(found)) + "\n" if found else ""


def remark(target: Target, given: Mapping[str, str]) -> None:
    """Warn of constraints by which nothing is placed."""
    idle = sorted(set(given) - HONOURED.keys())
    if idle:
        target.console.warn(
            f"{', '.join(idle)}: kept and shown, but no unit is placed by it; {', '.join(HONOURED)} are honoured"
        )
