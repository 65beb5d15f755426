"""Requests about what commands on machines read and print."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from coordinator.api.auth import check
from coordinator.api.current import current
from coordinator.api.services import S, Services, U, author
from coordinator.commands import task_stream
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.task import Task
from coordinator.domain.task_stream import STDERR, STDIN, STDOUT, TaskStream, room
from coordinator.domain.user import User
from coordinator.domain.view import View
from coordinator.errors import NotFound

router = APIRouter()


@router.post("/models/{name}/tasks/{number}/input")
async def hand_in(
    s: S, by: U, name: str, number: int, request: Request, at: int = 0, last: bool = False
) -> dict[str, Any]:
    """Take a piece of input (the body), of which *at* bytes came before; an empty one is a sign of life.

    The answer says whether the task `is-over`: it reads nothing any more.
    """
    data = await request.body()

    def keep() -> dict[str, Any]:
        check(by, "admin", name)
        with s.live.look() as view:
            left = room(view, name)
        _transact(s, by, name, number, lambda view: task_stream.hand_in(
            view, name, number, data, at=at, is_last=last, room=left
        ))  # fmt: skip
        task: Task | None = s.repository.read(refs.task(name, number)).peek(refs.task(name, number))
        return {"is-over": task is None or task.status.is_over}

    return await asyncio.to_thread(keep)


@router.get("/models/{name}/tasks/{number}/output/{stream}")
def fetch_output(s: S, by: U, name: str, number: int, stream: str) -> Response:
    """All that the program of a task printed to stdout or stderr (the body); the results have what is short."""
    check(by, "admin", name)
    with current(s.live, s.repository, name) as view:
        kept: TaskStream | None = view.peek(refs.task_stream(name, number, stream))
    if kept is None or stream not in (STDOUT, STDERR):
        raise NotFound(f'output of task "{number}" not found', why="nothing of it is kept, or not any more")
    wanted = [refs.piece(name, number, stream, index) for index in range(kept.pieces)]
    view = s.repository.read(*wanted)
    return Response(b"".join(view.get(ref) for ref in wanted), media_type="application/octet-stream")


@router.delete("/models/{name}/tasks/{number}/output")
def drop_output(s: S, by: U, name: str, number: int) -> dict[str, Any]:
    """Say that the output of a task was fetched; nothing of it is kept then."""
    check(by, "admin", name)
    _transact(s, by, name, number, lambda view: task_stream.drop_output(view, name, number))
    return {}


def _transact(s: Services, by: User, name: str, number: int, plan: Callable[[View], Change | None]) -> None:
    """Carry out *plan*, which looks at nothing but one task and its streams."""
    streams = [refs.task_stream(name, number, stream) for stream in (STDIN, STDOUT, STDERR)]
    wanted = (refs.task(name, number), *streams)
    s.repository.transact(lambda: s.repository.read(*wanted), plan, author(by))
