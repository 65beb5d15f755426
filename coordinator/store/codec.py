"""Entities to bytes and back: JSON with sorted keys, readable with etcdctl.

Role: one table says what each kind holds; one function writes any frozen dataclass, one reads it back by its
field types.  Pure.  Fields that are None are left out; an unknown or missing field is Corrupt, not guessed.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin

from coordinator.domain.charm import Charm
from coordinator.domain.model import Journal, Machine, Model, Worker
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Kind
from coordinator.domain.relation import Member, Relation
from coordinator.domain.resource import Blob
from coordinator.domain.secret import Consumer, SealedRevision, Secret
from coordinator.domain.space import Space
from coordinator.domain.status import AgentStatus, Status, UnitStatus
from coordinator.domain.storage import Storage
from coordinator.domain.storage_pool import StoragePool
from coordinator.domain.task import Operation, Queued, Task, TaskLog
from coordinator.domain.task_stream import TaskStream
from coordinator.domain.unit import Application, Claim, Unit
from coordinator.domain.unit_state import RelationState, UnitState
from coordinator.domain.user import User
from coordinator.errors import BadRequest, Corrupt

#: The format of everything below the root.  A store with a higher number was written by a newer release.
SCHEMA_VERSION = 1

_BAG = Mapping[str, str]
_CONFIG = Mapping[str, bool | int | float | str]

#: What each kind holds.  `str` is plain text, `bytes` is kept as it is.
TYPES: Mapping[Kind, Any] = {
    Kind.SCHEMA: int,
    Kind.USER: User,
    Kind.MACHINE_SEQUENCE: int,
    Kind.MACHINE: Machine,
    Kind.WORKER: Worker,
    Kind.CONTROLLER: Worker,
    Kind.CONTROLLER_LEADER: str,
    Kind.CHARM: Charm,
    Kind.CHARM_CHUNK: bytes,
    Kind.RESOURCE: Blob,
    Kind.RESOURCE_CHUNK: bytes,
    Kind.MODEL: Model,
    Kind.JOURNAL: Journal,
    Kind.SEQUENCE: int,
    Kind.APPLICATION: Application,
    Kind.CONFIG: _CONFIG,
    Kind.LEADER: str,
    Kind.LEADER_SETTINGS: _BAG,
    Kind.APPLICATION_STATUS: Status,
    Kind.UNIT: Unit,
    Kind.CLAIM: Claim,
    Kind.MEMORY: UnitState,
    Kind.RELATION_MEMORY: RelationState,
    Kind.STATE: _BAG,
    Kind.STATUS: UnitStatus,
    Kind.AGENT: AgentStatus,
    Kind.QUEUED: Queued,
    Kind.MACHINE_QUEUED: Queued,
    Kind.OPERATION: Operation,
    Kind.TASK: Task,
    Kind.TASK_LOG: TaskLog,
    Kind.TASK_STREAM: TaskStream,
    Kind.STORAGE: Storage,
    Kind.STORAGE_POOL: StoragePool,
    Kind.SPACE: Space,
    Kind.RELATION: Relation,
    Kind.MEMBER: Member,
    Kind.APPLICATION_BAG: _BAG,
    Kind.UNIT_BAG: _BAG,
    Kind.SECRET: Secret,
    Kind.SECRET_REVISION: SealedRevision,
    Kind.SECRET_CONSUMER: Consumer,
    Kind.PIECES_OF_MODEL: bytes,
    Kind.PIECES: bytes,
    Kind.PIECE: bytes,
}

#: Fields that what is stored may still have, and that mean nothing any more.
_GONE: Mapping[type, frozenset[str]] = {Machine: frozenset({"labels"})}


def encode(kind: Kind, value: Any) -> bytes:
    """Return the bytes of *value*, an entity of *kind*; equal values give equal bytes."""
    if TYPES[kind] is bytes:
        return value
    if TYPES[kind] is str:
        return value.encode()
    return dump(value).encode()


def dump(value: Any) -> str:
    """Return *value* (dataclasses, enums and names allowed inside) as one line of JSON."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@cache
def decoder(kind: Kind) -> Callable[[bytes], Any]:
    """Return the function that reads an entity of *kind*; it raises Corrupt for bytes that are none."""
    shape = TYPES[kind]
    if shape is bytes:
        return bytes

    def decode(data: bytes) -> Any:
        try:
            return data.decode() if shape is str else typed(shape, json.loads(data))
        except (ValueError, KeyError, TypeError, AttributeError, BadRequest) as cause:
            raise Corrupt(
                f"cannot read a stored {kind.value}",
                why=f"its {len(data)} bytes are not one ({cause})",
                fix="look at it with `etcdctl get`; a newer coordinator may have written it",
            ) from cause

    return decode


def plain(value: Any) -> Any:
    """Return *value* as JSON knows it: mappings, lists, text, numbers."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    if isinstance(value, UnitName):
        return str(value)
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(entry) for key, entry in value.items()}
    if is_dataclass(value):
        pairs = ((name, getattr(value, name)) for name in _names(type(value)))
        return {name: plain(entry) for name, entry in pairs if entry is not None}
    return [plain(entry) for entry in value]


def typed(shape: Any, given: Any) -> Any:
    """Return *given*, plain JSON, as *shape*.

    Raises:
        ValueError, KeyError, TypeError: it does not have that shape.
    """
    return _reader(shape)(given)


@cache
def _names(shape: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(shape))


@cache
def _reader(shape: Any) -> Callable[[Any], Any]:
    """Return the function that reads *shape*, made once per shape."""
    origin, inner = get_origin(shape), get_args(shape)
    if shape is Any or shape is object:
        return lambda given: given
    if origin in (Union, types.UnionType):
        return _read_union(inner)
    if origin is tuple:
        item = _reader(inner[0])
        return lambda given: tuple(item(entry) for entry in _expect(list, given))
    if origin is not None and issubclass(origin, Mapping):
        key, entry = _reader_of_key(inner[0]), _reader(inner[1])
        return lambda given: {key(k): entry(v) for k, v in _expect(dict, given).items()}
    if shape is UnitName:
        return UnitName.parse
    if isinstance(shape, type) and issubclass(shape, Enum):
        return shape
    if is_dataclass(shape):
        return _read_dataclass(shape)
    if shape is float:
        return lambda given: float(_expect((int, float), given))
    return lambda given: _expect(shape, given)


def _reader_of_key(shape: Any) -> Callable[[str], Any]:
    return int if shape is int else _reader(shape)


def _expect(shape: Any, given: Any) -> Any:
    if not isinstance(given, shape) or (isinstance(given, bool) and shape is not bool):
        raise TypeError(f"expected {shape}, found {given!r}")
    return given


def _read_union(options: tuple[Any, ...]) -> Callable[[Any], Any]:
    some = tuple(option for option in options if option is not type(None))
    if len(some) == 1:
        reader = _reader(some[0])
        return lambda given: None if given is None else reader(given)
    # Scalars of several types (the value of an option): JSON keeps which it is.
    return lambda given: given if type(given) in options else _expect(options, given)


def _read_dataclass(shape: Any) -> Callable[[Any], Any]:
    hints = typing.get_type_hints(shape)
    readers = {name: _reader(hints[name]) for name in _names(shape)}
    if gone := _GONE.get(shape):
        return lambda given: shape(
            **{name: readers[name](entry) for name, entry in _expect(dict, given).items() if name not in gone}
        )

    def read(given: Any) -> Any:
        return shape(**{name: readers[name](entry) for name, entry in _expect(dict, given).items()})

    return read
