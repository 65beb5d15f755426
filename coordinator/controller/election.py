"""One controller acts, the others wait.

Role: a leased key; its token guards every write of the reconcilers, so a controller that lost the election
changes nothing, whatever it believes.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable

from coordinator.domain.change import Change, Held, Unchanged
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.view import Token
from coordinator.errors import Contended
from coordinator.log import get_logger
from coordinator.store.port import Store
from coordinator.store.repository import Author, Repository
from coordinator.store.session import Session

LEADER = Ref(Kind.CONTROLLER_LEADER)

log = get_logger()


class Election:
    """This controller's part in it.  `held` is the condition of every write while it leads, None while not."""

    def __init__(
        self, store: Store, repository: Repository, *, name: str, ttl_s: int, on_change: Callable[[], None]
    ) -> None:
        self._store, self._repository, self._ttl_s, self._on_change = store, repository, ttl_s, on_change
        self._name = f"{name} {secrets.token_hex(4)}"
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._token: Token | None = None

    @property
    def held(self) -> Held | None:
        with self._lock:
            valid = self._session is not None and self._session.is_valid()
            return Held(LEADER, self._token) if valid and self._token is not None else None

    def campaign(self) -> bool:
        """Try to lead; say whether we do now.

        Raises:
            Unavailable: etcd does not answer.
        """
        if self.held is not None:
            return True
        session = self._session
        if session is None or session.standing().value == "lost":
            session = self._begin()
        view = self._repository.read(LEADER)
        leader = view.find_stored(LEADER)
        if leader is not None:
            # Ours, when the answer to an earlier attempt was lost: nobody else would ever end it.
            return leader.lease == session.lease and self._lead(leader.token)
        change = Change(
            did="lead", puts={LEADER: self._name}, leased=frozenset({LEADER}), conditions=(Unchanged(LEADER, 0),)
        )
        try:
            revision = self._repository.commit(view, change, Author(name=self._name, lease=session.lease))
        except Contended:
            return False
        return self._lead(Token(revision, session.lease))

    def _lead(self, token: Token) -> bool:
        with self._lock:
            self._token = token
        log.info("controller.leads", name=self._name)
        return True

    def close(self) -> None:
        """Step down at once, so that another one leads without waiting."""
        with self._lock:
            session, self._session, self._token = self._session, None, None
        if session is not None:
            session.close()

    def _begin(self) -> Session:
        self.close()
        session = Session(self._store, ttl_s=self._ttl_s, on_doubt=self._on_change, on_lost=self._on_change)
        session.start()
        with self._lock:
            self._session = session
        return session
