"""One controller acts, the others wait; each says where it serves, as long as it lives.

Role: a leased key for the leader, and one for each controller.  The leader's token guards every write of the
reconcilers, so a controller that lost the election changes nothing, whatever it believes.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable

from coordinator import __version__
from coordinator.domain.change import Change, Held, Unchanged
from coordinator.domain.model import Worker
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.view import Token
from coordinator.errors import Contended
from coordinator.log import get_logger
from coordinator.store.port import Store
from coordinator.store.repository import Author, Repository
from coordinator.store.session import Session, Standing, started

LEADER = Ref(Kind.CONTROLLER_LEADER)

log = get_logger()


class Election:
    """This controller's part in it.  `held` is the condition of every write while it leads, None while not."""

    def __init__(
        self,
        store: Store,
        repository: Repository,
        *,
        name: str,
        url: str,
        now: str,
        ttl_s: int,
        on_change: Callable[[], None],
        open_session: Callable[..., Session] = started,
    ) -> None:
        self._store, self._repository, self._ttl_s, self._on_change = store, repository, ttl_s, on_change
        self._open_session = open_session
        self._name = f"{name}-{secrets.token_hex(4)}"
        self._entry = Worker(session=self._name, url=url, secret="", version=__version__, since=now)
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._token: Token | None = None

    @property
    def held(self) -> Held | None:
        with self._lock:
            valid = self._session is not None and self._session.is_valid()
            return Held(LEADER, self._token) if valid and self._token is not None else None

    def join(self) -> Session:
        """Have a session, and be listed with it; a new one after the former was lost.

        Raises:
            Unavailable: etcd does not answer.
        """
        session = self._session
        if session is not None and session.standing() is not Standing.LOST:
            return session
        self.close()
        session = self._open_session(
            self._store, ttl_s=self._ttl_s, on_doubt=self._on_change, on_lost=self._on_change
        )
        ref = Ref(Kind.CONTROLLER, (self._name,))
        listed = Change(did=f"controller {self._name}", puts={ref: self._entry}, leased=frozenset({ref}))
        author = Author(name=self._name, lease=session.lease)
        try:
            self._repository.transact(lambda: self._repository.read(ref), lambda view: listed, author)
        except BaseException:
            session.close()  # the next attempt makes another one; this one would keep itself alive for ever
            raise
        with self._lock:
            self._session = session
        return session

    def campaign(self) -> bool:
        """Try to lead; say whether we do now.

        Raises:
            Unavailable: etcd does not answer.
        """
        if self.held is not None:
            return True
        session = self.join()
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
