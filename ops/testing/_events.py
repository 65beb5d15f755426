"""Events that a `Context` can run, and the methods that make them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._events import HookEvent
from ._part import Counter, Part, check_name
from ._parts import AnyJson, DeferredEvent, Secret, Storage
from ._relation_parts import RelationBase

if TYPE_CHECKING:
    from .._object import BoundEvent
    from ._container_parts import CheckInfo, Container, Notice

_next_action = Counter(1)


def _next_action_id(*, update: bool = True) -> str:
    return str(_next_action(update=update))


SUFFIXES = {
    "_relation_created": "relation",
    "_relation_joined": "relation",
    "_relation_changed": "relation",
    "_relation_departed": "relation",
    "_relation_broken": "relation",
    "_storage_attached": "storage",
    "_storage_detaching": "storage",
    "_pebble_ready": "workload",
    "_pebble_custom_notice": "workload",
    "_pebble_check_failed": "workload",
    "_pebble_check_recovered": "workload",
    "_action": "action",
}
"""Events that are about an object, by the end of their name; before it is the name of the object."""

NAMES = {
    **dict.fromkeys(("secret_changed", "secret_expired", "secret_remove", "secret_rotate"), "secret"),
    **dict.fromkeys(
        (
            "install",
            "start",
            "stop",
            "remove",
            "update_status",
            "config_changed",
            "upgrade_charm",
            "pre_series_upgrade",
            "post_series_upgrade",
            "leader_elected",
            "leader_settings_changed",
            "collect_metrics",
            "collect_app_status",
            "collect_unit_status",
            "pre_commit",
            "commit",
        ),
        "builtin",
    ),
}
"""Events that are always called the same."""


@dataclass(frozen=True, repr=False)
class _Action(Part):
    """One run of an action.

    Raises:
        StateValidationError: no charm can declare an action of this name.
    """

    name: str
    """Name of the action in the charm's metadata."""

    params: Mapping[str, AnyJson] = field(default_factory=lambda: dict[str, Any](), kw_only=True)
    """Parameters by name.  Defaults of the metadata are not filled in."""

    id: str = field(default_factory=_next_action_id, kw_only=True)
    """Identifier of the run."""

    _unsaid = {"params": {}}

    def __post_init__(self) -> None:
        check_name("action", self.name)


@dataclass(frozen=True, repr=False)
class _Event(Part):
    """An event, and what it is about."""

    path: str
    """Name of the event; the name of an object in it is written as in the metadata: ``my-db_relation_changed``."""

    storage: Storage | None = None
    """Of a storage event: the storage."""

    relation: RelationBase | None = None
    """Of a relation event: the relation."""

    relation_remote_unit_id: int | None = None
    """Number of the unit on the other side; None for the first one that there is."""

    relation_departed_unit_id: int | None = None
    """Of a departed event: number of the unit that leaves; None for the unit above."""

    secret: Secret | None = None
    """Of a secret event: the secret."""

    secret_revision: int | None = None
    """Of an expired or remove event: the revision of the secret."""

    container: Container | None = None
    """Of a workload event: the container."""

    notice: Notice | None = None
    """Of a notice event: the notice."""

    check_info: CheckInfo | None = None
    """Of a check event: what the check found."""

    action: _Action | None = None
    """Of an action event: the action."""

    custom_event: BoundEvent | None = None
    """Of an event of a library or of the charm itself: the event, read from a class."""

    custom_event_args: tuple[Any, ...] = ()
    """Arguments by position for a custom event."""

    custom_event_kwargs: Mapping[str, Any] = field(default_factory=lambda: dict[str, Any]())
    """Arguments by name for a custom event."""

    relation_of_app: bool = False
    """Of a changed event: whether it is the application on the other side that wrote, and no unit."""

    relation_is_left: bool = False
    """Of a departed event: whether it is the unit under test that leaves."""

    relation_unit_is_gone: bool = False
    """Of a departed event: whether the unit on the other side is no longer listed, as in a real hook.  Tests have
    come to rely on it being listed."""

    _unsaid = {"custom_event_kwargs": {}}

    @functools.cached_property
    def name(self) -> str:
        """Name of the event in Python: ``my_db_relation_changed``."""
        return self.path.replace("-", "_")

    @functools.cached_property
    def suffix(self) -> str:
        """End of the name after the object's; all of the name if there is no object in it."""
        return next((suffix for suffix in SUFFIXES if self.name.endswith(suffix)), self.name)

    @property
    def prefix(self) -> str:
        """The object's name at the beginning of the event's, as it was given; empty if there is none."""
        return self.path[: -len(self.suffix)]

    @property
    def kind(self) -> str:
        """What it is about: a value of `SUFFIXES` or `NAMES`, or ``custom``."""
        if self.custom_event is not None:
            return "custom"
        return SUFFIXES.get(self.suffix) or NAMES.get(self.name, "custom")

    @property
    def is_custom(self) -> bool:
        """Whether the controller knows no such event."""
        return self.kind == "custom"

    @property
    def hook(self) -> str:
        """Name of the hook: hyphens, and the object's name as in the metadata."""
        return self.prefix + self.suffix.replace("_", "-")

    def deferred(self, handler: Callable[..., Any], event_id: int = 1) -> DeferredEvent:
        """Return this event as one that *handler*, a method of the charm's class, has deferred.

        *event_id* tells several events of the same kind apart.

        Raises:
            ValueError: *handler* is no method of a class.
        """
        owner, _, method = getattr(handler, "__qualname__", "").rpartition(".")
        if not owner:
            raise ValueError(
                f"cannot tell what has deferred the event by {handler!r}: pass a method as it is in its class, "
                "like MyCharm._on_start, or make a DeferredEvent yourself"
            )
        charm = owner.rpartition(".")[2]
        return DeferredEvent(
            f"{charm}/on/{self.name}[{event_id}]",
            charm,
            method,
            dict(_snapshot(self)) if self.kind != "custom" else {},
        )


def _snapshot(event: _Event) -> dict[str, Any]:
    """Return what the event remembers of itself while it is deferred."""
    found: dict[str, Any] = {}
    if event.container is not None:
        found["container_name"] = event.container.name
    if event.notice is not None:
        found["notice_id"] = event.notice.id
        found["notice_key"] = event.notice.key
        found["notice_type"] = str(getattr(event.notice.type, "value", event.notice.type))
    if event.check_info is not None:
        found["check_name"] = event.check_info.name
    if event.relation is not None:
        found |= _relation_snapshot(event, event.relation)
    if event.storage is not None:
        found["storage_name"] = event.storage.name
        found["storage_index"] = event.storage.index
    if event.secret is not None:
        found["secret_id"] = event.secret.id
        found["secret_label"] = event.secret.label
        if event.secret_revision is not None:
            found["secret_revision"] = event.secret_revision
    if event.action is not None:
        found["id"] = event.action.id
    return found


def _relation_snapshot(event: _Event, relation: RelationBase) -> dict[str, Any]:
    app = relation._remote_app(OWN_APP)
    found: dict[str, Any] = {
        "relation_name": relation.endpoint,
        "relation_id": relation.id,
        "app_name": app,
    }
    if event.suffix in ("_relation_created", "_relation_broken"):
        return found
    unit = event.relation_remote_unit_id
    if unit is None:
        unit = next(iter(relation._remote_units), None)
    if unit is None:
        return found
    found["unit_name"] = f"{app}/{unit}"
    if event.suffix == "_relation_departed":
        departing = event.relation_departed_unit_id
        found["departing_unit"] = f"{app}/{unit if departing is None else departing}"
    return found


OWN_APP = "local"
"""Name of the charm's application in a deferred event of a peer relation: the event does not know its context."""


class CharmEvents:
    """Makes events for `Context.run`: ``ctx.run(ctx.on.start(), state)``.

    Objects that an event is about have to be in the state as well.
    """

    @staticmethod
    def install() -> _Event:
        """The unit has just been made."""
        return _Event("install")

    @staticmethod
    def start() -> _Event:
        """The unit starts for the first time, or again after its machine did."""
        return _Event("start")

    @staticmethod
    def stop() -> _Event:
        """The unit is about to be removed."""
        return _Event("stop")

    @staticmethod
    def remove() -> _Event:
        """The unit is removed; the last event."""
        return _Event("remove")

    @staticmethod
    def update_status() -> _Event:
        """Some minutes have passed."""
        return _Event("update_status")

    @staticmethod
    def config_changed() -> _Event:
        """Options, addresses or trust may have changed."""
        return _Event("config_changed")

    @staticmethod
    def upgrade_charm() -> _Event:
        """The charm has been replaced by another revision."""
        return _Event("upgrade_charm")

    @staticmethod
    def pre_series_upgrade() -> _Event:
        """The machine's system is about to be upgraded; old controllers only."""
        return _Event("pre_series_upgrade")

    @staticmethod
    def post_series_upgrade() -> _Event:
        """The machine's system was upgraded; old controllers only."""
        return _Event("post_series_upgrade")

    @staticmethod
    def leader_elected() -> _Event:
        """The unit has become the leader."""
        return _Event("leader_elected")

    @staticmethod
    def secret_changed(secret: Secret) -> _Event:
        """Somebody else's secret has a new revision.

        Raises:
            ValueError: the charm owns the secret, so that nobody tells it.
        """
        if secret.owner is not None:
            raise ValueError(
                "This unit will never receive secret-changed for a secret it owns: "
                "make the secret without owner, or run another event"
            )
        return _Event("secret_changed", secret=secret)

    @staticmethod
    def secret_expired(secret: Secret, *, revision: int) -> _Event:
        """A revision of the charm's own secret has to be replaced.

        Raises:
            ValueError: the charm does not own the secret.
        """
        return _owned_secret_event("secret_expired", secret, revision)

    @staticmethod
    def secret_rotate(secret: Secret) -> _Event:
        """It is time for a new revision of the charm's own secret.

        Raises:
            ValueError: the charm does not own the secret.
        """
        return _owned_secret_event("secret_rotate", secret)

    @staticmethod
    def secret_remove(secret: Secret, *, revision: int) -> _Event:
        """Nobody reads a revision of the charm's own secret any more.

        Raises:
            ValueError: the charm does not own the secret.
        """
        return _owned_secret_event("secret_remove", secret, revision)

    @staticmethod
    def collect_app_status() -> _Event:
        """The application's status is collected; happens after each event of a leader anyway."""
        return _Event("collect_app_status")

    @staticmethod
    def collect_unit_status() -> _Event:
        """The unit's status is collected; happens after each event anyway."""
        return _Event("collect_unit_status")

    @staticmethod
    def relation_created(relation: RelationBase) -> _Event:
        """The relation exists now."""
        return _relation_event("created", relation)

    @staticmethod
    def relation_joined(relation: RelationBase, *, remote_unit: int | None = None) -> _Event:
        """A unit has entered the relation: number *remote_unit*; None for the first one in the relation."""
        return _relation_event("joined", relation, remote_unit)

    @staticmethod
    def relation_changed(relation: RelationBase, *, remote_unit: int | None = None) -> _Event:
        """Data may have changed, those of unit *remote_unit*; None for the first one in the relation."""
        return _relation_event("changed", relation, remote_unit)

    @staticmethod
    def relation_departed(
        relation: RelationBase,
        *,
        remote_unit: int | None = None,
        departing_unit: int | None = None,
    ) -> _Event:
        """A unit leaves the relation: number *departing_unit*; None for the one that the event is about."""
        return _relation_event("departed", relation, remote_unit, departing_unit)

    @staticmethod
    def relation_broken(relation: RelationBase) -> _Event:
        """The relation is no more."""
        return _relation_event("broken", relation)

    @staticmethod
    def storage_attached(storage: Storage) -> _Event:
        """The storage can be used now."""
        return _Event(f"{storage.name}_storage_attached", storage=storage)

    @staticmethod
    def storage_detaching(storage: Storage) -> _Event:
        """The storage is about to go."""
        return _Event(f"{storage.name}_storage_detaching", storage=storage)

    @staticmethod
    def pebble_ready(container: Container) -> _Event:
        """Pebble answers in the container."""
        return _Event(f"{container.name}_pebble_ready", container=container)

    @staticmethod
    def pebble_custom_notice(container: Container, notice: Notice) -> _Event:
        """Somebody in the container has something to say: *notice*, which is one of the container's."""
        return _Event(f"{container.name}_pebble_custom_notice", container=container, notice=notice)

    @staticmethod
    def pebble_check_failed(container: Container, info: CheckInfo) -> _Event:
        """A check of the container has become down: *info*, which is one of the container's."""
        return _Event(f"{container.name}_pebble_check_failed", container=container, check_info=info)

    @staticmethod
    def pebble_check_recovered(container: Container, info: CheckInfo) -> _Event:
        """A check of the container has become up again: *info*, which is one of the container's."""
        return _Event(f"{container.name}_pebble_check_recovered", container=container, check_info=info)

    @staticmethod
    def action(name: str, params: Mapping[str, AnyJson] | None = None, id: str | None = None) -> _Event:
        """Somebody runs an action; *id* None for a new identifier.

        Raises:
            StateValidationError: no charm can declare an action of this name.
        """
        given: dict[str, Any] = {} if params is None else {"params": params}
        if id is not None:
            given["id"] = id
        return _Event(f"{name}_action", action=_Action(name, **given))

    @staticmethod
    def custom(event: BoundEvent, *args: Any, **kwargs: Any) -> _Event:
        """An object of the charm emits *event*, read from its class: ``ctx.on.custom(MyLib.on.ready, "x")``.

        The object is the attribute of the charm whose `on` has the class of that of *event*.  The other
        arguments are those of the event; parts of a state in them become what the charm knows them as.

        Raises:
            ValueError: the event is one of a hook: run that hook's event.
        """
        if issubclass(event.event_type, HookEvent):
            raise ValueError(
                f"{event.event_type.__name__} is the event of a hook, and a library does not emit it alone: "
                "run the hook's own event, for example ctx.run(ctx.on.relation_changed(relation), state)"
            )
        return _Event(event.event_kind, custom_event=event, custom_event_args=args, custom_event_kwargs=kwargs)


def _owned_secret_event(name: str, secret: Secret, revision: int | None = None) -> _Event:
    if secret.owner is None:
        raise ValueError(
            f"This unit will never receive {name.replace('_', '-')} for a secret it does not own: "
            "give the secret owner='unit' or owner='app'"
        )
    return _Event(name, secret=secret, secret_revision=revision)


def _relation_event(
    what: str, relation: RelationBase, remote_unit: int | None = None, departing_unit: int | None = None
) -> _Event:
    return _Event(
        f"{relation.endpoint}_relation_{what}",
        relation=relation,
        relation_remote_unit_id=remote_unit,
        relation_departed_unit_id=departing_unit,
    )
