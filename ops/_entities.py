"""The units and applications that a charm meets, and what it may do with its own.

An entity is compared by identity: the model gives the same object for the same name as long as somebody
holds it, and relation data is found by it.
"""

from __future__ import annotations

import datetime
import logging
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ._container import Container, ContainerMapping
from ._errors import ModelError
from ._secret import Secret, SecretRotate, check_secret_content, expiry_time
from ._security import user_id
from ._status import StatusBase, UnknownStatus, check_is_status, check_settable
from ._value import Value

if TYPE_CHECKING:
    from ._meta import CharmMeta
    from ._tools import _ModelBackend

logger = logging.getLogger(__name__)

_PROTOCOLS = ("tcp", "udp", "icmp")


class _ModelCache:
    """Gives one object for each name, as long as somebody holds it."""

    def __init__(self, meta: CharmMeta, backend: _ModelBackend):
        self._meta = meta
        self._backend = backend
        self._entities: weakref.WeakValueDictionary[tuple[type, str], Any] = weakref.WeakValueDictionary()

    def get(self, kind: UnitOrApplicationType, name: str) -> Any:
        """Return the *kind* called *name*."""
        entity = self._entities.get((kind, name))
        if entity is None:
            entity = self._entities[(kind, name)] = kind(name, self._meta, self._backend, self)
        return entity


@dataclass(frozen=True, eq=False, repr=False)
class Port(Value):
    """A port that can be opened."""

    protocol: Literal["tcp", "udp", "icmp"]
    """Protocol."""

    port: int | None
    """Number; None for ICMP."""


def _parse_port(text: str) -> Port | None:
    """Read ``80/tcp``, ``80-90/udp`` or ``icmp``; None for a protocol that is not known."""
    if text == "icmp":
        return Port("icmp", None)
    numbers, _, protocol = text.partition("/")
    protocol = protocol or "tcp"
    if protocol not in _PROTOCOLS:
        logger.warning("Unexpected opened-ports protocol: %s", text)
        return None
    if "-" in numbers:
        logger.warning("Ignoring opened-ports port range: %s", text)
    return Port(protocol, int(numbers.partition("-")[0]))  # type: ignore[arg-type]


class _Entity:
    """What units and applications have in common."""

    name: str

    def __init__(self, name: str, backend: _ModelBackend):
        self.name = name
        self._backend = backend
        self._status: StatusBase | None = None
        # What collect-status handlers added; the object lives as long as the process needs it.
        self._collected_statuses: list[StatusBase] = []

    def __repr__(self):
        return f"<{type(self).__module__}.{type(self).__name__} {self.name}>"

    def _add_secret(
        self,
        content: dict[str, str],
        label: str | None,
        description: str | None,
        expire: datetime.datetime | datetime.timedelta | None,
        rotate: SecretRotate | None,
        owner: str,
    ) -> Secret:
        check_secret_content(content)
        id = self._backend.secret_add(
            content,
            label=label,
            description=description,
            expire=expiry_time(expire),
            rotate=rotate.value if rotate else None,
            owner=owner,
        )
        return Secret(self._backend, id=id, label=label, content=content.copy())

    def _set_status(self, value: StatusBase, *, is_app: bool) -> None:
        self._backend.status_set(check_settable(value).name, value.message, is_app=is_app)
        self._status = value

    def _get_status(self, *, is_app: bool) -> StatusBase:
        if self._status is None:
            answer = self._backend.status_get(is_app=is_app)
            self._status = StatusBase.from_name(answer["status"], answer["message"])
        return self._status


class Application(_Entity):
    """An application: this charm's own, or one that it is related to."""

    name: str
    """Name of the application."""

    def __init__(self, name: str, meta: CharmMeta, backend: _ModelBackend, cache: _ModelCache):
        super().__init__(name, backend)
        self._is_our_app = name == backend.app_name

    @property
    def status(self) -> StatusBase:
        """Status of the application; unknown for others than our own.

        Setting it is for the leader of our own application.

        Raises:
            RuntimeError: this unit does not lead the application; or it is another one, and set.
            InvalidStatusError: the status is none that a charm can set.
        """
        if not self._is_our_app:
            return UnknownStatus()
        self._check_leader("get")
        return self._get_status(is_app=True)

    @status.setter
    def status(self, value: StatusBase):
        check_is_status(value)
        if not self._is_our_app:
            raise RuntimeError(f"cannot set status for a remote application {self}")
        self._check_leader("set")
        self._set_status(value, is_app=True)

    def _check_leader(self, doing: str) -> None:
        if self._backend.is_leader():
            return
        unit = self._backend.unit_name
        self._backend._log_security_event(
            "CRITICAL",
            "authz_fail",
            f"status-{doing}",
            f"{unit} tried to {doing} the status of its application without being its leader.",
        )
        raise RuntimeError(f"cannot {doing} application status as a non-leader unit")

    def planned_units(self) -> int:
        """Return how many units of our application there will be, this one included.

        Raises:
            RuntimeError: it is another application.
        """
        if not self._is_our_app:
            raise RuntimeError(f"cannot get planned units for a remote application {self}")
        return self._backend.planned_units()

    def add_secret(
        self,
        content: dict[str, str],
        *,
        label: str | None = None,
        description: str | None = None,
        expire: datetime.datetime | datetime.timedelta | None = None,
        rotate: SecretRotate | None = None,
    ) -> Secret:
        """Create a secret that the application owns; for the leader.

        Args:
            content: texts by key.  Keys have at least three lower-case letters, digits and inner hyphens,
                and begin with a letter.
            label: our name for it.
            description: what it is for.
            expire: when the first revision expires: a moment, or a length from now.
            rotate: how often it is due to rotate.

        Raises:
            ValueError: *content* is empty or has keys that are not possible.
            TypeError: *content* has other values than texts.
        """
        return self._add_secret(content, label, description, expire, rotate, "application")


class Unit(_Entity):
    """A unit: the one that this charm runs in, or another."""

    name: str
    """Name of the unit, such as ``web/0``."""

    app: Application
    """The application that it is of."""

    def __init__(self, name: str, meta: CharmMeta, backend: _ModelBackend, cache: _ModelCache):
        super().__init__(name, backend)
        self.app = cache.get(Application, name.partition("/")[0])
        self._is_our_unit = name == backend.unit_name
        self._containers: ContainerMapping | None = None
        if self._is_our_unit and hasattr(meta, "containers"):
            self._containers = ContainerMapping(iter(meta.containers), backend)

    @property
    def status(self) -> StatusBase:
        """Status of the unit; unknown for others than our own.

        Raises:
            RuntimeError: it is another unit, and set.
            InvalidStatusError: the status is none that a charm can set.
        """
        if not self._is_our_unit:
            return UnknownStatus()
        return self._get_status(is_app=False)

    @status.setter
    def status(self, value: StatusBase):
        check_is_status(value)
        if not self._is_our_unit:
            raise RuntimeError(f"cannot set status for a remote unit {self}")
        self._set_status(value, is_app=False)

    def is_leader(self) -> bool:
        """Return whether this unit leads its application, for at least 30 seconds from when it was asked.

        Raises:
            RuntimeError: it is another unit.
        """
        if not self._is_our_unit:
            raise RuntimeError(f"leadership status of remote units ({self}) is not visible to other applications")
        return self._backend.is_leader()

    def set_workload_version(self, version: str) -> None:
        """Tell people which version of the workload this unit runs.

        Raises:
            TypeError: *version* is no text.
        """
        if not isinstance(version, str):
            raise TypeError(f"workload version must be a str, not {type(version).__name__}: {version!r}")
        self._backend.application_version_set(version)

    @property
    def containers(self) -> Mapping[str, Container]:
        """Workload containers by name.

        Raises:
            RuntimeError: it is another unit.
        """
        if not self._is_our_unit:
            raise RuntimeError(f"cannot get container for a remote unit {self}")
        if self._containers is None:
            raise RuntimeError("failed to get container - metadata may be missing")
        return self._containers

    def get_container(self, container_name: str) -> Container:
        """Return a workload container.

        Raises:
            ModelError: the metadata has none of this name.
        """
        try:
            return self.containers[container_name]
        except KeyError:
            raise ModelError(f"container {container_name!r} not found") from None

    def add_secret(
        self,
        content: dict[str, str],
        *,
        label: str | None = None,
        description: str | None = None,
        expire: datetime.datetime | datetime.timedelta | None = None,
        rotate: SecretRotate | None = None,
    ) -> Secret:
        """Create a secret that this unit owns.  See `Application.add_secret`."""
        return self._add_secret(content, label, description, expire, rotate, "unit")

    def open_port(self, protocol: Literal["tcp", "udp", "icmp"], port: int | None = None) -> None:
        """Open a port, when the hook has succeeded; ICMP has none."""
        self._backend.open_port(protocol.lower(), port)

    def close_port(self, protocol: Literal["tcp", "udp", "icmp"], port: int | None = None) -> None:
        """Close a port, when the hook has succeeded."""
        self._backend.close_port(protocol.lower(), port)

    def opened_ports(self) -> set[Port]:
        """Return the ports that this unit has open.  A range counts as its first port, with a warning."""
        ports = (_parse_port(text) for text in self._backend.opened_ports())
        return {port for port in ports if port is not None}

    def set_ports(self, *ports: int | Port) -> None:
        """Have exactly *ports* open; a number is a TCP port."""
        wanted = {Port("tcp", port) if isinstance(port, int) else port for port in ports}
        opened = self.opened_ports()
        for port in opened - wanted:
            self._backend.close_port(port.protocol, port.port)
        for port in wanted - opened:
            self._backend.open_port(port.protocol, port.port)

    def reboot(self, now: bool = False) -> None:
        """Ask for a reboot of the machine after this hook.

        Args:
            now: whether to end at once, with a `SystemExit`.  The hook runs again after the reboot.

        Raises:
            RuntimeError: it is another unit.
            ModelError: the controller refuses, as it does in actions.
        """
        if not self._is_our_unit:
            raise RuntimeError(f"cannot reboot a remote unit {self}")
        self._backend._log_security_event(
            "WARN", "sys_restart", user_id(), f"{self.name} asked for a reboot{' at once' if now else ''}."
        )
        self._backend.reboot(now)


UnitOrApplicationType = type[Unit] | type[Application]
