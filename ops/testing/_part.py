"""What all parts of a state have in common: how they are shown, numbered, named and changed.

Role: helpers of _parts.py, _relation_parts.py, _container_parts.py and _state.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeVar

from . import _show
from .errors import StateValidationError

_P = TypeVar("_P")


class Part:
    """Base of the parts of a state: shown as it would be written in a test, without defaults."""

    _unsaid: dict[str, Any] = {}
    """Values that fields have when nothing is given, where the constructor's signature does not show it."""

    def _is_unsaid(self, name: str, value: Any) -> bool:
        """Return whether field *name* has *value* if nobody says anything about it."""
        return name in self._unsaid and self._unsaid[name] == value

    def __repr__(self) -> str:
        return _show.show_part(self)


def changed(part: _P, **fields: Any) -> _P:
    """Return *part* with other values in some fields, quickly: nothing is checked, copied or counted.

    For values that come from our own code.  What a test gives goes through the constructor.
    """
    other = object.__new__(type(part))
    other.__dict__.update(part.__dict__, **fields)
    return other


class Counter:
    """Hands out whole numbers, each once in this process."""

    def __init__(self, first: int):
        self._next = first

    def __call__(self, *, update: bool = True) -> int:
        """Return the next number; with *update* False the same one will be returned again."""
        number = self._next
        if update:
            self._next += 1
        return number


NAME_RULES = {
    "relation endpoint": (
        re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*"),
        "lowercase letters and digits, in groups joined by single hyphens or underscores, a letter first",
    ),
    "storage": (
        re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]*[a-z][a-z0-9]*)*"),
        "lowercase letters and digits, in groups joined by single hyphens, each with a letter, a letter first",
    ),
    "action": (
        re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"),
        "lowercase letters, digits and hyphens, no hyphen at either end",
    ),
    "container": (
        re.compile(r"(?!.{64})[a-z0-9]([a-z0-9-]*[a-z0-9])?"),
        "at most 63 lowercase letters, digits and hyphens, no hyphen at either end",
    ),
}
"""How the controller wants things to be named: the pattern, and the same in words."""


def check_name(kind: str, name: str) -> None:
    """Check the name of something that charms declare; *kind* is a key of `NAME_RULES`.

    Raises:
        StateValidationError: the controller would refuse a charm that declares this name.
    """
    pattern, words = NAME_RULES[kind]
    if not pattern.fullmatch(name):
        raise StateValidationError(f"invalid {kind} name {name!r}: the controller allows {words}")


def list_of_texts(where: str, values: Iterable[str]) -> list[str]:
    """Copy *values* to a list.

    Raises:
        StateValidationError: *values* is a single text, whose letters would be taken one by one.
    """
    if isinstance(values, str):
        raise StateValidationError(f"{where} is a single text; did you mean [{values!r}]?")
    return list(values)
