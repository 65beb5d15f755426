"""What is shown of a hook or an action while it runs, also when the store did not take it at first."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from build import memory, world

from coordinator.clock import RealClock
from coordinator.domain.change import Change
from coordinator.domain.status import Status
from coordinator.domain.unit_state import Hook, HookKind
from coordinator.engine.effects import Effects
from coordinator.worker import show
from coordinator.worker.show import Show, in_a_thread

WAIT_S = 30.0
HOOK = Hook(kind=HookKind.START)


class Record:
    """Takes down what is written; the first writes do not land."""

    def __init__(self, *, lost: int) -> None:
        self.landed: list[str] = []
        self._lost = lost
        self._landed = threading.Condition()

    def try_write(self, change: Change, since: int) -> int | None:
        with self._landed:
            if self._lost:
                self._lost -= 1
                return None
            self.landed.append(change.did)
            self._landed.notify_all()
            return since + 1

    def wait_for(self, count: int) -> None:
        with self._landed:
            assert self._landed.wait_for(lambda: len(self.landed) >= count, WAIT_S), self.landed


@pytest.mark.parametrize("lost", [0, 1, 2, 5])
def test_what_did_not_land_is_shown_later_although_the_hook_says_nothing_new(
    lost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(show, "SHOW_AFTER_S", 0.01)
    record: Any = Record(lost=lost)
    shown = Show(record, RealClock(), in_a_thread)
    with shown.running(memory(), world(), HOOK) as showing:
        showing.update(Effects(status=Status("maintenance", "at work")))
        record.wait_for(2)
        assert sorted(record.landed) == ["start status", "web/0 executing running start hook"]
        time.sleep(0.1)
    assert len(record.landed) == 2, "what is shown is not written again"
