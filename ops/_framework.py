"""The framework: who observes what, and which handlers still have to see which event.

Role: emitting, deferring and re-emitting events; saving snapshots; committing a run.
Not here: the events (_object.py, _events.py), where things are kept (_storage.py), the order of a run
(_dispatch.py).
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
import logging
import pathlib
import re
import sys
import types
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ._object import (
    BoundEvent,
    EventBase,
    FrameworkEvents,
    Handle,
    LifecycleEvent,
    Object,
    Serializable,
    check_marshallable,
)
from ._storage import NoSnapshotError, SQLiteStorage
from ._stored import StoredStateData

if TYPE_CHECKING:
    from ._meta import CharmMeta
    from ._model import Model
    from ._storage import HookStorage, JujuStorage

logger = logging.getLogger(__name__)

_BREAKPOINT_NAME = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_RESERVED_BREAKPOINTS = ("all", "hook")

_BREAKPOINT_WELCOME = """\
Starting pdb to debug charm operator.
Run `h` for help, `c` to continue, or `exit`/CTRL-d to abort.
Future breakpoints may interrupt execution again.
More details at https://docs.python.org/3/library/pdb.html#debugger-commands
"""


class NoTypeError(Exception):
    """No class is registered for what is saved under this path."""

    def __init__(self, handle_path: str):
        super().__init__(handle_path)
        self.handle_path = handle_path

    def __str__(self):
        return f"cannot restore {self.handle_path} since no class was registered for it"


class Framework(Object):
    """Connects the objects of a charm: events find their observers here.

    Args:
        storage: keeps snapshots and notices between runs.
        charm_dir: root of the charm.
        meta: what the charm declares about itself.
        model: what the charm sees of the model.
        event_name: name of the event that this run is about, if any.
        juju_debug_at: names of the breakpoints to stop at; None for none.
        skip_duplicate_events: whether a notice is dropped when an equal one is waiting already.
    """

    on = FrameworkEvents()  # type: ignore[assignment]

    _is_root = True

    # A value here, so that it shadows the property of all other objects.
    model: Model = None  # type: ignore[assignment]
    """What the charm sees of the model."""

    meta: CharmMeta
    """What the charm declares about itself."""

    charm_dir: pathlib.Path
    """Root of the charm."""

    def __init__(
        self,
        storage: SQLiteStorage | JujuStorage | HookStorage,
        charm_dir: str | pathlib.Path,
        meta: CharmMeta,
        model: Model,
        event_name: str | None = None,
        juju_debug_at: set[str] | None = None,
        skip_duplicate_events: bool = True,
    ):
        # Weakly: a framework that nobody uses any more can go at once, with the storage it holds.
        self.framework = weakref.proxy(self)
        self.handle = Handle(None, self.handle_kind, None)
        self.charm_dir = pathlib.Path(charm_dir)
        self.meta = meta
        self.model = model
        self.skip_duplicate_events = skip_duplicate_events
        # Of the event that is being handled; outside of handlers, of the one that this run is about.
        self._event_name = event_name
        self._juju_debug_at = set(juju_debug_at or ())
        self._breakpoint_welcomed = False
        # (observer path, method name, emitter path, event kind), in the order of the observe calls.
        self._observers: list[tuple[str, str, str, str]] = []
        self._observer: weakref.WeakValueDictionary[str, Object] = weakref.WeakValueDictionary()
        self._objects: weakref.WeakValueDictionary[str, Serializable] = weakref.WeakValueDictionary()
        self._type_registry: dict[tuple[str | None, str], type[Serializable]] = {}
        self._type_known: set[type[Serializable]] = set()
        if isinstance(storage, (str, pathlib.Path)):
            logger.warning("deprecated: Framework now takes a Storage not a path")
            storage = SQLiteStorage(storage)
        self._storage = storage
        self.register_type(StoredStateData, None, StoredStateData.handle_kind)
        stored_handle = Handle(None, StoredStateData.handle_kind, "_stored")
        try:
            self._stored: Any = self.load_snapshot(stored_handle)
        except NoSnapshotError:
            self._stored = StoredStateData(self, "_stored")
            self._stored["event_count"] = 0

    # --- objects and what is saved of them ---

    def _track(self, obj: Serializable) -> None:
        path = obj.handle.path
        if path in self._objects:
            raise RuntimeError(f"two objects claiming to be {path} have been created")
        self._objects[path] = obj

    def _forget(self, obj: Serializable) -> None:
        self._objects.pop(obj.handle.path, None)

    def register_type(self, cls: type[Serializable], parent: Handle | Object | None, kind: str | None = None):
        """Make *cls* the class of what is saved below *parent* as *kind* (None: the class's own kind)."""
        if isinstance(parent, Object):
            parent = None if parent._is_root else parent.handle
        path = None if parent is None else parent.path
        self._type_registry[(path, kind or cls.handle_kind)] = cls
        self._type_known.add(cls)

    def save_snapshot(self, value: StoredStateData | EventBase):
        """Save what *value* says of itself, under its handle.

        Raises:
            RuntimeError: its class is not registered.
            ValueError: it says something that is not of a simple type.
        """
        if type(value) not in self._type_known:
            raise RuntimeError(f"cannot save {type(value).__name__} values before registering that type")
        data = value.snapshot()
        check_marshallable(data, value.handle.path)
        self._storage.save_snapshot(value.handle.path, data)

    def load_snapshot(self, handle: Handle) -> Serializable:
        """Return a new object from what is saved under *handle*.

        Raises:
            NoTypeError: no class is registered for it.
            NoSnapshotError: nothing is saved.
        """
        parent_path = handle.parent.path if handle.parent else None
        cls = self._type_registry.get((parent_path, handle.kind))
        if cls is None:
            raise NoTypeError(handle.path)
        data = self._storage.load_snapshot(handle.path)
        obj = cls.__new__(cls)
        obj.framework = self  # type: ignore[attr-defined]
        obj.handle = handle
        obj.restore(data)
        self._track(obj)
        return obj

    def drop_snapshot(self, handle: Handle):
        """Remove what is saved under *handle*, if anything."""
        self._storage.drop_snapshot(handle.path)

    def commit(self) -> None:
        """Save everything that has to outlast this run."""
        self.on.pre_commit.emit()
        # Stored state observes this one and saves itself.
        self.on.commit.emit()
        self.save_snapshot(self._stored)
        self._storage.commit()

    def close(self) -> None:
        """Close the storage.  What was not committed is dropped."""
        self._storage.close()

    # --- observing and emitting ---

    def observe(self, bound_event: BoundEvent, observer: Callable[[Any], None]):
        """Have *observer*, a method of an object, called with each event of this kind.

        Raises:
            TypeError: an argument is not what it has to be, or the method cannot be called with one event.
        """
        if not isinstance(bound_event, BoundEvent):
            raise TypeError(f"Framework.observe requires a BoundEvent as second parameter, got {bound_event}")
        if not isinstance(observer, types.MethodType):
            raise TypeError(f"Framework.observe requires a method as third parameter, got {observer}")
        emitter = bound_event.emitter
        if not hasattr(emitter, "handle"):
            raise TypeError(f"event emitter {type(emitter).__name__} must have a 'handle' attribute")
        target = observer.__self__
        assert isinstance(target, Object), "the observer's object has to be an ops Object"
        _check_takes_event(observer)
        self.register_type(bound_event.event_type, emitter, bound_event.event_kind)
        self._observer[target.handle.path] = target
        self._observers.append(
            (target.handle.path, observer.__name__, emitter.handle.path, bound_event.event_kind)
        )

    def _next_event_key(self) -> str:
        """Return the number of the next event; numbers go on from run to run."""
        self._stored["event_count"] += 1
        return str(self._stored["event_count"])

    def _emit(self, event: EventBase) -> None:
        """Save a notice for each observer of *event*, then run them."""
        handle = event.handle
        emitter_path = handle.parent.path if handle.parent else ""
        data = event.snapshot()
        check_marshallable(data, handle.path)
        saved = False
        for observer_path, method_name, observed_path, observed_kind in self._observers:
            if observed_path != emitter_path or observed_kind != handle.kind:
                continue
            if self.skip_duplicate_events and self._is_waiting(handle, data, observer_path, method_name):
                logger.info("Skipping notice %s/%s for %s: an equal one waits", observer_path, method_name, event)
                continue
            if not saved:
                self._storage.save_snapshot(handle.path, data)
                saved = True
            self._storage.save_notice(handle.path, observer_path, method_name)
        if saved:
            self._reemit(handle.path)

    def _is_waiting(self, handle: Handle, data: dict[str, Any], observer_path: str, method_name: str) -> bool:
        """Return whether this method already has a notice of such an event with equal data."""
        for event_path, observer, method in self._storage.notices(None):
            if (observer, method) != (observer_path, method_name):
                continue
            other = Handle.from_path(event_path)
            if other.kind != handle.kind or other.parent != handle.parent:
                continue
            with contextlib.suppress(NoSnapshotError):
                if self._storage.load_snapshot(event_path) == data:
                    return True
        return False

    def reemit(self) -> None:
        """Run all handlers that deferred, oldest first."""
        self._reemit()

    def _reemit(self, single_event_path: str | None = None) -> None:
        # A list: notices that are added meanwhile are not part of this pass.
        notices = list(self._storage.notices(single_event_path))
        for event_path, group in itertools.groupby(notices, key=lambda notice: notice[0]):
            any_deferred = False
            for _, observer_path, method_name in group:
                handle = Handle.from_path(event_path)
                try:
                    event = self.load_snapshot(handle)
                except NoTypeError:
                    self._storage.drop_notice(event_path, observer_path, method_name)
                    continue
                assert isinstance(event, EventBase)
                event.deferred = False  # subclasses restore without asking this class
                self._run_handler(event, observer_path, method_name, again=single_event_path is None)
                if event.deferred:
                    any_deferred = True
                else:
                    self._storage.drop_notice(event_path, observer_path, method_name)
                # The next handler gets an object of its own.
                self._forget(event)
            if not any_deferred:
                self._storage.drop_snapshot(event_path)

    def _run_handler(self, event: EventBase, observer_path: str, method_name: str, *, again: bool) -> None:
        observer = self._observer.get(observer_path)
        if observer is None:
            logger.warning("Cannot notify %s of %s: it does not exist (any more)", observer_path, event)
            return
        if again:
            logger.debug("Re-emitting deferred event %s.", event)
        elif self._event_name not in (None, "", event.handle.kind) and not isinstance(event, LifecycleEvent):
            # Neither the controller nor the framework has sent it.
            logger.debug("Emitting custom event %s.", event)
        handler = getattr(observer, method_name, None)
        if handler is None:
            return
        # The keyword only when it says something: libraries replace this method by one without it.
        context = (
            self._event_context(event.handle.kind, deferred=True)
            if again
            else self._event_context(event.handle.kind)
        )
        with context:
            if event._is_of_dispatch and self._juju_debug_at & set(_RESERVED_BREAKPOINTS):
                self._welcome_to_breakpoint()
                import pdb

                pdb.Pdb().runcall(handler, event)
            else:
                handler(event)

    @contextlib.contextmanager
    def _event_context(self, event_name: str, deferred: bool = False) -> Iterator[None]:
        """Remember that *event_name* is being handled; the backend needs it for access rules and error notes."""
        backend: Any = self.model._backend if self.model else types.SimpleNamespace(_hook_is_running="")
        before = self._event_name, backend._hook_is_running, getattr(backend, "_event_is_deferred", False)
        self._event_name, backend._hook_is_running, backend._event_is_deferred = event_name, event_name, deferred
        try:
            yield
        finally:
            self._event_name, backend._hook_is_running, backend._event_is_deferred = before

    def remove_unreferenced_events(self) -> None:
        """Remove snapshots of events that no notice is about."""
        wanted = {event_path for event_path, _, _ in self._storage.notices(None)}
        for path in list(self._storage.list_snapshots()):  # type: ignore[union-attr]
            if path not in wanted and self._is_event_path(path):
                self._storage.drop_snapshot(path)

    def _is_event_path(self, path: str) -> bool:
        try:
            handle = Handle.from_path(path)
        except RuntimeError:
            return False  # a charm keeps something of its own beside our state
        parent_path = handle.parent.path if handle.parent else None
        cls = self._type_registry.get((parent_path, handle.kind))
        if cls is not None:
            return issubclass(cls, EventBase)
        return handle.parent is not None and handle.parent.kind == "on"

    # --- breakpoints ---

    def set_breakpointhook(self) -> Any | None:
        """Make the builtin `breakpoint()` stop at breakpoints of the charm; return the hook before."""
        before = getattr(sys, "breakpointhook", None)
        sys.breakpointhook = self.breakpoint
        return before

    def _welcome_to_breakpoint(self) -> None:
        if not self._breakpoint_welcomed:
            self._breakpoint_welcomed = True
            print(_BREAKPOINT_WELCOME, file=sys.stderr, end="")

    def breakpoint(self, name: str | None = None):
        """Stop in the debugger if someone asked for this breakpoint, or for all.

        Raises:
            TypeError: *name* is no text.
            ValueError: *name* has other characters than lower-case letters, digits and inner hyphens, or is
                reserved.
        """
        if name is not None:
            if not isinstance(name, str):
                raise TypeError("breakpoint names must be strings")
            if not re.fullmatch(_BREAKPOINT_NAME, name):
                raise ValueError('breakpoint names must look like "foo" or "foo-bar"')
            if name in _RESERVED_BREAKPOINTS:
                raise ValueError('breakpoint names "all" and "hook" are reserved')
        wanted = self._juju_debug_at
        if not wanted:
            return
        if "all" not in wanted and (name is None or name not in wanted):
            logger.warning("Breakpoint %r skipped (not found in the requested breakpoints: %s)", name, wanted)
            return
        self._welcome_to_breakpoint()
        import pdb

        frame = inspect.currentframe()
        pdb.Pdb().set_trace(frame.f_back if frame else None)


def _check_takes_event(method: types.MethodType) -> None:
    """Check that *method* can be called with one argument.

    Raises:
        TypeError: it cannot.
    """
    function = method.__func__
    code = getattr(function, "__code__", None)
    # Of plain functions it is known at once; a signature takes as long as handling an event.
    if code is not None and not vars(function) and not code.co_kwonlyargcount:
        most, defaults = code.co_argcount, function.__defaults__ or ()
        if most - len(defaults) <= 2 <= most:
            return
    try:
        inspect.signature(method).bind(None)
    except TypeError as cause:
        owner = type(method.__self__).__name__
        raise TypeError(f"{owner}.{method.__name__} must be callable with the event alone: {cause}") from None
