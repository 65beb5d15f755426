"""One run of a charm: the main path.

Role: set up, emit, commit.  The order is what charms rely on; each step is a method that says why it is
where it is.
Not here: how any of the steps works.
"""

from __future__ import annotations

import logging
import os
import pathlib
import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import _backend, _context, log
from ._charm import CharmBase, evaluate_status
from ._context import JujuContext
from ._errors import AbortRun
from ._events import (
    ActionEvent,
    PebbleCheckEvent,
    PebbleNoticeEvent,
    RelationDepartedEvent,
    RelationEvent,
    SecretEvent,
    SecretExpiredEvent,
    SecretRemoveEvent,
    StorageEvent,
    WorkloadEvent,
)
from ._framework import Framework
from ._meta import CharmMeta
from ._model import Model
from ._storage import CHARM_STATE_FILE, HookStorage, JujuStorage, SQLiteStorage, juju_backend_available
from ._tools import _ModelBackend
from .version import version

if TYPE_CHECKING:
    from ._object import BoundEvent

logger = logging.getLogger(__name__)

#: Hooks of old controllers in which most hook commands do not work.
_RESTRICTED_EVENTS = ("collect_metrics", "meter_status_changed")


def run_charm(charm_class: type[CharmBase], use_juju_for_storage: bool | None = None) -> None:
    """Run *charm_class* for the event that the environment names.

    Raises:
        SystemExit: the run was ended early on purpose.
        Exception: whatever the charm raised; nothing is saved then.
    """
    run = Run(charm_class, _context.read_context(), use_juju_for_storage=use_juju_for_storage)
    exit_code = None
    try:
        run.set_up()
        try:
            run.emit()
            run.commit()
        finally:
            run.close()
    except AbortRun as abort:
        exit_code = abort.exit_code
    # Not when something else was raised: then Python's last words still have to reach the controller.
    run.put_back()
    if exit_code is not None:
        sys.exit(exit_code)


def event_name(dispatch_path: str) -> str:
    """Return the name of the event: ``hooks/db-relation-changed`` is ``db_relation_changed``."""
    path = pathlib.PurePath(dispatch_path)
    name = path.name.replace("-", "_")
    return f"{name}_action" if path.parent.name == "actions" else name


class Run:
    """One run: what it is about, and what was set up for it."""

    framework: Framework
    charm: CharmBase
    _framework_type: type[Framework] = Framework

    def __init__(
        self,
        charm_class: type[CharmBase],
        context: JujuContext,
        *,
        use_juju_for_storage: bool | None = None,
        backend: _ModelBackend | None = None,
    ):
        self.charm_class = charm_class
        self.context = context
        self.use_juju_for_storage = use_juju_for_storage
        self.event_name = event_name(context.dispatch_path)
        self.is_restricted = self.event_name in _RESTRICTED_EVENTS
        self.backend = backend if backend is not None else _ModelBackend(juju_context=context)
        self._undo: list[Callable[[], None]] = []

    # --- set up ---

    def set_up(self) -> None:
        """Prepare everything, and construct the charm."""
        # Logging comes first, so that all failures after it reach the controller.
        self._undo.append(self._start_logging())
        logger.debug("ops %s up and running.", version)
        meta = self._read_meta()
        self.backend.peer_endpoints = frozenset(meta.peers)
        self._enter()
        model = Model(
            meta, self.backend, broken_relation_id=self._broken_relation(), remote_unit_name=self._leaving_unit()
        )
        self.framework = self._make_framework(meta, model)
        self._put_back_breakpoints = self._hook_breakpoints()
        try:
            # As if it were an event: rules for relation data apply from here on.
            with self.framework._event_context("__init__"):
                self.charm = self.charm_class(self.framework)
        except BaseException:
            self.close()
            raise

    def _start_logging(self) -> Callable[[], None]:
        is_action = self.context.action_name is not None
        return log.install_logging(self.backend, debug=self.context.debug, exc_stderr=is_action)

    def _read_meta(self) -> CharmMeta:
        return CharmMeta.from_charm_root(self.context.charm_dir)

    def _enter(self) -> None:
        if not _context.enter_dispatch():
            # A program that the charm started has started the charm: that is not another event.
            raise AbortRun(0)
        self._undo.append(_context.leave_dispatch)
        run_legacy_hook(self.context)

    def _make_framework(self, meta: CharmMeta, model: Model) -> Framework:
        return self._framework_type(
            self._open_storage(),
            self.context.charm_dir,
            meta,
            model,
            event_name=self.event_name,
            juju_debug_at=self.context.debug_at,
        )

    def _hook_breakpoints(self) -> Callable[[], None]:
        """Make the builtin `breakpoint` that of the framework; return what puts it back."""
        before = self.framework.set_breakpointhook() or sys.__breakpointhook__

        def put_back() -> None:
            sys.breakpointhook = before

        return put_back

    def _broken_relation(self) -> int | None:
        broken = self.event_name.endswith("_relation_broken")
        return self.context.relation_id if broken else None

    def _leaving_unit(self) -> str | None:
        leaving = self.event_name.endswith(("_relation_departed", "_relation_broken"))
        return self.context.remote_unit_name if leaving else None

    def _open_storage(self) -> SQLiteStorage | JujuStorage | HookStorage:
        file = self.context.charm_dir / CHARM_STATE_FILE
        if _context.state_lands_with_hook() and self.use_juju_for_storage is not False:
            return HookStorage(earlier_file=file)
        if self.use_juju_for_storage:
            if not juju_backend_available():
                raise RuntimeError("charm set use_juju_for_storage=True, but there is no state-get command")
            warnings.warn(
                "Controller storage is deprecated: it is slower than the default, and limited in size",
                DeprecationWarning,
                stacklevel=2,
            )
            if self.is_restricted:
                logger.debug("Cannot use controller storage in %s: skipping the event", self.event_name)
                raise AbortRun(0)
            return JujuStorage()
        return SQLiteStorage(file)

    # --- emit ---

    def emit(self) -> None:
        """Emit what was deferred earlier, then the event of this run, and evaluate statuses."""
        if not self.is_restricted:
            self.framework.reemit()
        self._emit_event()
        if not self.is_restricted:
            evaluate_status(self.charm)

    def _emit_event(self) -> None:
        bound = getattr(self.charm.on, self.event_name, None) if self.event_name else None
        if bound is None:
            # Not an error: an older revision of a charm may meet hooks that it does not know.
            logger.debug("Event %s not defined for %s.", self.event_name, self.charm)
            return
        positional, keywords = event_arguments(bound, self.framework.model, self.context)
        logger.debug("Emitting Juju event %s.", self.event_name)
        bound.emit(*positional, **keywords)

    # --- commit ---

    def commit(self) -> None:
        """Save everything that has to outlast the run."""
        self.framework.commit()

    def close(self) -> None:
        """Close the state: what was not committed is dropped.  The builtin `breakpoint` is as before."""
        self._put_back_breakpoints()
        self.framework.close()

    def put_back(self) -> None:
        """Undo what the run changed in this process."""
        while self._undo:
            self._undo.pop()()


def event_arguments(bound: BoundEvent, model: Model, context: JujuContext) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments with which to emit *bound*, chosen by the class of the event.

    Raises:
        RuntimeError: the remote unit's name is none, or the storage instance is not there.
    """
    kind = bound.event_type
    if issubclass(kind, WorkloadEvent):
        workload = model.unit.get_container(context.workload_name or "")
        if issubclass(kind, PebbleNoticeEvent):
            return [workload, context.notice_id, context.notice_type, context.notice_key], {}
        if issubclass(kind, PebbleCheckEvent):
            return [workload, context.pebble_check_name], {}
        return [workload], {}
    if issubclass(kind, SecretEvent):
        positional = [context.secret_id, context.secret_label]
        if issubclass(kind, (SecretRemoveEvent, SecretExpiredEvent)):
            positional.append(context.secret_revision)  # type: ignore[arg-type]
        return positional, {}
    if issubclass(kind, StorageEvent):
        name = context.storage_name or "-".join(bound.event_kind.split("_")[:-2])
        storage = model.storages._find(name, context.storage_index)
        storage.location = pathlib.Path(model._backend.storage_get(storage.full_id, "location"))
        return [storage], {}
    if issubclass(kind, ActionEvent):
        return [context.action_uuid], {}
    if issubclass(kind, RelationEvent):
        return _relation_arguments(kind, model, context)
    return [], {}


def _relation_arguments(
    kind: type[RelationEvent], model: Model, context: JujuContext
) -> tuple[list[Any], dict[str, Any]]:
    relation = model.get_relation(context.relation_name or "", context.relation_id)
    app_name, unit_name = context.remote_app_name, context.remote_unit_name
    if unit_name and "/" not in unit_name:
        raise RuntimeError(f"invalid remote unit name: {unit_name}")
    if not app_name and unit_name:
        app_name = unit_name.partition("/")[0]
    keywords: dict[str, Any] = {}
    if app_name:
        keywords["app"] = model.get_app(app_name)
    else:
        logger.warning("unable to determine remote application for %s", relation)
        keywords["app"] = None
    if unit_name:
        keywords["unit"] = model.get_unit(unit_name)
    if context.relation_departing_unit_name and issubclass(kind, RelationDepartedEvent):
        keywords["departing_unit_name"] = context.relation_departing_unit_name
    return [relation], keywords


def run_legacy_hook(context: JujuContext) -> None:
    """Run the file of the charm that is called like the event's path, if there is one.

    Raises:
        AbortRun: it failed, or could not be started.
    """
    path = context.charm_dir / context.dispatch_path
    if not context.dispatch_path or not path.exists() or path.is_dir():
        return
    warnings.warn(
        f"{context.dispatch_path} is a program of its own; observe the event instead",
        DeprecationWarning,
        stacklevel=2,
    )
    if not os.access(path, os.X_OK):
        logger.warning("Legacy %s exists but isn't executable.", context.dispatch_path)
        return
    if path.resolve() == pathlib.Path(sys.argv[0]).resolve():
        logger.debug("Legacy %s is just a symlink.", context.dispatch_path)
        return
    logger.info("Running legacy %s.", path)
    try:
        status = _backend.run_program([str(path), *sys.argv[1:]])
    except OSError as error:
        logger.warning("Unable to run legacy %s: %s", path, error)
        raise AbortRun(1) from error
    if status != 0:
        logger.warning("Legacy %s exited with status %d.", path, status)
        raise AbortRun(status)
    logger.debug("Legacy %s exited with status 0.", path)
