"""Take and hold units and leadership, under the lease of this worker's session.

Role: the few writes that change who owns what, and the session behind them.  Ownership keys are written only when
ownership changes; everything else that a unit writes is guarded by them (engine/settle.py).
Not here: when to run what (agent.py).
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable

from coordinator.domain import refs
from coordinator.domain.change import Change, Condition, Held, Present, Unchanged
from coordinator.domain.refs import Ref
from coordinator.domain.unit import Claim
from coordinator.domain.view import Token
from coordinator.engine.world import World
from coordinator.log import get_logger
from coordinator.store.port import Store
from coordinator.store.session import Session, started
from coordinator.worker.dispatch import Minder

log = get_logger()


class Authority:
    """This worker's session: one lease, kept alive; renewed as a new session after it was lost.

    Hooks may run only while it is valid; the minder ends them when that stops, whatever this process does.
    *on_change* is called when it became doubtful, was lost, or is there again.
    """

    def __init__(
        self,
        store: Store,
        minder: Minder,
        *,
        ttl_s: int,
        on_change: Callable[[], None],
        open_session: Callable[..., Session] = started,
    ) -> None:
        self._store, self._minder, self._ttl_s, self._on_change = store, minder, ttl_s, on_change
        self._open_session = open_session
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._doubtful = False
        self.id = ""

    def begin(self) -> None:
        """Start a session; the former one, if any, is over.

        Raises:
            Unavailable: etcd does not answer.
        """
        self.end()
        session = self._open_session(
            self._store,
            ttl_s=self._ttl_s,
            on_doubt=self._doubt,
            on_lost=self._lost,
            on_confirmed=self._confirmed,
        )
        with self._lock:
            self._session, self.id = session, secrets.token_hex(8)
        self._confirmed()

    def end(self) -> None:
        """Give up the lease, and with it everything held: others take over at once."""
        with self._lock:
            session, self._session, self.id = self._session, None, ""
        if session is not None:
            session.close()

    @property
    def lease(self) -> int:
        session = self._session
        return session.lease if session is not None else 0

    def is_valid(self) -> bool:
        """Say whether work may be started now."""
        session = self._session
        return session is not None and session.is_valid()

    def is_lost(self) -> bool:
        """Say whether a new session must be begun."""
        session = self._session
        return session is None or session.standing().value == "lost"

    def _confirmed(self) -> None:
        session = self._session
        if session is not None:
            self._minder.allow_until(session.valid_until_s)
        if self._doubtful:
            self._doubtful = False
            self._on_change()  # who waits for authority is not woken by anything else

    def _doubt(self) -> None:
        self._doubtful = True
        log.warning("session.doubtful", why="etcd has not confirmed the lease in time; running hooks are ended")
        self._on_change()

    def _lost(self) -> None:
        log.warning("session.lost", why="the lease is gone; its units and leaderships are free")
        self._on_change()


def take(world: World, machine: str, authority: Authority, worker_token: Condition) -> Change:
    """Return the write that makes a free unit ours; *worker_token* proves that we serve the machine."""
    ref = refs.claim(world.model, world.unit)
    return Change(
        did=f"claim {world.unit}",
        puts={ref: Claim(machine=machine, session=authority.id)},
        leased=frozenset({ref}),
        conditions=(
            Unchanged(ref, 0),
            Unchanged(refs.unit(world.model, world.unit), world.entity_revision),
            worker_token,
        ),
    )


def lead(world: World) -> Change:
    """Return the write that makes the unit the leader of its application, if nobody is.

    One that shall go does not lead any more: its agent looks only once at what it has to give up.
    """
    assert world.claim is not None, "only who runs a unit may let it lead"
    ref = refs.leader(world.model, world.unit.app)
    return Change(
        did=f"{world.unit} leads",
        puts={ref: str(world.unit)},
        leased=frozenset({ref}),
        conditions=(
            Unchanged(ref, 0),
            Held(refs.claim(world.model, world.unit), world.claim),
            Unchanged(refs.unit(world.model, world.unit), world.entity_revision),
            Present(refs.application(world.model, world.unit.app)),
        ),
    )


def step_down(world: World) -> Change:
    """Return the write that gives up leadership."""
    assert world.term is not None, "only the leader can step down"
    return give_back(refs.leader(world.model, world.unit.app), world.term, str(world.unit))


def give_back(leader: Ref, term: Token, unit: str) -> Change:
    """Return the write that ends the *term* of a unit, which may be gone."""
    return Change(did=f"{unit} steps down", deletes=frozenset({leader}), conditions=(Held(leader, term),))


def release(world: World) -> Change:
    """Return the write that gives up the unit."""
    assert world.claim is not None, "only who runs a unit can give it up"
    ref = refs.claim(world.model, world.unit)
    return Change(
        did=f"release {world.unit}",
        deletes=frozenset({ref, refs.agent(world.model, world.unit)}),
        conditions=(Held(ref, world.claim),),
    )


def ref_of(world: World) -> Ref:
    return refs.claim(world.model, world.unit)
