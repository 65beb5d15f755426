"""Who may ask for what to run, and what becomes of it when it is cancelled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from build import CREATED, MODEL, charm, unit
from stage import ALICE, Stage

from coordinator.commands.task import PARAMETERS_BYTES_MAX, Request, cancel, enqueue
from coordinator.commands.unit import remove_units
from coordinator.domain import refs
from coordinator.domain.charm import Action
from coordinator.domain.life import Life
from coordinator.domain.refs import Kind
from coordinator.domain.task import EXEC, QUEUED_MAX, TARGETS_MAX, Queued, TaskStatus
from coordinator.errors import BadRequest, NotFound, Refused

SHOP = charm("shop", actions=(
    Action(name="go", params={"n": {"type": "integer", "default": 1}}),
    Action(name="aside", parallel=True),
    Action(name="grouped", parallel=True, execution_group="disk"),
))  # fmt: skip


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.machine("1")
    stage.deploy("shop", SHOP, units=2, to=("1", "1"))
    stage.machine("2")
    stage.machine("3", life=Life.DYING)
    return stage


COMMAND = {"action": EXEC, "parameters": {"command": "true"}}


def ask(stage: Stage, *receivers: str, action: str = "go", **more: Any) -> Any:
    request = Request(receivers=receivers, action=action, parameters=more.pop("parameters", {}), **more)
    return stage.do(lambda view: enqueue(view, MODEL, request, now=CREATED, now_s=1.0))


def cancelled(stage: Stage, *numbers: int) -> Any:
    wanted = [refs.task(MODEL, number) for number in numbers]
    return stage.repository.transact(
        lambda: stage.repository.read_model(MODEL, *wanted),
        lambda view: cancel(view, MODEL, numbers, now=CREATED),
        ALICE,
    )[0]


def test_one_request_is_one_operation_with_a_task_and_a_place_in_a_queue_for_each_unit(stage):
    ask(stage, "shop/0", "shop/1")
    ask(stage, "shop/0")
    operation = stage.find(refs.operation(MODEL, 1))
    assert operation.tasks == (2, 3)
    assert operation.summary == "go run on unit-shop-0,unit-shop-1"
    task = stage.find(refs.task(MODEL, 3))
    assert (task.operation, task.unit, task.parameters, task.status) == (
        1,
        unit("shop/1"),
        {"n": 1},
        TaskStatus.PENDING,
    )
    assert stage.find(refs.operation(MODEL, 4)).tasks == (5,), "operations and tasks share their numbers"
    assert stage.find(refs.queued(MODEL, unit("shop/0"), 5)) == Queued(task=5)


def test_what_cannot_be_queued_for_some_is_said_and_the_others_run(stage):
    ask(stage, "shop/7", "shop/0", "other/leader")
    operation = stage.find(refs.operation(MODEL, 1))
    assert operation.tasks == (2,)
    assert operation.refused == {
        "shop/7": 'unit "shop/7" not found (not found)',
        "other/leader": 'application "other" not found (not found)',
    }


def test_commands_for_machines_wait_in_queues_of_their_own(stage):
    ask(stage, "shop/1", machines=["1"], **COMMAND)
    ask(stage, machines=["1"], parallel=False, **COMMAND)
    ask(stage, machines=["1"], execution_group="g", **COMMAND)
    first, second, third = (stage.find(refs.task(MODEL, number)) for number in (3, 5, 7))
    assert (first.unit, first.machine, first.parallel) == (None, "1", True)
    assert (second.parallel, third.parallel, third.execution_group) == (False, False, "g")
    assert stage.find(refs.operation(MODEL, 1)).summary == "exec run on unit-shop-1,machine-1"
    assert stage.names(Kind.MACHINE_QUEUED) == ["1/3", "1/5", "1/7"]
    assert stage.find(refs.queued(MODEL, unit("shop/1"), 2)) == Queued(task=2)
    cancelled(stage, 5)
    assert stage.names(Kind.MACHINE_QUEUED) == ["1/3", "1/7"]


def test_the_leader_named_beside_its_own_name_runs_it_once(stage):
    stage.claim("shop/1")
    stage.put(refs.leader(MODEL, "shop"), "shop/1", lease=stage.store.grant(100))
    ask(stage, "shop/leader", "shop/1", "shop/0")
    assert [stage.find(refs.task(MODEL, number)).unit for number in (2, 3)] == [unit("shop/1"), unit("shop/0")]


@pytest.mark.parametrize(
    ("action", "more", "expected"),
    [
        ("go", {}, (False, "")),
        ("aside", {}, (True, "")),
        ("grouped", {}, (False, "disk")),
        (EXEC, {"parameters": {"command": "true"}}, (True, "")),
        (EXEC, {"parameters": {"command": "true"}, "parallel": False}, (False, "")),
        (EXEC, {"parameters": {"command": "true"}, "execution_group": "g"}, (False, "g")),
    ],
)
def test_what_a_task_waits_for_is_said_by_the_charm_or_the_request(stage, action, more, expected):
    ask(stage, "shop/0", action=action, **more)
    task = stage.find(refs.task(MODEL, 2))
    assert (task.parallel, task.execution_group) == expected


@pytest.mark.parametrize(
    ("receivers", "more", "kind", "text"),
    [
        ([], {}, BadRequest, "no unit specified"),
        (["shop/9"], {}, NotFound, r'unit "shop/9" not found \(not found\)'),
        (["shop/8", "shop/9"], {}, NotFound, r'(?s)unit "shop/8" not found .*\nunit "shop/9" not found'),
        (["shop/0", "shop"], {}, BadRequest, 'invalid unit or action name "shop"'),
        (["shop"], {}, BadRequest, 'invalid unit or action name "shop"'),
        (["other/leader"], {}, NotFound, r"\(not found\)"),
        (["shop/leader"], {}, Refused, 'could not determine leader for "shop"'),
        (["shop/0"], {"action": "odd"}, NotFound, r'action "odd" not defined on unit "shop/0" \(not found\)'),
        (["shop/0"], {"parameters": {"n": "x"}}, Refused, "validation failed"),
        (["shop/0"], {"parameters": {"x": "x" * PARAMETERS_BYTES_MAX}}, Refused, "cannot take these parameters"),
        (["shop/0"] * (TARGETS_MAX + 1), {}, Refused, "at once"),
        ([], {"machines": ["1"]}, BadRequest, "actions run in units"),
        ([], {**COMMAND, "machines": ["9"]}, NotFound, r'machine "9" not found \(not found\)'),
        ([], {**COMMAND, "machines": ["2"]}, Refused, "no unit of model demo is there"),
        ([], {**COMMAND, "machines": ["3"]}, Refused, 'machine "3" is being removed'),
    ],
)
def test_what_cannot_run_is_refused_and_changes_nothing(stage, receivers, more, kind, text):
    before = stage.all_keys()
    with pytest.raises(kind, match=text):
        ask(stage, *receivers, **more)
    assert stage.all_keys() == before


def test_a_unit_that_is_being_removed_takes_nothing_more(stage):
    stage.claim("shop/0")
    stage.remember("shop/0")
    stage.do(lambda view: remove_units(view, MODEL, [unit("shop/0")]))
    with pytest.raises(Refused, match='unit "shop/0" is being removed'):
        ask(stage, "shop/0")


def test_a_queue_has_an_end(stage):
    for number in range(QUEUED_MAX):
        stage.put(refs.queued(MODEL, unit("shop/0"), 10_000 + number), Queued(task=10_000 + number))
    with pytest.raises(Refused, match=f"{QUEUED_MAX} tasks wait for it"):
        ask(stage, "shop/0")
    ask(stage, "shop/1")


def test_a_waiting_task_is_cancelled_at_once_and_a_running_one_is_to_be_ended(stage):
    ask(stage, "shop/0", "shop/1")
    running = replace(stage.find(refs.task(MODEL, 3)), status=TaskStatus.RUNNING)
    stage.put(refs.task(MODEL, 3), running)
    cancelled(stage, 2, 3, 99)
    assert [stage.find(refs.task(MODEL, number)).status.value for number in (2, 3)] == ["cancelled", "aborting"]
    assert stage.find(refs.queued(MODEL, unit("shop/0"), 2)) is None
    assert stage.find(refs.queued(MODEL, unit("shop/1"), 3)) is not None, "its worker has to end it first"
    assert cancelled(stage, 2, 3) is None, "what is over, or ends already, stays as it is"


def test_no_command_reads_all_tasks(stage):
    ask(stage, "shop/0")
    assert not stage.view().refs(refs.Kind.TASK, MODEL)
    assert not stage.view().refs(refs.Kind.OPERATION, MODEL)
