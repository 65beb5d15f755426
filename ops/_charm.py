"""The class that charms derive from, and the evaluation of the statuses that they collect."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ._entities import Application, Unit
from ._errors import AbortRun
from ._events import (
    ActionEvent,
    CharmEvents,
    PebbleCheckFailedEvent,
    PebbleCheckRecoveredEvent,
    PebbleCustomNoticeEvent,
    PebbleReadyEvent,
    RelationBrokenEvent,
    RelationChangedEvent,
    RelationCreatedEvent,
    RelationDepartedEvent,
    RelationJoinedEvent,
    StorageAttachedEvent,
    StorageDetachingEvent,
)
from ._meta import CharmMeta
from ._model import ConfigData
from ._object import EventBase, Object
from ._records import select_arguments
from ._secret import Secret
from ._status import BlockedStatus, StatusBase

if TYPE_CHECKING:
    from ._framework import Framework

_T = TypeVar("_T")

#: Which events each part of the metadata gives: (names in the metadata, end of the event's name, class).
_EVENTS_OF_METADATA: tuple[tuple[Callable[[CharmMeta], Any], str, type[EventBase]], ...] = (
    (lambda meta: meta.relations, "relation_created", RelationCreatedEvent),
    (lambda meta: meta.relations, "relation_joined", RelationJoinedEvent),
    (lambda meta: meta.relations, "relation_changed", RelationChangedEvent),
    (lambda meta: meta.relations, "relation_departed", RelationDepartedEvent),
    (lambda meta: meta.relations, "relation_broken", RelationBrokenEvent),
    (lambda meta: meta.storages, "storage_attached", StorageAttachedEvent),
    (lambda meta: meta.storages, "storage_detaching", StorageDetachingEvent),
    (lambda meta: meta.actions, "action", ActionEvent),
    (lambda meta: meta.containers, "pebble_ready", PebbleReadyEvent),
    (lambda meta: meta.containers, "pebble_custom_notice", PebbleCustomNoticeEvent),
    (lambda meta: meta.containers, "pebble_check_failed", PebbleCheckFailedEvent),
    (lambda meta: meta.containers, "pebble_check_recovered", PebbleCheckRecoveredEvent),
)


class CharmBase(Object):
    """Base of all charms.

    Constructing it adds the events of the charm's metadata to the class of `on`, so a charm with any of
    these can be constructed once in a process.

    Raises:
        RuntimeError: two names of the metadata give the same event, or the class has them already.
    """

    on: CharmEvents = CharmEvents()  # type: ignore[assignment]
    """Events of the charm, to be observed."""

    if TYPE_CHECKING:

        @property
        def on(self) -> CharmEvents: ...  # type: ignore[no-redef]

    def __init__(self, framework: Framework):
        super().__init__(framework, None)
        for names, suffix, event_type in _EVENTS_OF_METADATA:
            for name in names(framework.meta):
                self.on.define_event(f"{name.replace('-', '_')}_{suffix}", event_type)

    @property
    def app(self) -> Application:
        """The application that this unit is of."""
        return self.framework.model.app

    @property
    def unit(self) -> Unit:
        """The unit that this charm runs in."""
        return self.framework.model.unit

    @property
    def meta(self) -> CharmMeta:
        """What the charm declares about itself."""
        return self.framework.meta

    @property
    def charm_dir(self) -> pathlib.Path:
        """Root of the charm."""
        return self.framework.charm_dir

    @property
    def config(self) -> ConfigData:
        """Options by name; those that are unset and have no default are missing."""
        return self.model.config

    def load_config(
        self, cls: type[_T], *args: Any, errors: Literal["raise", "blocked"] = "raise", **kwargs: Any
    ) -> _T:
        """Return an object of *cls* with the charm's configuration.

        Args:
            cls: a dataclass, pydantic model or other class; hyphens in names become underscores, and
                options that it is known not to take are left out.  Secrets are passed as `Secret`.
            args: further arguments for *cls*.
            errors: what to do about a `ValueError` of *cls*: let it out, or set the unit's status to
                blocked and end the run with status 0 (stored state and deferred events are not saved then).
            kwargs: values for what is not an option, or not set.
        """
        options = ((name, self._option(name, value)) for name, value in self.config.items())
        names = select_arguments(cls, options, kwargs, rename=True)
        try:
            return cls(*args, **names)
        except ValueError as error:
            if errors == "raise":
                raise
            self.unit.status = BlockedStatus(f"Error in config: {error}")
            raise AbortRun(0) from error

    def _option(self, name: str, value: Any) -> Any:
        declared = self.meta.config.get(name)
        if declared is not None and declared.type == "secret":
            return Secret(self.model._backend, id=value)
        return value


def evaluate_status(charm: CharmBase) -> None:
    """Ask the charm for its statuses, and set the most serious one of unit and, as leader, application.

    Nothing is set where nothing was added.
    """
    model = charm.framework.model
    if model._backend.is_leader():
        charm.on.collect_app_status.emit()
        _set_collected(model.app)
    charm.on.collect_unit_status.emit()
    _set_collected(model.unit)


def _set_collected(entity: Application | Unit) -> None:
    statuses = entity._collected_statuses
    if statuses:
        # max() takes the first of equals, as charms expect.
        entity.status = max(statuses, key=lambda status: StatusBase._priority(status.name))
