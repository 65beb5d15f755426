"""Open the store that the settings name, checked: reachable, fit, and of a format that we know."""

from __future__ import annotations

from pathlib import Path

from coordinator.clock import RealClock
from coordinator.domain.change import Change
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.view import View
from coordinator.errors import BadRequest, Refused
from coordinator.log import get_logger
from coordinator.settings import StoreSettings
from coordinator.store.codec import SCHEMA_VERSION
from coordinator.store.etcd import TLS, EtcdStore, check_version
from coordinator.store.repository import Author, Repository

SCHEMA = Ref(Kind.SCHEMA)

log = get_logger()


def connect(settings: StoreSettings) -> EtcdStore:
    """Return the store; the caller closes it.

    Raises:
        Unavailable: no endpoint answers.
        Refused: etcd's version may lose data, or a newer release has written there.
        BadRequest: the settings do not fit together.
    """
    endpoints = [endpoint.strip() for endpoint in settings.etcd.split(",") if endpoint.strip()]
    if not endpoints:
        raise BadRequest("no etcd endpoint given", fix="set COORDINATOR_ETCD, like 127.0.0.1:2379")
    store = EtcdStore(endpoints, tls=_tls(settings))
    try:
        if not settings.accept_data_loss and (warning := check_version(store)):
            log.warning("etcd.version", why=warning)
        _check_schema(Repository(store, RealClock()))
    except BaseException:
        store.close()
        raise
    return store


def _tls(settings: StoreSettings) -> TLS | None:
    if bool(settings.etcd_cert) != bool(settings.etcd_key):
        raise BadRequest("a client certificate for etcd needs both COORDINATOR_ETCD_CERT and COORDINATOR_ETCD_KEY")
    if not settings.etcd_ca:
        if settings.etcd_cert:
            raise BadRequest("TLS to etcd needs COORDINATOR_ETCD_CA", why="its certificate could not be checked")
        return None
    cert = Path(settings.etcd_cert) if settings.etcd_cert else None
    key = Path(settings.etcd_key) if settings.etcd_key else None
    return TLS(ca=Path(settings.etcd_ca), cert=cert, key=key)


def _check_schema(repository: Repository) -> None:
    def plan(view: View) -> Change | None:
        found = view.find(SCHEMA)
        if found is None:
            return Change(did="begin", puts={SCHEMA: SCHEMA_VERSION})
        if found > SCHEMA_VERSION:
            raise Refused(
                "cannot use this etcd",
                why=f"a newer release wrote there (format {found}, this one knows {SCHEMA_VERSION})",
                fix="upgrade this program",
            )
        return None

    repository.transact(lambda: repository.read(SCHEMA), plan, Author(name="start"))
