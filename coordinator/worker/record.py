"""Write what a hook did, once, whatever the network does.

Role: from (memory, world, hook, effects) to one transaction that landed, or the knowledge that somebody else
owns the unit now.  A lost answer, a relation removed under the hook, a person who resolved it meanwhile: each
is settled here, without running the hook again.
Not here: what is written (engine/settle.py).
"""

from __future__ import annotations

from collections.abc import Callable

from coordinator.clock import Clock
from coordinator.domain.change import Change
from coordinator.domain.life import Life
from coordinator.domain.task import Task
from coordinator.domain.unit_state import Hook, HookKind, Memory
from coordinator.engine.script import Script
from coordinator.engine.settle import rebase
from coordinator.engine.world import World
from coordinator.errors import LeaseLost, Unavailable, UnknownOutcome
from coordinator.log import get_logger
from coordinator.store.live import LiveTree
from coordinator.store.repository import Author, Repository
from coordinator.store.txn import Committed
from coordinator.worker.claim import Authority

PAUSE_FIRST_S, PAUSE_MAX_S = 0.05, 1.0
CATCH_UP_S = 5.0  # how long the mirror may lag behind our own write before we look without it

Sight = tuple[Memory, World]
Plan = Callable[[World], Change]

log = get_logger()


class Record:
    """The writes of one unit."""

    def __init__(
        self, repository: Repository, live: LiveTree, authority: Authority, clock: Clock, unit: str
    ) -> None:
        self._repository, self._live, self._authority, self._clock = repository, live, authority, clock
        self._unit = unit

    def settle(
        self,
        world: World,
        work: Hook | Task | Script,
        plan: Plan,
        look: Callable[[], Sight | None],
        *,
        leader_only: bool,
    ) -> bool:
        """Write *plan(world)*; say whether it landed.

        False: the unit is not ours any more, or the hook is overtaken (its relation began to end before the
        unit entered it); then nothing of it was written.  *look* returns the present sight of the unit.
        """
        pause_s = PAUSE_FIRST_S
        while not self._authority.is_lost():
            try:
                outcome = self._write(plan(world), world.revision)
            except (Unavailable, UnknownOutcome) as failure:
                log.warning("settle.retry", unit=self._unit, work=work.name, why=str(failure.what))
                self._clock.sleep(pause_s)
                pause_s = min(2 * pause_s, PAUSE_MAX_S)
            except LeaseLost:
                return False
            else:
                self._live.wait_for(outcome.revision, CATCH_UP_S)
                if isinstance(outcome, Committed):
                    return True
            sight = look()
            if sight is None:
                return False
            _, fresh = sight
            if fresh.memory_revision != world.memory_revision:
                # Only the owner writes the memory: either our lost answer had landed, or another took over.
                return fresh.claim == world.claim
            if fresh.claim != world.claim or _overtaken(work, fresh):
                return False
            if leader_only and fresh.term != world.term:
                return False
            world = rebase(world, fresh)
        return False

    def try_write(self, change: Change, since: int) -> int | None:
        """Write *change* if its conditions hold; return the revision, None when they do not or nobody answers.

        For writes that are repeated anyway when they are still wanted: claims, leadership, what status shows.
        """
        try:
            outcome = self._write(change, since)
        except (Unavailable, UnknownOutcome, LeaseLost) as failure:
            log.warning("write.failed", unit=self._unit, did=change.did, why=str(failure.what))
            return None
        self._live.wait_for(outcome.revision, CATCH_UP_S)
        return outcome.revision if isinstance(outcome, Committed) else None

    def _write(self, change: Change, since: int):
        author = Author(name=f"unit {self._unit}", lease=self._authority.lease)
        return self._repository.write(change, author, since=since)


def _overtaken(hook: Hook | Task | Script, fresh: World) -> bool:
    if not isinstance(hook, Hook) or hook.kind is not HookKind.RELATION_CREATED or hook.relation is None:
        return False
    relation = fresh.relations.get(hook.relation)
    return relation is None or relation.life is not Life.ALIVE
