"""How hook commands are called, and what they answer.

Role: split a command line, look up the command, print its answer.  Only forms that occur are understood: what
`ops.hookcmds` writes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..._backend import Reply

if TYPE_CHECKING:
    from .._world import World

USAGE = 2
"""Exit status of commands with wrong arguments, and of those about a relation that is gone."""


class Refused(Exception):
    """The controller says no: the text is what the command writes to stderr."""

    def __init__(self, text: str, returncode: int = 1):
        super().__init__(text)
        self.text = text
        self.returncode = returncode


class Call(NamedTuple):
    """One call of a command."""

    words: list[str]
    """Arguments that are no options."""
    options: dict[str, str]
    """Options by name, without hyphens; those without a value are ``true``."""
    stdin: str | None

    def word(self, number: int) -> str | None:
        """Return an argument by position, or None if there are fewer."""
        return self.words[number] if number < len(self.words) else None

    def is_set(self, option: str) -> bool:
        """Return whether an option that is on or off is on."""
        return self.options.get(option, "false").lower() == "true"


Answer = Callable[["World", Call], Any]

COMMANDS: dict[str, tuple[Answer, frozenset[str]]] = {}
"""Function of each command, and its options that take a value.  A function returns a value to be printed as
JSON, `Text` to be printed as it is, or None to print nothing."""


class Text(str):
    """An answer that is printed as it is."""


NULL = Text("null")
"""What is printed for a key that is not there."""

_SILENCE = Reply(0, "", "")


def command(name: str, *, takes: Sequence[str] = ()) -> Callable[[Answer], Answer]:
    """Register the decorated function as the command *name*; options in *takes* have a value."""

    def register(function: Answer) -> Answer:
        COMMANDS[name] = function, frozenset(takes)
        return function

    return register


def answer(world: World, name: str, arguments: Sequence[str], stdin: str | None) -> Reply:
    """Carry out a command.

    Raises:
        FileNotFoundError: there is no such command.
    """
    if name not in COMMANDS:
        raise FileNotFoundError(2, "no such hook command", name)
    function, takes = COMMANDS[name]
    if name in world.too_new:
        return Reply(1, "", f"ERROR {name} is not supported by a controller of this version\n")
    try:
        value = function(world, _split(arguments, takes, stdin))
    except Refused as refused:
        return Reply(refused.returncode, "", f"ERROR {refused.text}")
    if value is None:
        return _SILENCE
    return Reply(0, value if isinstance(value, Text) else json.dumps(value), "")


def _split(arguments: Sequence[str], takes: frozenset[str], stdin: str | None) -> Call:
    words: list[str] = []
    options: dict[str, str] = {}
    rest = iter(arguments)
    for each in rest:
        if each == "--":
            words += rest
        elif each == "-" or not each.startswith("-"):
            words.append(each)
        else:
            name, equals, value = each.lstrip("-").partition("=")
            options[name] = value if equals else next(rest) if name in takes else "true"
    return Call(words, options, stdin)


def merge(known: Mapping[str, Any], added: Mapping[str, Any]) -> dict[str, Any]:
    """Return *known* with what *added* says in place of it, mappings within mappings likewise."""
    merged = dict(known)
    for key, value in added.items():
        before = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(before, Mapping)
        merged[key] = merge(before, value) if both else value  # type: ignore[arg-type]
    return merged
