"""How tasks read, for programs and for people, and which of them make a command fail."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any

import pytest

from coordinator.cli import cmd_run, task_text
from coordinator.cli.cmd_show_operation import shown as shown_operation
from coordinator.errors import BadRequest

ZONE = timezone(timedelta(hours=1), "CET")


def task(number: int = 2, **more: Any) -> dict[str, Any]:
    given = {
        "id": str(number), "unit": f"pear/{number - 2}", "name": "go", "operation": "1", "status": "completed",
        "timing": {"enqueued": "2025-03-07T08:15:03Z", "started": "2025-03-07T08:15:04Z"},
    }  # fmt: skip
    return {**given, **more}


def test_programs_get_what_there_is_with_moments_in_their_zone():
    found = task(
        log=[{"at": "2025-03-07T08:15:04Z", "message": "step one"}], results={"return-code": 0}, message=""
    )
    assert task_text.for_programs(found, utc=False, zone=ZONE) == {
        "id": "2",
        "log": ["2025-03-07 09:15:04 +0100 CET step one"],
        "results": {"return-code": 0},
        "status": "completed",
        "timing": {"enqueued": "2025-03-07 09:15:03 +0100 CET", "started": "2025-03-07 09:15:04 +0100 CET"},
        "unit": "pear/0",
    }
    assert task_text.for_programs(found, utc=True)["timing"]["started"] == "2025-03-07 08:15:04 +0000 UTC"


@pytest.mark.parametrize(
    ("tasks", "text"),
    [
        ([task()], "Task 2 completed\n"),
        ([task(results={"answer": "42", "return-code": 0})], "answer: '42'\n"),
        ([task(results={"stdout": "out\n", "stderr": "err\n", "return-code": 0})], "out\nerr\n"),
        ([task(results={"a": "b", "stdout": "out\n"})], "a: b\n\nout\n"),
        ([task(status="failed", message="why")], "Action id 2 failed: why\n"),
    ],
)
def test_people_read_results_and_output(tasks, text):
    assert task_text.plain(tasks) == text


def test_what_commands_print_is_handed_through():
    one = task(results={"stdout": "out", "stderr": "err\n"})
    assert (task_text.printed([one], "stdout"), task_text.printed([one], "stderr")) == ("out", "err\n")
    assert task_text.printed([one, task(3)], "stderr") == "pear/0:\nerr\n"


@pytest.mark.parametrize(
    ("tasks", "text"),
    [
        ([task()], None),
        ([task(status="failed", message="not today", results={"return-code": 0})], None),
        (
            [task(results={"return-code": 1})],
            'the following task failed:\n - id "2" with return code 1\n\n'
            "use 'coordinator show-task' to inspect the failure",
        ),
        (
            [task(results={"return-code": 1}), task(3), task(4, results={"return-code": 9})],
            'the following tasks failed:\n - id "2" with return code 1\n - id "4" with return code 9\n\n'
            "use 'coordinator show-task' to inspect the failures",
        ),
    ],
)
def test_only_the_exit_status_of_a_program_fails_a_command(tasks, text):
    failed = task_text.failures(tasks)
    assert (failed.what if failed else None) == text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["a/0", "go"], (["a/0"], "go", [])),
        (["a/0", "a/leader", "go", "k=v", "x.y=1"], (["a/0", "a/leader"], "go", ["k=v", "x.y=1"])),
        ([], "no unit specified"),
        (["go"], "no unit specified"),
        (["a/0"], "no action specified"),
        (["a/0", "Go"], 'invalid unit or action name "Go"'),
        (["a/0", "k=v"], 'invalid unit or action name "k=v"'),
        (["a/0", "b/0", "go"], "all units must be of the same application"),
    ],
)
def test_units_come_first_then_the_action_then_parameters(words, expected):
    if isinstance(expected, tuple):
        assert cmd_run._split(words) == expected
        return
    with pytest.raises(BadRequest) as refused:
        cmd_run._split(words)
    assert refused.value.what == expected


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("k=1", 1), ("k=1.5", 1.5), ("k=true", True), ("k=[1, a]", [1, "a"]), ("k={a: 1}", {"a": 1}), ("k=", ""),
        ("k=a=b", "a=b"), ("k='1'", "1"), ("k=2025-03-07", "2025-03-07"), ("k=: {", ": {"),
    ],
)  # fmt: skip
def test_values_are_read_as_yaml_as_far_as_they_can_be_sent(pair, value):
    assert cmd_run._with({}, pair, as_text=False) == {"k": value}
    assert cmd_run._with({}, pair, as_text=True) == {"k": pair.partition("=")[2]}


def test_dots_nest_and_pairs_beat_what_was_there():
    assert cmd_run._with({"a": {"b": 1, "c": 2}}, "a.b=3", as_text=False) == {"a": {"b": 3, "c": 2}}
    with pytest.raises(BadRequest, match="must be of the form"):
        cmd_run._with({}, "A=1", as_text=False)


def test_an_operation_says_who_took_no_task_and_why():
    found = {
        "id": "1", "summary": "s", "status": "completed", "action": {"name": "go", "parameters": {}}, "timing": {},
        "tasks": {},
    }  # fmt: skip
    assert "refused" not in shown_operation(found, utc=True)
    refused = {"web/9": 'unit "web/9" not found'}
    assert shown_operation({**found, "refused": refused}, utc=True)["refused"] == refused
