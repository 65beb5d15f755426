"""Show a state to a person, and what differs between two states.

Role: text from values.  `show_state` is the `repr` of a state: as it would be written in a test, without what is
as it is by default, the same in every run.  `diff_states` tells what an event changed, one line for each fact.
Not here: any knowledge of what parts mean, but for how each is found again in another state (`_KEYS`).

A line of `diff_states` says where, and what was and is there:

    leader: False → True
    relations[db:1].local_unit_data['user']: '' → 'web'
    opened_ports[80/tcp]: added TCPPort(80)
    containers[web].layers['base']['services']['web']['command']: 'a' → 'b'

For pytest to show that when ``assert state_out == expected`` fails, have this in ``conftest.py``; no plugin is
needed::

    from ops.testing import pytest_assertrepr_compare
"""

from __future__ import annotations

import enum
import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._state import State

LINE_WIDTH = 100
"""What fits into this many characters is shown on one line."""

_KEYS: dict[str, Callable[[Any], Any]] = {
    "Relation": lambda each: (each.id, each.endpoint),
    "PeerRelation": lambda each: (each.id, each.endpoint),
    "SubordinateRelation": lambda each: (each.id, each.endpoint),
    "Container": lambda each: each.name,
    "Network": lambda each: each.binding_name,
    "Storage": lambda each: (each.name, each.index),
    "TCPPort": lambda each: (each.protocol, each.port),
    "UDPPort": lambda each: (each.protocol, each.port),
    "ICMPPort": lambda each: (each.protocol, 0),
    "Secret": lambda each: each.id,
    "Resource": lambda each: each.name,
    "StoredState": lambda each: (each.owner_path or "", each.name),
    "DeferredEvent": lambda each: (each.handle_path, each.owner, each.observer),
    "Exec": lambda each: tuple(each.command_prefix),
    "Notice": lambda each: (str(each.type), each.key),
    "CheckInfo": lambda each: each.name,
}
"""What makes a part the same one in two states, by the name of its class."""

_NAMES: dict[str, Callable[[Any], str]] = {
    "Relation": lambda each: f"{each.endpoint}:{each.id}",
    "PeerRelation": lambda each: f"{each.endpoint}:{each.id}",
    "SubordinateRelation": lambda each: f"{each.endpoint}:{each.id}",
    "Storage": lambda each: f"{each.name}/{each.index}",
    "TCPPort": lambda each: f"{each.port}/tcp",
    "UDPPort": lambda each: f"{each.port}/udp",
    "ICMPPort": lambda each: "icmp",
    "Secret": lambda each: each.label or each.id,
    "StoredState": lambda each: f"{each.owner_path or ''}/{each.name}",
    "DeferredEvent": lambda each: f"{each.name} for {each.owner}.{each.observer}",
    "Exec": lambda each: " ".join(each.command_prefix),
    "Notice": lambda each: each.key,
}
"""How a part is called in a line, where that is not what it is found by."""

_NOTHING = object()


# --- one value -----------------------------------------------------------------------------------------------


@functools.cache
def _parameters(kind: type) -> list[inspect.Parameter]:
    """Return what the constructor of *kind* takes, without private things."""
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    return [parameter for parameter in parameters if not parameter.name.startswith("_")]


def _is_default(parameter: inspect.Parameter, value: Any) -> bool:
    """Return whether the constructor fills *value* in by itself."""
    default = parameter.default
    if default is inspect.Parameter.empty:
        return False
    if isinstance(default, tuple) and isinstance(value, list):
        value = tuple(value)
    return value == default or (_is_empty(value) and (default is None or _is_empty(default)))


def _is_empty(value: Any) -> bool:
    return isinstance(value, (Mapping, list, tuple, frozenset, set)) and not value


def arguments(part: Any) -> list[tuple[str, Any]]:
    """Return what has to be given to the constructor to get *part*: names and values, without defaults.

    Arguments that are passed by position have an empty name.
    """
    given: list[tuple[str, Any]] = []
    by_position = True
    for parameter in _parameters(type(part)):
        value = getattr(part, parameter.name)
        if part._is_unsaid(parameter.name, value) or _is_default(parameter, value):
            by_position = False
            continue
        by_position = by_position and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        given.append(("" if by_position else parameter.name, value))
    return given


def _is_part(value: Any) -> bool:
    return hasattr(value, "_is_unsaid")


def _is_layer(value: Any) -> bool:
    return hasattr(value, "to_dict")


def show_part(part: Any) -> str:
    """Return *part* on one line, as it would be written in a test, without defaults."""
    inside = ", ".join(f"{name}={_flat(value)}" if name else _flat(value) for name, value in arguments(part))
    return f"{type(part).__name__}({inside})"


def show_state(state: State) -> str:
    """Return *state* as it would be written in a test, without defaults; on several lines if it is long."""
    return _laid_out(state, "", 0)


def _flat(value: Any) -> str:
    """Return *value* on one line."""
    if _is_part(value):
        return show_part(value)
    if isinstance(value, (set, frozenset)):
        return "{" + ", ".join(map(_flat, _ordered(value))) + "}" if value else f"{type(value).__name__}()"
    if isinstance(value, enum.Enum):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flat(key)}: {_flat(item)}" for key, item in value.items()) + "}"
    if type(value) is list:
        return "[" + ", ".join(map(_flat, value)) + "]"
    return repr(value)


def _laid_out(value: Any, indent: str, taken: int) -> str:
    """Return *value* on one line if it fits behind *taken* characters, else with one line for each thing in it.

    Several parts are never on one line, so that what differs between two texts is whole lines.
    """
    flat = _flat(value)
    if taken + len(flat) <= LINE_WIDTH and not (_has_parts(value) and len(value) > 1):
        return flat
    deeper = indent + "    "
    if _is_layer(value):
        return f"{type(value).__name__}({_laid_out(value.to_dict(), indent, taken)})"
    if _is_part(value):
        opening, closing = f"{type(value).__name__}(", ")"
        items = [(f"{name}=" if name else "", each) for name, each in arguments(value)]
    elif isinstance(value, Mapping):
        opening, closing = "{", "}"
        items = [(f"{_flat(key)}: ", each) for key, each in value.items()]
    elif isinstance(value, (set, frozenset)):
        opening, closing = "{", "}"
        items = [("", each) for each in _ordered(value)]
    elif type(value) is list:
        opening, closing = "[", "]"
        items = [("", each) for each in value]
    else:
        return flat
    lines = [f"{deeper}{before}{_laid_out(each, deeper, len(deeper + before))}," for before, each in items]
    return "\n".join([opening, *lines, indent + closing])


def _ordered(values: Iterable[Any]) -> list[Any]:
    """Return what is in a set, in an order that is the same in every run."""
    values = list(values)
    try:
        return sorted(values, key=_place)
    except TypeError:
        return sorted(values, key=lambda each: (type(each).__name__, _flat(each)))


def _place(value: Any) -> Any:
    """Return by what a value in a set is sorted."""
    key = _KEYS.get(type(value).__name__)
    return value if key is None else key(value)


# --- two values ----------------------------------------------------------------------------------------------


def diff_states(before: State, after: State) -> str:
    """Return what is different in *after*, one line for each fact; an empty text if nothing is.

    Lines are in the order of the fields of `State`.  What nobody has chosen is left out: models with random names,
    and the count of events that the framework keeps for itself.  ``assert not diff_states(out, expected)`` shows
    the difference in any test runner.
    """
    return "\n".join(_field_lines(before, after, ""))


def diff_parts(before: Any, after: Any) -> list[str]:
    """Return what is different in *after*, where both are parts of a state of the same class."""
    return list(_field_lines(before, after, ""))


def is_same(before: Any, after: Any) -> bool:
    """Return whether two parts stand for the same thing, however it looks."""
    return type(before) is type(after) and _place(before) == _place(after)


def _field_lines(before: Any, after: Any, where: str) -> Iterator[str]:
    """Compare two parts of the same class field by field."""
    for parameter in _parameters(type(before)):
        name = parameter.name
        left, right = getattr(before, name), getattr(after, name)
        if before._is_unsaid(name, left) and after._is_unsaid(name, right):
            continue
        if name == "stored_states":
            left, right = _of_charm(left), _of_charm(right)
        yield from _lines(left, right, f"{where}.{name}" if where else name)


def _of_charm(stored_states: Iterable[Any]) -> list[Any]:
    """Leave out what the framework keeps for itself."""
    return [each for each in stored_states if each.owner_path is not None or set(each.content) - {"event_count"}]


def _lines(left: Any, right: Any, where: str) -> Iterator[str]:
    """Say what is different between what was and what is at *where*."""
    if _is_layer(left) and _is_layer(right):
        left, right = left.to_dict(), right.to_dict()
    if left == right and type(left) is type(right):
        return
    if _is_part(left) and type(left) is type(right):
        yield from _field_lines(left, right, where)
    elif isinstance(left, Mapping) and isinstance(right, Mapping):
        yield from _mapping_lines(left, right, where)
    elif _has_parts(left, right):
        yield from _collection_lines(left, right, where)
    elif left is _NOTHING:
        yield f"{where}: added {_flat(right)}"
    elif right is _NOTHING:
        yield f"{where}: removed {_flat(left)}"
    else:
        yield f"{where}: {_flat(left)} → {_flat(right)}"


def _mapping_lines(left: Mapping[Any, Any], right: Mapping[Any, Any], where: str) -> Iterator[str]:
    is_databag = where.rpartition(".")[2].partition("[")[0].endswith("_data")
    for key in [*left, *(key for key in right if key not in left)]:
        before, after = left.get(key, _NOTHING), right.get(key, _NOTHING)
        if is_databag and isinstance(after if before is _NOTHING else before, str):
            # In a databag, to be empty and not to be there are the same.
            before, after = ("" if each is _NOTHING else each for each in (before, after))
        yield from _lines(before, after, f"{where}[{key!r}]")


def _has_parts(*collections: Any) -> bool:
    """Return whether these are collections of parts that can be found again."""
    return all(isinstance(each, (set, frozenset, list, tuple)) for each in collections) and all(
        type(part).__name__ in _KEYS for each in collections for part in each
    )


def _collection_lines(left: Any, right: Any, where: str) -> Iterator[str]:
    """Compare part by part; as a whole where several parts cannot be told apart."""
    before, after = ({_place(part): part for part in each} for each in (left, right))
    if (len(before), len(after)) != (len(left), len(right)):
        yield f"{where}: {_flat(left)} → {_flat(right)}"
        return
    parts = {**after, **before}
    for key in (_place(part) for part in _ordered(parts.values())):
        name = _name(parts[key])
        yield from _lines(before.get(key, _NOTHING), after.get(key, _NOTHING), f"{where}[{name}]")
    if isinstance(left, list) and before.keys() == after.keys() and list(before) != list(after):
        yield f"{where}: in the order {', '.join(map(_name, left))} → {', '.join(map(_name, right))}"


def _name(part: Any) -> str:
    """Return how a part is called in a line."""
    name = _NAMES.get(type(part).__name__)
    return str(_place(part)) if name is None else name(part)


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Explain to pytest why ``left == right`` is not so, if both are states, or parts of the same class.

    Import it in ``conftest.py``: pytest finds it there by its name.
    """
    if op != "==" or not _is_part(left) or type(left) is not type(right):
        return None
    lines = diff_parts(left, right) or ["only in what nobody has chosen, like a model with a random name: pass it"]
    return [f"{type(left).__name__} == {type(right).__name__}", "Differences (left → right):", *lines]
