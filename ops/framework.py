"""Index: objects with a place in a tree, the events between them, and state that outlasts a run.

- `Object`, `Handle`, `ObjectEvents`, `EventSource`, `BoundEvent` and the base of all events are in _object.py;
- `StoredState` and what stands behind it are in _stored.py;
- `Framework`, which connects everything, is in _framework.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._framework import (
    Framework,
    NoTypeError,
)
from ._index import publish
from ._model import Model as Model
from ._object import (
    BoundEvent,
    CommitEvent,
    EventBase,
    EventSource,
    FrameworkEvents,
    Handle,
    HandleKind,
    LifecycleEvent,
    Object,
    ObjectEvents,
    PreCommitEvent,
    PrefixedEvents,
    Serializable,
)
from ._storage import JujuStorage as JujuStorage
from ._storage import NoSnapshotError as NoSnapshotError
from ._storage import SQLiteStorage as SQLiteStorage
from ._stored import (
    BoundStoredState,
    StoredDict,
    StoredList,
    StoredObject,
    StoredSet,
    StoredState,
    StoredStateData,
)

if TYPE_CHECKING:
    from . import charm as charm

__all__ = [
    "BoundEvent",
    "BoundStoredState",
    "CommitEvent",
    "EventBase",
    "EventSource",
    "Framework",
    "FrameworkEvents",
    "Handle",
    "HandleKind",
    "LifecycleEvent",
    "NoTypeError",
    "Object",
    "ObjectEvents",
    "PreCommitEvent",
    "PrefixedEvents",
    "Serializable",
    "StoredDict",
    "StoredList",
    "StoredObject",
    "StoredSet",
    "StoredState",
    "StoredStateData",
]

publish(
    __name__,
    BoundEvent,
    BoundStoredState,
    CommitEvent,
    EventBase,
    EventSource,
    Framework,
    FrameworkEvents,
    Handle,
    HandleKind,
    LifecycleEvent,
    NoTypeError,
    Object,
    ObjectEvents,
    PreCommitEvent,
    PrefixedEvents,
    Serializable,
    StoredDict,
    StoredList,
    StoredSet,
    StoredState,
    StoredStateData,
)


def __getattr__(name: str) -> Any:
    # That module needs this one; who asks for it here gets it when both are there.
    if name == "charm":
        from . import charm

        return charm
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
