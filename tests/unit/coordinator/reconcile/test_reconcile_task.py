"""What becomes of tasks when their unit goes, and when they are old."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from build import CREATED, MODEL, charm, unit
from stage import Stage

from coordinator.commands.machine import remove_machine
from coordinator.commands.model import destroy_model, set_settings
from coordinator.commands.task import Request, enqueue
from coordinator.commands.unit import add_units, remove_units
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.charm import Action
from coordinator.domain.task import EXEC, TaskStatus
from coordinator.domain.task_stream import STDIN, STDOUT, TaskStream
from coordinator.reconcile.task import TASKS_PER_STEP_MAX

SHOP = charm("shop", actions=(Action(name="go"),))
TWO_WEEKS_S = 336 * 3600.0


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.deploy("shop", SHOP, units=2)
    for name in ("shop/0", "shop/1"):
        stage.claim(name)
        stage.remember(name)
    return stage


def ask(stage: Stage, *receivers: str, now_s: float = 1_000.0) -> None:
    request = Request(receivers=receivers, action="go", parameters={})
    stage.do(lambda view: enqueue(view, MODEL, request, now=CREATED, now_s=now_s))


def now(stage: Stage, number: int, **values: Any) -> Any:
    ref = refs.task(MODEL, number)
    stage.put(ref, replace(stage.find(ref), **values))


def over(stage: Stage, number: int, name: str) -> None:
    now(stage, number, status=TaskStatus.COMPLETED)
    ref = refs.queued(MODEL, unit(name), number)
    stage.do(lambda view: Change(did="over", deletes=frozenset({ref})))


def stream(stage: Stage, number: int, name: str, until_s: float | None = None) -> None:
    stage.put(refs.task_stream(MODEL, number, name), TaskStream(size=4, pieces=1, until_s=until_s))
    stage.put(refs.piece(MODEL, number, name, 0), b"some")


def test_tasks_of_a_unit_that_goes_by_force_are_cancelled_or_aborted(stage):
    ask(stage, "shop/0")
    ask(stage, "shop/0", "shop/1")
    now(stage, 2, status=TaskStatus.RUNNING)
    stage.do(lambda view: remove_units(view, MODEL, [unit("shop/0")], force_at_s=stage.now_s))
    assert stage.reconcile()[:2] == ["tasks of unit shop/0 end", "shop/0 gone"]
    statuses = {number: stage.find(refs.task(MODEL, number)).status.value for number in (2, 4, 5)}
    assert statuses == {2: "aborted", 4: "cancelled", 5: "pending"}
    assert stage.find(refs.task(MODEL, 4)).message == "unit shop/0 is gone"
    assert stage.find(refs.queued(MODEL, unit("shop/0"), 4)) is None


def test_a_long_queue_ends_in_steps_that_fit_into_a_transaction(stage):
    count = 2 * TASKS_PER_STEP_MAX + 1
    for _ in range(count):
        ask(stage, "shop/0")
    stage.do(lambda view: remove_units(view, MODEL, [unit("shop/0")], force_at_s=stage.now_s))
    assert stage.reconcile().count("tasks of unit shop/0 end") == 3
    assert stage.find(refs.unit(MODEL, unit("shop/0"))) is None


def test_an_operation_is_forgotten_with_its_tasks_when_it_is_old(stage):
    ask(stage, "shop/0", "shop/1")
    over(stage, 2, "shop/0")
    over(stage, 3, "shop/1")
    stage.now_s = 1_000.0 + TWO_WEEKS_S - 1
    assert stage.reconcile() == []
    stage.now_s += 1
    assert stage.reconcile() == ["operation 1 forgotten"]
    assert [key for key in stage.all_keys() if "/tasks/" in key or "/operations/" in key] == []


def test_the_setting_says_how_old(stage):
    ask(stage, "shop/0")
    over(stage, 2, "shop/0")
    stage.do(lambda view: set_settings(view, MODEL, {"max-action-results-age": "1h"}, []))
    stage.now_s = 1_000.0 + 3600
    assert stage.reconcile() == ["operation 1 forgotten"]


def test_results_that_take_too_much_room_go_the_oldest_first_and_what_is_not_over_stays(stage):
    for number in range(4):
        ask(stage, f"shop/{number % 2}")
    for number, name in ((4, "shop/1"), (6, "shop/0")):
        over(stage, number, name)
        now(stage, number, results={"stdout": "x" * 40_000})
    assert stage.reconcile() == []
    stage.do(lambda view: set_settings(view, MODEL, {"max-action-results-size": "64K"}, []))
    assert stage.reconcile() == ["operation 3 forgotten"]
    stage.do(lambda view: set_settings(view, MODEL, {"max-action-results-size": "1K"}, []))
    assert stage.reconcile() == ["operation 5 forgotten"]
    assert [stage.find(refs.task(MODEL, number)).status.value for number in (2, 8)] == ["pending", "pending"]


def test_commands_for_a_machine_that_went_are_over(stage):
    stage.machine("7")
    request = Request(
        receivers=(),
        machines=("7",),
        action=EXEC,
        parameters={"command": "true"},
        has_input=True,
        keeps_output=True,
    )
    stage.do(lambda view: add_units(view, MODEL, "shop", count=1, now=CREATED, to=("7",)))
    for _ in range(2):
        stage.do(lambda view: enqueue(view, MODEL, request, now=CREATED, now_s=1_000.0))
    now(stage, 2, status=TaskStatus.RUNNING)
    stream(stage, 2, STDIN)
    assert stage.reconcile() == ["place shop/0 shop/1"]
    stage.do(lambda view: remove_machine(view, "7", force_at_s=stage.now_s))
    assert stage.reconcile()[-1] == "tasks of machine 7 end"
    ended = [stage.find(refs.task(MODEL, number)) for number in (2, 4)]
    assert [task.status.value for task in ended] == ["aborted", "cancelled"]
    assert ended[1].message == "machine 7 is gone"
    assert not [key for key in stage.all_keys() if "/queue/" in key or "stdin" in key]


def test_output_that_nobody_fetches_is_dropped_when_its_time_is_over(stage):
    stream(stage, 2, STDOUT, until_s=2_000.0)
    stream(stage, 4, STDOUT, until_s=2_001.0)
    stage.now_s = 2_000.0
    assert stage.reconcile() == ["stdout of task 2 dropped"]
    assert [key.partition("/tasks/")[2] for key in stage.all_keys() if "/streams/" in key] == ["4/streams/stdout"]
    assert [key for key in stage.all_keys() if "/pieces/" in key] == [f"/coordinator/pieces/{MODEL}/4/stdout/0000"]


def test_nothing_of_a_stream_outlives_its_operation_or_its_model(stage):
    stage.machine("7")
    stage.do(lambda view: add_units(view, MODEL, "shop", count=1, now=CREATED, to=("7",)))
    request = Request(receivers=(), machines=("7",), action=EXEC, parameters={}, keeps_output=True)
    stage.do(lambda view: enqueue(view, MODEL, request, now=CREATED, now_s=1_000.0))
    now(stage, 2, status=TaskStatus.COMPLETED)
    stream(stage, 2, STDOUT, until_s=9e9)
    stage.now_s = 1_000.0 + TWO_WEEKS_S
    assert "operation 1 forgotten" in stage.reconcile()
    assert not [key for key in stage.all_keys() if "stdout" in key]
    stage.put(refs.piece(MODEL, 9, STDOUT, 0), b"of a task that runs")
    stage.do(lambda view: destroy_model(
        view, MODEL, force_at_s=stage.now_s, destroy_storage=True, release_storage=False
    ))  # fmt: skip
    assert stage.reconcile()[-1] == f"model {MODEL} gone"
    assert not [key for key in stage.all_keys() if "/pieces/" in key]


def test_one_that_still_waits_does_not_keep_later_ones(stage):
    ask(stage, "shop/0")
    ask(stage, "shop/1")
    over(stage, 4, "shop/1")
    stage.now_s = 1_000.0 + TWO_WEEKS_S
    assert stage.reconcile() == ["operation 3 forgotten"]
    assert stage.find(refs.task(MODEL, 2)).status is TaskStatus.PENDING
