"""What to look at again, and when: asks the reconcilers of a model until they find nothing more to do.

Role: level-triggered; an event only says which model to look at.  Each step is one guarded write.
Not here: the rules (reconcile/), who may act (election.py).
"""

from __future__ import annotations

import threading

from coordinator.clock import Clock
from coordinator.controller.election import LEADER, Election
from coordinator.domain.change import Change
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.view import View
from coordinator.errors import CoordinatorError
from coordinator.log import get_logger
from coordinator.reconcile import MACHINE_RECONCILERS, RECONCILERS
from coordinator.store.live import LiveTree
from coordinator.store.repository import Author, Repository
from coordinator.store.txn import Committed

STEPS_MAX = 10_000  # of one look at everything; more means that two rules undo each other
CATCH_UP_S = 5.0
LOOK_AGAIN_S = 5.0  # for what only time changes: removals that become due by force
ELECTION_S = 1.0  # how often one that does not lead looks whether anybody does; in the mirror, so for free
PAUSE_S = 0.5  # after trouble

#: What the reconcilers look at.  Hooks at work (bags, statuses) do not concern them; memory does while an
#: application is upgraded in batches.
_CONCERNS = {
    Kind.MODEL, Kind.APPLICATION, Kind.UNIT, Kind.RELATION, Kind.MEMBER, Kind.CLAIM, Kind.MACHINE, Kind.WORKER,
    Kind.CONTROLLER_LEADER, Kind.SECRET, Kind.SECRET_CONSUMER, Kind.STORAGE, Kind.SPACE,
}  # fmt: skip

log = get_logger()


class ReconcileLoop:
    """Runs in a thread of its own, while this controller leads."""

    def __init__(self, repository: Repository, live: LiveTree, election: Election, clock: Clock) -> None:
        self._repository, self._live, self._election, self._clock = repository, live, election, clock
        self._is_rolling_out = False
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reconcile", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def moved(self, moved: list[Ref]) -> None:
        """Take note that something changed; called by the mirror."""
        if any(ref.kind in _CONCERNS or (ref.kind is Kind.MEMORY and self._is_rolling_out) for ref in moved):
            self._news.set()

    def wake(self) -> None:
        self._news.set()

    def close(self) -> None:
        self._stopping.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._news.clear()
            try:
                leads = self._lead()
                if leads:
                    self._reconcile()
            except CoordinatorError as trouble:
                log.warning("reconcile.trouble", why=str(trouble))
                self._stopping.wait(PAUSE_S)
                continue
            except Exception as bug:  # one bad entity must not end the reconciling of all others for ever
                log.error("reconcile.bug", exc_info=bug)
                self._stopping.wait(LOOK_AGAIN_S)
                continue
            self._news.wait(LOOK_AGAIN_S if leads else ELECTION_S)

    def _lead(self) -> bool:
        """Say whether this controller leads now; it tries to as soon as nobody does."""
        self._election.join()
        if self._election.held is not None:
            return True
        with self._live.look() as view:
            led = view.peek(LEADER) is not None
        return not led and self._election.campaign()

    def _reconcile(self) -> None:
        """Take steps until there is none to take."""
        for _ in range(STEPS_MAX):
            if self._stopping.is_set() or not self._step():
                return
        log.error("reconcile.circle", why=f"still something to do after {STEPS_MAX} steps")

    def _step(self) -> bool:
        """Take one step, if there is one; say whether to look again."""
        held = self._election.held
        if held is None:
            return False
        with self._live.look() as view:
            found = self._plan(view)
        if found is None:
            return False
        change, looked = found
        author = Author(name="controller")
        outcome = self._repository.write_seen(looked, change, author, also=(held,))
        self._live.wait_for(outcome.revision, CATCH_UP_S)
        if isinstance(outcome, Committed):
            log.info("reconciled", did=change.did, revision=outcome.revision)
        return True

    def _plan(self, view: View) -> tuple[Change, View] | None:
        now_s = self._clock.now_s()
        models = [model.path[0] for model, _ in view.list(Kind.MODEL)]
        self._is_rolling_out = any(
            app.rollout is not None for model in models for _, app in view.list(Kind.APPLICATION, model)
        )
        for model in models:
            for reconcile in RECONCILERS:
                fresh = view.again()
                if change := reconcile(fresh, model, now_s):
                    return change, fresh
        for reconcile_machines in MACHINE_RECONCILERS:
            fresh = view.again()
            if change := reconcile_machines(fresh, now_s):
                return change, fresh
        return None
