"""What a charm may ask for while its hook runs: the table of hook commands, and `answer`.

Role: one call in, one answer out, as a pure function of the hook's context.  Whether a call came from a bash
script, from a library, or over the socket without any command is a matter of transport.
Reading order: context.py (what can be seen), _flags.py (how commands are called), then one file per subject.
Not here: files, stdin and sockets (worker/toolserver.py, worker/toolclient.py).

Legacy commands (payload-*, add-metric, k8s-*, pod-spec-*) do not exist on purpose: charm libraries take a
missing program for "not available", and a failing one for a failed hook.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coordinator.engine.effects import Effects
from coordinator.engine.tools import (
    action,
    config,
    leadership,
    network,
    other,
    relation,
    resource,
    secret,
    state,
    status,
    storage,
)
from coordinator.engine.tools._flags import (
    STDIN,
    Args,
    Call,
    Command,
    HelpWanted,
    LogLine,
    help_text,
    parse,
)
from coordinator.engine.tools._output import render
from coordinator.engine.tools.context import HookContext
from coordinator.errors import BadRequest, CoordinatorError, Refused

__all__ = ["COMMANDS", "STDIN", "Answer", "Call", "HookContext", "LogLine", "answer", "needs"]

COMMANDS: Mapping[str, Command] = {
    command.name: command
    for module in (relation, config, status, leadership, network, state, secret, storage, action, resource, other)
    for command in module.COMMANDS
}

EXIT_FAILED = 1
EXIT_USAGE = 2  # charm-helpers takes this one for "no data"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What one call gave.

    `effects` are all of the hook so far.  `stdout` goes to `out_file` (relative to the caller's directory)
    where that is not None.  `resource`: what the answer is the path of, where it is one: name, file name, hash.
    """

    exit_code: int = 0
    stdout: bytes = b""
    stderr: bytes = b""
    effects: Effects
    logs: tuple[LogLine, ...] = ()
    out_file: str | None = None
    resource: tuple[str, str, str] | None = None


def needs(name: str, argv: Sequence[str]) -> tuple[str, ...]:
    """Return the files whose content the call needs, as spelled in *argv*; STDIN stands for standard input.

    A call that needs nothing must leave stdin alone: bash loops read from it.  A wrong call needs nothing
    either; `answer` says what is wrong with it.
    """
    command = COMMANDS.get(name)
    if command is None:
        return ()
    try:
        args = parse(command, Call(name=name, argv=tuple(argv)))
    except (BadRequest, HelpWanted):
        return ()
    path = args.text("file")
    inputs = () if command.inputs is None else command.inputs(args)
    return (*(() if path is None else (path,)), *inputs)


def answer(context: HookContext, call: Call) -> Answer:
    """Carry out one call.  Whatever goes wrong is in the answer; nothing is raised.

    A failed call leaves the effects as they were.
    """
    effects = context.effects
    try:
        command = COMMANDS.get(call.name)
        if command is None:
            raise Refused(f"unknown command: {call.name}")
        try:
            args = parse(command, call)
        except HelpWanted:
            return Answer(stdout=help_text(command).encode(), effects=effects)
        return _run(context, command, args)
    except BadRequest as error:
        return Answer(exit_code=EXIT_USAGE, stderr=_error(error), effects=effects)
    except CoordinatorError as error:
        return Answer(exit_code=EXIT_FAILED, stderr=_error(error), effects=effects)
    except Exception as error:  # a mistake of ours must not end the server; the charm and the log hear of it
        text = f"internal error in {call.name}: {error!r}"
        logs = (LogLine(level="ERROR", message=text, module=__name__),)
        return Answer(exit_code=EXIT_FAILED, stderr=f"ERROR {text}\n".encode(), effects=effects, logs=logs)


def _run(context: HookContext, command: Command, args: Args) -> Answer:
    reply = command.run(context, args)
    effects = context.effects
    if reply.effects is not None and reply.effects != effects:
        effects = reply.effects
        context.with_effects(effects).check_total()
    stderr = b""
    if command.format_ignored and args.text("format") is not None:
        stderr = f'--format flag deprecated for command "{command.name}"\n'.encode()
    return Answer(
        stdout=render(reply.value, args.format) if command.formats else b"",
        stderr=stderr,
        effects=effects,
        logs=reply.logs,
        out_file=args.text("output"),
        resource=reply.resource,
    )


def _error(error: CoordinatorError) -> bytes:
    return f"ERROR {error}\n".encode("utf-8", "backslashreplace")
