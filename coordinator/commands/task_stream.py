"""Hand in what the program of a task shall read; say that what it printed has been fetched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.refs import Ref
from coordinator.domain.task import Task
from coordinator.domain.task_stream import (
    PIECE_BYTES,
    PIECES_MAX,
    STDERR,
    STDIN,
    STDOUT,
    STREAM_BYTES_MAX,
    STREAMS_BYTES_MAX,
    TaskStream,
)
from coordinator.domain.view import View
from coordinator.errors import BadRequest, NotFound, Refused


def hand_in(
    view: View, model: str, number: int, data: bytes, *, at: int, is_last: bool, room: int
) -> Change | None:
    """Add *data* to the input of a task, where *at* bytes of it are; None when it has them, or is over.

    Without *data* it is a sign of life: more may come.  *room* is what the streams of the model may still take.

    Raises:
        NotFound: there is no such task.
        Refused: it takes no input, or not so much.
        BadRequest: something before *data* is missing, or that is too much for one piece.
    """
    ref, ref_of_stream = refs.task(model, number), refs.task_stream(model, number, STDIN)
    task: Task | None = view.find(ref)
    if task is None:
        raise NotFound(f'task "{number}" not found', fix="`coordinator operations` lists what was run")
    if not task.has_input:
        raise Refused(f"task {number} takes no input")
    if len(data) > PIECE_BYTES:
        raise BadRequest(
            "the piece is too large", why=f"the limit is {PIECE_BYTES} bytes", fix="send it in several"
        )
    stream: TaskStream = view.find(ref_of_stream) or TaskStream()
    if at > stream.size:
        raise BadRequest(f"the input of task {number} has {stream.size} bytes", why=f"these begin at {at}")
    if task.status.is_over or stream.is_whole or at + len(data) < stream.size:
        return None
    if at < stream.size:
        data = b""  # it came before, and only the answer did not
    size = stream.size + len(data)
    if size > STREAM_BYTES_MAX or stream.pieces == PIECES_MAX:
        raise Refused(
            "cannot take so much input",
            why=f"the limit is {STREAM_BYTES_MAX // 2**20} MiB, in {PIECES_MAX} pieces",
            fix="let the machine fetch it by itself, from a place that both can reach",
        )
    if len(data) > room:
        raise Refused(
            "cannot take input now",
            why=f"the input and output that is under way in model {model} has {STREAMS_BYTES_MAX // 2**20} MiB",
            fix="wait until some of it is through; `coordinator operations` shows what runs",
        )
    puts: dict[Ref, Any] = {}
    if data:
        puts[refs.piece(model, number, STDIN, stream.pieces)] = data
    puts[ref_of_stream] = replace(
        stream, size=size, pieces=stream.pieces + bool(data), is_whole=is_last, beats=stream.beats + 1
    )
    return Change(did=f"input of task {number}", puts=puts)


def drop_output(view: View, model: str, number: int) -> Change | None:
    """Remove what was kept of the output of a task; None when there is nothing."""
    found = [ref for name in (STDOUT, STDERR) if view.exists(ref := refs.task_stream(model, number, name))]
    if not found:
        return None
    pieces = {refs.pieces(model, number, ref.path[2]) for ref in found}
    return Change(did=f"output of task {number} fetched", prunes=frozenset({*found, *pieces}))
