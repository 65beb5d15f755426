"""Help texts.  Pure: from the table of commands, and from a command's own declaration."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING

from coordinator.cli.index import ALIASES, COMMANDS, TOPICS

if TYPE_CHECKING:
    import click


_SHARED = ("--model", "--controller", "--format", "--output")  # what they do is the same everywhere


def orientation(program: str) -> str:
    """Return what somebody reads first: what there is, by topic."""
    width = max(map(len, COMMANDS))
    lines = [f"Usage: {program} COMMAND [flags] [args]", "", "Run charms on machines, with all state in etcd."]
    for topic, commands in TOPICS.items():
        lines += ["", f"{topic}:"]
        lines += [f"  {name:{width}}  {summary}" for name, summary in commands.items()]
    lines += ["", f"`{program} help COMMAND` says how to use one of them."]
    return "\n".join(lines)


def list_of_commands() -> str:
    """Return one line per command, sorted, with aliases."""
    everything = {**COMMANDS, **{alias: f'Alias for "{name}"' for alias, name in ALIASES.items()}}
    width = max(map(len, everything))
    return "\n".join(f"{name:{width}}  {everything[name]}" for name in sorted(everything))


def reference(load: Callable[[str], click.Command]) -> str:
    """Return every command as a Markdown table by topic: how it is called, what it does, its own flags."""
    lines = ["| command | what it does | flags |", "| --- | --- | --- |"]
    for topic, commands in TOPICS.items():
        lines.append(f"| **{topic}** | | |")
        for name, summary in commands.items():
            command = load(name)
            arguments = [_argument(p) for p in command.params if p.param_type_name == "argument"]
            other = sorted(alias for alias, target in ALIASES.items() if target == name)
            called = f"`{' '.join([name, *arguments])}`".replace("|", "\\|")
            also = f" ({', '.join(f'`{alias}`' for alias in other)})" if other else ""
            lines.append(f"| {called}{also} | {summary} | {' '.join(_own_flags(command))} |")
    return "\n".join(lines)


def _own_flags(command: click.Command) -> list[str]:
    shown = []
    for parameter in command.params:
        name = max(parameter.opts, key=len)
        hidden = getattr(parameter, "hidden", False) or not parameter.expose_value
        if parameter.param_type_name == "option" and not hidden and name not in _SHARED:
            shown.append(f"`{name}`")
    return shown


def command_help(command: click.Command, called: str, context: click.Context) -> str:
    """Return the help of one command: usage, summary, flags (its own, and those of every command), description."""
    summary, _, details = inspect.cleandoc(command.help or "").partition("\n")
    arguments = [_argument(p) for p in command.params if p.param_type_name == "argument"]
    records = [(p, p.get_help_record(context)) for p in command.params if p.param_type_name == "option"]
    own = [record for p, record in records if record and p.expose_value]
    common = [record for p, record in records if record and not p.expose_value]
    sections = [
        f"Usage: {' '.join([called, '[flags]', *arguments])}",
        f"Summary:\n{summary}",
        "Global Flags:\n" + _flags(common),
    ]
    if own:
        sections.append("Command Flags:\n" + _flags(own))
    if details.strip():
        body = details.strip("\n")
        sections.append(body if body.startswith("Examples:") else f"Details:\n{body}")
    name = called.split()[-1]
    other = [alias for alias, target in ALIASES.items() if target == ALIASES.get(name, name)]
    if other:
        sections.append(f"Aliases: {', '.join(sorted(other))}")
    return "\n\n".join(sections)


def _argument(argument: click.Parameter) -> str:
    name = argument.metavar or (argument.name or "").upper()
    return f"{name}..." if argument.nargs == -1 and not name.endswith("]") and "..." not in name else name


def _flags(records: list[tuple[str, str]]) -> str:
    return "\n".join(f"{names}\n    {text}" for names, text in records)
