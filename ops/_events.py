"""One class for each kind of hook, and the events that every charm has.

Role: what an event carries, what is kept of it when it is deferred, and whether it can be.
Not here: which of them a run is about (_dispatch.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NoReturn, TypeVar

from ._container import Container, LazyCheckInfo, LazyNotice
from ._entities import Application, Unit
from ._errors import AbortRun
from ._model import Storage
from ._object import EventBase, EventSource, Handle, LifecycleEvent, ObjectEvents, refuse_to_defer
from ._records import select_arguments
from ._relation import Relation
from ._secret import Secret
from ._status import StatusBase, check_settable

_T = TypeVar("_T")


class HookEvent(EventBase):
    """Something that the controller tells the charm."""

    _is_of_dispatch = True


class ActionEvent(EventBase):
    """A person runs an action of the charm."""

    _is_of_dispatch = True

    id: str = ""
    """Identifier of the action's task."""

    params: dict[str, Any]
    """Parameters of the action; those that were not given have the defaults of its schema."""

    def __init__(self, handle: Handle, id: str | None = None):
        super().__init__(handle)
        self.id = id or ""

    def __repr__(self):
        return f"<{type(self).__name__} id={self.id!r} via {self.handle}>"

    def defer(self) -> NoReturn:
        """Refuse: somebody waits for the result.

        Raises:
            RuntimeError: always.
        """
        refuse_to_defer(self, "somebody waits for the result of the action")

    def snapshot(self) -> dict[str, Any]:
        """Return the identifier."""
        return {"id": self.id}

    def restore(self, snapshot: dict[str, Any]):
        """Take over the identifier, and ask for the parameters."""
        self.id = snapshot["id"]
        self.params = self._backend.action_get()

    @property
    def _backend(self):
        return self.framework.model._backend

    def set_results(self, results: dict[str, Any]):
        """Set results of the action.  Nested mappings are flattened with dots; values become text.

        Raises:
            ValueError: a key is not of the form that is possible, or two are the same when flattened.
            ModelError: a key is reserved by the controller.
        """
        self._backend.action_set(results)

    def log(self, message: str):
        """Show a progress message to whoever runs the action."""
        self._backend.action_log(message)

    def fail(self, message: str = ""):
        """Mark the action as failed.  The handler goes on, and results stay."""
        self._backend.action_fail(message)

    def load_params(
        self, cls: type[_T], *args: Any, errors: Literal["raise", "fail"] = "raise", **kwargs: Any
    ) -> _T:
        """Return an object of *cls* with the action's parameters.

        Args:
            cls: a dataclass, pydantic model or other class; hyphens in names become underscores, and
                names that it is known not to take are left out.
            args: further arguments for *cls*.
            errors: what to do about a `ValueError` of *cls*: let it out, or fail the action and end the run
                with status 0 (stored state and deferred events are not saved then).
            kwargs: values for what is not a parameter.
        """
        names = select_arguments(cls, self.params.items(), kwargs, rename=True)
        try:
            return cls(*args, **names)
        except ValueError as error:
            if errors == "raise":
                raise
            self.fail(f"Error in action parameters: {error}")
            raise AbortRun(0) from error


class InstallEvent(HookEvent):
    """The unit is new: the charm installs its software."""


class StartEvent(HookEvent):
    """The unit starts: after its first installation, or after a reboot."""


class StopEvent(HookEvent):
    """The unit is about to go away and stops."""

    def defer(self) -> NoReturn:
        """Refuse.

        Raises:
            RuntimeError: always.
        """
        refuse_to_defer(self, "there may be no later run")


class RemoveEvent(HookEvent):
    """The last event of a unit."""

    def defer(self) -> NoReturn:
        """Refuse.

        Raises:
            RuntimeError: always.
        """
        refuse_to_defer(self, "there is no later run")


class ConfigChangedEvent(HookEvent):
    """Configuration or addresses may have changed; also part of every start."""


class UpdateStatusEvent(HookEvent):
    """Some time has passed."""


class UpgradeCharmEvent(HookEvent):
    """The charm's code is new."""


class PreSeriesUpgradeEvent(HookEvent):
    """The machine's system is about to be upgraded; deprecated, only old controllers send it."""

    def __init__(self, handle: Handle):
        _warn_of_old_event("pre_series_upgrade")
        super().__init__(handle)


class PostSeriesUpgradeEvent(HookEvent):
    """The machine's system was upgraded; deprecated, only old controllers send it."""

    def __init__(self, handle: Handle):
        _warn_of_old_event("post_series_upgrade")
        super().__init__(handle)


class LeaderElectedEvent(HookEvent):
    """This unit leads its application now."""


class LeaderSettingsChangedEvent(HookEvent):
    """The leader's settings changed; only old controllers send it."""


class CollectMetricsEvent(HookEvent):
    """Metrics are due; deprecated, only old controllers send it.  Most hook commands do not work in it."""

    def __init__(self, handle: Handle):
        _warn_of_old_event("collect_metrics")
        super().__init__(handle)

    def add_metrics(self, metrics: Mapping[str, int | float], labels: Mapping[str, str] | None = None):
        """Record metrics.

        Raises:
            ModelError: a name or value is not of the form that is possible.
        """
        self.framework.model._backend.add_metrics(metrics, labels)


def _warn_of_old_event(name: str) -> None:
    import warnings

    warnings.warn(f"{name} is deprecated: current controllers do not send it", DeprecationWarning, stacklevel=3)


class RelationEvent(HookEvent):
    """Something happened to a relation.

    Raises:
        RuntimeError: *unit* is not of *app*.
    """

    relation: Relation
    """The relation."""

    app: Application
    """Application on the other side."""

    unit: Unit | None
    """Unit on the other side; None if the event concerns the application alone."""

    def __init__(
        self,
        handle: Handle,
        relation: Relation,
        app: Application | None = None,
        unit: Unit | None = None,
    ):
        super().__init__(handle)
        if unit is not None and unit.app is not app:
            raise RuntimeError(
                f"cannot create RelationEvent with application {app} and unit {unit}: they do not match"
            )
        self.relation = relation
        # Typed as if it were always known, which it is but on old controllers.
        self.app = app  # type: ignore[assignment]
        self.unit = unit

    def __repr__(self):
        return f"<{type(self).__name__} {self._names()} via {self.handle}>"

    def _names(self) -> str:
        relation = f"relation={self.relation.name}:{self.relation.id}"
        app = f" app={self.app.name}" if self.app else ""
        return f"{relation}{app}{f' unit={self.unit.name}' if self.unit else ''}"

    def snapshot(self) -> dict[str, Any]:
        """Return names and number."""
        snapshot: dict[str, Any] = {
            "relation_name": self.relation.name,
            "relation_id": self.relation.id,
        }
        if self.app:
            snapshot["app_name"] = self.app.name
        if self.unit:
            snapshot["unit_name"] = self.unit.name
        return snapshot

    def restore(self, snapshot: dict[str, Any]):
        """Find relation, application and unit again; a relation that has gone is an inactive one."""
        model = self.framework.model
        relation = model.get_relation(snapshot["relation_name"], snapshot["relation_id"])
        assert relation is not None, "with a number there is always a relation"
        self.relation = relation
        app_name, unit_name = snapshot.get("app_name"), snapshot.get("unit_name")
        self.app = model.get_app(app_name) if app_name else None  # type: ignore[assignment]
        self.unit = model.get_unit(unit_name) if unit_name else None


class RelationCreatedEvent(RelationEvent):
    """A relation is new; no unit of the other side is known yet."""

    unit: None  # type: ignore[assignment]
    """Always None."""


class RelationJoinedEvent(RelationEvent):
    """A unit on the other side is there; its data may still be empty."""

    unit: Unit  # type: ignore[assignment]
    """The unit that joined."""


class RelationChangedEvent(RelationEvent):
    """A unit (or, with unit None, the application) on the other side changed its data; also after joined."""


class RelationDepartedEvent(RelationEvent):
    """A unit left the relation: one on the other side, or this one."""

    unit: Unit  # type: ignore[assignment]
    """Unit on the other side."""

    def __init__(
        self,
        handle: Handle,
        relation: Relation,
        app: Application | None = None,
        unit: Unit | None = None,
        departing_unit_name: str | None = None,
    ):
        super().__init__(handle, relation, app=app, unit=unit)
        self._departing_unit_name = departing_unit_name

    def snapshot(self) -> dict[str, Any]:
        """Return names and number."""
        snapshot = super().snapshot()
        if self._departing_unit_name:
            snapshot["departing_unit"] = self._departing_unit_name
        return snapshot

    @property
    def departing_unit(self) -> Unit | None:
        """The unit that leaves, which may be this one; None if the controller did not say."""
        if not self._departing_unit_name:
            return None
        return self.framework.model.get_unit(self._departing_unit_name)

    def restore(self, snapshot: dict[str, Any]):
        """Find relation, application and units again."""
        super().restore(snapshot)
        self._departing_unit_name = snapshot.get("departing_unit")


class RelationBrokenEvent(RelationEvent):
    """A relation is over.  It is inactive, and not among the relations of its endpoint any more."""

    unit: None  # type: ignore[assignment]
    """Always None."""


class StorageEvent(HookEvent):
    """Something happened to a storage instance."""

    storage: Storage
    """The storage instance."""

    def __init__(self, handle: Handle, storage: Storage):
        super().__init__(handle)
        self.storage = storage

    def __repr__(self):
        return f"<{type(self).__name__} storage={self.storage.full_id} via {self.handle}>"

    def snapshot(self) -> dict[str, Any]:
        """Return name, number and location."""
        snapshot: dict[str, Any] = {}
        if isinstance(self.storage, Storage):
            snapshot["storage_name"] = self.storage.name
            snapshot["storage_index"] = self.storage.index
            snapshot["storage_location"] = str(self.storage.location)
        return snapshot

    def restore(self, snapshot: dict[str, Any]):
        """Find the instance again; its location is the one of back then.

        Raises:
            RuntimeError: the instance is gone.
        """
        name, index = snapshot.get("storage_name"), snapshot.get("storage_index")
        location = snapshot.get("storage_location")
        if not (name and index is not None):
            return
        self.storage = self.framework.model.storages._find(name, index)
        if location is None:
            raise RuntimeError(f"the location of storage {name}/{index} is not known")
        import pathlib

        self.storage.location = pathlib.Path(location)


class StorageAttachedEvent(StorageEvent):
    """A storage instance is there."""


class StorageDetachingEvent(StorageEvent):
    """A storage instance is about to go away."""


class WorkloadEvent(HookEvent):
    """Something happened in a workload container."""

    workload: Container
    """The container."""

    def __init__(self, handle: Handle, workload: Container):
        super().__init__(handle)
        self.workload = workload

    def __repr__(self):
        return f"<{type(self).__name__} workload={self.workload.name} via {self.handle}>"

    def snapshot(self) -> dict[str, Any]:
        """Return the container's name."""
        return {"container_name": self.workload.name} if self.workload else {}

    def restore(self, snapshot: dict[str, Any]):
        """Find the container again."""
        name = snapshot.get("container_name")
        if name:
            self.workload = self.framework.model.unit.get_container(name)


class PebbleReadyEvent(WorkloadEvent):
    """Pebble has started in a workload container."""


class PebbleNoticeEvent(WorkloadEvent):
    """Pebble has something to tell."""

    notice: LazyNotice
    """The notice; what is not known without asking is fetched when it is asked for."""

    def __init__(self, handle: Handle, workload: Container, notice_id: str, notice_type: str, notice_key: str):
        super().__init__(handle, workload)
        self.notice = LazyNotice(workload, notice_id, notice_type, notice_key)

    def snapshot(self) -> dict[str, Any]:
        """Return the names of container and notice."""
        notice_type = self.notice.type
        return {
            **super().snapshot(),
            "notice_id": self.notice.id,
            "notice_type": notice_type if isinstance(notice_type, str) else notice_type.value,
            "notice_key": self.notice.key,
        }

    def restore(self, snapshot: dict[str, Any]):
        """Find container and notice again."""
        super().restore(snapshot)
        self.notice = LazyNotice(
            self.workload,
            snapshot["notice_id"],
            snapshot["notice_type"],
            snapshot["notice_key"],
        )


class PebbleCustomNoticeEvent(PebbleNoticeEvent):
    """A program in the container told Pebble something for the charm."""


class PebbleCheckEvent(WorkloadEvent):
    """The state of a health check changed."""

    info: LazyCheckInfo
    """The check; it is asked about when something of it is needed."""

    def __init__(self, handle: Handle, workload: Container, check_name: str):
        super().__init__(handle, workload)
        self.info = LazyCheckInfo(workload, check_name)

    def snapshot(self) -> dict[str, Any]:
        """Return the names of container and check."""
        return {**super().snapshot(), "check_name": self.info.name}

    def restore(self, snapshot: dict[str, Any]):
        """Find container and check again."""
        super().restore(snapshot)
        self.info = LazyCheckInfo(self.workload, snapshot["check_name"])


class PebbleCheckFailedEvent(PebbleCheckEvent):
    """A check failed as often as its threshold says."""


class PebbleCheckRecoveredEvent(PebbleCheckEvent):
    """A check that had failed succeeded."""


class SecretEvent(HookEvent):
    """Something happened to a secret."""

    def __init__(self, handle: Handle, id: str, label: str | None):
        super().__init__(handle)
        self._id = id
        self._label = label

    @property
    def secret(self) -> Secret:
        """The secret.  Nothing is asked of the controller until something of it is needed."""
        return Secret(self.framework.model._backend, id=self._id, label=self._label)

    def snapshot(self) -> dict[str, Any]:
        """Return identifier and label."""
        return {"id": self._id, "label": self._label}

    def restore(self, snapshot: dict[str, Any]):
        """Take over identifier and label."""
        self._id = snapshot["id"]
        self._label = snapshot["label"]


class SecretChangedEvent(SecretEvent):
    """A secret that this unit reads has a new revision."""


class SecretRotateEvent(SecretEvent):
    """A secret of ours is due to rotate.  The controller repeats this until there is a new revision."""

    def defer(self) -> NoReturn:
        """Refuse.

        Raises:
            RuntimeError: always.
        """
        refuse_to_defer(self, "the controller repeats it until the secret has a new revision")


class _SecretRevisionEvent(SecretEvent):
    """Something happened to one revision of a secret of ours."""

    def __init__(self, handle: Handle, id: str, label: str | None, revision: int):
        super().__init__(handle, id, label)
        self._revision = revision

    @property
    def revision(self) -> int:
        """The revision that the event is about."""
        return self._revision

    def remove_revision(self):
        """Remove that revision."""
        self.secret.remove_revision(self._revision)

    def snapshot(self) -> dict[str, Any]:
        """Return identifier, label and revision."""
        return {**super().snapshot(), "revision": self._revision}

    def restore(self, snapshot: dict[str, Any]):
        """Take over identifier, label and revision."""
        super().restore(snapshot)
        self._revision = snapshot["revision"]


class SecretRemoveEvent(_SecretRevisionEvent):
    """Nobody uses a revision of a secret of ours any more: it can be removed."""


class SecretExpiredEvent(_SecretRevisionEvent):
    """A revision of a secret of ours has expired.  The controller repeats this until it is removed."""

    def defer(self) -> NoReturn:
        """Refuse.

        Raises:
            RuntimeError: always.
        """
        refuse_to_defer(self, "the controller repeats it until the revision is removed")


class CollectStatusEvent(LifecycleEvent):
    """The run is nearly over: what is the status?

    The most serious of all added statuses is set: error, blocked, maintenance, waiting, active.  Of equally
    serious ones it is the first.
    """

    def add_status(self, status: StatusBase):
        """Add a status to choose from.

        Raises:
            TypeError: it is no status.
            InvalidStatusError: a charm cannot set it.
        """
        if not isinstance(status, StatusBase):
            raise TypeError(f"status should be a StatusBase, not {type(status).__name__}")
        check_settable(status)
        model = self.framework.model
        is_app = self.handle.kind == "collect_app_status"
        if status.name != "active":
            import logging

            logging.getLogger(__name__).debug("Adding %s status %r", "app" if is_app else "unit", status)
        (model.app if is_app else model.unit)._collected_statuses.append(status)


class CharmEvents(ObjectEvents):
    """The events that every charm has; those of its metadata are added when it is constructed."""

    install = EventSource(InstallEvent)
    start = EventSource(StartEvent)
    stop = EventSource(StopEvent)
    remove = EventSource(RemoveEvent)
    update_status = EventSource(UpdateStatusEvent)
    config_changed = EventSource(ConfigChangedEvent)
    upgrade_charm = EventSource(UpgradeCharmEvent)
    pre_series_upgrade = EventSource(PreSeriesUpgradeEvent)
    post_series_upgrade = EventSource(PostSeriesUpgradeEvent)
    leader_elected = EventSource(LeaderElectedEvent)
    leader_settings_changed = EventSource(LeaderSettingsChangedEvent)
    collect_metrics = EventSource(CollectMetricsEvent)
    secret_changed = EventSource(SecretChangedEvent)
    secret_expired = EventSource(SecretExpiredEvent)
    secret_rotate = EventSource(SecretRotateEvent)
    secret_remove = EventSource(SecretRemoveEvent)
    collect_app_status = EventSource(CollectStatusEvent)
    collect_unit_status = EventSource(CollectStatusEvent)
