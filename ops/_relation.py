"""Relations and the data that both sides write for each other.

Role: which relations an endpoint has, who is on the other side, who may read and write which data, and
writing only what changes.
Not here: the events (_events.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ._entities import Application, Unit
from ._errors import (
    ModelError,
    RelationDataAccessError,
    RelationDataTypeError,
    RelationNotFoundError,
    TooManyRelatedAppsError,
)
from ._lazy import LazyMapping
from ._records import external_names, external_values, select_arguments
from ._value import Value

if TYPE_CHECKING:
    from ._entities import _ModelCache
    from ._meta import RelationMeta
    from ._tools import _ModelBackend

_T = TypeVar("_T")


@dataclass(frozen=True, eq=False, repr=False)
class RemoteModel(Value):
    """The model on the other side of a relation."""

    uuid: str
    """Its UUID; that of our own model for a relation within it."""


class RelationMapping(Mapping[str, "list[Relation]"]):
    """Relations by endpoint.  It has exactly the endpoints of the metadata."""

    def __init__(
        self,
        relations_meta: dict[str, RelationMeta],
        our_unit: Unit,
        backend: _ModelBackend,
        cache: _ModelCache,
        broken_relation_id: int | None,
        _remote_unit: Unit | None = None,
    ):
        self._peers = {name for name, meta in relations_meta.items() if meta.role.is_peer()}
        self._our_unit = our_unit
        self._backend = backend
        self._cache = cache
        self._broken_relation_id = broken_relation_id
        self._remote_unit = _remote_unit
        self._data: dict[str, list[Relation] | None] = dict.fromkeys(relations_meta)

    def __contains__(self, key: object):
        return key in self._data

    def __len__(self):
        return len(self._data)

    def __iter__(self):
        return iter(self._data)

    def __getitem__(self, relation_name: str) -> list[Relation]:
        relations = self._data[relation_name]
        if relations is None:
            # The broken relation is on its way out: it is not one of the endpoint's any more.
            relations = self._data[relation_name] = [
                self._relation(relation_name, number)
                for number in self._backend.relation_ids(relation_name)
                if number != self._broken_relation_id
            ]
        return relations

    def _relation(self, name: str, number: int, *, active: bool = True) -> Relation:
        return Relation(
            name,
            number,
            name in self._peers,
            self._our_unit,
            self._backend,
            self._cache,
            active=active,
            _remote_unit=self._remote_unit,
        )

    def _invalidate(self, relation_name: str) -> None:
        """Have the relations of an endpoint listed again at the next use."""
        self._data[relation_name] = None

    def _get_unique(self, relation_name: str, relation_id: int | None = None) -> Relation | None:
        """Return the relation with this number, or the only one of the endpoint.  See `Model.get_relation`."""
        if relation_id is not None:
            if not isinstance(relation_id, int):
                raise ModelError(
                    f"relation name {relation_name} has a relation ID that is not a number: {relation_id!r}"
                )
            for relation in self[relation_name]:
                if relation.id == relation_id:
                    return relation
            # Its data may still be readable: in relation-broken, or in an event that was deferred.
            return self._relation(relation_name, relation_id, active=False)
        relations = self[relation_name]
        if len(relations) > 1:
            raise TooManyRelatedAppsError(relation_name, len(relations), 1)
        return relations[0] if relations else None


class Relation:
    """One relation of this unit's application."""

    name: str
    """Endpoint on our side."""

    id: int
    """Number of the relation."""

    app: Application
    """Application on the other side, our own for a peer relation; None if nobody knows it."""

    units: set[Unit]
    """Units on the other side; for a peer relation our application's other units."""

    data: RelationData
    """What units and applications wrote, by unit or application."""

    active: bool
    """False when the relation is broken or gone."""

    def __init__(
        self,
        relation_name: str,
        relation_id: int,
        is_peer: bool,
        our_unit: Unit,
        backend: _ModelBackend,
        cache: _ModelCache,
        active: bool = True,
        _remote_unit: Unit | None = None,
    ):
        self.name = relation_name
        self.id = relation_id
        self.active = active
        self._is_peer = is_peer
        self._backend = backend
        self._remote_model: RemoteModel | None = None
        self.units = set()
        try:
            for name in backend.relation_list(relation_id, relation_name):
                self.units.add(cache.get(Unit, name))
        except RelationNotFoundError:
            self.active = False
        app: Application | None = our_unit.app if is_peer else None
        if app is None and self.units:
            app = next(iter(self.units)).app
        if app is None:
            name = backend.relation_remote_app_name(relation_id, relation_name)
            app = cache.get(Application, name) if name else None
        # Typed as if it were always known, which it is but for broken relations of old controllers.
        self.app = app  # type: ignore[assignment]
        self.data = RelationData(self, our_unit, backend, _remote_unit)

    def __repr__(self):
        return f"<{type(self).__module__}.{type(self).__name__} {self.name}:{self.id}>"

    @property
    def remote_model(self) -> RemoteModel:
        """The model on the other side."""
        if self._remote_model is None:
            answer = self._backend.relation_model_get(self.id, self.name)
            self._remote_model = RemoteModel(uuid=answer["uuid"])
        return self._remote_model

    def load(
        self,
        cls: type[_T],
        src: Unit | Application,
        *args: Any,
        decoder: Callable[[str], Any] | None = None,
        **kwargs: Any,
    ) -> _T:
        """Return an object of *cls* with the data that *src* wrote.

        Args:
            cls: a dataclass, pydantic model or other class.  Keys that it is known not to take are ignored.
            src: whose data it is.
            args: further arguments for *cls*.
            decoder: from the text of one value to the value; None for JSON.
            kwargs: values for fields that the data does not have.

        Raises what *decoder* and *cls* raise.
        """
        decode = json.loads if decoder is None else decoder
        data = ((key, decode(value)) for key, value in sorted(self.data[src].items()))
        names = select_arguments(cls, data, kwargs, rename=False)
        return cls(*args, **names)

    def save(self, obj: object, dst: Unit | Application, *, encoder: Callable[[Any], str] | None = None):
        """Write the fields of *obj* to the data of *dst*, our unit or application.

        Args:
            obj: a dataclass, pydantic model, or object of a class with annotated attributes.  A field
                without value is deleted from the data.
            dst: whose data it shall be.
            encoder: from one value to its text; None for JSON.

        Raises:
            RelationDataAccessError: this unit may not write that data.
        """
        encode = json.dumps if encoder is None else encoder
        values = external_values(obj)
        names = sorted({*external_names(type(obj)), *values})
        self.data[dst].update({name: encode(values[name]) if name in values else "" for name in names})


class RelationData(Mapping["Unit | Application", "RelationDataContent"]):
    """The data of a relation by unit or application: ours, and those on the other side."""

    def __init__(
        self,
        relation: Relation,
        our_unit: Unit,
        backend: _ModelBackend,
        remote_unit: Unit | None = None,
    ):
        self.relation = relation
        entities: list[Unit | Application] = [*relation.units, our_unit, our_unit.app]
        if not relation._is_peer and relation.app is not None:
            entities.append(relation.app)
            # Who is leaving is not in `units` any more, but what it wrote stays readable.
            if remote_unit is not None and remote_unit.app is relation.app:
                entities.append(remote_unit)
        self._data = {entity: RelationDataContent(relation, entity, backend) for entity in entities}

    def __contains__(self, key: Unit | Application):
        return key in self._data

    def __len__(self):
        return len(self._data)

    def __iter__(self):
        return iter(self._data)

    def __getitem__(self, key: Unit | Application):
        if key is None and self.relation.app is None:
            raise KeyError("the application on the other side of the relation is not known")
        return self._data[key]

    def __repr__(self):
        return repr(self._data)


class RelationDataContent(LazyMapping, MutableMapping[str, str]):
    """What one unit or application wrote: texts by key.

    Writing an empty text deletes the key.  While an event is handled or the charm constructed, only the data
    of our unit can be written, and that of our application by its leader, who also is the only one to read
    the latter except in peer relations.

    Raises:
        RelationDataAccessError: one of these rules was broken.
        RelationDataTypeError: a key or value to be written is no text.
    """

    def __init__(self, relation: Relation, entity: Unit | Application, backend: _ModelBackend):
        self.relation = relation
        self._entity = entity
        self._backend = backend
        self._is_app = isinstance(entity, Application)

    @property
    def _is_ours(self) -> bool:
        return self._entity.name in (self._backend.app_name, self._backend.unit_name)

    def _load(self) -> dict[str, str]:
        try:
            return self._backend.relation_get(
                self.relation.id, self._entity.name, self._is_app, self.relation.name
            )
        except RelationNotFoundError:
            return {}

    # --- rules ---

    def _check_read(self) -> None:
        if not self._backend._hook_is_running or not self.relation.active or not self._is_app:
            return
        app = self.relation.app
        # Asked first, so that the order of commands does not depend on whose data it is.
        if self._backend.is_leader() or (app is not None and app.name == self._entity.name):
            return
        raise RelationDataAccessError(
            f"{self._backend.unit_name} is not leader and cannot read its own application databag"
        )

    def _check_write(self) -> None:
        if not self._backend._hook_is_running:
            return
        writer = self._backend.unit_name
        if not self._is_ours:
            raise RelationDataAccessError(
                f"{writer} cannot write the data of {self._entity.name}: only that of its own side"
            )
        if self._is_app and not self._backend.is_leader():
            raise RelationDataAccessError(f"{writer} is not leader and cannot write application data")

    @staticmethod
    def _check_content(key: object, value: object) -> None:
        for what, text in (("key", key), ("value", value)):
            if not isinstance(text, str):
                raise RelationDataTypeError(f"relation data {what}s must be strings, not {type(text).__name__}")

    # --- reading ---

    def __getitem__(self, key: str) -> str:
        self._check_read()
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self._check_read()
        return super().__contains__(key)

    def __iter__(self) -> Iterator[str]:
        self._check_read()
        return super().__iter__()

    def __len__(self) -> int:
        self._check_read()
        return super().__len__()

    def __repr__(self):
        try:
            self._check_read()
        except RelationDataAccessError:
            return "<n/a>"
        return super().__repr__()

    # --- writing ---

    def update(  # type: ignore[override]
        self, data: Mapping[str, str] | Iterable[tuple[str, str]] = (), /, **kwargs: str
    ) -> None:
        """Write several keys at once; those that do not change are left out."""
        wanted = dict(data, **kwargs)
        for key, value in wanted.items():
            self._check_content(key, value)
        self._check_write()
        present = self._data
        changed = {key: value for key, value in wanted.items() if present.get(key, "") != value}
        if not changed:
            return
        self._backend.relation_set(self.relation.id, changed, self._is_app, self.relation.name)
        # The controller applies it when the hook is over; in this run it counts from now on.
        for key, value in changed.items():
            if value:
                present[key] = value
            else:
                present.pop(key, None)

    def __setitem__(self, key: str, value: str):
        self.update({key: value})

    def __delitem__(self, key: str):
        self.update({key: ""})
