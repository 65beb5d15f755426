"""Take the lead of applications that nobody leads, for units whose agents cannot do it themselves.

Role: one thread per worker.  An agent campaigns whenever it looks; while its hook runs, or while it waits for the
hook of another unit of the machine, it does not, and that may take hours.  Woken when a leader is gone, and then
again every RETRY_S as long as a write gets no answer.
Not here: the write itself (claim.py), what a unit does once it leads (agent.py).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from coordinator.log import get_logger
from coordinator.worker.agent import Agent

RETRY_S = 1.0

log = get_logger()


class Campaign:
    """Campaigns for those of *agents* that are held up.  A simulation calls `turn` instead of `start`."""

    def __init__(self, agents: Callable[[], Iterable[Agent]]) -> None:
        self._agents = agents
        self._news = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="campaign", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join()

    def wake(self) -> None:
        """Say that an application may have lost its leader; quick."""
        self._news.set()

    def turn(self) -> float | None:
        """Campaign wherever there is no leader; return when to try again, None when there is nothing to try."""
        answers = [agent.campaign_if_held_up() for agent in self._agents()]
        return None if all(answers) else RETRY_S

    def _run(self) -> None:
        wait_s = None
        while not self._over.is_set():
            self._news.wait(wait_s)
            self._news.clear()
            try:
                wait_s = self.turn()
            except Exception as trouble:  # of one application; the others must not go without a leader for it
                log.error("campaign.trouble", error=repr(trouble), exc_info=True)
                wait_s = RETRY_S
