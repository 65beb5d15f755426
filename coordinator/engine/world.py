"""World: all that one unit can see, at one etcd revision.

Role: the input of every decision and of every answer that a hook gets.  Immutable; made by
worker/observe.py from the mirror.
Not here: what has been handled of it (domain/unit_state.py), what a running hook wrote (effects.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from coordinator.domain import refs
from coordinator.domain.charm import CharmMeta, Role
from coordinator.domain.crowd import NOBODY, Crowd
from coordinator.domain.life import Life
from coordinator.domain.names import UnitName
from coordinator.domain.network import Interface
from coordinator.domain.refs import Ref
from coordinator.domain.relation import Scope
from coordinator.domain.resource import Resource
from coordinator.domain.secret import Consumer, Content, Secret
from coordinator.domain.settings import Value
from coordinator.domain.space import Space
from coordinator.domain.status import Status, UnitStatus
from coordinator.domain.storage import Storage
from coordinator.domain.storage_pool import Pools
from coordinator.domain.unit import Directive, Resolved, Unit
from coordinator.domain.view import Stored, Token


@dataclass(frozen=True, kw_only=True, slots=True)
class WorldRelation:
    """One relation as this unit sees it.

    `units` are the remote units that are in scope and stay, with the revision of their bag; for a peer relation
    the other units of the application.  `apps` has the revision of each application bag that concerns the unit:
    the remote one, or its own in a peer relation; an application without a bag yet is absent.  `bags` holds every
    bag of the relation by the text of its owner's name (`db/0`, `db`), also of units that left.
    """

    id: int
    revision: int = 0
    endpoint: str
    interface: str
    role: Role
    remote_app: str
    remote_endpoint: str
    scope: Scope = Scope.GLOBAL
    life: Life = Life.ALIVE
    in_scope: bool = False
    units: Crowd = field(default_factory=lambda: NOBODY)
    apps: Mapping[str, int] = field(default_factory=dict)
    bags: Mapping[str, Stored] = field(default_factory=dict)

    @property
    def is_peer(self) -> bool:
        return self.role is Role.PEER

    def bag(self, owner: UnitName | str) -> Mapping[str, str]:
        """Return the stored bag of a unit or application; empty when it never wrote one."""
        stored = self.bags.get(str(owner))
        return stored.value if stored else {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Goal:
    """A unit as goal-state shows it: workload status, since when, and whether it is dying."""

    status: Status
    dying: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnSecret:
    """A secret that its owner may have to do something about.

    `obsolete`: revisions that nobody reads any more, and that secret-remove has not run for.
    """

    secret: Secret
    obsolete: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class WorldSecrets:
    """The secrets of the model, as one unit sees them.

    `stored`: all of them.  `contents`: what is in a revision, by id and number; decrypted when asked for, and an
    error when it cannot be.  `consumed`: how this unit reads secrets, by id; `changed`: those of them with a newer
    revision than it knows of, sorted.  `duties`: what the unit owns, or its application if it leads, and may have
    to do something about, sorted by id.  `can_seal`: new content can be encrypted here.
    """

    model: str = ""
    stored: Mapping[Ref, Stored] = field(default_factory=dict)
    contents: Mapping[tuple[str, int], Content] = field(default_factory=dict)
    consumed: Mapping[str, Consumer] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    duties: tuple[OwnSecret, ...] = ()
    can_seal: bool = True

    def find_stored(self, secret_id: str) -> Stored | None:
        return self.stored.get(refs.secret(self.model, secret_id))

    def find(self, secret_id: str) -> Secret | None:
        stored = self.find_stored(secret_id)
        return stored.value if stored else None


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """One unit and everything around it, as of `revision`.

    `entity` is the unit as stored.  `charm` is the metadata of the deployed archive (of the wanted one before the
    first install); `charm_wanted` and `charm_version` name the archive that the unit shall run;
    `charm_forced`: even in error.  `claim` and `term` are tokens of this unit's own claim and leadership, None
    without.  `addresses` and `interfaces`: of the machine, the private address first.  `spaces` without
    alpha, `bindings` of endpoints to them.  `boot` names the present
    boot of the machine, empty when that is not known; `may_reboot`: charms may ask for another.  `machine_ports`:
    open ports of other units on the machine.  `goals`: every unit that goal-state may show.  `storage`: what the
    unit has, by the text of its id; `storage_home` is the directory below which it usually is on this machine,
    `storage_wanted` what each unit of the application gets, out of `storage_pools`.  `tasks`: those of the unit
    that are not over, by number, in the order of these.
    """

    revision: int
    model: str
    model_uuid: str
    settings: Mapping[str, Value] = field(default_factory=dict)
    entity: Unit
    entity_revision: int = 0
    application_life: Life = Life.ALIVE
    application_revision: int = 0
    machine: str = ""
    addresses: tuple[str, ...] = ()
    spaces: Mapping[str, Space] = field(default_factory=dict)
    bindings: Mapping[str, str] = field(default_factory=dict)
    interfaces: tuple[Interface, ...] = ()
    boot: str = ""
    may_reboot: bool = True
    charm: CharmMeta
    charm_wanted: str = ""
    charm_version: int = 0
    charm_forced: bool = False
    trust: bool = False
    config: Mapping[str, Value] = field(default_factory=dict)
    config_revision: int = 0
    leader: UnitName | None = None
    claim: Token | None = None
    term: Token | None = None
    leader_settings: Mapping[str, str] = field(default_factory=dict)
    leader_settings_revision: int = 0
    memory_revision: int = 0
    relations: Mapping[int, WorldRelation] = field(default_factory=dict)
    state: Mapping[str, str] = field(default_factory=dict)
    status: UnitStatus = field(default_factory=UnitStatus)
    application_status: Status | None = None
    machine_ports: Mapping[UnitName, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    goals: Mapping[UnitName, Goal] = field(default_factory=dict)
    resources: Mapping[str, Resource] = field(default_factory=dict)
    storage: Mapping[str, Stored] = field(default_factory=dict)
    storage_home: str = ""
    storage_wanted: Mapping[str, Directive] = field(default_factory=dict)
    storage_pools: Pools = field(default_factory=Pools)
    storage_sequence: Stored | None = None
    tasks: Mapping[int, Stored] = field(default_factory=dict)
    secrets: WorldSecrets = field(default_factory=WorldSecrets)

    @property
    def unit(self) -> UnitName:
        return self.entity.name

    @property
    def life(self) -> Life:
        return self.entity.life

    @property
    def resolved(self) -> Resolved | None:
        return self.entity.resolved

    def location_of(self, storage: Storage) -> str:
        """Return the path where the charm finds *storage*: where it was attached, where the charm wants it, or
        where it is."""
        if storage.location is not None:
            return storage.location
        declared = self.charm.storage.get(storage.name)
        if declared is not None and declared.location:
            inside = f"/{storage.number}" if declared.is_multiple else ""
            return declared.location.rstrip("/") + inside
        return self.directory_of(storage)

    def directory_of(self, storage: Storage) -> str:
        """Return where *storage* is on this machine."""
        return storage.directory or f"{self.storage_home}/{storage.id}"

    def is_read_only(self, storage: Storage) -> bool:
        """Say whether the charm may not write to *storage*."""
        declared = self.charm.storage.get(storage.name)
        return declared is not None and declared.read_only

    @property
    def is_leader(self) -> bool:
        return self.term is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """What a decision needs to know of time: now, in seconds since the epoch, and whether update-status is due."""

    now_s: float = 0.0
    update_status_due: bool = False
