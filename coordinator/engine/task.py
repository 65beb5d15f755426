"""The writes of one task: that it begins, what it tells while it runs, and how it ends.

Role: (memory, world, task, what came of it) -> Change.  A task is marked as running before anything of it runs, so
that it never runs twice: who finds one so marked, and did not mark it just now, ends it as failed.  The end is one
write with the effects of its program.
Not here: when a task is next (decide.py), hooks (settle.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from coordinator.domain import refs
from coordinator.domain.change import Change, Condition, Held, Unchanged
from coordinator.domain.refs import Ref
from coordinator.domain.task import Task, TaskLog, TaskStatus
from coordinator.domain.task_stream import TaskStream, streams_of
from coordinator.domain.unit_state import Memory
from coordinator.domain.view import Stored
from coordinator.engine import secret as secrets
from coordinator.engine.effects import Effects, TaskEffects
from coordinator.engine.settle import conditions, put_effects
from coordinator.engine.world import World

TERMINATED = "action terminated"  # clients know these words
NOT_LANDED = "committing requested changes failed"
NOT_IMPLEMENTED = "action not implemented on unit"


class Printed(NamedTuple):
    """What a program printed to one stream; `is_whole`: nothing of it was left out."""

    data: bytes
    is_whole: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """What came of the program of a task.

    `status` is its exit status, None when it was ended from outside or could not be started; `reason` says why it
    counts as failed, None when it did not; `output` has what it printed, by `stdout` and `stderr`, and `kept` what
    shall be kept to be fetched, as it was.
    """

    status: int | None = None
    reason: str | None = None
    output: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, Printed] = field(default_factory=dict)


def begin(world: World, task: Task, *, session: str, now: str) -> Change:
    """Return the write that marks *task* as running in *session*: from then on it runs there or never."""
    return _begun(world.model, world.tasks[task.id], _owned(world), session, now)


def begin_on_machine(model: str, stored: Stored, worker: Condition, *, session: str, now: str) -> Change:
    """The same for a command of a machine; *worker* proves that we serve that."""
    return _begun(model, stored, (worker,), session, now)


def _begun(model: str, stored: Stored, owned: tuple[Condition, ...], session: str, now: str) -> Change:
    task: Task = stored.value
    ref = refs.task(model, task.id)
    return Change(
        did=f"action {task.name} {task.id} begins",
        puts={ref: replace(task, status=TaskStatus.RUNNING, session=session, started=now)},
        conditions=(*owned, Unchanged(ref, stored.revision)),
        why=stored.revision,
    )


def tell(world: World, task: Task, log: TaskLog) -> Change:
    """Return the write that shows the progress of a running task."""
    return Change(
        did=f"action {task.name} {task.id} tells",
        puts={refs.task_log(world.model, task.id): log},
        conditions=_owned(world),
    )


def end(
    memory: Memory,
    world: World,
    task: Task,
    effects: Effects,
    ran: Ran,
    *,
    log: TaskLog,
    now: str,
    restate: bool = False,
) -> Change:
    """Return the write after the program of *task* has ended.

    What it asked for lands if it ended well, also when it said that the action failed; else only its results,
    progress and statuses do.  *world* has the task as it is stored now: somebody may have cancelled it meanwhile.
    """
    stored = world.tasks[task.id].value
    landed = effects
    if ran.reason is not None:
        landed = Effects(
            status=effects.status, version=effects.version, application_status=effects.application_status
        )
    puts: dict[Ref, Any] = {refs.memory(world.model, world.unit): _counted(memory, effects, ran)}
    put_effects(puts, world, None, landed, memory, now, restate)
    ended = _ended(stored, effects.task, ran, now)
    ref = refs.task(world.model, task.id)
    puts[ref] = ended
    if effects.task.log:
        puts[refs.task_log(world.model, task.id)] = log
    change = Change(
        did=f"action {task.name} {task.id} {ended.status.value}",
        puts=puts,
        deletes=frozenset({refs.queued(world.model, world.unit, task.id)}),
        conditions=(*conditions(world, landed, puts), Unchanged(ref, world.tasks[task.id].revision)),
        why=world.tasks[task.id].revision,
    )
    return secrets.with_secrets(change, world, None, landed, now)


def keep_pieces(
    model: str, stored: Stored, worker: Condition, *, stream: str, first: int, pieces: Sequence[bytes]
) -> Change:
    """Return the write of *pieces*, from number *first* on, of what a command of a machine has printed."""
    task: Task = stored.value
    return Change(
        did=f"{stream} of action {task.name} {task.id}",
        puts={refs.piece(model, task.id, stream, first + place): piece for place, piece in enumerate(pieces)},
        conditions=(worker, Unchanged(refs.task(model, task.id), stored.revision)),
    )


def end_on_machine(
    model: str, stored: Stored, worker: Condition, ran: Ran, *, kept: Mapping[str, TaskStream], now: str
) -> Change:
    """Return the write after the program of a command of a machine has ended; it can ask for nothing.

    *kept* are the streams whose pieces are stored, to be fetched.
    """
    task: Task = stored.value
    ref = refs.task(model, task.id)
    ended = _ended(task, TaskEffects(), ran, now)
    streams = {refs.task_stream(model, task.id, name): stream for name, stream in kept.items()}
    pieces = {refs.pieces(model, task.id, name) for name in kept}
    return Change(
        did=f"action {task.name} {task.id} {ended.status.value}",
        puts={ref: ended, **streams},
        deletes=frozenset({refs.queued(model, task.receiver, task.id)}),
        prunes=streams_of(model, task) - streams.keys() - pieces,
        conditions=(worker, Unchanged(ref, stored.revision)),
        why=stored.revision,
    )


def _ended(task: Task, told: TaskEffects, ran: Ran, now: str) -> Task:
    results: dict[str, Any] = {**told.results, **{name: text for name, text in ran.output.items() if text}}
    if ran.status is not None:
        results["return-code"] = ran.status
    status, message = TaskStatus.COMPLETED, ""
    if task.status is TaskStatus.ABORTING:
        status, message = TaskStatus.ABORTED, told.failure or ""
    elif ran.reason is not None or told.failure is not None:
        status, message = TaskStatus.FAILED, ran.reason or told.failure or ""
    elif task.is_exec and ran.status:
        status, message = TaskStatus.FAILED, f"exit status {ran.status}"
    return replace(task, status=status, message=message, completed=now, results=results)


def _counted(memory: Memory, effects: Effects, ran: Ran) -> Any:
    """Count what landed: of what did not, nothing stays, not even what another library keeps in a file."""
    status_set = memory.unit.status_set or effects.status is not None
    return replace(memory.unit, hooks=memory.unit.hooks + (ran.reason is None), status_set=status_set)


def _owned(world: World) -> tuple[Condition, ...]:
    assert world.claim is not None, "a task was run without a claim"
    return (
        Held(refs.claim(world.model, world.unit), world.claim),
        Unchanged(refs.memory(world.model, world.unit), world.memory_revision),
    )
