"""When a task runs, what it can ask for, and what is written at its begin and end."""

from __future__ import annotations

from typing import Any

import pytest
from build import (
    CREATED,
    MODEL,
    WEB,
    Story,
    command,
    entered,
    leading,
    memory,
    relation,
    settled,
    stored,
    unit,
    world,
)

from coordinator.domain import refs
from coordinator.domain.life import Life
from coordinator.domain.task import EXEC, LOG_LINES_MAX, RESULTS_BYTES_MAX, Queued, Task, TaskLog, TaskStatus
from coordinator.domain.unit import Unit
from coordinator.domain.unit_state import Failure, Hook, HookKind, UnitState
from coordinator.engine.decide import decide
from coordinator.engine.effects import Effects
from coordinator.engine.hookenv import hook_environment
from coordinator.engine.operation import RunHook, RunTask
from coordinator.engine.task import NOT_LANDED, TERMINATED, Ran, begin, end
from coordinator.engine.tools import HookContext
from coordinator.engine.world import Moment, World

FAILED = Failure(hook=Hook(kind=HookKind.CONFIG_CHANGED), reason="exit status 1", attempts=1, at_s=0.0)
DYING = Unit(name=unit("web/0"), created="", life=Life.DYING)


def task(number: int = 2, **more: Any) -> Task:
    return Task(
        **{"id": number, "operation": 1, "unit": unit("web/0"), "action": "go", "enqueued": CREATED, **more}
    )


def asked(*tasks: Task, leads: bool = False, **more: Any) -> World:
    return (leading if leads else world)(tasks={each.id: stored(each, 5) for each in tasks}, **more)


# --- order -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "seen", "runs"),
    [
        pytest.param(settled(), asked(task()), True, id="an idle unit"),
        pytest.param(settled(), asked(task(), config_revision=9), True, id="before config-changed"),
        pytest.param(settled(), asked(task(), charm_version=1), True, id="before upgrade-charm"),
        pytest.param(settled(), asked(task(), relations={7: relation()}), False, id="after relation-created"),
        pytest.param(settled(leader=False), asked(task(), leads=True), False, id="after leader-elected"),
        pytest.param(settled(failed=FAILED), asked(task()), True, id="while a hook has failed"),
        pytest.param(settled(), asked(task(), entity=DYING), True, id="in a dying unit, before it stops"),
        pytest.param(settled(stopped=True), asked(task(), entity=DYING), True, id="until it is gone"),
        pytest.param(UnitState(), asked(task()), False, id="not before install"),
        pytest.param(settled(started=False), asked(task()), False, id="not between config-changed and start"),
        pytest.param(settled(config=None), asked(task()), True, id="after install"),
    ],
)
def test_where_a_task_stands_among_hooks(state, seen, runs):
    operation = decide(memory(unit=state), seen, Moment(now_s=1_000.0))
    assert isinstance(operation, RunTask if runs else RunHook)


def test_tasks_run_in_the_order_in_which_they_were_asked_for():
    story = Story()
    story.deploy("web", WEB)
    story.run("web/0")
    for number in (10, 9, 2):
        story.put(refs.task(MODEL, number), task(number))
        story.put(refs.queued(MODEL, unit("web/0"), number), Queued(task=number))
    ran = []
    while isinstance(operation := decide(*story.look("web/0"), Moment()), RunTask):
        number = operation.task.id
        ran.append(number)
        story.apply(begin(story.look("web/0")[1], operation.task, session="s", now=CREATED))
        left = decide(*story.look("web/0"), Moment())
        assert isinstance(left, RunTask)
        assert left.task.status is TaskStatus.RUNNING, "whoever comes now sees that it was begun"
        seen_memory, seen = story.look("web/0")
        story.apply(end(seen_memory, seen, left.task, Effects(), Ran(status=0), log=TaskLog(), now=CREATED))
    assert ran == [2, 9, 10]
    assert all(story.get(refs.task(MODEL, number)).status is TaskStatus.COMPLETED for number in ran)


# --- begin and end ---------------------------------------------------------------------------------------


def ended(ran: Ran, effects: Effects | None = None, *, now: TaskStatus = TaskStatus.RUNNING, **more: Any):
    seen = asked(task(status=now, **more), relations={7: relation(in_scope=True, bags={"web/0": stored({})})})
    change = end(memory(), seen, task(**more), effects or Effects(), ran, log=TaskLog(), now=CREATED)
    return change, change.puts[refs.task(MODEL, 2)]


def wrote(context: HookContext, *lines: str) -> Effects:
    for line in lines:
        said = command(context, line)
        assert said.exit_code == 0, said.stderr
        context = context.with_effects(said.effects)
    return context.effects


def acting(**more: Any) -> HookContext:
    seen = asked(relations={7: relation(in_scope=True, bags={"web/0": stored({})})})
    return HookContext(world=seen, memory=memory(relations={7: entered()}), task=task(**more))


WRITES = ("relation-set -r 7 a=b", "state-set s=1", "status-set active hi", "action-set x=1")


@pytest.mark.parametrize(
    ("ran", "now", "status", "message", "lands"),
    [
        (Ran(status=0), TaskStatus.RUNNING, "completed", "", True),
        (Ran(status=3, reason="exit status 3"), TaskStatus.RUNNING, "failed", "exit status 3", False),
        (Ran(reason=TERMINATED), TaskStatus.RUNNING, "failed", TERMINATED, False),
        (Ran(status=0, reason=NOT_LANDED), TaskStatus.RUNNING, "failed", NOT_LANDED, False),
        (Ran(reason="signal 15"), TaskStatus.ABORTING, "aborted", "", False),
    ],
)
def test_effects_land_whole_when_it_ended_well_and_else_only_results_and_statuses(
    ran, now, status, message, lands
):
    change, after = ended(ran, wrote(acting(), *WRITES), now=now)
    assert (after.status.value, after.message, after.completed) == (status, message, CREATED)
    assert after.results["x"] == "1"
    assert (refs.bag(MODEL, 7, unit("web/0")) in change.puts) is lands
    assert (refs.state(MODEL, unit("web/0")) in change.puts) is lands
    assert change.puts[refs.status(MODEL, unit("web/0"))].workload.current == "active"
    assert change.puts[refs.memory(MODEL, unit("web/0"))].hooks == int(lands), "what did not land does not count"
    assert change.deletes == {refs.queued(MODEL, unit("web/0"), 2)}


def test_an_action_that_says_it_failed_lands_what_it_wrote():
    change, after = ended(Ran(status=0), wrote(acting(), *WRITES, "action-fail 'not today'"))
    assert (after.status.value, after.message, after.results["return-code"]) == ("failed", "not today", 0)
    assert refs.bag(MODEL, 7, unit("web/0")) in change.puts


def test_the_exit_status_says_more_than_action_fail():
    _, after = ended(Ran(status=1, reason="exit status 1"), wrote(acting(), "action-fail why"))
    assert after.message == "exit status 1"


def test_commands_land_what_they_wrote_whatever_their_status_is():
    change, after = ended(Ran(status=7), wrote(acting(), *WRITES), action=EXEC)
    assert (after.status.value, after.results["return-code"]) == ("failed", 7)
    assert refs.bag(MODEL, 7, unit("web/0")) in change.puts


def test_a_hook_that_has_failed_is_still_failed_after_a_task():
    seen = asked(task(status=TaskStatus.RUNNING))
    known = memory(unit=settled(failed=FAILED))
    change = end(known, seen, task(), Effects(), Ran(status=0), log=TaskLog(), now=CREATED)
    assert change.puts[refs.memory(MODEL, unit("web/0"))].failed == FAILED


def test_a_task_begins_only_if_it_still_waits_and_the_unit_is_ours():
    change = begin(asked(task()), task(), session="s", now=CREATED)
    assert [str(condition.ref) for condition in change.conditions] == [
        "claim demo/web/0", "memory demo/web/0", "task demo/2",
    ]  # fmt: skip


# --- hook commands ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("action-get --format json", '{"deep":{"er":"x"},"n":3}\n'),
        ("action-get n", "3\n"),
        ("action-get deep.er", "x\n"),
        ("action-get deep.er.est", ""),
        ("action-get nothing --format json", "null\n"),
        ("action-set", ""),
        ("action-log one two", ""),
        ("action-fail", ""),
    ],
)
def test_what_an_action_can_read_and_say(line, printed):
    said = command(acting(parameters={"n": 3, "deep": {"er": "x"}}), line)
    assert (said.exit_code, said.stdout.decode()) == (0, printed)


def test_what_an_action_says_adds_up():
    effects = wrote(
        acting(), "action-set a=1 b.c=2", "action-set a.d=3 b=4", "action-log one", "action-log two three",
        "action-fail first", "action-fail", "action-fail last",
    )  # fmt: skip
    assert effects.task.results == {"a": {"d": "3"}, "b": "4"}
    assert effects.task.log == ("one", "two three")
    assert effects.task.failure == "last"


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ("action-set a", 2, 'argument "a" must be of the form key...=value'),
        ("action-set A=1", 2, 'key "A" must start and end with lowercase alphanumeric'),
        ("action-set a.stdout=1", 2, 'cannot set reserved action key "stdout"'),
        ("action-fail a b", 2, 'unrecognized args: ["b"]'),
        ("action-log", 2, "no message specified"),
        (f"action-set a={'x' * RESULTS_BYTES_MAX}", 1, "the results of this action would be too large"),
        ("juju-reboot", 1, "juju-reboot is not supported when running an action."),
        ("relation-get -", 2, "no relation id specified"),
    ],
)
def test_what_an_action_may_not_say(line, code, text):
    context = acting()
    said = command(context, line)
    assert said.exit_code == code
    assert said.stderr.decode().startswith(f"ERROR {text}")
    assert said.effects == context.effects


def test_an_action_logs_so_many_lines_and_no_more():
    context = acting()
    effects = wrote(context, *["action-log line"] * LOG_LINES_MAX)
    assert command(context.with_effects(effects), "action-log more").exit_code == 1


@pytest.mark.parametrize(("action", "dispatch"), [("go", "actions/go"), (EXEC, None)])
def test_an_action_is_told_what_it_is_and_commands_are_no_hook(action, dispatch):
    environment = hook_environment(
        world(), None, charm_dir="/c", tools_dir="/t", agent_path="/bin", socket="/s", context_id="1",
        task=task(action=action),
    )  # fmt: skip
    assert environment["JUJU_HOOK_NAME"] == ""
    assert environment.get("JUJU_DISPATCH_PATH") == dispatch
    told = [environment[f"JUJU_ACTION_{name}"] for name in ("NAME", "UUID", "TAG")]
    assert told == [action, "2", "action-2"]
