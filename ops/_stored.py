"""State that an object keeps from one run to the next.

Role: `StoredState` as a class attribute; the data behind it saves itself when a run is committed, if it was
changed.  Lists, dicts and sets are handed out in wrappers that notice changes.
Not here: where it is kept (_storage.py).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, MutableMapping, MutableSequence, MutableSet
from typing import TYPE_CHECKING, Any, SupportsIndex

from ._object import EventBase, Handle, Object
from ._storage import NoSnapshotError

#: What may be assigned; containers may have any of these within.
_SIMPLE = (type(None), bool, int, float, str, bytes, list, dict, set)


class StoredStateData(Object):
    """The data of one stored state: values by name."""

    def __init__(self, parent: Object, attr_name: str):
        super().__init__(parent, attr_name)
        self._cache: dict[str, Any] = {}
        self.dirty: bool = False
        """Whether the data has changed since it was last saved."""

    def __getitem__(self, key: str) -> Any:
        return self._cache.get(key)

    def __setitem__(self, key: str, value: Any):
        self._cache[key] = value
        self.dirty = True

    def __contains__(self, key: str):
        return key in self._cache

    def snapshot(self) -> dict[str, Any]:
        """Return all values by name."""
        return self._cache

    def restore(self, snapshot: dict[str, Any]):
        """Take over what `snapshot` returned."""
        self._cache = snapshot
        self.dirty = False

    def on_commit(self, event: EventBase) -> None:
        """Save the data if it has changed."""
        if self.dirty:
            self.framework.save_snapshot(self)
            self.dirty = False


class BoundStoredState:
    """The stored state of one object: its values are attributes.

    Raises:
        AttributeError: a value is read that was never set, or set that is not of a simple type (None, bool,
            int, float, str, bytes, list, dict, set); or the name is ``on``.
    """

    if TYPE_CHECKING:

        @property
        def on(self) -> Any: ...

    def __init__(self, parent: Object, attr_name: str):
        framework = parent.framework
        framework.register_type(StoredStateData, parent)
        handle = Handle(None if parent._is_root else parent, StoredStateData.handle_kind, attr_name)
        try:
            data = framework.load_snapshot(handle)
        except NoSnapshotError:
            data = StoredStateData(parent, attr_name)
        assert isinstance(data, StoredStateData), "registered above"
        # Past __setattr__, which would take these for values to keep.
        self.__dict__["_data"] = data
        self.__dict__["_attr_name"] = attr_name
        framework.observe(framework.on.commit, data.on_commit)

    def __getattr__(self, key: str) -> Any:
        data: StoredStateData = self.__dict__["_data"]
        if key == "on" or key not in data:
            raise AttributeError(f"attribute '{key}' is not stored")
        return _wrap(data, data[key])

    def __setattr__(self, key: str, value: Any):
        if key == "on":
            raise AttributeError("attribute 'on' is reserved and cannot be set")
        value = _unwrap(value)
        if not isinstance(value, _SIMPLE):
            raise AttributeError(
                f"attribute {key!r} cannot be a {type(value).__name__}: must be int/float/dict/list/etc"
            )
        self.__dict__["_data"][key] = value

    def set_default(self, **kwargs: Any):
        """Set each of *kwargs* that has no value yet.  Their types are not checked before commit."""
        data: StoredStateData = self.__dict__["_data"]
        for name, value in kwargs.items():
            if name not in data:
                data[name] = _unwrap(value)


class StoredState:
    """Declares stored state as a class attribute: ``_stored = StoredState()``.

    Raises:
        RuntimeError: one declaration is used for two attributes or two unrelated classes.
    """

    def __init__(self):
        self.parent_type: type[Any] | None = None
        self.attr_name: str | None = None

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

        def __setattr__(self, name: str, value: Any) -> None: ...

    def __get__(self, parent: Object | None, parent_type: type[Any]) -> Any:
        # Typed as Any: it is the declaration on the class and a BoundStoredState on an instance.
        if parent is None:
            return self
        if self.attr_name is None or self.parent_type is None or not issubclass(parent_type, self.parent_type):
            self._find_place(parent_type)
        assert self.attr_name is not None
        bound = parent.__dict__.get(self.attr_name)
        if bound is None:
            # In the instance's own dictionary it also comes before this descriptor from now on.
            bound = parent.__dict__[self.attr_name] = BoundStoredState(parent, self.attr_name)
        return bound

    def _find_place(self, parent_type: type[Any]) -> None:
        """Find the class and the attribute that hold this declaration."""
        for cls in parent_type.__mro__:
            names = [name for name, value in cls.__dict__.items() if value is self]
            if len(names) > 1 or (names and self.attr_name is not None and self.parent_type is not cls):
                where = [f"{cls.__name__}.{name}" for name in names]
                if self.parent_type is not None:
                    where.append(f"{self.parent_type.__name__}.{self.attr_name}")
                raise RuntimeError(f"StoredState shared by {' and '.join(sorted(set(where)))}")
            if names:
                self.attr_name, self.parent_type = names[0], cls
                return
        raise RuntimeError(f"cannot find a StoredState of {parent_type.__name__}: it has to be in the class body")


def _wrap(data: StoredStateData, value: Any) -> Any:
    if isinstance(value, dict):
        return StoredDict(data, value)
    if isinstance(value, list):
        return StoredList(data, value)
    if isinstance(value, set):
        return StoredSet(data, value)
    return value


def _unwrap(value: Any) -> Any:
    return value._under if isinstance(value, (StoredDict, StoredList, StoredSet)) else value


def _show(wrapper: Any) -> str:
    content = repr(wrapper._under) if wrapper._under else ""
    return f"{type(wrapper).__module__}.{type(wrapper).__name__}({content})"


class StoredDict(MutableMapping[Hashable, Any]):
    """A dict in stored state."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, stored_data: StoredStateData, under: dict[Hashable, Any]):
        self._stored_data = stored_data
        self._under = under

    def __getitem__(self, key: Hashable):
        return _wrap(self._stored_data, self._under[key])

    def __setitem__(self, key: Hashable, value: Any):
        self._under[key] = _unwrap(value)
        self._stored_data.dirty = True

    def __delitem__(self, key: Hashable):
        del self._under[key]
        self._stored_data.dirty = True

    def __iter__(self):
        return iter(self._under)

    def __len__(self):
        return len(self._under)

    def __eq__(self, other: object):
        other = _unwrap(other)
        return self._under == other if isinstance(other, dict) else NotImplemented

    def __repr__(self):
        return _show(self)


class StoredList(MutableSequence[Any]):
    """A list in stored state."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, stored_data: StoredStateData, under: list[Any]):
        self._stored_data = stored_data
        self._under = under

    def __getitem__(self, index: SupportsIndex | slice):  # type: ignore[override]
        return _wrap(self._stored_data, self._under[index])

    def __setitem__(self, index: SupportsIndex | slice, value: Any):  # type: ignore[override]
        self._under[index] = _unwrap(value)
        self._stored_data.dirty = True

    def __delitem__(self, index: SupportsIndex | slice):  # type: ignore[override]
        del self._under[index]
        self._stored_data.dirty = True

    def __len__(self):
        return len(self._under)

    def insert(self, index: int, value: Any):
        """Insert *value* before *index*."""
        self._under.insert(index, _unwrap(value))
        self._stored_data.dirty = True

    def append(self, value: Any):
        """Append *value* to the end."""
        self._under.append(_unwrap(value))
        self._stored_data.dirty = True

    def __eq__(self, other: object):
        other = _unwrap(other)
        return self._under == other if isinstance(other, list) else NotImplemented

    def __lt__(self, other: object):
        other = _unwrap(other)
        return self._under < other if isinstance(other, list) else NotImplemented

    def __le__(self, other: object):
        other = _unwrap(other)
        return self._under <= other if isinstance(other, list) else NotImplemented

    def __gt__(self, other: object):
        other = _unwrap(other)
        return self._under > other if isinstance(other, list) else NotImplemented

    def __ge__(self, other: object):
        other = _unwrap(other)
        return self._under >= other if isinstance(other, list) else NotImplemented

    def __repr__(self):
        return _show(self)


class StoredSet(MutableSet[Any]):
    """A set in stored state."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, stored_data: StoredStateData, under: set[Any]):
        self._stored_data = stored_data
        self._under = under

    def add(self, key: Any):
        """Add *key*."""
        self._under.add(key)
        self._stored_data.dirty = True

    def discard(self, key: Any):
        """Remove *key* if it is there."""
        self._under.discard(key)
        self._stored_data.dirty = True

    def __contains__(self, key: Any):
        return key in self._under

    def __iter__(self):
        return iter(self._under)

    def __len__(self):
        return len(self._under)

    @classmethod
    def _from_iterable(cls, it: Iterable[Any]) -> set[Any]:  # type: ignore[override]
        # Operators give plain sets: their results are not part of the state.
        return set(it)

    def __le__(self, other: Any):
        other = _unwrap(other)
        return self._under <= other if isinstance(other, set) else NotImplemented

    def __ge__(self, other: Any):
        other = _unwrap(other)
        return self._under >= other if isinstance(other, set) else NotImplemented

    def __eq__(self, other: object):
        other = _unwrap(other)
        return self._under == other if isinstance(other, set) else NotImplemented

    def __repr__(self):
        return _show(self)


StoredObject = StoredList | StoredSet | StoredDict
