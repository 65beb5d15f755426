"""status-get, status-set, application-version-set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from coordinator.domain.names import UnitName
from coordinator.domain.status import SETTABLE, Status, most_severe
from coordinator.engine.tools._flags import OUTPUT, Args, Command, Flag, Reply, unrecognized
from coordinator.engine.tools.context import HookContext
from coordinator.errors import BadRequest, Refused

_APPLICATION = Flag(name="application", help="the status of the application; only its leader may ask or set it")


def _status_get(context: HookContext, args: Args) -> Reply:
    with_data, bare = args.flag("include-data"), args.format == "smart" and not args.flag("include-data")
    if args.flag("application"):
        if not context.world.is_leader:
            raise Refused("finding application status: this unit is not the leader")
        status, units = _of_application(context)
        members = {str(unit): _shown(one) for unit, one in sorted(units.items())}
        value = {"application-status": {**_shown(status), "units": members}}
    else:
        status = _of_unit(context)
        value = _shown(status) if with_data else {"status": status.current}
    return Reply(value=status.current if bare else value)


def _shown(status: Status) -> dict[str, Any]:
    return {"status": status.current, "message": status.message, "status-data": {}}


def _of_unit(context: HookContext) -> Status:
    return context.effects.status or context.world.status.workload


def _of_application(context: HookContext) -> tuple[Status, dict[UnitName, Status]]:
    """Return the status of the application, set or worked out, and those of its units."""
    mine = context.world.unit
    units = {unit: goal.status for unit, goal in context.world.goals.items() if unit.app == mine.app}
    units[mine] = _of_unit(context)
    explicit = context.effects.application_status or context.world.application_status
    if explicit is not None and explicit.current != "unset":
        return explicit, units
    return most_severe(units.values()) or Status("unknown"), units


def _status_set(context: HookContext, args: Args) -> Reply:
    current, message = args.word(0), args.word(1) or ""
    if not current:
        raise BadRequest("invalid args, require <status> [message]")
    if current not in SETTABLE:
        raise BadRequest(f'invalid status "{current}", expected one of [{" ".join(SETTABLE)}]')
    if args.words[2:]:
        raise unrecognized(args.words[2:])
    status = Status(current, message)
    if not args.flag("application"):
        return Reply(effects=replace(context.effects, status=status))
    if not context.world.is_leader:
        raise Refused("setting application status: this unit is not the leader")
    return Reply(effects=replace(context.effects, application_status=status))


def _application_version_set(context: HookContext, args: Args) -> Reply:
    version = args.word(0)
    if version is None:
        raise BadRequest("no version specified")
    return Reply(effects=replace(context.effects, version=version))


COMMANDS = (
    Command(
        name="status-get",
        summary="Print the workload status of this unit, or the status of its application.",
        run=_status_get,
        flags=(Flag(name="include-data", help="print the message too"), _APPLICATION),
        formats=OUTPUT,
    ),
    Command(
        name="status-set",
        summary="Set the workload status of this unit, or the status of its application.",
        run=_status_set,
        words="maintenance|blocked|waiting|active [MESSAGE]",
        words_max=None,
        flags=(_APPLICATION,),
    ),
    Command(
        name="application-version-set",
        summary="Say which version of the workload runs.",
        run=_application_version_set,
        words="VERSION",
        words_max=1,
    ),
)
