"""Statuses: their words, and how those of units add up to the one of an application."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

#: What a charm may set.
SETTABLE = ("maintenance", "blocked", "waiting", "active")

#: Most severe first: the status of an application that nobody set is the most severe of its units.
SEVERITY = ("error", "blocked", "maintenance", "waiting", "active", "terminated", "unknown")


@dataclass(frozen=True, slots=True)
class Status:
    """One status.  `since` is when status or message last changed, RFC 3339 in UTC."""

    current: str
    message: str = ""
    since: str = ""

    def moved_to(self, current: str, message: str, now: str) -> Status:
        """Return the status after setting it; the same pair again keeps `since`."""
        if (current, message) == (self.current, self.message):
            return self
        return Status(current, message, now)


@dataclass(frozen=True, kw_only=True, slots=True)
class UnitStatus:
    """What a unit shows: workload status, workload version, and open ports.

    `ports` maps an endpoint, or "" for all of them, to ranges like `80/tcp`, `8000-8010/udp`, `icmp`.
    """

    workload: Status = Status("waiting", "waiting for machine")
    version: str = ""
    ports: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentStatus:
    """What the agent of a unit does: `idle` or `executing`, with what and since when."""

    current: str
    message: str = ""
    since: str = ""


def most_severe(statuses: Iterable[Status]) -> Status | None:
    """Return the one that stands for all; None when there is none.  The first of equals wins."""
    return min(statuses, key=lambda status: _RANK.get(status.current, len(SEVERITY)), default=None)


_RANK = {word: rank for rank, word in enumerate(SEVERITY)}
