"""A charm under test, run for one event at a time, from one state to the next.

Role: `Context` describes the charm and records what its runs do; `Manager` gives a hold on the charm in between.
Not here: the run itself (_run.py), events (_events.py).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .._charm import CharmBase
from ..jujuversion import JujuVersion
from . import _charm_root, errors
from ._charm_spec import CharmSpec
from ._consistency import check_consistency
from ._events import CharmEvents, _Event
from ._life import Step, run_life
from ._parts import JujuLogLine
from ._run import ContextRun
from ._scratch import Scratch
from ._state import State
from ._statuses import status_from_name

if TYPE_CHECKING:
    from .._object import EventBase
    from ._pebble import ExecArgs
    from ._statuses import _EntityStatus

CharmType = TypeVar("CharmType", bound=CharmBase)

_SKIP_CHECKS = "SCENARIO_SKIP_CONSISTENCY_CHECKS"
_BARE_ERRORS = "SCENARIO_BARE_CHARM_ERRORS"


class Context(Generic[CharmType]):
    """A charm, and what surrounds all of its runs.

    Args:
        charm_type: class of the charm.
        meta: what would be in ``metadata.yaml``.  If this, *actions* and *config* are all None, the files in the
            directory above the one of the charm's class are read.
        actions: what would be in ``actions.yaml``.
        config: what would be in ``config.yaml``.
        charm_root: directory in which the charm finds itself; None for one that has its metadata only.
        juju_version: version of the controller.
        capture_deferred_events: whether `emitted_events` has events that were deferred and emitted again.
        capture_framework_events: whether `emitted_events` has those of the framework: commit, collect-status.
        app_name: name of the application; None for the charm's name.
        unit_id: number of the unit.
        machine_id: identifier of its machine; None for no machine.
        availability_zone: zone of that machine.
        principal_unit: unit that this one is a subordinate of.
        app_trusted: whether the application was deployed with ``--trust``.

    Raises:
        ContextSetupError: the charm declares nothing, or twice.
    """

    on = CharmEvents()
    """Makes events for `run`, such as ``ctx.on.relation_changed(relation)``."""

    charm_root: str | Path | None
    """Directory in which the charm finds itself, if the test has chosen one."""

    emitted_events: list[EventBase]
    """Events in the order in which they were emitted, of all runs."""

    juju_log: list[JujuLogLine]
    """Lines that were logged, of all runs."""

    app_status_history: list[_EntityStatus]
    """Status that the application had, each time before it was set."""

    unit_status_history: list[_EntityStatus]
    """Status that the unit had, each time before it was set; the last one is only in the state."""

    workload_version_history: list[str]
    """Version of the workload, each time before it was set to another one."""

    removed_secret_revisions: list[int]
    """Revisions of secrets that the charm removed one by one."""

    requested_storages: dict[str, int]
    """How many more storage instances the charm asked for, by name."""

    exec_history: dict[str, list[ExecArgs]]
    """Commands that were run in containers, by the container's name."""

    action_logs: list[str]
    """Progress messages of the last action."""

    action_results: dict[str, Any] | None
    """Results of the last action, nested as they were set; None if none were."""

    trace_data: list[Any]
    """Finished spans, where the charm was traced."""

    def __init__(
        self,
        charm_type: type[CharmType],
        meta: dict[str, Any] | None = None,
        *,
        actions: dict[str, Any] | None = None,
        config: dict[str, Any] | None = None,
        charm_root: str | Path | None = None,
        juju_version: str = "3.6.14",
        capture_deferred_events: bool = False,
        capture_framework_events: bool = False,
        app_name: str | None = None,
        unit_id: int | None = 0,
        machine_id: str | None = None,
        availability_zone: str | None = None,
        principal_unit: str | None = None,
        app_trusted: bool = False,
    ):
        self._charm_spec: CharmSpec[CharmType] = CharmSpec.load(charm_type, meta, actions=actions, config=config)
        self.charm_root = charm_root
        self.juju_version = juju_version
        self.capture_deferred_events = capture_deferred_events
        self.capture_framework_events = capture_framework_events
        self.app_name: str = app_name or self._charm_spec.meta.get("name") or ""
        self.unit_id: int = 0 if unit_id is None else unit_id
        self.machine_id = machine_id
        self.availability_zone = availability_zone
        self.principal_unit = principal_unit
        self.app_trusted = app_trusted
        self._directory: Scratch | None = None

        self.emitted_events = []
        self.juju_log = []
        self.app_status_history = []
        self.unit_status_history = []
        self.workload_version_history = []
        self.removed_secret_revisions = []
        self.requested_storages = {}
        self.exec_history = {}
        self.action_logs = []
        self.action_results = None
        self.trace_data = []

    def __repr__(self):
        return f"<{type(self).__name__} of {self._charm_spec.charm_type.__name__} as {self._unit_name}>"

    @property
    def charm_spec(self) -> CharmSpec[CharmType]:
        """What the charm declares about itself; deprecated: a test knows it already."""
        warnings.warn("Context.charm_spec is deprecated", DeprecationWarning, stacklevel=2)
        return self._charm_spec

    # --- running ---

    def run(self, event: _Event, state: State) -> State:
        """Run the charm for *event*, and return the state that all is in afterwards.  *state* stays as it is.

        Raises:
            TypeError: *event* was not made by `on`, or is a method of it that was not called.
            InconsistentScenarioError: event, state and metadata do not fit together.
            UncaughtCharmError: the charm raised something, which is the cause of this.
            NoObserverError: the charm has no such event.
            ActionFailed: the charm said that the action has failed.
        """
        run = self._prepared(event, state)
        try:
            run.open()
            return run.finish()
        finally:
            run.close()

    def run_life(self, state: State) -> list[Step]:
        """Run a whole life, from install to remove, and return the event and the state of each step.

        Args:
            state: what surrounds the unit when all is up: relations with their units, storages, containers.  They
                come and go with their events.

        Raises what `run` raises.
        """
        return run_life(self, state)

    def run_action(self, action: str, state: State):
        """Not here any more.

        Raises:
            AttributeError: always.
        """
        raise AttributeError(f"use ctx.run(ctx.on.action({action!r}), state); results are in ctx.action_results")

    def __call__(self, event: _Event, state: State) -> Manager[CharmType]:
        """Return a context manager that has the charm as ``.charm`` before and after the event is emitted."""
        return Manager(self, event, state)

    def _prepared(self, event: _Event, state: State) -> ContextRun:
        """Return a run that may be opened."""
        if not isinstance(event, _Event):
            raise TypeError(_advice(event))
        if not os.environ.get(_SKIP_CHECKS):
            check_consistency(state, event, self._charm_spec, self.juju_version, self.unit_id)
        if event.action is not None:
            # In place: a test may hold on to the list.
            self.action_logs.clear()
            self.action_results = None
        self._empty_containers(state)
        return ContextRun(self, event, state)

    def _record(self, run: ContextRun) -> None:
        """Take over what a run did; lines of the log and of actions are here already."""
        world = run.world
        self.emitted_events += run.emitted
        self.unit_status_history += [status_from_name(*each) for each in world.unit_status.earlier]
        self.app_status_history += [status_from_name(*each) for each in world.app_status.earlier]
        self.workload_version_history += [version for version in world.earlier_versions if version]
        self.removed_secret_revisions += world.removed_revisions
        for name, count in world.requested_storages.items():
            self.requested_storages[name] = self.requested_storages.get(name, 0) + count
        if world.action is not None:
            self.action_results = world.action.results

    # --- what runs need to know ---

    @property
    def _unit_name(self) -> str:
        return f"{self.app_name}/{self.unit_id}"

    @property
    def _owners_read_latest(self) -> bool:
        version = JujuVersion(self.juju_version)
        return version < "3.3.1" and version != "3.1.7"

    @staticmethod
    def _lets_errors_out() -> bool:
        value = os.environ.get(_BARE_ERRORS, "").strip().lower()
        return value == "true" or (value.lstrip("-").isdecimal() and int(value) != 0)

    # --- files ---

    def _charm_dir(self) -> contextlib.AbstractContextManager[str]:
        """Return a context manager that has the path of the directory in which the charm finds itself."""
        spec = self._charm_spec
        if self.charm_root is not None:
            return _charm_root.overwritten(Path(self.charm_root), spec.files)
        return _charm_root.borrowed(spec.files, spec.key)

    def _path(self, *names: str) -> Path:
        """Return a path in the context's own directory, which is made when it is first asked for."""
        if self._directory is None:
            self._directory = Scratch("context-")
        path = Path(self._directory.name, *names)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def _container_root(self, name: str) -> Path:
        """Return the root of a container's files."""
        return self._path("containers", name)

    def _storage_root(self, name: str, index: int) -> Path:
        """Return the location of a storage instance."""
        return self._path("storages", name, str(index))

    def _empty_containers(self, state: State) -> None:
        if self._directory is None:
            return
        for container in state.containers:
            root = Path(self._directory.name, "containers", container.name)
            if root.is_dir() and any(root.iterdir()):
                text = f"container {container.name} was non-empty before this run: its files are removed"
                self.juju_log.append(JujuLogLine("WARNING", text))
            shutil.rmtree(root, ignore_errors=True)

    def close(self) -> None:
        """Remove the files of containers and storages."""
        if self._directory is not None:
            self._directory.remove()
            self._directory = None

    def __enter__(self):
        return self

    def __exit__(self, *exc_info: Any):
        self.close()


def _advice(event: Any) -> str:
    """Return what to tell whoever passed something that is no event."""
    if isinstance(event, str):
        return f"{event!r} is no event: use ctx.on.{event.replace('-', '_')}(…)"
    name = getattr(event, "__name__", None)
    if callable(event) and name:
        return f"ctx.on.{name} is not an event yet: call it, like ctx.on.{name}(…)"
    return f"an event is made by a method of ctx.on, not {type(event).__name__}"


class Manager(Generic[CharmType]):
    """Holds on to the charm before and after its event: ``with ctx(event, state) as manager:``.

    Leaving the block without `run` runs the event, also when the block raised something: what the run raises is
    what comes out then.
    """

    ops: ContextRun | None
    """The run that has the charm; None until the block is entered."""

    def __init__(self, ctx: Context[CharmType], arg: _Event, state_in: State):
        self._ctx = ctx
        self._event = arg
        self._state_in = state_in
        self.ops = None
        self._emitted = False

    @property
    def charm(self) -> CharmType:
        """The charm, constructed.

        Raises:
            RuntimeError: the block has not been entered, or the charm ended the run while it was constructed.
        """
        if self.ops is None:
            raise RuntimeError("you should __enter__ this context manager before accessing the charm")
        if not hasattr(self.ops, "charm"):
            raise RuntimeError("there is no charm: it ended the run while it was constructed")
        return self.ops.charm  # type: ignore[return-value]

    def __enter__(self):
        self.ops = self._ctx._prepared(self._event, self._state_in)
        try:
            self.ops.open()
        except BaseException:
            self.ops.close()
            raise
        return self

    def run(self) -> State:
        """Emit the event; return the state that all is in afterwards.

        Raises:
            AlreadyEmittedError: that was done already.
        """
        if self._emitted:
            raise errors.AlreadyEmittedError("the event of this manager was emitted already; make another one")
        if self.ops is None:
            raise RuntimeError("you should __enter__ this context manager before running it")
        self._emitted = True
        try:
            return self.ops.finish()
        finally:
            self.ops.close()

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any):
        assert self.ops is not None
        try:
            if not self._emitted and (exc_type is None or issubclass(exc_type, Exception)):
                self.run()
        finally:
            self.ops.close()
