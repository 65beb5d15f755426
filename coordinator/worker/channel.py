"""The stream between a hook that was forked and its worker: what `ops/_door.py` says, and what it asks.

Role: carry out commands that arrive in frames, in order, with the same context that answers commands run as
processes. Whoever is about to answer such a command first takes what is in the stream: the charm said it
before.
Not here: what commands mean (engine/tools/), the fork (warm.py).
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Mapping, Sequence

from coordinator.engine.tools import COMMANDS, Answer, Call, needs
from coordinator.worker.toolserver import FRAME_BYTES_MAX, INPUT_BYTES_MAX, ToolContext

LENGTH_BYTES = 4


class HookChannel:
    """The worker's end.  Closed by whoever made it, when the hook has ended.

    `failure` is what went wrong with something that the charm only said, and believes to be done; None if nothing.
    """

    def __init__(self, connection: socket.socket, context: ToolContext) -> None:
        self._connection, self._context = connection, context
        self._lock = threading.RLock()
        self._received = bytearray()
        self.failure: str | None = None
        self.modules: list[str] = []
        self.status: int | None = None
        """Exit status of the charm, when it has run to its end."""
        context.before_command = self._take_all

    def begin(self, answers: Mapping[str, str]) -> None:
        """Let the charm begin, with *answers* that it need not ask for.  If it is dead, its end will tell."""
        with contextlib.suppress(OSError):
            self._connection.sendall(_framed(json.dumps(answers).encode()))

    def fileno(self) -> int:
        return self._connection.fileno()

    def take(self) -> bool:
        """Carry out what has arrived; say whether there can be more.  Waits for nothing."""
        with self._lock:
            while True:
                try:
                    part = self._connection.recv(1 << 20, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    return True
                except OSError:
                    return False
                if not part:
                    return False
                self._received += part
                for frame in self._frames():
                    self._carry_out(frame)

    def _take_all(self) -> None:
        self.take()

    def _frames(self) -> Sequence[bytes]:
        """Return the frames that are whole, and keep the rest.

        Raises:
            ValueError: a frame is larger than any call may be.
        """
        frames: list[bytes] = []
        at = 0
        while len(self._received) - at >= LENGTH_BYTES:
            size = int.from_bytes(self._received[at : at + LENGTH_BYTES], "big")
            if size > FRAME_BYTES_MAX:
                raise ValueError(f"a frame of {size} bytes")
            if len(self._received) - at - LENGTH_BYTES < size:
                break
            at += LENGTH_BYTES
            frames.append(bytes(self._received[at : at + size]))
            at += size
        del self._received[:at]
        return frames

    def _carry_out(self, frame: bytes) -> None:
        kind, body = frame[:1], json.loads(frame[1:])
        if kind == b"m":
            self.modules = [str(name) for name in body]
        elif kind == b"e":
            self.status = int(body)
        elif kind == b"t":
            answer = self._context.call(_call(body))
            if answer is not None and answer.exit_code and self.failure is None:
                self.failure = f"{body[0]}: {answer.stderr.decode(errors='replace').strip()}"
        elif kind == b"a":
            reply = json.dumps(self._answered(body)).encode()
            with contextlib.suppress(OSError):  # dead by now
                self._connection.sendall(_framed(reply))
        else:
            raise ValueError(f"a frame of an unknown kind {kind!r}")

    def _answered(self, body: list) -> list:
        call = _call(body)
        if call.name not in COMMANDS:
            return ["absent"]
        missing = [name for name in needs(call.name, call.argv) if name != "-" and name not in call.files]
        if missing:
            return ["needs", missing, INPUT_BYTES_MAX]
        answer = self._context.call(call)
        if answer is None:
            return ["answer", 1, "", "ERROR this hook has ended\n"]
        return _shown(answer)


def _call(body: list) -> Call:
    """Return the call in a frame: name, arguments, input or null, files by name."""
    name, argv, stdin, files = body
    return Call(
        name=name,
        argv=tuple(argv),
        stdin=None if stdin is None else stdin.encode("utf-8", "surrogateescape"),
        files={path: content.encode("utf-8", "surrogateescape") for path, content in files.items()},
    )


def _shown(answer: Answer) -> list:
    return [
        "answer",
        answer.exit_code,
        answer.stdout.decode(errors="replace"),
        answer.stderr.decode(errors="replace"),
    ]


def _framed(body: bytes) -> bytes:
    return len(body).to_bytes(LENGTH_BYTES, "big") + body
