"""Run a command on a machine with what it reads and prints, as `ssh` and `scp` do.

Role: from a place that people name to the exit code and the bytes.  What the command reads goes to it while it
runs, so a pipe that somebody holds open holds nobody up.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import select
import shlex
import sys
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from coordinator.cli import task_text
from coordinator.cli.target import Target
from coordinator.domain.names import UnitName, check_application_name
from coordinator.domain.task_stream import PIECE_BYTES, STDERR, STDOUT
from coordinator.errors import BadRequest, CoordinatorError, NotFound, Refused
from coordinator.wire import CancelTasks, RunTasks

BEAT_S = 15.0  # how often we say that more may come; a worker gives up after a minute
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


class Place(NamedTuple):
    """A machine, or that of a unit; `user` empty: that of its worker."""

    user: str
    receiver: str

    @classmethod
    def parse(cls, text: str) -> Place:
        """Read `[USER@]UNIT|MACHINE`.

        Raises:
            BadRequest: USER is no name.
        """
        user, at, receiver = text.rpartition("@")
        if at and not _USER.fullmatch(user):
            raise BadRequest(f'target "{text}" not valid', fix="write it like web/0 or ubuntu@web/0")
        return cls(user, receiver)

    def script(self, commands: str) -> str:
        """Return what runs *commands* as the user."""
        if not self.user:
            return commands
        name, whole = shlex.quote(self.user), shlex.quote(commands)
        return f'[ "$(id -un)" = {name} ] && exec sh -c {whole}; exec runuser -u {name} -- sh -c {whole}'


class Done(NamedTuple):
    """What came of a command; `is_whole`: nothing that it printed is missing."""

    code: int
    stdout: bytes
    stderr: bytes
    is_whole: bool


class Source:
    """What a command shall read: a file or pipe, and what was read of it already."""

    def __init__(self, descriptor: int, first: bytes = b"") -> None:
        self._descriptor, self._first = descriptor, first

    def next(self, wait_s: float) -> bytes | None:
        """Return what has come, at most a piece; empty: that was all; None: nothing did within *wait_s*."""
        found, self._first = self._first, b""
        while len(found) < PIECE_BYTES:
            if not select.select([self._descriptor], [], [], 0.0 if found else wait_s)[0]:
                return found or None
            data = os.read(self._descriptor, PIECE_BYTES - len(found))
            if not data:
                break
            found += data
        return found


def standard_input() -> Source | None:
    """Return what somebody pipes into this process; None for a terminal, and when there certainly is nothing."""
    if sys.stdin is None or os.isatty(0):
        return None
    first = Source(0).next(0.0)
    return None if first == b"" else Source(0, first or b"")


def run(target: Target, place: Place, commands: str, source: Source | None = None) -> Done:
    """Run *commands* at *place*, wait for their end, and return what came of them.

    Raises:
        Refused: they cannot be run, or were not run to their end.
        NotFound: there is no such place.
    """
    client, model = target.client, target.model
    request = RunTasks(
        machines=[_machine_of(target, place.receiver)],
        command=place.script(commands),
        parallel=True,
        has_input=source is not None,
        keeps_output=True,
    )
    (number,) = map(int, client.run_tasks(model, request)["tasks"])
    pause = _Feed(target, number, source).pause if source is not None else time.sleep
    try:
        (task,) = task_text.wait(client, model, [number], until_s=None, pause=pause).values()
    except BaseException:
        client.close()  # it may wait for an answer
        with contextlib.suppress(CoordinatorError):
            client.cancel_tasks(
                model, CancelTasks(tasks=[number])
            )  # what nobody waits for shall not hold up the next
        raise
    results, kept = task.get("results", {}), task.get("kept-output", {})
    streams = {
        name: client.fetch_output(model, number, name) if name in kept else _bytes(results, name)
        for name in (STDOUT, STDERR)
    }
    if kept:
        client.drop_output(model, number)
    if "return-code" not in results:
        raise Refused(
            f"the command was not run to its end: {task['status']}",
            why=task.get("message", ""),
            fix=f"coordinator show-task {number}",
        )
    is_whole = all(each["is-whole"] for each in kept.values())
    return Done(results["return-code"], streams[STDOUT], streams[STDERR], is_whole)


class _Feed:
    """Sends what *source* has to a task, while somebody waits for that."""

    def __init__(self, target: Target, number: int, source: Source) -> None:
        self._target, self._number, self._source = target, number, source
        self._sent, self._reads_on, self._told_s = 0, True, time.monotonic()

    def pause(self, seconds: float) -> None:
        """Let *seconds* pass, and send what comes meanwhile."""
        ends_s = time.monotonic() + seconds
        while self._reads_on and (left_s := ends_s - time.monotonic()) > 0:
            data = self._source.next(left_s)
            if data is not None or time.monotonic() - self._told_s > BEAT_S:
                self._send(data or b"", is_last=data == b"")
        time.sleep(max(0.0, ends_s - time.monotonic()))

    def _send(self, data: bytes, *, is_last: bool) -> None:
        reads_on = self._target.client.hand_in(
            self._target.model, self._number, data, at=self._sent, is_last=is_last
        )
        self._sent, self._told_s = self._sent + len(data), time.monotonic()
        self._reads_on = reads_on and not is_last


def _machine_of(target: Target, receiver: str) -> str:
    """Return the machine that *receiver* is, or is on."""
    if receiver.isdecimal():
        return receiver
    app, slash, word = receiver.partition("/")
    if slash and word == "leader":
        found = target.client.status(target.model)["applications"].get(check_application_name(app))
        if found is None:
            raise NotFound(f'application "{app}" not found', fix="`coordinator status` lists them")
        leaders = [name for name, unit in found.get("units", {}).items() if unit.get("leader")]
        if not leaders:
            raise Refused(f'application "{app}" has no leader now', fix="name a unit, or try again in a moment")
        receiver = leaders[0]
    name = UnitName.parse(receiver)
    machine = target.client.unit(target.model, name.app, name.number).get("machine")
    if not machine:
        raise Refused(f"unit {name} is on no machine yet", fix="`coordinator status` shows when it is")
    return machine


def _bytes(results: Mapping[str, Any], stream: str) -> bytes:
    text = results.get(stream, "")
    return base64.b64decode(text) if results.get(f"{stream}-encoding") == "base64" else text.encode()
