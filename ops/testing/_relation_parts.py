"""Relations in a state: what both sides wrote into their databags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ._part import Counter, Part, check_name
from ._parts import DEFAULT_ADDRESS, UnitID
from .errors import StateValidationError

RawDataBagContents = Mapping[str, str]
"""What a databag holds: text by key."""

DEFAULT_JUJU_DATABAG = {
    "egress-subnets": DEFAULT_ADDRESS,
    "ingress-address": DEFAULT_ADDRESS,
    "private-address": DEFAULT_ADDRESS,
}
"""What the controller writes into a unit's databag when the unit enters the relation."""

_next_relation_id = Counter(1)


def _default_databag() -> dict[str, str]:
    return dict(DEFAULT_JUJU_DATABAG)


def _no_data() -> dict[str, str]:
    return {}


def _check_databag(relation: RelationBase, field_name: str, content: object) -> None:
    """Check that *content* can be what a databag holds.

    Raises:
        StateValidationError: it is no mapping from text to text.
    """
    if not isinstance(content, Mapping):
        raise StateValidationError(
            f"{_where(relation, field_name)} must be a dict of text by key, not {content!r}"
        )
    for key, value in content.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise StateValidationError(
                f"{_where(relation, field_name)} must map text to text, and {key!r}: {value!r} does not; "
                "encode other values, for example with json.dumps"
            )


def _where(relation: RelationBase, field_name: str) -> str:
    return f"{field_name} of {type(relation).__name__}({relation.endpoint!r})"


@dataclass(frozen=True, repr=False)
class RelationBase(Part):
    """Base of the relations.

    Raises:
        RuntimeError: it is instantiated itself; use `Relation`, `PeerRelation` or `SubordinateRelation`.
        StateValidationError: no charm can declare the endpoint; a databag is not a mapping from text to text.
    """

    endpoint: str
    """Name of the endpoint in the charm's metadata."""

    interface: str | None = None
    """What both sides speak; None for what the metadata says."""

    id: int = field(default_factory=_next_relation_id, kw_only=True)
    """Number of the relation, unlike that of any other relation in this process unless given."""

    local_app_data: RawDataBagContents = field(default_factory=_no_data, kw_only=True)
    """What the charm's own application wrote."""

    local_unit_data: RawDataBagContents = field(default_factory=_default_databag, kw_only=True)
    """What the charm's own unit wrote."""

    _unsaid = {"local_app_data": {}, "local_unit_data": DEFAULT_JUJU_DATABAG}

    def __post_init__(self) -> None:
        if type(self) is RelationBase:
            raise RuntimeError(
                "RelationBase is a base class; make a Relation, a PeerRelation or a SubordinateRelation"
            )
        check_name("relation endpoint", self.endpoint)
        self._own_databags("local_app_data", "local_unit_data")

    def _own_databags(self, *names: str) -> None:
        """Check the databags in the fields *names*, and replace them by copies."""
        for name in names:
            content = self.__dict__[name]
            _check_databag(self, name, content)
            self.__dict__[name] = dict(content)

    def _own_databags_of_units(self, name: str) -> None:
        """Check the databags by number of the unit in the field *name*, and replace them by copies."""
        content = self.__dict__[name]
        if not isinstance(content, Mapping):
            raise StateValidationError(
                f"{_where(self, name)} must be a dict of databags by number of the unit, not {content!r}"
            )
        for bag in content.values():
            _check_databag(self, name, bag)
        self.__dict__[name] = {unit: dict(bag) for unit, bag in content.items()}

    @property
    def relation_id(self) -> NoReturn:
        """Only says that the attribute has another name.

        Raises:
            AttributeError: always.
        """
        raise AttributeError("use .id instead of .relation_id")

    @property
    def _remote_units(self) -> Mapping[UnitID, RawDataBagContents]:
        """Databags of the units on the other side, by their number."""
        raise NotImplementedError

    def _remote_app(self, own_app: str) -> str:
        """Return the application on the other side, if the charm's own is *own_app*."""
        raise NotImplementedError

    def __hash__(self) -> int:
        return hash(self.id)


@dataclass(frozen=True, repr=False)
class Relation(RelationBase):
    """A relation between the charm's application and another one."""

    remote_app_name: str = field(default="remote", kw_only=True)
    """Name of the other application."""

    limit: int = field(default=1, kw_only=True)
    """How many relations the endpoint may have at most."""

    remote_app_data: RawDataBagContents = field(default_factory=_no_data, kw_only=True)
    """What the other application wrote."""

    remote_units_data: Mapping[UnitID, RawDataBagContents] = field(
        default_factory=lambda: {0: _default_databag()}, kw_only=True
    )
    """What each unit of the other application wrote; there is one, number 0, unless given."""

    remote_model_uuid: str | None = field(default=None, kw_only=True)
    """Identifier of the model that the other application is in; None for the charm's own."""

    _unsaid = {**RelationBase._unsaid, "remote_app_data": {}, "remote_units_data": {0: DEFAULT_JUJU_DATABAG}}

    def __post_init__(self) -> None:
        super().__post_init__()
        self._own_databags("remote_app_data")
        self._own_databags_of_units("remote_units_data")

    @property
    def _remote_units(self) -> Mapping[UnitID, RawDataBagContents]:
        return self.remote_units_data

    def _remote_app(self, own_app: str) -> str:
        return self.remote_app_name

    def __hash__(self) -> int:
        return hash(self.id)


@dataclass(frozen=True, repr=False)
class SubordinateRelation(RelationBase):
    """A relation of scope ``container``: between a subordinate's unit and the one unit that it lives beside."""

    remote_app_data: RawDataBagContents = field(default_factory=_no_data, kw_only=True)
    """What the other application wrote."""

    remote_unit_data: RawDataBagContents = field(default_factory=_default_databag, kw_only=True)
    """What its unit wrote."""

    remote_app_name: str = field(default="remote", kw_only=True)
    """Name of the other application."""

    remote_unit_id: int = field(default=0, kw_only=True)
    """Number of its unit."""

    _unsaid = {**RelationBase._unsaid, "remote_app_data": {}, "remote_unit_data": DEFAULT_JUJU_DATABAG}

    def __post_init__(self) -> None:
        super().__post_init__()
        self._own_databags("remote_app_data", "remote_unit_data")

    @property
    def remote_unit_name(self) -> str:
        """Name of the other unit, such as ``remote/0``."""
        return f"{self.remote_app_name}/{self.remote_unit_id}"

    @property
    def _remote_units(self) -> Mapping[UnitID, RawDataBagContents]:
        return {self.remote_unit_id: self.remote_unit_data}

    def _remote_app(self, own_app: str) -> str:
        return self.remote_app_name

    def __hash__(self) -> int:
        return hash(self.id)


@dataclass(frozen=True, repr=False)
class PeerRelation(RelationBase):
    """A relation between the units of the charm's application."""

    peers_data: Mapping[UnitID, RawDataBagContents] = field(
        default_factory=lambda: dict[UnitID, Any](), kw_only=True
    )
    """What each other unit of the application wrote; there is none unless given."""

    _unsaid = {**RelationBase._unsaid, "peers_data": {}}

    def __post_init__(self) -> None:
        super().__post_init__()
        self._own_databags_of_units("peers_data")

    @property
    def _remote_units(self) -> Mapping[UnitID, RawDataBagContents]:
        return self.peers_data

    def _remote_app(self, own_app: str) -> str:
        return own_app

    def __hash__(self) -> int:
        return hash(self.id)
