"""One run of a charm under test: the same steps as in production, around a `World` instead of a controller."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import _backend, _context
from .._dispatch import Run
from .._errors import AbortRun
from .._object import BoundEvent, EventBase, LifecycleEvent, ObjectEvents
from ..log import JujuLogHandler
from . import errors
from ._action import ActionFailed, ActionOutput
from ._backend import MemoryBackend
from ._charm_class import fresh
from ._container_parts import Container
from ._environment import environment, variables
from ._parts import Secret, Storage
from ._pebble import _TestingPebbleClient
from ._relation_parts import RelationBase
from ._state_world import state_from_world, storage_from_state, world_from_state
from ._watch import WatchedFramework

if TYPE_CHECKING:
    from .. import pebble
    from .._charm import CharmBase
    from .._meta import CharmMeta
    from ._context import Context
    from ._events import _Event
    from ._state import State


class ContextRun(Run):
    """A run for one event of a `Context`, from one state to the next.

    Use it in this order: `open`, `finish`, `close`; whatever happens, `close` has to be called.
    """

    framework: WatchedFramework
    backend: ContextBackend
    _framework_type = WatchedFramework

    def __init__(self, ctx: Context, event: _Event, state: State):
        self.ctx = ctx
        self.event = event
        self.state_in = state
        self.storage = storage_from_state(state)
        self._stack = contextlib.ExitStack()
        self.aborted = False
        """Whether the charm ended the run early, on purpose."""

    # --- the three steps of whoever calls ---

    def open(self) -> None:
        """Set up everything, and construct the charm.

        Raises:
            UncaughtCharmError: the charm raised something.
        """
        charm_dir = self._stack.enter_context(self.ctx._charm_dir())
        found = variables(self.ctx, self.event, self.state_in, charm_dir)
        self._stack.enter_context(environment(found))
        # Here, because defaults of the metadata depend on the version in the environment.
        self.world = world_from_state(self.ctx, self.event, self.state_in)
        context = _context.read_context(found)
        backend = ContextBackend(self.world, context)
        super().__init__(fresh(self.ctx._charm_spec.charm_type), context, backend=backend)
        self._stack.enter_context(_backend.through(backend.door))
        self._stack.callback(self.put_back)
        with self._telling_failures():
            self.set_up()
            self._stack.callback(super().close)

    def finish(self) -> State:
        """Emit the event, save what has to be saved, and return the state that all is in afterwards.

        Raises:
            UncaughtCharmError: the charm raised something.
            NoObserverError: the charm has no such event.
            ActionFailed: the charm said that the action has failed.
        """
        try:
            if not self.aborted:
                with self._telling_failures():
                    self.emit()
                    self.commit()
        finally:
            self.ctx._record(self)
        state = state_from_world(self.world, self.state_in, None if self.aborted else self.storage)
        self._check_action(state)
        return state

    def close(self) -> None:
        """Put back everything that the run changed in this process."""
        self._stack.close()

    # --- what differs from production ---

    @contextlib.contextmanager
    def _telling_failures(self):
        """Let out the errors of a run in a form that says where they come from."""
        try:
            yield
        except AbortRun as abort:
            self.aborted = True
            if abort.exit_code:
                raise errors.UncaughtCharmError(f"the charm ended with status {abort.exit_code}") from abort
        except (errors.NoObserverError, ActionFailed):
            raise
        except Exception as error:
            if self.ctx._lets_errors_out():
                raise
            raise errors.UncaughtCharmError(self._explained(error)) from error

    def _explained(self, error: Exception) -> str:
        framework = getattr(self, "framework", None)
        where = framework.failure if framework is not None else ""
        where = where or f"while constructing {self.ctx._charm_spec.charm_type.__name__}"
        return f"uncaught {type(error).__name__} in the charm, {where} (event {self.event.name}): {error}"

    def _start_logging(self) -> Callable[[], None]:
        root, handler = logging.getLogger(), JujuLogHandler(self.backend)
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)

        def put_back() -> None:
            root.removeHandler(handler)
            root.setLevel(level)

        return put_back

    def _read_meta(self) -> CharmMeta:
        return self.ctx._charm_spec.charm_meta

    def _enter(self) -> None:
        """Nothing: a test may run as many charms as it likes, and has no hooks of other kinds."""

    def _open_storage(self) -> Any:
        return self.storage

    def _hook_breakpoints(self) -> Callable[[], None]:
        """Leave them alone: whoever debugs a test has a debugger of their own."""
        return lambda: None

    def _emit_event(self) -> None:
        if self.event.custom_event is not None:
            bound = find_custom_event(self.charm, self.event.custom_event)
            bound.emit(*self._live(self.event.custom_event_args), **self._live(self.event.custom_event_kwargs))
            return
        if not hasattr(self.charm.on, self.event_name):
            raise errors.NoObserverError(
                f"{type(self.charm).__name__} has no event {self.event_name}: is what it is about in the metadata?"
            )
        super()._emit_event()

    def _live(self, value: Any) -> Any:
        """Return *value* with the parts of a state in it replaced by what the charm knows them as."""
        if isinstance(value, dict):
            return {key: self._live(each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(self._live(each) for each in value)
        model = self.framework.model
        if isinstance(value, RelationBase):
            return model.get_relation(value.endpoint, value.id)
        if isinstance(value, Container):
            return model.unit.get_container(value.name)
        if isinstance(value, Secret):
            return model.get_secret(id=value.id)
        if isinstance(value, Storage):
            return model.storages._find(value.name, value.index)
        return value

    # --- results ---

    @property
    def emitted(self) -> list[EventBase]:
        """Events that the context shall show, in the order in which they were emitted."""
        framework = getattr(self, "framework", None)
        if framework is None:
            return []
        again = {id(each) for each in framework.emitted_again}
        return [
            each
            for each in framework.emitted
            if (self.ctx.capture_framework_events or not isinstance(each, LifecycleEvent))
            and (self.ctx.capture_deferred_events or id(each) not in again)
        ]

    def _check_action(self, state: State) -> None:
        action = self.world.action
        if action is not None and action.failure is not None:
            output = ActionOutput(action.logs, action.results or {})
            raise ActionFailed(action.failure, output, state=state)


class ContextBackend(MemoryBackend):
    """Hook commands for a charm in a `Context`, with the advice that a test's author needs."""

    def resource_get(self, resource_name: str) -> str:
        """Return the file of a resource.

        Raises:
            RuntimeError: the state has no such resource.
        """
        if resource_name not in self.world.resources:
            raise RuntimeError(
                f"the state has no resource {resource_name!r}: "
                f"add Resource(name={resource_name!r}, path=…) to State(resources=…)"
            )
        return super().resource_get(resource_name)

    def _pebble_of(self, container: str) -> pebble.Client:
        """Return a client of the pretended Pebble of a container; one that only says so if there is none."""
        found = self.world.containers.get(container)
        return _TestingPebbleClient(found) if found is not None else _NoContainer(container)  # type: ignore

    def secret_remove(self, id: str, *, revision: int | None = None) -> None:
        """Remove a secret, or one revision of it.

        Raises:
            ValueError: somebody may still read this revision, so that a charm must not remove it.
        """
        secret = self.world.find_secret(id)
        if secret is not None and revision in (secret.tracked, secret.latest):
            raise ValueError(
                f"revision {revision} of {secret.id} is still in use: it is the "
                f"{'tracked' if revision == secret.tracked else 'latest'} one"
            )
        if secret is not None and revision is not None:
            # The state has the two revisions that can be read; older ones are known by number only.
            secret.revisions.setdefault(revision, {})
        super().secret_remove(id, revision=revision)


class _NoContainer:
    """Stands in for the Pebble of a container that the metadata has and the state has not."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        raise RuntimeError(
            f"the state has no container {self._name!r}: add Container({self._name!r}) to State(containers=…)"
        )


def find_custom_event(charm: CharmBase, wanted: BoundEvent) -> BoundEvent:
    """Return the event of *charm*, or of an object that is an attribute of it, that *wanted* stands for.

    Raises:
        ValueError: the charm has no object with such an event, or the event is one of a hook.
    """
    kind, events = wanted.event_kind, type(wanted.emitter)
    for owner in (charm, *vars(charm).values()):
        on = getattr(owner, "on", None)
        if isinstance(on, ObjectEvents) and (type(on) is events or (owner is charm and isinstance(on, events))):
            return getattr(on, kind)
    raise ValueError(
        f"{charm.__class__.__name__} has no attribute whose `on` is a {events.__name__}, "
        f"so nothing of it can emit {kind!r}"
    )
