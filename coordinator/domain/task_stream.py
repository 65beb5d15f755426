"""What the program of a task reads and prints, where it is too much for the task itself: in pieces.

Role: how much there is of a stream, and what its limits are.  The pieces are beside the model, where no worker
mirrors them.  None stays when nobody needs it: a piece is written only while its task waits or runs, and whoever
ends that removes the pieces in the same write, but for output that is left to be fetched.
Not here: the task (task.py), what goes into a pipe (worker/stream.py), what comes out (worker/machine_tasks.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from coordinator.domain import refs
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.task import Task
from coordinator.domain.view import View

STDIN, STDOUT, STDERR = "stdin", "stdout", "stderr"
PIECE_BYTES = 256 * 1024
STREAM_BYTES_MAX = 16 * 1024 * 1024  # it goes to every member of etcd, and stays in the history a while
PIECES_MAX = 4096  # as the name of a piece has four digits; those of input are as small as it comes
STREAMS_BYTES_MAX = 4 * STREAM_BYTES_MAX  # of one model at a time
FETCH_S = 600.0  # how long what a program has printed waits for whom it is for
SILENCE_S_MAX = 60.0  # between two signs of life of whom the input comes from


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskStream:
    """How much there is of the input or output of a task.

    `is_whole`: there will be no more, and nothing is missing.  `beats` counts the signs of life of whom the input
    comes from.  `until_s`: how long output is kept, in seconds since the epoch; None for input, which goes when
    its task ends.
    """

    size: int = 0
    pieces: int = 0
    is_whole: bool = False
    beats: int = 0
    until_s: float | None = None


def cut(data: bytes) -> Iterator[bytes]:
    """Return *data* in pieces."""
    return (data[start : start + PIECE_BYTES] for start in range(0, len(data), PIECE_BYTES))


def room(view: View, model: str) -> int:
    """Return how many bytes of streams may be added in *model*."""
    streams: list[tuple[Ref, TaskStream]] = view.list(Kind.TASK_STREAM, model)
    return max(0, STREAMS_BYTES_MAX - sum(stream.size for _, stream in streams))


def streams_of(model: str, task: Task) -> frozenset[Ref]:
    """Return everything that may be stored of the streams of *task*, for `prunes`."""
    names = ((STDIN,) if task.has_input else ()) + ((STDOUT, STDERR) if task.keeps_output else ())
    streams = {refs.task_stream(model, task.id, name) for name in names}
    return frozenset(streams | {refs.pieces(model, task.id, name) for name in names})
