"""Commands that a charm executes in a pretended container: nothing runs, the test says what would come of it.

Role: who answers a command, and the process that the charm sees.  The two faces of `ops.testing` differ in who
answers: functions of the test (`Handlers`, of a Harness), or what the state says (`Mocks`, of a Context).
"""

from __future__ import annotations

import abc
import dataclasses
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from .. import pebble
from ._container_parts import Exec
from ._pebble_files import api_error

_T = TypeVar("_T")


@dataclasses.dataclass
class ExecArgs:
    """What a charm gave to `ops.Container.exec`, with what it takes over from a service."""

    command: list[str]
    """Program and arguments."""

    environment: dict[str, str]
    """Further variables."""

    working_dir: str | None
    """Where to start it."""

    timeout: float | None
    """Seconds that it may run; None for any time."""

    user_id: int | None
    """User by number."""

    user: str | None
    """User by name."""

    group_id: int | None
    """Group by number."""

    group: str | None
    """Group by name."""

    stdin: str | bytes | None
    """What it shall read; None if the charm writes it to the process."""

    encoding: str | None
    """How to read and write text; None for bytes."""

    combine_stderr: bool
    """Whether errors go where the output goes."""


@dataclasses.dataclass
class ExecResult:
    """What comes of a command."""

    exit_code: int = 0
    """Its status; 0 for success."""

    stdout: str | bytes = b""
    """What it prints; bytes if the charm wants bytes."""

    stderr: str | bytes = b""
    """What it prints as errors; bytes if the charm wants bytes."""


ExecHandler = Callable[[ExecArgs], ExecResult | None]


class TimedOut(ExecResult):
    """What comes of a command that does not end in time."""


class Programs(abc.ABC):
    """Who answers commands, and what else differs between the faces."""

    advice: str
    """What to do if Pebble cannot be reached."""

    without_connection: frozenset[str] = frozenset()
    """Calls of the client that work even if Pebble cannot be reached."""

    uses_service_context = False
    """Whether a command takes over environment, directory, user and group of a service."""

    completes_stdin = False
    """Whether what a charm writes to a process is put into `ExecArgs.stdin` in the end."""

    @abc.abstractmethod
    def answer(self, args: ExecArgs) -> ExecResult:
        """Return what comes of a command."""


def _of_longest_prefix(command: Sequence[str], table: Mapping[tuple[str, ...], _T]) -> _T | None:
    for length in range(len(command), -1, -1):
        prefix = tuple(command[:length])
        if prefix in table:
            return table[prefix]
    return None


class Handlers(Programs):
    """Functions of a test answer, by the longest prefix of the command."""

    advice = "did you forget to call begin_with_initial_hooks() or set_can_connect()?"
    uses_service_context = True

    def __init__(self) -> None:
        self._handlers: dict[tuple[str, ...], ExecHandler] = {}

    def register(
        self,
        prefix: Sequence[str],
        handler: ExecHandler | None,
        result: int | str | bytes | ExecResult | None,
    ) -> None:
        """Have commands that begin with *prefix* answered by *handler*, or always with *result*.

        Raises:
            TypeError: not exactly one of both is given, or *result* is of another type.
        """
        if (handler is None) == (result is None):
            raise TypeError("Either handler or result must be provided, but not both.")
        if handler is None:
            fixed = _as_result(result)
            handler = lambda _: fixed  # noqa: E731
        self._handlers[tuple(prefix)] = handler

    def answer(self, args: ExecArgs) -> ExecResult:
        """See `Programs.answer`.

        Raises:
            APIError: the test has no function for this command.
            RuntimeError: the function timed out, and the charm set no timeout.
            TypeError: the function returned something else than a result.
            ValueError: there are errors, although they are combined with the output.
        """
        handler = _of_longest_prefix(args.command, self._handlers)
        if handler is None:
            raise api_error(
                500,
                f"execution handler not found for {args.command!r}, please register one using Harness.handle_exec",
            )
        try:
            result = handler(args)
        except TimeoutError as error:
            if args.timeout is None:
                raise RuntimeError(
                    "the execution handler raised TimeoutError, but the charm executes the command without timeout"
                ) from error
            return TimedOut()
        if result is None:
            return ExecResult()
        if not isinstance(result, ExecResult):
            raise TypeError(f"execution handler returned {type(result).__name__}: return an ExecResult or None")
        if args.combine_stderr and result.stderr:
            raise ValueError("execution handler returned a non-empty stderr even though combine_stderr is enabled")
        return result


def _as_result(result: Any) -> ExecResult:
    if isinstance(result, ExecResult):
        return result
    if isinstance(result, int):
        return ExecResult(exit_code=result)
    if isinstance(result, (str, bytes)):
        return ExecResult(stdout=result)
    raise TypeError(f"result must be int, str, bytes, or ExecResult, not {type(result).__name__}")


class Mocks(Programs):
    """The state answers: its `Exec` with the longest prefix of the command."""

    advice = "did you forget to set can_connect=True for the container?"
    without_connection = frozenset({"exec", "get_plan"})
    completes_stdin = True

    def __init__(self, container: str, mocks: Iterable[Exec]):
        self._container = container
        self._mocks = {tuple(mock.command_prefix): mock for mock in mocks}

    def answer(self, args: ExecArgs) -> ExecResult:
        """See `Programs.answer`.

        Raises:
            ExecError: the state has nothing for this command.
        """
        mock = _of_longest_prefix(args.command, self._mocks)
        if mock is None:
            advice = (
                f"mock for cmd {args.command!r} not found: add Exec({args.command!r}, …) to "
                f"Container({self._container!r}, execs=…), or patch what calls it"
            )
            raise pebble.ExecError(args.command, 127, "", advice)
        # A state has text; a charm that wants bytes gets them as a program would have written them.
        if args.encoding is None:
            return ExecResult(mock.return_code, mock.stdout.encode(), mock.stderr.encode())
        return ExecResult(mock.return_code, mock.stdout, mock.stderr)


class _TestingExecProcess(pebble.ExecProcess[Any]):
    """A process that has ended before the charm looks at it."""

    def __init__(self, args: ExecArgs, result: ExecResult, streams: Mapping[str, Any], completes_stdin: bool):
        # Not initialised as a real one: there are no sockets, threads or changes behind it.
        self._waited = True
        self._args = args
        self._result = result
        self._completes_stdin = completes_stdin
        self.stdin: Any = streams["stdin"]
        self.stdout = streams["stdout"]
        self.stderr = streams["stderr"]

    def wait(self) -> None:
        """See `ops.pebble.ExecProcess.wait`."""
        exit_code = self._end()
        if exit_code != 0:
            raise pebble.ExecError[Any](self._args.command, exit_code, None, None)

    def wait_output(self) -> tuple[Any, Any]:
        """See `ops.pebble.ExecProcess.wait_output`.  Errors that are combined with the output are empty."""
        if self.stdout is None:
            raise TypeError("can't use wait_output() when exec was called with stdout argument")
        exit_code = self._end()
        stdout = self.stdout.read()
        stderr = None if self.stderr is None else self.stderr.read()
        if exit_code != 0:
            raise pebble.ExecError[Any](self._args.command, exit_code, stdout, stderr)
        return stdout, stderr

    def _end(self) -> int:
        if self._completes_stdin and self.stdin is not None:
            self._args.stdin = self.stdin.written()
        if isinstance(self._result, TimedOut):
            raise pebble.TimeoutError(f"timed out waiting for change ({self._args.timeout} seconds)")
        return self._result.exit_code

    def send_signal(self, sig: int | str) -> None:
        """See `ops.pebble.ExecProcess.send_signal`: it has ended already.

        Raises:
            BrokenPipeError: always.
        """
        raise BrokenPipeError(32, f"cannot send {sig}: the pretended process has ended already")


def start(programs: Programs, args: ExecArgs, *, stdin: Any, stdout: Any, stderr: Any) -> pebble.ExecProcess[Any]:
    """Return the process of a command; its output is in *stdout* and *stderr* already, where these are given.

    Raises:
        ValueError: the answer is text, and the charm wants bytes.
    """
    result = programs.answer(args)
    streams = {
        "stdin": _stdin(args.encoding) if stdin is None else None,
        "stdout": _deliver(result.stdout, stdout, args.encoding),
        "stderr": _deliver(result.stderr, stderr, args.encoding),
    }
    return _TestingExecProcess(args, result, streams, programs.completes_stdin)


def read_stdin(stdin: Any) -> str | bytes | None:
    """Return what a charm gave for a command to read."""
    return stdin if stdin is None or isinstance(stdin, (str, bytes)) else stdin.read()


def _deliver(output: str | bytes, target: Any, encoding: str | None) -> Any:
    """Write *output* to *target*; if that is None, return a stream to read it from instead."""
    if encoding is None and isinstance(output, str):
        raise ValueError(f"exec handler must return bytes if encoding is None, not {output!r}")
    if encoding is not None and isinstance(output, bytes):
        output = output.decode(encoding)
    if target is not None:
        target.write(output)
        return None
    return io.StringIO(output, newline="") if isinstance(output, str) else io.BytesIO(output)


class _Written:
    """Remembers what was written, also after the charm has closed it."""

    _all: Any = None

    def written(self) -> Any:
        return self._all if self.closed else self.getvalue()  # type: ignore[attr-defined]

    def close(self) -> None:
        if not self.closed:  # type: ignore[attr-defined]
            self._all = self.getvalue()  # type: ignore[attr-defined]
        super().close()  # type: ignore[misc]


class _TextWritten(_Written, io.StringIO):
    pass


class _BytesWritten(_Written, io.BytesIO):
    pass


def _stdin(encoding: str | None) -> Any:
    return _BytesWritten() if encoding is None else _TextWritten(newline="")
