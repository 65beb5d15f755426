"""Memory: what has been handled of a unit's hooks, at which revisions.

Role: the half of the truth that only settled hooks write.  The next hook is the first difference between this
and the world (engine/decide.py).  Revisions are opaque: compared for inequality, never computed with; but see
members.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from coordinator.domain.members import Members
from coordinator.domain.names import UnitName


class HookKind(str, Enum):
    """Every kind of hook; relation and storage hooks get the endpoint's or storage's name in front."""

    INSTALL = "install"
    CONFIG_CHANGED = "config-changed"
    START = "start"
    UPGRADE_CHARM = "upgrade-charm"
    LEADER_ELECTED = "leader-elected"
    LEADER_SETTINGS_CHANGED = "leader-settings-changed"
    RELATION_CREATED = "relation-created"
    RELATION_JOINED = "relation-joined"
    RELATION_CHANGED = "relation-changed"
    RELATION_DEPARTED = "relation-departed"
    RELATION_BROKEN = "relation-broken"
    SECRET_EXPIRED = "secret-expired"
    SECRET_ROTATE = "secret-rotate"
    SECRET_CHANGED = "secret-changed"
    SECRET_REMOVE = "secret-remove"
    STORAGE_ATTACHED = "storage-attached"
    STORAGE_DETACHING = "storage-detaching"
    UPDATE_STATUS = "update-status"
    STOP = "stop"
    REMOVE = "remove"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hook:
    """One hook with what it is about.  `remote_unit` is None in created, broken, and changed of an
    application's bag; `endpoint`, `relation` and `remote_app` are None outside relation hooks.  `secret` is the id
    of what a secret hook is about, `revision` which one, `label` what the unit calls it.  `storage` is the id of
    the instance that a storage hook is about, like `data/0`."""

    kind: HookKind
    endpoint: str | None = None
    relation: int | None = None
    remote_app: str | None = None
    remote_unit: UnitName | None = None
    departing: UnitName | None = None
    secret: str | None = None
    revision: int | None = None
    label: str | None = None
    storage: str | None = None

    @property
    def name(self) -> str:
        """The name charms know: `install`, `db-relation-changed`, `data-storage-attached`."""
        if self.storage:
            return f"{self.storage.partition('/')[0]}-{self.kind.value}"
        return f"{self.endpoint}-{self.kind.value}" if self.endpoint else self.kind.value


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """A hook that failed: how often in a row, and when last (seconds since the epoch)."""

    hook: Hook
    reason: str
    attempts: int
    at_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class UnitState:
    """What of the unit itself has been handled.

    `charm` and `charm_version`: the archive that is deployed.  `config`, `trust` and `addresses` (with what is
    bound where): what the last config-changed saw; `config` is None when one is due whatever the values are (after
    install and upgrade).  `boot`: the boot of the machine in which the charm was started last; `reboot`: the one
    in which it asked for another, empty when it did not.  `leader`: what the charm was told last, None for nothing
    yet.  `storage`: which instances the charm has, with the count of the attachment that it was told of.  `hooks`
    counts settled hooks.
    """

    charm: str = ""
    charm_version: int = 0
    installed: bool = False
    started: bool = False
    stopped: bool = False
    removed: bool = False
    config: int | None = None
    trust: bool = False
    addresses: tuple[str, ...] = ()
    leader: bool | None = None
    leader_settings: int = 0
    boot: str = ""
    reboot: str = ""
    status_set: bool = False
    storage: Mapping[str, int] = field(default_factory=dict)
    failed: Failure | None = None
    hooks: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class RelationState:
    """What of one relation has been handled: exists from relation-created on, until broken.

    `members` and `apps` tell which units and applications the last hooks about them saw, and at which bag
    revisions.  `pending`: its joined has run and its changed has not.
    """

    endpoint: str
    members: Members = field(default_factory=Members)
    apps: Mapping[str, int] = field(default_factory=dict)
    pending: UnitName | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """Everything that is remembered of one unit."""

    unit: UnitState = field(default_factory=UnitState)
    relations: Mapping[int, RelationState] = field(default_factory=dict)
