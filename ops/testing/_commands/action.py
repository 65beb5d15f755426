"""action-get, action-set, action-log, action-fail."""

from __future__ import annotations

from typing import Any

from .._world import ActionRecord, World
from ._call import NULL, USAGE, Call, Refused, command, merge


def _running(world: World) -> ActionRecord:
    if world.action is None:
        raise Refused("not running an action")
    return world.action


@command("action-get")
def action_get(world: World, call: Call) -> Any:
    value: Any = _running(world).params
    for part in (call.word(0) or "").split(".") if call.words else ():
        if not isinstance(value, dict) or part not in value:
            return NULL
        value = value[part]
    return value


_RESERVED = ("stdout", "stderr", "stdout-encoding", "stderr-encoding")


@command("action-set")
def action_set(world: World, call: Call) -> None:
    action = _running(world)
    for word in call.words:
        if word.partition("=")[0] in _RESERVED:
            raise Refused(f'cannot set reserved action key "{word.partition("=")[0]}"')
    for word in call.words:
        key, equals, value = word.partition("=")
        if not equals:
            raise Refused(f'argument "{word}" must be of the form key...=value', USAGE)
        nested: Any = value
        for part in reversed(key.split(".")):
            nested = {part: nested}
        action.results = merge(action.results or {}, nested)


@command("action-log")
def action_log(world: World, call: Call) -> None:
    _running(world).logs.append(" ".join(call.words))


@command("action-fail")
def action_fail(world: World, call: Call) -> None:
    _running(world).failure = call.word(0) or "action failed without reason given, check action for errors"
