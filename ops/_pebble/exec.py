"""A program that runs in a workload container, and the streams between it and the charm.

Each stream is a websocket.  A stream that the charm gave is served by a thread; one that it did not give is
offered as a file object.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import json
import os
import select
import threading
import warnings
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, AnyStr, Generic

from .errors import ChangeError, ExecError
from .types import Change, ChangeID
from .websocket import Closed, WebSocket

if TYPE_CHECKING:
    from .client import Client

_PIECE_BYTES = 16 * 1024

# The server's own limit comes first, so that its better error is seen.
_GRACE_S = 1.0

_END = json.dumps({"command": "end"})


class ExecProcess(Generic[AnyStr]):
    """A running program.  `wait` or `wait_output` has to be called at the end.

    A stream is None if the charm gave one of its own, and `stderr` also if it is combined with `stdout`.
    """

    stdin: IO[AnyStr] | None
    """Where to write what the program shall read; close it at the end."""

    stdout: IO[AnyStr] | None
    """Where to read what it prints."""

    stderr: IO[AnyStr] | None
    """Where to read what it prints as errors."""

    def __init__(
        self,
        stdin: IO[AnyStr] | None,
        stdout: IO[AnyStr] | None,
        stderr: IO[AnyStr] | None,
        client: Client,
        timeout: float | None,
        control_ws: WebSocket,
        stdio_ws: WebSocket,
        stderr_ws: WebSocket | None,
        command: list[str],
        encoding: str | None,
        change_id: ChangeID,
        cancel_stdin: Callable[[], None] | None,
        cancel_reader: int | None,
        threads: list[threading.Thread],
    ):
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self._client = client
        self._timeout = timeout
        self._sockets = [ws for ws in (control_ws, stdio_ws, stderr_ws) if ws is not None]
        self._control_ws = control_ws
        self._command = command
        self._encoding = encoding
        self._change_id = change_id
        self._cancel_stdin = cancel_stdin
        self._cancel_reader = cancel_reader
        self._threads = threads
        self._waited = False

    def __del__(self):
        if not getattr(self, "_waited", True):
            warnings.warn(
                "ExecProcess instance garbage collected without call to wait() or wait_output()",
                ResourceWarning,
                stacklevel=2,
            )

    def wait(self):
        """Wait until the program has ended.

        Raises:
            ExecError: its status is not 0.  The error has no output.
            ChangeError: it could not be started, or ran longer than the timeout.
            TimeoutError: the server did not even say that.
        """
        exit_code = self._wait()
        if exit_code != 0:
            raise ExecError(self._command, exit_code, None, None)

    def wait_output(self) -> tuple[AnyStr, AnyStr | None]:
        """Wait until the program has ended, and return all it printed: (stdout, stderr).

        The second is None if it was combined with the first.

        Raises:
            TypeError: the charm gave a stream for the output.
            ExecError: its status is not 0.  The error has both outputs.
            ChangeError: it could not be started, or ran longer than the timeout.
            TimeoutError: the server did not even say that.
        """
        if self.stdout is None:
            raise TypeError("can't use wait_output() when exec was called with stdout argument")
        collected = [_Collector(stream) for stream in (self.stdout, self.stderr) if stream is not None]
        exit_code = self._wait(collected)
        stdout = collected[0].result()
        stderr = collected[1].result() if len(collected) > 1 else None
        if exit_code != 0:
            raise ExecError[AnyStr](self._command, exit_code, stdout, stderr)
        return stdout, stderr

    def _wait(self, collected: list[_Collector] | None = None) -> int:
        self._waited = True
        timeout = None if self._timeout is None else self._timeout + _GRACE_S
        threads = [*self._threads, *(each.thread for each in collected or ())]
        try:
            change = self._client.wait_change(self._change_id, timeout=timeout)
            if self._cancel_stdin is not None:
                # The program has ended; nobody will read what is still to be written.
                self._cancel_stdin()
            for thread in threads:
                thread.join()
        finally:
            if self._cancel_stdin is not None:
                self._cancel_stdin()
            for ws in self._sockets:
                ws.shutdown()
            for thread in threads:
                thread.join()
            if self._cancel_reader is not None:
                os.close(self._cancel_reader)
                self._cancel_reader = None
        if change.err:
            raise ChangeError(change.err, change)
        return _exit_code(change)

    def send_signal(self, sig: int | str):
        """Send a signal, by name or number, to the program.

        Raises:
            ConnectionError: the program has ended.
        """
        import signal

        from .errors import ConnectionError

        name = signal.Signals(sig).name if isinstance(sig, int) else sig
        try:
            self._control_ws.send(json.dumps({"command": "signal", "signal": {"name": name}}))
        except Closed as error:
            raise ConnectionError(f"cannot send {name}: {error}") from error


def _exit_code(change: Change) -> int:
    return change.tasks[0].data.get("exit-code", -1) if change.tasks else -1


class _Collector:
    """Reads a stream to its end in a thread of its own."""

    def __init__(self, stream: IO[Any]):
        self._stream = stream
        self._pieces: list[Any] = []
        self._error: Exception | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            while True:
                piece = self._stream.read(_PIECE_BYTES)
                self._pieces.append(piece)
                if not piece:
                    return
        except Exception as error:
            self._error = error  # for the thread that asks for the result

    def result(self) -> Any:
        if self._error is not None:
            raise self._error
        # The last piece is empty, and of the kind of the others.
        return self._pieces[-1].join(self._pieces)


class WebSocketWriter(io.RawIOBase):
    """Writes to a websocket; closing it tells the other side that there is no more."""

    def __init__(self, ws: WebSocket):
        self._ws = ws

    def writable(self) -> bool:
        return True

    def write(self, chunk: Any) -> int:
        data = bytes(chunk)
        try:
            self._ws.send_binary(data)
        except Closed as error:
            raise BrokenPipeError(str(error)) from error
        return len(data)

    def close(self) -> None:
        if not self.closed:
            super().close()
            with contextlib.suppress(Closed):  # who is gone needs not be told
                self._ws.send(_END)


class WebSocketReader(io.RawIOBase):
    """Reads from a websocket until the other side says that there is no more."""

    def __init__(self, ws: WebSocket):
        self._ws = ws
        self._rest = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest and not self._ended:
            self._receive()
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def _receive(self) -> None:
        try:
            message = self._ws.recv()
        except Closed:
            self._ended = True
            return
        if isinstance(message, bytes):
            self._rest = message
        else:
            # The only command there is; others of a newer server are no output either.
            self._ended = json.loads(message).get("command") == "end"


def reader_file(ws: WebSocket, encoding: str | None) -> IO[Any]:
    """Return a file object that reads from *ws*: text in *encoding*, or bytes if that is None."""
    buffered = io.BufferedReader(WebSocketReader(ws))
    return buffered if encoding is None else io.TextIOWrapper(buffered, encoding=encoding, newline="")


def writer_file(ws: WebSocket, encoding: str | None) -> IO[Any]:
    """Return a file object that writes to *ws* at once: text in *encoding*, or bytes if that is None."""
    raw = WebSocketWriter(ws)
    if encoding is None:
        return raw  # type: ignore[return-value]
    return io.TextIOWrapper(raw, encoding=encoding, newline="", write_through=True)  # type: ignore[arg-type]


def start_feeding(
    source: IO[Any], ws: WebSocket, encoding: str | None
) -> tuple[threading.Thread, Callable[[], None] | None, int | None]:
    """Send *source* to *ws* in a thread.

    Returns the thread; a function that stops it although *source* has not ended, or None if *source* is no
    file of the system and thus never waits; and a descriptor to close when the thread has ended.
    """
    cancel_reader: int | None = None
    waitable = _descriptor(source)
    watched: list[int] = []
    cancel_writers: list[int] = []
    if waitable is not None:
        cancel_reader, cancel_writer = os.pipe()
        cancel_writers.append(cancel_writer)
        watched = [cancel_reader, waitable]

    def cancel() -> None:
        # Closing one end of the pipe makes the other one readable.
        while cancel_writers:
            os.close(cancel_writers.pop())

    read = _piece_reader(source, waitable is not None)

    def feed() -> None:
        try:
            while True:
                if watched and cancel_reader in select.select(watched, [], [])[0]:
                    break
                piece = read()
                if not piece:
                    break
                ws.send_binary(piece.encode(encoding or "utf-8") if isinstance(piece, str) else piece)
            ws.send(_END)
        except Closed:
            pass  # the program has ended before it had read everything

    thread = threading.Thread(target=feed, daemon=True)
    thread.start()
    return thread, cancel if watched else None, cancel_reader


def _descriptor(source: IO[Any]) -> int | None:
    try:
        return source.fileno()
    except (AttributeError, OSError):
        return None


def _piece_reader(source: IO[Any], is_waitable: bool) -> Callable[[], str | bytes]:
    """Return a function that reads what *source* has, and waits only if it has nothing.

    Text of a file of the system is read below its decoder, as bytes: only then does an empty descriptor mean
    that nothing was read ahead.
    """
    if is_waitable:
        below: Any = getattr(source, "buffer", source)
        if hasattr(below, "read1"):
            return lambda: below.read1(_PIECE_BYTES)
    return lambda: source.read(_PIECE_BYTES)


def start_draining(ws: WebSocket, target: IO[Any], encoding: str | None) -> threading.Thread:
    """Write what comes from *ws* to *target* in a thread, at once, and return the thread."""

    def drain() -> None:
        source = WebSocketReader(ws)
        decode = codecs.getincrementaldecoder(encoding)().decode if encoding is not None else None
        while piece := source.read(_PIECE_BYTES):
            target.write(piece if decode is None else decode(piece))
            if hasattr(target, "flush"):
                target.flush()
        if decode is not None:
            target.write(decode(b"", True))

    thread = threading.Thread(target=drain, daemon=True)
    thread.start()
    return thread


def start_process(
    client: Client,
    sockets: dict[str, WebSocket],
    change_id: ChangeID,
    command: list[str],
    timeout: float | None,
    encoding: str | None,
    *,
    stdin: Any,
    stdout: Any,
    stderr: Any,
) -> ExecProcess[Any]:
    """Connect the streams of a program that was started.

    *sockets* are ``control``, ``stdio`` and, unless errors go where the output goes, ``stderr``.
    """
    threads: list[threading.Thread] = []
    cancel_stdin = cancel_reader = None
    process_stdin = process_stdout = process_stderr = None
    stdio_ws, stderr_ws = sockets["stdio"], sockets.get("stderr")
    if stdin is None:
        process_stdin = writer_file(stdio_ws, encoding)
    else:
        if isinstance(stdin, (str, bytes)):
            stdin = io.StringIO(stdin) if isinstance(stdin, str) else io.BytesIO(stdin)
        thread, cancel_stdin, cancel_reader = start_feeding(stdin, stdio_ws, encoding)
        threads.append(thread)
    if stdout is None:
        process_stdout = reader_file(stdio_ws, encoding)
    else:
        threads.append(start_draining(stdio_ws, stdout, encoding))
    if stderr_ws is not None:
        if stderr is None:
            process_stderr = reader_file(stderr_ws, encoding)
        else:
            threads.append(start_draining(stderr_ws, stderr, encoding))
    return ExecProcess(
        stdin=process_stdin,
        stdout=process_stdout,
        stderr=process_stderr,
        client=client,
        timeout=timeout,
        control_ws=sockets["control"],
        stdio_ws=stdio_ws,
        stderr_ws=stderr_ws,
        command=command,
        encoding=encoding,
        change_id=change_id,
        cancel_stdin=cancel_stdin,
        cancel_reader=cancel_reader,
        threads=threads,
    )


def check_arguments(
    command: list[str], stdin: object, stderr: object, encoding: str | None, combine_stderr: bool
) -> None:
    """Check the arguments of `Client.exec`.

    Raises:
        TypeError: *command* is no list of texts.
        ValueError: *command* is empty, or the others do not fit together.
    """
    if not isinstance(command, list) or not all(isinstance(each, str) for each in command):
        raise TypeError(f"command must be a list of str, not {type(command).__name__}")
    if not command:
        raise ValueError("command must contain at least one item")
    if isinstance(stdin, str) and encoding is None:
        raise ValueError("encoding must be set if stdin is str")
    if isinstance(stdin, bytes) and encoding is not None:
        raise ValueError("encoding must be None if stdin is bytes")
    if stderr is not None and combine_stderr:
        raise ValueError("stderr must be None if combine_stderr is True")
