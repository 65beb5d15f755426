"""A state: everything that the controller would tell the charm, and that the charm can change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, overload

from .. import _entities, _status, _stored
from . import _show
from ._container_parts import Container
from ._part import Part
from ._parts import (
    PORT_KINDS,
    DeferredEvent,
    Model,
    Network,
    Port,
    Resource,
    Secret,
    Storage,
    StoredState,
)
from ._relation_parts import PeerRelation, Relation, RelationBase, SubordinateRelation
from ._statuses import UnknownStatus, _EntityStatus

if TYPE_CHECKING:
    from typing_extensions import TypedDict, Unpack

    from ._context import Context

    class _StateKwargsRest(TypedDict, total=False):
        networks: Iterable[Network]
        opened_ports: Iterable[Port]
        leader: bool
        model: Model | None
        secrets: Iterable[Secret]
        resources: Iterable[Resource]
        planned_units: int
        deferred: Iterable[DeferredEvent]
        app_status: _EntityStatus | _status.StatusBase | None
        unit_status: _EntityStatus | _status.StatusBase | None
        workload_version: str


_RelationT = TypeVar("_RelationT", bound=RelationBase)


@dataclass(frozen=True, repr=False, init=False)
class State(Part):
    """What the world of one unit is like before or after an event.

    Every part may be left out.  `dataclasses.replace` makes a changed copy.  Its `repr` leaves out what is as it
    is by default and is the same in every run, so that it can be read and compared; `diff_states` tells what an
    event changed.

    Raises:
        TypeError: a status is none.
    """

    config: Mapping[str, str | int | float | bool] = field(kw_only=True)
    """Options that somebody set.  For the others the charm sees the defaults of the metadata."""

    relations: frozenset[RelationBase] = field(kw_only=True)
    """Relations, with what both sides wrote."""

    networks: frozenset[Network] = field(kw_only=True)
    """Addresses of bindings that differ from the default."""

    containers: frozenset[Container] = field(kw_only=True)
    """Workload containers."""

    storages: frozenset[Storage] = field(kw_only=True)
    """Attached storages."""

    opened_ports: frozenset[Port] = field(kw_only=True)
    """Ports that the unit opened."""

    leader: bool = field(kw_only=True)
    """Whether the unit leads its application."""

    model: Model = field(kw_only=True)
    """The model that the unit is in."""

    secrets: frozenset[Secret] = field(kw_only=True)
    """Secrets that the unit owns or may read."""

    resources: frozenset[Resource] = field(kw_only=True)
    """Files that are delivered with the charm."""

    planned_units: int = field(kw_only=True)
    """How many units the application shall have."""

    deferred: Sequence[DeferredEvent] = field(kw_only=True)
    """Events that wait to be emitted again, oldest first."""

    stored_states: frozenset[StoredState] = field(kw_only=True)
    """What the charm and its libraries keep from run to run."""

    app_status: _EntityStatus = field(kw_only=True)
    """Status of the application."""

    unit_status: _EntityStatus = field(kw_only=True)
    """Status of the unit."""

    workload_version: str = field(kw_only=True)
    """Version of the workload that the charm told; empty if it told none."""

    _unsaid = {"app_status": UnknownStatus(), "unit_status": UnknownStatus()}

    def __init__(
        self,
        *,
        config: Mapping[str, str | int | float | bool] | None = None,
        relations: Iterable[RelationBase] = (),
        networks: Iterable[Network] = (),
        containers: Iterable[Container] = (),
        storages: Iterable[Storage] = (),
        opened_ports: Iterable[Port] = (),
        leader: bool = False,
        model: Model | None = None,
        secrets: Iterable[Secret] = (),
        resources: Iterable[Resource] = (),
        planned_units: int = 1,
        deferred: Iterable[DeferredEvent] = (),
        stored_states: Iterable[StoredState] = (),
        app_status: _EntityStatus | _status.StatusBase | None = None,
        unit_status: _EntityStatus | _status.StatusBase | None = None,
        workload_version: str = "",
    ):
        self.__dict__.update(
            config={} if config is None else dict(config),
            relations=frozenset(relations),
            networks=frozenset(networks),
            containers=frozenset(containers),
            storages=frozenset(storages),
            opened_ports=frozenset(map(_port, opened_ports)),
            leader=leader,
            model=_some_model() if model is None else model,
            secrets=frozenset(secrets),
            resources=frozenset(resources),
            planned_units=planned_units,
            deferred=list(deferred),
            stored_states=frozenset(stored_states),
            app_status=_own_status("app_status", app_status),
            unit_status=_own_status("unit_status", unit_status),
            workload_version=workload_version,
        )

    def __repr__(self) -> str:
        return _show.show_state(self)

    def _is_unsaid(self, name: str, value: Any) -> bool:
        return super()._is_unsaid(name, value) or (name == "model" and not _show.arguments(value))

    def get_container(self, container: str, /) -> Container:
        """Return the container of this name.

        Raises:
            KeyError: the state has none.
        """
        for each in self.containers:
            if each.name == container:
                return each
        raise KeyError(f"container: {container} not found in the State")

    def get_network(self, binding_name: str, /) -> Network:
        """Return the addresses of a binding.

        Raises:
            KeyError: the state does not say anything about it.
        """
        for each in self.networks:
            if each.binding_name == binding_name:
                return each
        raise KeyError(f"network: {binding_name} not found in the State")

    def get_secret(self, *, id: str | None = None, label: str | None = None) -> Secret:
        """Return the secret with this id and this label; None matches every one.

        Raises:
            KeyError: the state has none.
            ValueError: neither id nor label is given.
        """
        if id is None and label is None:
            raise ValueError("An id or label must be provided.")
        for each in self.secrets:
            if (id is None or each._is(id)) and (label is None or each.label == label):
                return each
        raise KeyError("secret: not found in the State")

    def get_stored_state(self, stored_state: str, /, *, owner_path: str | None = None) -> StoredState:
        """Return the stored state of this name of the object at *owner_path*; see `StoredState.owner_path`.

        Raises:
            ValueError: the state has none.
        """
        for each in self.stored_states:
            if each.name == stored_state and each.owner_path == owner_path:
                return each
        raise ValueError(f"stored state: {stored_state} not found in the State")

    def get_storage(self, storage: str, /, *, index: int = 0) -> Storage:
        """Return the storage of this name and index.

        Raises:
            ValueError: the state has none.
        """
        for each in self.storages:
            if each.name == storage and each.index == index:
                return each
        raise ValueError(f"storage: name={storage}, index={index} not found in the State")

    @overload
    def get_relation(self, relation: int, /) -> RelationBase: ...

    @overload
    def get_relation(self, relation: _RelationT, /) -> _RelationT: ...

    def get_relation(self, relation: int | RelationBase, /) -> RelationBase:
        """Return the relation with this id, or the one that *relation* has become.

        Given a relation, the result is of the same class and for the same endpoint.

        Raises:
            KeyError: the state has none.
            ValueError: the one with the id of *relation* is of another class, or for another endpoint.
        """
        wanted = relation.id if isinstance(relation, RelationBase) else relation
        found = next((each for each in self.relations if each.id == wanted), None)
        if found is None:
            raise KeyError(f"relation: id={wanted} not found in the State")
        if isinstance(relation, RelationBase):
            for what, left, right in (
                ("type", type(relation).__name__, type(found).__name__),
                ("endpoint", relation.endpoint, found.endpoint),
            ):
                if left != right:
                    raise ValueError(
                        f"State.get_relation() was asked for relation {wanted} with {what} {left}, "
                        f"and that of the state has {what} {right}: {found!r}"
                    )
        return found

    def get_relations(self, endpoint: str) -> tuple[RelationBase, ...]:
        """Return the relations of an endpoint, in the order of their ids."""
        found = (each for each in self.relations if each.endpoint == endpoint)
        return tuple(sorted(found, key=lambda each: each.id))

    @classmethod
    def from_context(
        cls,
        ctx: Context[Any],
        *,
        config: Mapping[str, str | int | float | bool] | None = None,
        relations: Iterable[RelationBase] | None = None,
        containers: Iterable[Container] | None = None,
        storages: Iterable[Storage] | None = None,
        stored_states: Iterable[StoredState] | None = None,
        **kwargs: Unpack[_StateKwargsRest],
    ) -> State:
        """Return a state with all that the charm of *ctx* declares.

        That is a relation for each endpoint, a container for each in the metadata, of which Pebble answers, a
        storage for each name, the defaults of the options, and empty stored states of the charm itself.  What
        is given comes in place of what would be made for the same name.
        """
        spec = ctx._charm_spec
        meta = spec.meta
        options = (spec.config or {}).get("options") or {}
        defaults = {
            name: option["default"]
            for name, option in options.items()
            if (option or {}).get("default") is not None
        }
        relations, containers = list(relations or ()), list(containers or ())
        storages, stored_states = list(storages or ()), list(stored_states or ())
        for role in ("peers", "requires", "provides"):
            for endpoint, body in _missing(meta.get(role), {each.endpoint for each in relations}):
                relations.append(_relation_class(role, body)(endpoint, body.get("interface")))
        for name, _ in _missing(meta.get("containers"), {each.name for each in containers}):
            containers.append(Container(name, can_connect=True))
        for name, _ in _missing(meta.get("storage"), {each.name for each in storages}):
            storages.append(Storage(name))
        owner = spec.charm_type.__name__
        given = {each.name for each in stored_states if each.owner_path in (owner, None)}
        for name in sorted(_stored_state_names(spec.charm_type) - given):
            stored_states.append(StoredState(name, owner_path=owner))
        return cls(
            config={**defaults, **(config or {})},
            relations=relations,
            containers=containers,
            storages=storages,
            stored_states=stored_states,
            **kwargs,
        )


def _some_model() -> Model:
    """Return a model of which nobody has said anything."""
    model = Model()
    model.__dict__["_unsaid"] = {"name": model.name, "uuid": model.uuid}
    return model


def _port(port: Any) -> Port:
    """Take the ports of `ops` as well: they say the same."""
    return PORT_KINDS[port.protocol](port.port) if isinstance(port, _entities.Port) else port


def _own_status(where: str, status: Any) -> _EntityStatus:
    """Return *status* as one of the testing classes.

    Raises:
        TypeError: it is no status.
    """
    if status is None:
        return UnknownStatus()
    if isinstance(status, _EntityStatus):
        return status
    if isinstance(status, _status.StatusBase):
        return _EntityStatus.from_ops(status)
    raise TypeError(f"State.{where} must be a status, such as ActiveStatus(), not {status!r}")


def _missing(declared: Mapping[str, Any] | None, given: set[str]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return what is declared and not given: names and what is declared about them."""
    return [(name, body or {}) for name, body in (declared or {}).items() if name not in given]


def _relation_class(role: str, body: Mapping[str, Any]) -> type[RelationBase]:
    if role == "peers":
        return PeerRelation
    return SubordinateRelation if body.get("scope") == "container" else Relation


def _stored_state_names(charm_type: type[Any]) -> set[str]:
    return {
        name
        for owner in charm_type.__mro__
        for name, value in owner.__dict__.items()
        if isinstance(value, _stored.StoredState)
    }
