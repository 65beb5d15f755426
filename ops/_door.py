"""The door of a hook that a worker of ours has forked: no process for any hook command.

Role: what the worker could tell in advance is answered here; what only has to be told (relation data, status,
state, log lines) is told without waiting; all else is one question and one answer over the channel.  Everything
goes over the same stream, in order, so that the worker always knows what was written before a question, or
before a command that the charm runs as a process.
Not here: the channel and the fork (_warm.py), the meaning of any command (whoever answers).

Frames from here: ``t`` and ``a`` (tell, ask), each with a JSON list of name, arguments, input or null, files by
name; ``m`` and ``e``, see _warm.py.  Frames to here: first the answers that are known in advance; then for each
question ``["answer", exit status, output, error output]``, ``["absent"]`` where there is no such command, or
``["needs", names of files, most bytes of one]``, upon which the same is asked again with them.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from . import _backend

#: Commands that only say something; each with what it makes of the answers that were given in advance: those of
#: commands that begin like this are not true any more.
_FORGETS: dict[str, tuple[str, ...]] = {
    "juju-log": (),
    "application-version-set": (),
    "relation-set": ("relation-get",),
    "state-set": ("state-get",),
    "state-delete": ("state-get",),
    "status-set": ("status-get",),
}


class _Channel(Protocol):
    """What _warm.py gives: a stream of frames."""

    def send(self, body: bytes) -> None: ...

    def receive(self) -> bytes: ...


class WorkerDoor:
    """Carries out hook commands over a channel to the worker."""

    def __init__(self, channel: _Channel):
        self._channel = channel
        self._pid = os.getpid()
        self._answers: dict[str, str] | None = None
        # Charms have threads, and an answer has to reach the one that asked.
        self._lock = threading.Lock()

    def call(self, tool: str, arguments: Sequence[str], stdin: str | None) -> _backend.Reply:
        """See `ops._backend.Door.call`."""
        if os.getpid() != self._pid:
            # A process that the charm has forked: two of them on one stream would garble it.
            return _backend.CommandDoor().call(tool, arguments, stdin)
        with self._lock:
            if tool in _FORGETS and self._may_only_tell(tool, arguments):
                self._channel.send(_frame(b"t", tool, arguments, stdin))
                self._forget(_FORGETS[tool])
                return _backend.Reply(0, "", "")
            known = self._known().get(json.dumps([tool, *arguments]))
            if known is not None:
                return _backend.Reply(0, known, "")
            return self._ask(tool, arguments, stdin)

    def _known(self) -> dict[str, str]:
        """Return what is known in advance; it arrives while the charm is being loaded."""
        if self._answers is None:
            self._answers = json.loads(self._channel.receive().decode())
        assert self._answers is not None
        return self._answers

    def _ask(self, tool: str, arguments: Sequence[str], stdin: str | None) -> _backend.Reply:
        files: dict[str, str] = {}
        while True:
            self._channel.send(_frame(b"a", tool, arguments, stdin, files))
            kind, *answer = json.loads(self._channel.receive().decode())
            if kind == "answer":
                return _backend.Reply(*answer)
            if kind == "absent":
                raise FileNotFoundError(2, "no such hook command", tool)
            names, bytes_max = answer
            files = {name: _content(name, bytes_max) for name in names}

    def _may_only_tell(self, tool: str, arguments: Sequence[str]) -> bool:
        """Return whether the worker cannot refuse this, or only for reasons that `ops` looks for itself."""
        if tool == "relation-set" and self._key("relation-list", "--app", *arguments[:2]) not in self._known():
            return False  # perhaps there is no such relation
        if not any(each in ("--app", "--application=True") for each in arguments):
            return True
        # What only the leader may write: if it is known that this unit leads, it does so until the hook ends.
        return self._known().get(self._key("is-leader"), "").strip() == "true"

    @staticmethod
    def _key(tool: str, *arguments: str) -> str:
        return json.dumps([tool, "--format=json", *arguments])

    def _forget(self, commands: tuple[str, ...]) -> None:
        for command in commands:
            known = self._known()
            for call in [each for each in known if each.startswith(f'["{command}"')]:
                del known[call]

    def has(self, tool: str) -> bool:
        """See `ops._backend.Door.has`."""
        return _backend.CommandDoor().has(tool)


def _frame(
    kind: bytes, tool: str, arguments: Sequence[str], stdin: str | None, files: Mapping[str, str] | None = None
) -> bytes:
    return kind + json.dumps([tool, list(arguments), stdin, files or {}]).encode()


def _content(name: str, bytes_max: int) -> str:
    """Return the content of a file that a command takes, which the worker does not read by itself."""
    with open(name, encoding="utf-8", newline="") as file:
        content = file.read(bytes_max + 1)
    if len(content) > bytes_max:
        raise ValueError(f"{name} has more than {bytes_max} bytes, the limit of what a hook command takes")
    return content


def open_for_good(channel: _Channel) -> None:
    """Send all calls of this process through *channel*."""
    _backend.open_for_good(WorkerDoor(channel))


# --- before a fork --------------------------------------------------------------------------------


def read_ahead(charm_dir: str) -> bool:
    """Read what a charm declares, for the next run in this directory; return whether that is news."""
    from ._meta import read_ahead

    return read_ahead(charm_dir)


class _Rehearsal:
    """A door with answers for a charm that does what most charms do."""

    _ANSWERS = {
        "is-leader": "false",
        "config-get": "{}",
        "state-get": "{}",
        "relation-ids": '["rehearsal:0"]',
        "relation-list": '["other/0"]',
        "relation-get": '{"key": "value"}',
    }

    def call(self, tool: str, arguments: Sequence[str], stdin: str | None) -> _backend.Reply:
        answer = '"other"' if "--app" in arguments else self._ANSWERS.get(tool, "")
        return _backend.Reply(0, answer, "")

    def has(self, tool: str) -> bool:
        return True


def rehearse() -> None:
    """Run a charm of our own, so that all that runs need is loaded, compiled and cached in this process."""
    from ._charm import CharmBase
    from ._context import read_context
    from ._dispatch import Run
    from ._events import CharmEvents
    from ._meta import CharmMeta
    from ._status import ActiveStatus
    from ._storage import HookStorage
    from ._stored import StoredState

    class Events(CharmEvents):
        """Events of their own: the metadata adds to the class."""

    class Rehearsal(CharmBase):
        on = Events()  # type: ignore[assignment]
        stored = StoredState()

        def __init__(self, framework: Any):
            super().__init__(framework)
            self.stored.set_default(times=0)
            framework.observe(self.on["rehearsal"].relation_changed, self._changed)

        def _changed(self, event: Any) -> None:
            self.stored.times += len(self.config)
            event.relation.data[self.unit]["seen"] = event.relation.data[event.unit]["key"]
            self.unit.status = ActiveStatus("rehearsed")

    class RehearsalRun(Run):
        def _read_meta(self) -> CharmMeta:
            return CharmMeta({"name": "rehearsal", "requires": {"rehearsal": {"interface": "none"}}})

        def _enter(self) -> None:
            """This is no event."""

        def _open_storage(self) -> HookStorage:
            return HookStorage()

    run = RehearsalRun(Rehearsal, read_context(_REHEARSAL))
    with _backend.through(_Rehearsal()):
        try:
            run.set_up()
            run.emit()
            run.commit()
            run.close()
        finally:
            run.put_back()


_REHEARSAL = {
    "JUJU_DISPATCH_PATH": "hooks/rehearsal-relation-changed",
    "JUJU_HOOK_NAME": "rehearsal-relation-changed",
    "JUJU_UNIT_NAME": "rehearsal/0",
    "JUJU_MODEL_NAME": "rehearsal",
    "JUJU_MODEL_UUID": "00000000-0000-0000-0000-000000000000",
    "JUJU_VERSION": "3.6.0",
    "JUJU_RELATION": "rehearsal",
    "JUJU_RELATION_ID": "rehearsal:0",
    "JUJU_REMOTE_APP": "other",
    "JUJU_REMOTE_UNIT": "other/0",
}
