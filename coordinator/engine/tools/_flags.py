"""The frame of every hook command: what a call is, its flags, its help, its key=value arguments.

Role: argv in, `Args` out, or a refusal with the text and exit code that charms know.  A `Command` is a value:
its flags, how many words it takes, and the function that answers.
Not here: how an answer is printed (_output.py), what the commands do (the other files of this folder).
Source of texts and exit codes: tests/contract/test_juju_facts.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from coordinator.engine.effects import Effects
from coordinator.errors import BadRequest, Refused

if TYPE_CHECKING:
    from coordinator.engine.tools.context import HookContext

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML without libyaml: the same, slower
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

#: How a file argument says "standard input".
STDIN = "-"

_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_NULL = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call of a hook command.

    `argv` are the arguments after the name; bytes that are not UTF-8 are in it as surrogates.  `stdin` and
    `files` hold what `needs` asked for, None or absent when it was not asked for; a path is spelled as in `argv`.
    """

    name: str
    argv: tuple[str, ...] = ()
    stdin: bytes | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class LogLine:
    """One line for the log of the unit.  `level`: one of LEVELS in other.py; `module`: who says it."""

    level: str
    message: str
    module: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What a command returns: a value to print (None: nothing), the effects so far (None: as before).

    `resource` (name, file name, hash) stands for the path of a resource: only who has the files knows it.
    """

    value: Any = None
    effects: Effects | None = None
    logs: tuple[LogLine, ...] = ()
    resource: tuple[str, str, str] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Flag:
    """One option.  `takes` names its value in the help; empty: the option is a switch."""

    name: str
    help: str
    short: str = ""
    takes: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One hook command.

    `words` is how the arguments look in the help, `words_max` how many are taken (None: any number).
    `formats` are the output formats, the default one first; empty: the command prints nothing.
    `format_ignored`: an old `--format` is accepted with a remark.  `any_bytes`: arguments that are not UTF-8 are
    taken too, with replacement characters.  `inputs`: which files the call needs besides that of `--file`.
    """

    name: str
    summary: str
    run: Callable[[HookContext, Args], Reply]
    words: str = ""
    words_max: int | None = 0
    flags: tuple[Flag, ...] = ()
    formats: tuple[str, ...] = ()
    format_ignored: bool = False
    any_bytes: bool = False
    inputs: Callable[[Args], Iterator[str]] | None = None

    def all_flags(self) -> Iterator[Flag]:
        """Return the command's own flags and the ones that come with its kind."""
        yield from self.flags
        if self.formats:
            yield Flag(name="format", help=f"output format ({'|'.join(self.formats)})", takes="FORMAT")
            yield Flag(name="output", short="o", help="write the output to this file", takes="FILE")
        elif self.format_ignored:
            yield Flag(name="format", help="deprecated, has no effect", takes="FORMAT")
        yield Flag(name="help", short="h", help="show this help")


OUTPUT = ("smart", "yaml", "json")
FILE = Flag(name="file", help="read key: value pairs from this YAML or JSON file, - for stdin", takes="FILE")
RELATION = Flag(name="relation", short="r", help="relation id, like db:7", takes="ID")


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    """A parsed command line.  `given` maps the name of an option to its value, `spelled` to how it was typed."""

    command: Command
    call: Call
    words: tuple[str, ...] = ()
    given: Mapping[str, str | bool] = field(default_factory=dict)
    spelled: Mapping[str, str] = field(default_factory=dict)

    def flag(self, name: str) -> bool:
        return self.given.get(name) is True

    def text(self, name: str) -> str | None:
        """Return the value of an option, None when it was not given."""
        value = self.given.get(name)
        return value if isinstance(value, str) else None

    def word(self, position: int) -> str | None:
        return self.words[position] if position < len(self.words) else None

    @property
    def format(self) -> str:
        return self.text("format") or (self.command.formats or ("",))[0]

    def bad_value(self, name: str, reason: str) -> BadRequest:
        """Return the error for an option whose value cannot be used."""
        return BadRequest(f'invalid value "{self.text(name)}" for option {self.spelled[name]}: {reason}')

    def entries(self) -> dict[str, str]:
        """Return the pairs of the command line on top of those of `--file`.

        Raises:
            BadRequest: an argument is not a pair, or a key comes twice.
            Refused: the file was not handed in, or is not a flat mapping.
        """
        typed = _pairs(self.words)
        return {**self.document(), **typed}

    def document(self) -> dict[str, str]:
        """Return the flat mapping in the file that `--file` names; empty without one."""
        path = self.text("file")
        return {} if path is None else _document(self.content_of(path), "stdin" if path == STDIN else path)

    def content_of(self, path: str) -> bytes:
        """Return what is in the file at *path*, spelled as in the call.

        Raises:
            Refused: it was not handed in.
        """
        data = self.call.stdin if path == STDIN else self.call.files.get(path)
        if data is None:
            raise Refused(f"cannot read {path}", why="its content did not come with the call")
        return data


class HelpWanted(Exception):
    """`--help` was among the arguments: nothing else matters."""


def parse(command: Command, call: Call) -> Args:
    """Return the arguments of *call*; options and words may be mixed, `--` ends the options.

    Raises:
        HelpWanted: help is asked for.
        BadRequest: an option is unknown or has no usable value, there are too many words, or one is not UTF-8.
    """
    by_name, by_letter = _flags_of(command)
    given: dict[str, str | bool] = {}
    spelled: dict[str, str] = {}
    words: list[str] = []
    rest = [_utf8(text, command) for text in call.argv]
    while rest:
        text = rest.pop(0)
        if text == "--":
            words += rest
            break
        if text.startswith("--"):
            name, equals, value = text[2:].partition("=")
            flag = _known(by_name.get(name), f"--{name}")
            _take(flag, f"--{name}", value if equals else None, rest, given, spelled)
        elif text.startswith("-") and text != "-":
            letters = text[1:]
            while letters:
                flag = _known(by_letter.get(letters[0]), f"-{letters[0]}")
                value, letters = _of_letter(flag, letters[1:])
                _take(flag, f"-{flag.short}", value, rest, given, spelled)
        else:
            words.append(text)
    if command.words_max is not None and len(words) > command.words_max:
        raise unrecognized(words[command.words_max :])
    args = Args(command=command, call=call, words=tuple(words), given=given, spelled=spelled)
    if command.formats and args.format not in command.formats:
        raise args.bad_value("format", f'unknown format "{args.format}"')
    return args


#: Flags of commands by name and by letter, beside the command itself; made at its first call.
_flags: dict[int, tuple[Command, dict[str, Flag], dict[str, Flag]]] = {}


def _flags_of(command: Command) -> tuple[dict[str, Flag], dict[str, Flag]]:
    known = _flags.get(id(command))
    if known is None:
        by_name = {flag.name: flag for flag in command.all_flags()}
        known = _flags[id(command)] = (
            command,
            by_name,
            {flag.short: flag for flag in by_name.values() if flag.short},
        )
    return known[1], known[2]


def _utf8(text: str, command: Command) -> str:
    shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if shown != text and not command.any_bytes:
        raise BadRequest(f'argument "{shown}" is not UTF-8')
    return shown


def _known(flag: Flag | None, spelled: str) -> Flag:
    if flag is None:
        raise BadRequest(f"option provided but not defined: {spelled}")
    return flag


def _of_letter(flag: Flag, rest: str) -> tuple[str | None, str]:
    """Split what follows a one-letter option into its value (None: not attached) and the letters still to read."""
    if rest.startswith("="):
        return rest[1:], ""
    return (rest or None, "") if flag.takes else (None, rest)


def _take(
    flag: Flag,
    spelled_now: str,
    value: str | None,
    rest: list[str],
    given: dict[str, str | bool],
    spelled: dict[str, str],
) -> None:
    """Note one option; the last of several wins."""
    if flag.name == "help":
        raise HelpWanted
    spelled[flag.name] = spelled_now
    if flag.takes:
        if value is None and not rest:
            raise BadRequest(f"option needs an argument: {spelled_now}")
        given[flag.name] = rest.pop(0) if value is None else value
    elif value is None or value in _TRUE:
        given[flag.name] = True
    elif value in _FALSE:
        given[flag.name] = False
    else:
        raise BadRequest(f'invalid value "{value}" for option {spelled_now}: neither true nor false')


def unrecognized(words: Sequence[str]) -> BadRequest:
    quoted = " ".join(json.dumps(word, ensure_ascii=False) for word in words)
    return BadRequest(f"unrecognized args: [{quoted}]")


def help_text(command: Command) -> str:
    """Return the help of one command: usage, summary, and every option on a line of its own."""
    flags = list(command.all_flags())
    lines = [f"Usage: {command.name} [options] {command.words}".rstrip(), "", command.summary, "", "Options:"]
    for flag in flags:
        names = f"-{flag.short}, --{flag.name}" if flag.short else f"--{flag.name}"
        lines.append(f"  {names} {flag.takes}".rstrip())
        lines.append(f"      {flag.help}")
    return "\n".join(lines) + "\n"


def _pairs(words: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        key = key.strip()
        if not equals or not key:
            raise BadRequest(f'expected "key=value", got "{word}"')
        if key in found:
            raise BadRequest(f'key "{key}" specified more than once')
        found[key] = value.strip()
    return found


def _document(data: bytes, source: str) -> dict[str, str]:
    """Return the flat mapping in *data*, every scalar as its literal text, null as the empty string.

    charm-helpers writes deletions as YAML null, and numbers must arrive as they were typed.
    """
    try:
        text = data.decode("utf-8")
        found = _from_json(text)
        found = _from_yaml(text) if found is None else found
        "".join(part for pair in found.items() for part in pair).encode("utf-8")
    except UnicodeError as cause:
        raise Refused(f"cannot read {source}", why="it is not UTF-8") from cause
    except yaml.YAMLError as cause:
        problem = getattr(cause, "problem", None) or str(cause)
        raise Refused(f"cannot read {source}", why=f"it is neither YAML nor JSON: {problem}") from cause
    except _NotFlat as cause:
        fix = 'give one mapping of names to plain values, like {"key": "value"}'
        raise Refused(f"cannot read {source}", why=str(cause), fix=fix) from cause
    if "" in found:
        raise Refused(f"cannot read {source}", why="it has an empty key")
    return found


class _NotFlat(Exception):
    """A document is more, or less, than a flat mapping."""


def _from_json(text: str) -> dict[str, str] | None:
    """Return the mapping, or None when *text* is not JSON; this is what libraries send, so it is quick."""
    try:
        value = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    words = {None: "", True: "true", False: "false"}
    for key, item in value.items():
        if isinstance(item, (dict, list)):
            raise _NotFlat(f'the value of "{key}" is not plain text')
    return {key: item if isinstance(item, str) else words[item] for key, item in value.items()}


def _from_yaml(text: str) -> dict[str, str]:
    """Read events rather than a tree: a nested document is refused before it can cost anything."""
    scalars: list[str] = []
    inside = False
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.ScalarEvent):
            if not inside and event.value not in _NULL:
                raise _NotFlat("it is not a mapping")
            plain = event.implicit[0] and event.value in _NULL
            scalars.append("" if plain else event.value)
        elif isinstance(event, yaml.MappingStartEvent) and not inside:
            inside = True
        elif isinstance(event, (yaml.CollectionStartEvent, yaml.AliasEvent)):
            raise _NotFlat("its values are not plain text" if inside else "it is not a mapping")
        elif isinstance(event, yaml.DocumentEndEvent):
            break
    if not inside:
        return {}
    return dict(zip(scalars[::2], scalars[1::2], strict=True))
