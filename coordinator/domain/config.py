"""Options of an application: text from a person becomes a typed value, or a clear refusal."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from coordinator.domain.charm import CharmMeta, Option
from coordinator.errors import Refused

Value = str | int | float | bool

_TRUE, _FALSE = (
    {"true", "True", "TRUE", "t", "T", "1", "yes"},
    {"false", "False", "FALSE", "f", "F", "0", "no"},
)


def parse_value(option: Option, given: Any) -> Value:
    """Return *given*, text from the command line or a value from a file, as the option's type.

    Raises:
        Refused: it is not of that type.
    """
    value = _convert(option.type, given)
    if value is None:
        shown = f'"{given}"' if isinstance(given, str) else repr(given)
        raise Refused(
            f'option "{option.name}" expected {option.type}, got {shown}',
            fix=f"give a value of type {option.type}"
            + (f", like {option.default}" if option.default not in (None, "") else ""),
        )
    return value


def _convert(kind: str, given: Any) -> Value | None:
    if kind == "boolean":
        if isinstance(given, bool):
            return given
        return True if given in _TRUE else False if given in _FALSE else None
    if isinstance(given, bool):
        return None
    try:
        if kind == "int":
            return int(given) if isinstance(given, (int, str)) else None
        if kind == "float":
            number = float(given)
            return number if isfinite(number) else None  # JSON, in which it is stored and told, has no others
    except (ValueError, TypeError, OverflowError):
        return None
    if kind == "secret" and not (isinstance(given, str) and given.startswith("secret:")):
        return None
    return given if isinstance(given, str) else None


def parse_options(charm: CharmMeta, given: Mapping[str, Any]) -> dict[str, Value]:
    """Return *given* typed by the charm's options.

    Raises:
        Refused: an option is unknown, or a value is of another type.
    """
    return {name: parse_value(find_option(charm, name), value) for name, value in given.items()}


def find_option(charm: CharmMeta, name: str) -> Option:
    """Return the option called *name*.

    Raises:
        Refused: the charm has none of that name.
    """
    option = charm.find_option(name)
    if option is None:
        known = ", ".join(sorted(option.name for option in charm.options)) or "none"
        raise Refused(f'unknown option "{name}"', why=f'charm "{charm.name}" has {known}')
    return option


def carry_over(charm: CharmMeta, explicit: Mapping[str, Value]) -> dict[str, Value]:
    """Return what of *explicit* a new charm still knows with a fitting type; the rest is dropped."""
    kept = {}
    for name, value in explicit.items():
        option = charm.find_option(name)
        if option is not None and _convert(option.type, value) is not None:
            kept[name] = value
    return kept


def effective(charm: CharmMeta, explicit: Mapping[str, Value]) -> dict[str, Value | None]:
    """Return every option with the value a charm sees: what was set, else the default, else None."""
    return {option.name: explicit.get(option.name, option.default) for option in charm.options}


def parse_trust(given: Any) -> bool:
    """Return the value of the option `trust`.

    Raises:
        Refused: it is neither true nor false.
    """
    text = str(given).lower()
    if text not in ("true", "false"):
        raise Refused(f'option "trust" expected boolean, got "{given}"', fix="write it like trust=true")
    return text == "true"
