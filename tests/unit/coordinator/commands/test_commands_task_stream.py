"""What people hand in for a command to read, and what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest
from build import CREATED, MODEL, charm
from stage import ALICE, Stage

from coordinator.commands.task import Request, cancel, enqueue
from coordinator.commands.task_stream import drop_output, hand_in
from coordinator.domain import refs
from coordinator.domain.task import EXEC
from coordinator.domain.task_stream import (
    PIECE_BYTES,
    PIECES_MAX,
    STDIN,
    STDOUT,
    STREAM_BYTES_MAX,
    STREAMS_BYTES_MAX,
    TaskStream,
    room,
)
from coordinator.errors import BadRequest, CoordinatorError, NotFound, Refused

TASK = 2
STREAM = refs.task_stream(MODEL, TASK, STDIN)


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.machine("1")
    stage.deploy("shop", charm("shop"), units=1, to=("1",))
    return stage


def ask(stage: Stage, *machines: str, receivers: tuple[str, ...] = (), **more: Any) -> None:
    more = more or {"has_input": True}
    request = Request(receivers=receivers, machines=machines, action=EXEC, parameters={"command": "cat"}, **more)
    stage.do(lambda view: enqueue(view, MODEL, request, now=CREATED, now_s=1.0))


def look(stage: Stage) -> Any:
    return stage.repository.read(refs.task(MODEL, TASK), STREAM, refs.task_stream(MODEL, TASK, STDOUT))


def give(stage: Stage, data: bytes, at: int = 0, *, is_last: bool = False, left: int = STREAMS_BYTES_MAX) -> Any:
    def plan(view: Any) -> Any:
        return hand_in(view, MODEL, TASK, data, at=at, is_last=is_last, room=left)

    return stage.repository.transact(lambda: look(stage), plan, ALICE)[0]


def pieces(stage: Stage) -> list[bytes]:
    wanted = [refs.piece(MODEL, TASK, STDIN, number) for number in range(5)]
    view = stage.repository.read(*wanted)
    return [piece for ref in wanted if (piece := view.peek(ref)) is not None]


def test_input_is_kept_in_the_order_in_which_it_came_until_it_is_all_there(stage):
    ask(stage, "1")
    give(stage, b"one")
    give(stage, b"", at=3)
    give(stage, b"two", at=3)
    assert stage.find(STREAM) == TaskStream(size=6, pieces=2, beats=3)
    give(stage, b"", at=6, is_last=True)
    assert stage.find(STREAM).is_whole
    assert pieces(stage) == [b"one", b"two"]
    assert give(stage, b"more", at=6) is None, "that was all"


def test_a_piece_that_is_sent_again_because_the_answer_was_lost_is_there_once(stage):
    ask(stage, "1")
    give(stage, b"one")
    give(stage, b"one")
    give(stage, b"one", is_last=True)
    assert (pieces(stage), stage.find(STREAM).is_whole) == ([b"one"], True)


def test_a_task_that_is_cancelled_leaves_nothing_and_takes_nothing(stage):
    ask(stage, "1")
    give(stage, b"one")
    stage.repository.transact(lambda: look(stage), lambda view: cancel(view, MODEL, [TASK], now=CREATED), ALICE)
    assert stage.find(STREAM) is None
    assert give(stage, b"two", at=0) is None
    assert pieces(stage) == []


@pytest.mark.parametrize(
    ("before", "given", "error", "text"),
    [
        ({}, {"data": bytes(PIECE_BYTES + 1)}, BadRequest, "the piece is too large"),
        ({}, {"data": b"x", "at": 1}, BadRequest, "the input of task 2 has 0 bytes: these begin at 1"),
        ({"size": STREAM_BYTES_MAX}, {"data": b"x", "at": STREAM_BYTES_MAX}, Refused, "cannot take so much input"),
        ({"size": 9, "pieces": PIECES_MAX}, {"data": b"x", "at": 9}, Refused, "cannot take so much input"),
        ({}, {"data": b"xx", "left": 1}, Refused, "cannot take input now"),
    ],
)
def test_what_does_not_fit_changes_nothing_and_says_why(stage, before, given, error, text):
    ask(stage, "1")
    if before:
        stage.put(STREAM, TaskStream(**before))
    with pytest.raises(error, match=text):
        give(stage, **given)
    assert stage.find(STREAM) == (TaskStream(**before) if before else None)


def test_a_task_that_is_not_there_or_reads_nothing_takes_no_input(stage):
    with pytest.raises(NotFound):
        give(stage, b"x")
    ask(stage, "1", has_input=False)
    with pytest.raises(Refused, match="task 2 takes no input"):
        give(stage, b"x")


@pytest.mark.parametrize("more", [{"has_input": True}, {"keeps_output": True}])
def test_only_one_machine_at_a_time_has_streams(stage, more):
    stage.machine("2")
    for receivers, machines in ((("shop/0",), ()), (("shop/0",), ("1",)), ((), ("1", "2"))):
        with pytest.raises(CoordinatorError, match="cannot stream to"):
            ask(stage, *machines, receivers=receivers, **more)


def test_output_that_was_fetched_is_dropped_and_makes_room(stage):
    ask(stage, "1", keeps_output=True)
    stream = refs.task_stream(MODEL, TASK, STDOUT)
    stage.put(stream, TaskStream(size=5, pieces=1, is_whole=True, until_s=9.0))
    stage.put(refs.piece(MODEL, TASK, STDOUT, 0), b"hello")
    assert room(stage.repository.read(stream), MODEL) == STREAMS_BYTES_MAX - 5
    for _ in range(2):
        stage.repository.transact(lambda: look(stage), lambda view: drop_output(view, MODEL, TASK), ALICE)
        assert (stage.find(stream), stage.find(refs.piece(MODEL, TASK, STDOUT, 0))) == (None, None)
