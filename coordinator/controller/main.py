"""The controller process: API, election, reconcilers; owns every resource, stops in order."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path

from coordinator.api.auth import Auth, ensure_admin
from coordinator.api.server import ApiServer
from coordinator.api.services import Services
from coordinator.clock import Clock, RealClock
from coordinator.controller.election import Election
from coordinator.controller.loop import ReconcileLoop
from coordinator.log import get_logger
from coordinator.settings import ControllerSettings
from coordinator.store import keyring
from coordinator.store.archives import Archives
from coordinator.store.connect import connect
from coordinator.store.live import LiveTree
from coordinator.store.port import Store
from coordinator.store.repository import Repository

log = get_logger()

#: Names of controllers are chosen by people; the same name always gives the same id.
_NAMESPACE = uuid.UUID("6f1d5c39-8b0e-4c51-9a39-0f6f3f1f2b7a")


class ControllerProcess:
    """One controller.  `run` returns after `stop`, with everything closed."""

    def __init__(self, settings: ControllerSettings, *, clock: Clock | None = None) -> None:
        self._settings, self._clock = settings, clock or RealClock()
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Ask `run` to end; safe in a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Serve until `stop`.

        Raises:
            Unavailable: etcd does not answer at the start, or the address is taken.
            Refused: the settings would expose the API without TLS.
        """
        settings, clock = self._settings, self._clock
        store = connect(settings)
        try:
            repository = Repository(store, clock, keyring.load(settings))
            if settings.admin_token_file:
                ensure_admin(repository, clock, Path(settings.admin_token_file))
            live = LiveTree(store, lambda moved: loop.moved(moved))
            server = ApiServer(settings, self._services(store, repository, live))
            election = Election(
                store,
                repository,
                name=settings.controller_name,
                url=server.url,
                now=clock.timestamp(),
                ttl_s=settings.leader_ttl_s,
                on_change=lambda: loop.wake(),
            )
            loop = ReconcileLoop(repository, live, election, clock)
            try:
                live.start()
                server.start()
                loop.start()
                log.info("controller.started", port=server.port)
                self._stopping.wait()
            finally:
                server.close()
                loop.close()
                election.close()
                live.close()
        finally:
            store.close()

    def _services(self, store: Store, repository: Repository, live: LiveTree) -> Services:
        name = self._settings.controller_name
        return Services(
            store=store,
            repository=repository,
            archives=Archives(store, repository, blobs=self._settings.blobs),
            auth=Auth(repository),
            live=live,
            clock=self._clock,
            controller_name=name,
            controller_uuid=str(uuid.uuid5(_NAMESPACE, name)),
            force_wait_s=self._settings.force_wait_s,
        )
