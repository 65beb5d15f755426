"""juju-log, juju-reboot, goal-state, credential-get."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from coordinator.domain.life import Life
from coordinator.engine.effects import Reboot
from coordinator.engine.tools._flags import OUTPUT, Args, Command, Flag, LogLine, Reply
from coordinator.engine.tools.context import HookContext
from coordinator.engine.world import Goal, WorldRelation
from coordinator.errors import BadRequest, Refused

LEVELS = ("TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def _juju_log(context: HookContext, args: Args) -> Reply:
    if not args.words:
        raise BadRequest("no message specified")
    given = "DEBUG" if args.flag("debug") else args.text("log-level") or "INFO"
    level, module = given.upper(), f"unit.{context.world.unit}.juju-log"
    remarks: tuple[LogLine, ...] = ()
    if level not in LEVELS:
        level, remark = "INFO", f'unknown log level "{given}" for juju-log; INFO is used'
        remarks = (LogLine(level="WARNING", message=remark, module=module),)
    hook, message = context.hook, " ".join(args.words)
    if hook is not None and hook.relation is not None:
        message = f"{hook.endpoint}:{hook.relation}: {message}"
    return Reply(logs=(*remarks, LogLine(level=level, message=message, module=module)))


def _juju_reboot(context: HookContext, args: Args) -> Reply:
    if context.task is not None:
        raise Refused("juju-reboot is not supported when running an action.")
    if not context.world.may_reboot:
        raise Refused(
            "juju-reboot is not allowed on this machine",
            why="its worker was started without a command for that",
            fix="start it with COORDINATOR_REBOOT_COMMAND='systemctl reboot'",
        )
    reboot = Reboot.NOW if args.flag("now") else Reboot.AFTER
    return Reply(effects=replace(context.effects, reboot=reboot))


def _goal_state(context: HookContext, args: Args) -> Reply:
    world = context.world
    mine = Goal(status=world.status.workload, dying=world.life is not Life.ALIVE)
    goals = {world.unit: mine, **world.goals}
    units = {str(unit): _goal(goal) for unit, goal in goals.items() if unit.app == world.unit.app}
    relations: dict[str, dict[str, Any]] = {}
    for _, relation in sorted(world.relations.items()):
        if relation.is_peer:
            continue
        entries = relations.setdefault(relation.endpoint, {})
        entries[relation.remote_app] = {"status": _relation_status(relation)}
        for unit, goal in world.goals.items():
            if unit.app == relation.remote_app:
                entries[str(unit)] = _goal(goal)
    return Reply(value={"units": units, "relations": relations})


def _relation_status(relation: WorldRelation) -> str:
    if relation.life is not Life.ALIVE:
        return "broken"
    return "joined" if relation.in_scope else "joining"


def _goal(goal: Goal) -> dict[str, str]:
    shown = {"status": "dying" if goal.dying else goal.status.current}
    if goal.status.since:
        # 2018-09-28T00:59:42.5Z is printed as 2018-09-28 00:59:42Z.
        date, _, clock = goal.status.since.partition("T")
        shown["since"] = f"{date} {clock.removesuffix('Z').partition('.')[0]}Z"
    return shown


def _credential_get(context: HookContext, args: Args) -> Reply:
    if not context.world.trust:
        raise Refused(
            "cannot access cloud credentials: permission denied",
            fix=f"coordinator trust {context.world.unit.app}",
        )
    raise Refused("cannot access cloud credentials: not supported", why="machines here belong to no cloud")


COMMANDS = (
    Command(
        name="juju-log",
        summary="Write a message to the log of the unit.",
        run=_juju_log,
        words="MESSAGE ...",
        words_max=None,
        flags=(
            Flag(name="log-level", short="l", help=f"one of {', '.join(LEVELS)}", takes="LEVEL"),
            Flag(name="debug", help="the same as --log-level DEBUG"),
        ),
        format_ignored=True,
        any_bytes=True,
    ),
    Command(
        name="juju-reboot",
        summary="Reboot the machine after this hook.",
        run=_juju_reboot,
        flags=(Flag(name="now", help="at once; the hook is stopped and runs again afterwards"),),
    ),
    Command(
        name="goal-state",
        summary="Print the units and relations as they are going to be.",
        run=_goal_state,
        formats=("yaml", "json"),
    ),
    Command(
        name="credential-get",
        summary="Print the credentials of the cloud.",
        run=_credential_get,
        formats=OUTPUT,
    ),
)
