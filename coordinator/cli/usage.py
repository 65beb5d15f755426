"""Arguments and flags: run a click command by the rules of this command line.

Role: flags that every command takes, types with their texts, and click's errors turned into ours.  What can be
judged from the command line alone is judged here and in the commands, as BadRequest (exit 2).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import Any, TypeVar

import click

from coordinator.cli.console import Console
from coordinator.cli.index import module_of
from coordinator.errors import BadRequest, Refused

T = TypeVar("T")


def invoke(called: str, name: str, arguments: list[str], console: Console | None = None) -> int:
    """Run the command *name* with *arguments* and return its exit code; *called* is how help texts name it.

    Raises:
        BadRequest: the arguments are wrong.
    """
    console = console or Console()
    command = load(name)
    try:
        with command.make_context(
            called, _plain_flags(command, arguments), obj=console, allow_extra_args=True
        ) as context:
            if context.args:
                raise BadRequest(f"unrecognized args: [{' '.join(map(_quoted, context.args))}]")
            command.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.Abort as cause:
        raise KeyboardInterrupt from cause
    except click.UsageError as problem:
        raise _usage(problem, called) from problem
    except Refused as refusal:
        refusal.fix = refusal.fix or f"see `{called} --help`"
        raise
    finally:
        console.end_progress()
    return 0


def load(name: str) -> click.Command:
    """Return the command *name*, with the flags that every command takes."""
    command: click.Command = import_module(module_of(name)).command
    command.add_help_option = False
    known = {opt for parameter in command.params for opt in parameter.opts}
    command.params += [option for option in _common() if not known & set(option.opts)]
    return command


def _common() -> list[click.Option]:
    def note(field: str) -> Callable[[click.Context, click.Parameter, bool], None]:
        def callback(context: click.Context, parameter: click.Parameter, value: bool) -> None:
            if value:
                setattr(context.obj, field, True)

        return callback

    def show_help(context: click.Context, parameter: click.Parameter, value: bool) -> None:
        if value and not context.resilient_parsing:
            from coordinator.cli.help import command_help

            click.echo(command_help(context.command, context.command_path, context))
            context.exit()

    def flag(*names: str, text: str, **more: Any) -> click.Option:
        return click.Option(names, is_flag=True, expose_value=False, help=text, **more)

    return [
        flag("--quiet", text="Say nothing but data, warnings and errors.", callback=note("quiet")),
        flag("--verbose", text="As --debug.", callback=note("debug")),
        flag(
            "--debug", text="Say what is asked of the controller, and how long it takes.", callback=note("debug")
        ),
        flag("--show-log", text="As --debug.", callback=note("debug"), hidden=True),
        click.Option(["--logging-config"], expose_value=False, hidden=True),
        flag("-h", "--help", text="Show this help.", is_eager=True, callback=show_help),
    ]


# --- errors ----------------------------------------------------------------------------------------------


def _usage(problem: click.UsageError, called: str) -> BadRequest:
    fix = f"see `{called} --help`"
    if isinstance(problem, click.NoSuchOption):
        near = _nearest(problem.option_name, problem.possibilities or ())
        if near:
            fix = f"did you mean {near}?  `{called} --help` lists the options"
        return BadRequest(f"option provided but not defined: {problem.option_name}", fix=fix)
    if isinstance(problem, click.BadOptionUsage):
        if "does not take a value" in problem.message:
            return BadRequest(problem.message, fix=fix)
        return BadRequest(f"option needs an argument: {problem.option_name}", fix=fix)
    if isinstance(problem, BadValue):
        return BadRequest(f'invalid value "{problem.value}" for {_name(problem)}: {problem.message}', fix=fix)
    if isinstance(problem, click.MissingParameter) or not isinstance(problem, click.BadParameter):
        return BadRequest(problem.format_message(), fix=fix)
    return BadRequest(f"invalid value for {_name(problem)}: {problem.message}", fix=fix)


def _nearest(option: str, among: Sequence[str]) -> str | None:
    """Return which option of *among* is spelled like *option*, their dashes left aside; None if none is."""
    from difflib import get_close_matches

    names = {each.lstrip("-"): each for each in among}
    near = get_close_matches(option.lstrip("-"), names, n=1)
    return names[near[0]] if near else None


def _name(problem: click.BadParameter) -> str:
    if isinstance(problem.param, click.Argument):
        return problem.param.human_readable_name
    return f"option {problem.param.opts[-1]}" if problem.param else "?"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _plain_flags(command: click.Command, arguments: Sequence[str]) -> list[str]:
    """Return *arguments* with `--flag=true` as `--flag`, and without `--flag=false`.

    What follows the first word is left alone where that ends the options: it is a command of its own.
    """
    options = [each for each in command.params if isinstance(each, click.Option)]
    flags = {opt for each in options if each.is_flag for opt in each.opts}
    with_value = {opt for each in options if not each.is_flag for opt in each.opts}
    first_word_ends = not command.context_settings.get("allow_interspersed_args", True)
    plain = []
    for place, argument in enumerate(arguments):
        is_word = not argument.startswith("-") and (place == 0 or arguments[place - 1] not in with_value)
        if argument == "--" or (is_word and first_word_ends):
            return [*plain, *arguments[place:]]
        name, _, value = argument.partition("=")
        if name in flags and value in ("true", "false"):
            plain += [name] if value == "true" else []
        else:
            plain.append(argument)
    return plain


# --- types -----------------------------------------------------------------------------------------------


class BadValue(click.BadParameter):
    """A value of an option that is not of its type."""

    def __init__(self, value: Any, why: str, context: click.Context | None, parameter: click.Parameter | None):
        super().__init__(why, context, parameter)
        self.value = value


class Parsed(click.ParamType):
    """Text that *parse* turns into a value, or refuses with a ValueError or Refused that says why."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name, self._parse = name, parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except Refused as refusal:
            raise BadValue(value, refusal.what, ctx, param) from refusal
        except ValueError as refusal:
            raise BadValue(value, str(refusal), ctx, param) from refusal


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("expected an integer") from None


def one_of(names: Sequence[str], otherwise: str) -> Parsed:
    """Return the type of words from *names*; *otherwise* says what another one is, with %s for it."""

    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(otherwise % f'"{text}"')
        return text

    return Parsed("|".join(names), parse)


def at_least(least: int) -> Parsed:
    """Return the type of whole numbers from *least* on."""

    def parse(text: str) -> int:
        if (number := _integer(text)) < least:
            raise ValueError(f"expected {least} or more")
        return number

    return Parsed("integer", parse)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("expected true or false")
    return text == "true"


def _duration_s(text: str) -> float:
    from coordinator.domain.settings import parse_duration_s

    return parse_duration_s(text)


def _wait_s(text: str) -> float:
    """Return seconds; negative ones mean without end.  A bare number is seconds, as scripts write it."""
    from coordinator.domain.settings import parse_duration_s

    bare = text.removeprefix("-")
    seconds = float(bare) if bare.replace(".", "", 1).isdigit() else parse_duration_s(bare)
    return -seconds if text.startswith("-") else seconds


def _base(text: str) -> str:
    name, at, channel = text.partition("@")
    if not (name and at and channel):
        raise ValueError("expected NAME@CHANNEL, like ubuntu@24.04")
    return text.removesuffix("/stable")


BOOLEAN = Parsed("boolean", _boolean)
INTEGER = Parsed("integer", _integer)
DURATION = Parsed("duration", _duration_s)
WAIT = Parsed("duration", _wait_s)
BASE = Parsed("base", _base)
LIST = Parsed("list", lambda text: [part for part in (part.strip() for part in text.split(",")) if part])


# --- helpers of the commands -----------------------------------------------------------------------------


def required(value: T | None, otherwise: str) -> T:
    """Return *value*; BadRequest that says *otherwise* if there is none."""
    if not value and value != 0:
        raise BadRequest(otherwise)
    return value


def pairs(words: Iterable[str]) -> dict[str, str]:
    """Return `key=value` words as a mapping.

    Raises:
        BadRequest: one has no key, or no equals sign.
    """
    found = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not key or not equals:
            raise BadRequest(f'expected "key=value", got "{word}"')
        found[key] = value
    return found
