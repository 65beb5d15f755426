"""Show parts of a state, and what differs between two states, to a person.

Role: text from values.  Works on any frozen dataclass, so the parts themselves can use it for their `repr`.
Not here: any knowledge of what the parts mean, but for how each is found again in another state (`_KEYS`).
"""

from __future__ import annotations

import enum
import functools
import inspect
from collections.abc import Mapping
from typing import Any

LINE_WIDTH = 100
"""A value that fits into this many characters is shown on one line."""


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


def show_part(part: Any) -> str:
    """Return *part* on one line, as it would be written in a test, without defaults."""
    inside = ", ".join(f"{name}={_flat(value)}" if name else _flat(value) for name, value in arguments(part))
    return f"{type(part).__name__}({inside})"


def _flat(value: Any) -> str:
    """Return *value* on one line; sets in the order of their texts."""
    if isinstance(value, (set, frozenset)):
        return "{" + ", ".join(sorted(map(_flat, value))) + "}" if value else f"{type(value).__name__}()"
    if isinstance(value, enum.Enum):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flat(key)}: {_flat(item)}" for key, item in value.items()) + "}"
    if type(value) is list:
        return "[" + ", ".join(map(_flat, value)) + "]"
    return repr(value)


def show_state(state: Any) -> str:
    """Return *state* as it would be written in a test."""
    lines: list[str] = []
    for name, value in arguments(state):
        lines.append(f"{name}={_flat(value)}")
    return f"{type(state).__name__}({', '.join(lines)})"
