"""action-get, action-set, action-log, action-fail.

Outside of an action all of them say so; that is what charms test for.
"""

from __future__ import annotations

from coordinator.engine.tools._flags import OUTPUT, Args, Command, Reply
from coordinator.engine.tools.context import HookContext
from coordinator.errors import BadRequest, Refused


def _no_action(context: HookContext, args: Args) -> Reply:
    raise Refused("not running an action")


def _action_log(context: HookContext, args: Args) -> Reply:
    if not args.words:
        raise BadRequest("no message specified")
    return _no_action(context, args)


COMMANDS = (
    Command(
        name="action-get",
        summary="Print the parameters of the running action: all of them, or one.",
        run=_no_action,
        words="[KEY[.KEY ...]]",
        words_max=1,
        formats=OUTPUT,
    ),
    Command(
        name="action-set",
        summary="Set results of the running action.",
        run=_no_action,
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
        run=_no_action,
        words="[MESSAGE]",
        words_max=1,
    ),
)
