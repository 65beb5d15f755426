"""action-get, action-set, action-log, action-fail.

Outside of an action all of them say so; that is what charms test for.
"""

from __future__ import annotations

import json
from dataclasses import replace

from coordinator.domain.task import (
    LOG_BYTES_MAX,
    LOG_LINES_MAX,
    RESULTS_BYTES_MAX,
    found_at,
    result_path,
    with_result,
)
from coordinator.engine.effects import TaskEffects
from coordinator.engine.tools._flags import OUTPUT, Args, Command, Reply
from coordinator.engine.tools.context import HookContext, too_large
from coordinator.errors import BadRequest, Refused

NO_REASON = "action failed without reason given, check action for errors"


def _action_get(context: HookContext, args: Args) -> Reply:
    _check(context)
    assert context.task is not None
    key = args.word(0)
    parameters = context.task.parameters
    return Reply(value=found_at(parameters, key.split(".")) if key else dict(parameters))


def _action_set(context: HookContext, args: Args) -> Reply:
    _check(context)
    results = context.effects.task.results
    for word in args.words:
        key, equals, value = word.partition("=")
        if not equals:
            raise BadRequest(f'argument "{word}" must be of the form key...=value')
        results = with_result(results, result_path(key), value)
    size = len(json.dumps(results, ensure_ascii=False).encode("utf-8", "replace"))
    if size > RESULTS_BYTES_MAX:
        raise too_large("the results of this action", size, RESULTS_BYTES_MAX)
    return _with(context, replace(context.effects.task, results=results))


def _action_log(context: HookContext, args: Args) -> Reply:
    if not args.words:
        raise BadRequest("no message specified")
    _check(context)
    told = context.effects.task.log
    if len(told) >= LOG_LINES_MAX:
        raise Refused(f"cannot log: {LOG_LINES_MAX} messages are logged already, the limit")
    message = " ".join(args.words)
    size = sum(map(len, told)) + len(message)
    if size > LOG_BYTES_MAX:
        raise too_large("what this action logs", size, LOG_BYTES_MAX)
    return _with(context, replace(context.effects.task, log=(*told, message)))


def _action_fail(context: HookContext, args: Args) -> Reply:
    _check(context)
    return _with(context, replace(context.effects.task, failure=args.word(0) or NO_REASON))


def _check(context: HookContext) -> None:
    if context.task is None:
        raise Refused("not running an action")


def _with(context: HookContext, task: TaskEffects) -> Reply:
    return Reply(effects=replace(context.effects, task=task))


COMMANDS = (
    Command(
        name="action-get",
        summary="Print the parameters of the running action: all of them, or one.",
        run=_action_get,
        words="[KEY[.KEY ...]]",
        words_max=1,
        formats=OUTPUT,
    ),
    Command(
        name="action-set",
        summary="Set results of the running action.",
        run=_action_set,
        words="KEY[.KEY ...]=VALUE ...",
        words_max=None,
    ),
    Command(
        name="action-log",
        summary="Tell progress of the running action.",
        run=_action_log,
        words="MESSAGE ...",
        words_max=None,
    ),
    Command(
        name="action-fail",
        summary="Mark the running action as failed.",
        run=_action_fail,
        words="[MESSAGE]",
        words_max=1,
    ),
)
