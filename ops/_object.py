"""Objects with a place in a tree, and the events they emit.

Role: `Handle` names a place, `Object` has one, `EventSource` on a class becomes a `BoundEvent` on its
instances.  Emitting is left to the framework that the object belongs to.
Not here: observers, notices and snapshots (_framework.py), the events of hooks (_events.py).
"""

from __future__ import annotations

import keyword
import marshal
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

if TYPE_CHECKING:
    from ._framework import Framework
    from ._model import Model


class Serializable(Protocol):
    """Something that can be saved under a handle and restored from there."""

    handle_kind = ""

    @property
    def handle(self) -> Handle: ...

    @handle.setter
    def handle(self, val: Handle): ...

    def snapshot(self) -> dict[str, Any]: ...

    def restore(self, snapshot: dict[str, Any]) -> None: ...


class Handle:
    """The name of a place: a parent, a kind, and a key that tells apart things of the same kind.

    Its path is ``parent/kind[key]``, without brackets if there is no key.  Handles with equal parts are
    equal.
    """

    def __init__(self, parent: Handle | Object | None, kind: str, key: str | None):
        self._parent: Handle | None = parent.handle if isinstance(parent, Object) else parent
        self._kind = kind
        self._key = key
        name = f"{kind}[{key}]" if key else kind
        self._path = f"{self._parent}/{name}" if self._parent is not None else name

    def nest(self, kind: str, key: str | None) -> Handle:
        """Return a handle below this one."""
        return Handle(self, kind, key)

    def __hash__(self):
        return hash((self.parent, self.kind, self.key))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Handle):
            return NotImplemented
        return (self.parent, self.kind, self.key) == (other.parent, other.kind, other.key)

    def __str__(self):
        return self.path

    @property
    def parent(self) -> Handle | None:
        """The handle above, or None for a root."""
        return self._parent

    @property
    def kind(self) -> str:
        """What sort of thing this is."""
        return self._kind

    @property
    def key(self) -> str | None:
        """What tells it apart from others of its kind, if anything."""
        return self._key

    @property
    def path(self) -> str:
        """The whole name as text."""
        return self._path

    @classmethod
    def from_path(cls, path: str) -> Handle:
        """Return the handle with this path.

        Raises:
            RuntimeError: *path* has no such form.  Keys with ``/`` or ``[`` lead to such paths.
        """
        handle: Handle | None = None
        for part in path.split("/"):
            kind, bracket, key = part.partition("[")
            if not kind or (bracket and (not key.endswith("]") or "[" in key)):
                raise RuntimeError(f"attempted to restore invalid handle path {path}")
            handle = Handle(handle, kind, key[:-1] if bracket else None)
        assert handle is not None, "splitting gives at least one part"
        return handle


class EventBase:
    """An event, as a handler gets it.

    Each handler gets an object of its own, filled by `restore` from what `snapshot` returned when the event
    was emitted.  What a subclass keeps has to go through these two.
    """

    framework: Framework
    """Set by the framework before a handler sees the event."""

    # Whether breakpoints named "hook" stop at handlers of this event.
    _is_of_dispatch = False

    def __init__(self, handle: Handle):
        self.handle = handle
        self.deferred = False

    def __repr__(self):
        return f"<{type(self).__name__} via {self.handle}>"

    def defer(self) -> None:
        """Have the same handler called with this event again in the next run, before the next event.

        The handler goes on to its end.  Other handlers of the event are not called again.
        """
        import logging

        logging.getLogger(__name__).debug("Deferring %s.", self)
        self.deferred = True

    def snapshot(self) -> dict[str, Any]:
        """Return what has to be kept of the event, as simple values that `marshal` takes."""
        return {}

    def restore(self, snapshot: dict[str, Any]):
        """Set the event's attributes from what `snapshot` returned."""
        self.deferred = False


def refuse_to_defer(event: EventBase, why: str) -> NoReturn:
    """Say that *event* cannot be deferred.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError(f"cannot defer {type(event).__name__}: {why}")


class LifecycleEvent(EventBase):
    """An event of the framework itself; it cannot be deferred."""

    def defer(self) -> NoReturn:
        """Refuse.

        Raises:
            RuntimeError: always.
        """
        refuse_to_defer(self, "lifecycle events belong to one run")


class PreCommitEvent(LifecycleEvent):
    """Emitted when a run is nearly over; observers may still change stored state."""


class CommitEvent(LifecycleEvent):
    """Emitted after `PreCommitEvent`; stored state saves itself."""


class EventSource:
    """Declares an event as a class attribute of an object or of its `ObjectEvents`.

    Raises:
        RuntimeError: *event_type* is no event class; the source is used for a second attribute.
    """

    def __init__(self, event_type: type[EventBase]):
        if not isinstance(event_type, type) or not issubclass(event_type, EventBase):
            raise RuntimeError(f"Event requires a subclass of EventBase as an argument, got {event_type}")
        self.event_type = event_type
        self.event_kind: str | None = None
        self.emitter_type: type[Object] | None = None

    def __set_name__(self, emitter_type: type[Object], event_kind: str):
        if self.event_kind is not None and self.emitter_type is not None:
            raise RuntimeError(
                f"EventSource({self.event_type.__name__}) reused as "
                f"{self.emitter_type.__name__}.{self.event_kind} and {emitter_type.__name__}.{event_kind}"
            )
        self.event_kind = event_kind
        self.emitter_type = emitter_type

    def __get__(self, emitter: Object | None, emitter_type: type[Object]) -> Any:
        # Typed as Any: it is a source on the class and a BoundEvent on an instance.
        if emitter is None:
            return self
        assert self.event_kind is not None, "a source is named by the class it is in"
        # Whoever can name the event may observe it, so it has to be known from now on.  The `on` of a class, which
        # tests use to say which event they mean, belongs to no framework.
        framework = getattr(emitter, "framework", None)
        if framework is not None:
            framework.register_type(self.event_type, emitter, self.event_kind)
        return BoundEvent(emitter, self.event_type, self.event_kind)


class BoundEvent:
    """An event of one object, to be observed or emitted."""

    def __init__(self, emitter: Object, event_type: type[EventBase], event_kind: str):
        self.emitter = emitter
        self.event_type = event_type
        self.event_kind = event_kind

    def __repr__(self):
        return (
            f"<BoundEvent {self.event_type.__name__} bound to "
            f"{type(self.emitter).__name__}.{self.event_kind} at {hex(id(self))}>"
        )

    def emit(self, *args: Any, **kwargs: Any):
        """Call all observers now, in the order in which they observed.

        The arguments are those of the event's class after the handle.
        """
        framework = self.emitter.framework
        key = framework._next_event_key()
        event = self.event_type(Handle(self.emitter, self.event_kind, key), *args, **kwargs)
        event.framework = framework
        framework._emit(event)


class HandleKind:
    """Gives each class its own name as kind of its handles, unless it says otherwise."""

    def __get__(self, obj: Object | None, obj_type: type[Object]) -> str:
        return obj_type.__name__


class Object:
    """Something with a place in the framework's tree: it can emit events and observe them.

    Args:
        parent: the object above, or the framework for a root.
        key: tells it apart from others of its kind below the same parent.

    Raises:
        RuntimeError: there is a live object with the same path.
    """

    handle_kind: str = HandleKind()  # type: ignore[assignment]

    # The framework is itself an object, and the root above all roots.
    _is_root = False

    def __init__(self, parent: Framework | Object, key: str | None):
        kind = self.handle_kind
        if parent._is_root:
            self.framework: Framework = parent  # type: ignore[assignment]
            self.handle = Handle(None, kind, key)
        else:
            self.framework = parent.framework
            self.handle = Handle(parent, kind, key)
        self.framework._track(self)  # type: ignore[arg-type]

    @property
    def model(self) -> Model:
        """The model that this unit is in."""
        return self.framework.model


class ObjectEvents(Object):
    """The events of an object, as its class attribute `on`."""

    handle_kind = "on"

    def __init__(self, parent: Object | None = None, key: str | None = None):
        if parent is not None:
            super().__init__(parent, key)

    def __get__(self, emitter: Object | None, emitter_type: type[Object]):
        if emitter is None:
            return self
        # Kept in the emitter, so that it lives exactly as long.
        cache = emitter.__dict__.setdefault("_bound_object_events", {})
        key = id(self)
        if key not in cache:
            cache[key] = type(self)(emitter)
        return cache[key]

    @classmethod
    def define_event(cls, event_kind: str, event_type: type[EventBase]):
        """Add an event to the class, for names that are known only at run time.

        Raises:
            RuntimeError: *event_kind* is no possible name of an attribute, or the class has it already.
        """
        prefix = f"unable to define an event with event_kind that {{}}: {event_kind}"
        if not event_kind.isidentifier():
            raise RuntimeError(prefix.format("is not a valid python identifier"))
        if keyword.iskeyword(event_kind):
            raise RuntimeError(prefix.format("is a python keyword"))
        if hasattr(cls, event_kind):
            raise RuntimeError(
                prefix.format(f"overlaps with an existing type {getattr(cls, event_kind)} attribute")
            )
        source = EventSource(event_type)
        source.__set_name__(cls, event_kind)
        setattr(cls, event_kind, source)

    def events(self) -> dict[str, BoundEvent]:
        """Return all events by name."""
        names = [name for name in dir(type(self)) if isinstance(getattr(type(self), name), EventSource)]
        return {name: getattr(self, name) for name in names}

    def __getitem__(self, key: str) -> PrefixedEvents:
        return PrefixedEvents(self, key)

    def __repr__(self):
        kind = type(self)
        return f"<{kind.__module__}.{kind.__qualname__}: {', '.join(sorted(self.events()))}>"


class PrefixedEvents:
    """The events of which the names begin with *key*, hyphens being underscores: ``on["my-db"]``."""

    def __init__(self, emitter: Object, key: str):
        self._emitter = emitter
        self._prefix = key.replace("-", "_") + "_"

    def __getattr__(self, name: str) -> BoundEvent:
        return getattr(self._emitter, self._prefix + name)


class FrameworkEvents(ObjectEvents):
    """Events of the framework itself."""

    pre_commit = EventSource(PreCommitEvent)
    commit = EventSource(CommitEvent)


def check_marshallable(value: Any, path: str) -> None:
    """Check that *value*, to be saved under *path*, consists of simple values.

    Raises:
        ValueError: it does not.
    """
    try:
        marshal.dumps(value)
    except ValueError:
        raise ValueError(
            f"unable to save the data for {path}, it must contain only simple types: {value!r}"
        ) from None
