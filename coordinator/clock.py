"""Time as an argument: the real clock, and one that tests turn by hand."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timezone
from typing import Protocol


class Clock(Protocol):
    """What the shells need to know about time, and nothing more."""

    def now_s(self) -> float:
        """Return seconds since the epoch: for records that people and other machines read."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds of a clock that never jumps back: for deadlines."""
        ...

    def timestamp(self) -> str:
        """Return now as RFC 3339 in UTC, with milliseconds."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def wait(self, event: threading.Event, seconds: float | None) -> bool:
        """Wait for *event*, at most *seconds*; say whether it is set."""
        ...


class RealClock:
    """The clock of this machine."""

    def now_s(self) -> float:
        return time.time()

    def monotonic_s(self) -> float:
        return time.monotonic()

    def timestamp(self) -> str:
        return timestamp_of(self.now_s())

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def wait(self, event: threading.Event, seconds: float | None) -> bool:
        return event.wait(seconds)


class ManualClock:
    """A clock that stands still until it is turned; waiting turns it."""

    def __init__(self, now_s: float = 1_700_000_000.0) -> None:
        self._now_s = now_s

    def now_s(self) -> float:
        return self._now_s

    def monotonic_s(self) -> float:
        return self._now_s

    def timestamp(self) -> str:
        return timestamp_of(self._now_s)

    def sleep(self, seconds: float) -> None:
        self._now_s += seconds

    def wait(self, event: threading.Event, seconds: float | None) -> bool:
        if not event.is_set() and seconds is not None:
            self._now_s += seconds
        return event.is_set()


def timestamp_of(now_s: float) -> str:
    """Return *now_s*, seconds since the epoch, as RFC 3339 in UTC with milliseconds."""
    text = datetime.fromtimestamp(now_s, timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
