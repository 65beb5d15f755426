"""What a pretended controller knows: the model as the unit under test sees it, in memory.

Role: plain mutable records.  A test fills them, hook commands read and write them (_commands/), and the faces,
Harness and Context, show the result.
Not here: any rule.  Who may do what is in the commands.
"""

from __future__ import annotations

import dataclasses
import datetime
import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._times import parse_time

if TYPE_CHECKING:
    from ._parts import JujuLogLine
    from ._pebble import PretendPebble


@dataclasses.dataclass
class RelationRecord:
    """One relation of the application under test."""

    id: int
    endpoint: str
    app: str
    """Application on the other side; our own for a peer relation."""
    is_peer: bool = False
    units: list[str] = dataclasses.field(default_factory=list)
    """Units on the other side that are in the relation, in the order in which they joined."""
    bags: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    """Data by name of the unit or application that wrote it, our own included.  Of a unit that has departed
    it stays."""
    model_uuid: str | None = None
    """Model on the other side; None for our own."""


@dataclasses.dataclass
class SecretRecord:
    """One secret that exists in the model, whether the unit under test may see it or not."""

    id: str
    """As the controller prints it: ``secret:`` and 20 characters."""
    owner: str
    """Name of the unit or application that owns it; empty for a secret of a user."""
    revisions: dict[int, dict[str, str]]
    """Content by number."""
    tracked: int
    """Revision that the unit under test reads until it refreshes."""
    label: str | None = None
    """Name that the unit under test has for it, as its owner or observer."""
    description: str | None = None
    expire: str | None = None
    """When it expires, as the command line has it; None for never."""
    rotate: str | None = None
    grants: dict[int, set[str]] = dataclasses.field(default_factory=dict)
    """Names of units and applications that may read it, by the relation through which they may."""
    readers: set[str] = dataclasses.field(default_factory=set)
    """Names of those that may read it without a relation."""

    @property
    def expires(self) -> datetime.datetime | None:
        """When it expires, without time zone if the charm gave it so."""
        if not self.expire:
            return None
        try:
            return parse_time(self.expire)
        except ValueError:
            return datetime.datetime.fromisoformat(self.expire)

    @property
    def latest(self) -> int:
        """The newest revision."""
        return max(self.revisions)


@dataclasses.dataclass
class StorageRecord:
    """One storage instance."""

    name: str
    index: int
    location: Callable[[], Path]
    """Where it is; called when somebody wants to know."""
    attached: bool = True

    @property
    def full_id(self) -> str:
        """``name/index``."""
        return f"{self.name}/{self.index}"


@dataclasses.dataclass
class StatusRecord:
    """Status of the unit or the application, and those that it had."""

    status: str
    message: str = ""
    earlier: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    """Status and message before each time that it was set."""


@dataclasses.dataclass
class ActionRecord:
    """The action that is running."""

    name: str
    params: dict[str, Any]
    results: dict[str, Any] | None = None
    """What was set, nested as it was given; None until something is."""
    failure: str | None = None
    """Message of the failure; None for success."""
    logs: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class World:
    """All that there is around one unit.

    The names of endpoints and other things of the metadata are not repeated here: see `metadata`.
    """

    unit_name: str
    endpoints: frozenset[str] = frozenset()
    """Endpoints of the charm."""
    bindings: frozenset[str] = frozenset()
    """What else has a network: extra bindings, and ``juju-info``."""
    model_name: str | None = None
    model_uuid: str = ""
    leader: bool = False
    planned_units: int | None = None
    """How many units there will be; None for one more than there are peers."""
    config: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Values of options, defaults included."""
    relations: dict[int, RelationRecord] = dataclasses.field(default_factory=dict)
    secrets: list[SecretRecord] = dataclasses.field(default_factory=list)
    owners_read_latest: bool = True
    """Whether an owner sees a new revision of its secret at once; else it refreshes like any other."""
    storages: list[StorageRecord] = dataclasses.field(default_factory=list)
    requested_storages: dict[str, int] = dataclasses.field(default_factory=dict)
    """How many instances the charm asked for, by name."""
    networks: dict[tuple[str, int | None], dict[str, Any]] = dataclasses.field(default_factory=dict)
    """What ``network-get`` answers, by binding and relation; None is the binding itself."""
    default_network: dict[str, Any] | None = None
    """What it answers for all other bindings; None for a failure."""
    without_network: frozenset[str] = frozenset()
    """Endpoints that have no network."""
    resources: dict[str, Callable[[], Path]] = dataclasses.field(default_factory=dict)
    ports: set[str] = dataclasses.field(default_factory=set)
    """Ports that the unit has open, like ``80/tcp``, ``80-90/udp`` or ``icmp``."""
    unit_status: StatusRecord = dataclasses.field(default_factory=lambda: StatusRecord("unknown"))
    app_status: StatusRecord = dataclasses.field(default_factory=lambda: StatusRecord("unknown"))
    workload_version: str = ""
    earlier_versions: list[str] = dataclasses.field(default_factory=list)
    """Version before each time that it was set."""
    action: ActionRecord | None = None
    cloud_spec: dict[str, Any] | None = None
    """What ``credential-get`` answers; None for a failure."""
    state: dict[str, str] = dataclasses.field(default_factory=dict)
    """What the charm keeps in the controller."""
    pod_spec: tuple[Any, Any] | None = None
    """Pod specification and Kubernetes resources."""
    reboots: int = 0
    containers: dict[str, PretendPebble] = dataclasses.field(default_factory=dict)
    removed_revisions: list[int] = dataclasses.field(default_factory=list)
    """Revisions of secrets that were removed one by one."""
    log: list[JujuLogLine] = dataclasses.field(default_factory=list)
    too_new: frozenset[str] = frozenset()
    """Commands that the controller is too old for."""
    running: str = ""
    """Name of the event that is being handled; empty while the test itself asks."""
    running_storage: str | None = None
    """Storage instance that the hook is about, ``name/index``; None for a hook about something else."""

    @property
    def app_name(self) -> str:
        """Name of the application under test."""
        return self.unit_name.partition("/")[0]

    def find_secret(self, id: str | None = None, label: str | None = None) -> SecretRecord | None:
        """Return the secret with this identifier, in any of its forms, or else with this label."""
        wanted = _unique_part(id) if id else None
        for secret in self.secrets:
            if wanted is not None and _unique_part(secret.id) == wanted:
                return secret
            if wanted is None and label is not None and secret.label == label:
                return secret
        return None

    def owns(self, secret: SecretRecord) -> bool:
        """Return whether the unit under test, or its application, owns *secret*."""
        return secret.owner in (self.unit_name, self.app_name)

    def find_storage(self, full_id: str) -> StorageRecord | None:
        """Return the storage instance ``name/index``."""
        return next((each for each in self.storages if each.full_id == full_id), None)


def _unique_part(id: str) -> str:
    return id.strip().rpartition("/")[2].removeprefix("secret:")


_SECRET_ID_CHARACTERS = "0123456789abcdefghijklmnopqrstuv"


def new_secret_id() -> str:
    """Return an identifier that no secret has, in the form of the controller's."""
    return "secret:" + "".join(random.choices(_SECRET_ID_CHARACTERS, k=20))
