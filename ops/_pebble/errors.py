"""What goes wrong between a charm and Pebble."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any, AnyStr, Generic, Literal

if TYPE_CHECKING:
    from .types import Change


class Error(Exception):
    """Base of all errors here."""

    def __repr__(self):
        return f"<{type(self).__module__}.{type(self).__name__} {self.args}>"


class TimeoutError(builtins.TimeoutError, Error):
    """Pebble, or what it does, took too long."""


class ConnectionError(Error):
    """Pebble cannot be reached.  It is not a kind of the builtin error of this name."""


class ProtocolError(Error):
    """Pebble answered something that cannot be read."""


class PathError(Error):
    """A file or directory could not be read or written."""

    kind: Literal["not-found", "permission-denied", "generic-file-error"]
    """What sort of problem it is."""

    message: str
    """The problem in words."""

    def __init__(self, kind: str, message: str):
        super().__init__(kind, message)
        self.kind = kind  # type: ignore[assignment]  # a newer server may know more kinds
        self.message = message

    def __str__(self):
        return f"{self.kind} - {self.message}"

    def __repr__(self):
        return f"PathError({self.kind!r}, {self.message!r})"


class APIError(Error):
    """Pebble refused a request."""

    body: dict[str, Any]
    """The answer; empty if it could not be read."""

    code: int
    """HTTP status."""

    status: str
    """The status in words."""

    message: str
    """What Pebble says about it."""

    def __init__(self, body: dict[str, Any], code: int, status: str, message: str):
        super().__init__(message)
        self.body = body
        self.code = code
        self.status = status
        self.message = message

    def __repr__(self):
        return f"APIError({self.body!r}, {self.code!r}, {self.status!r}, {self.message!r})"


class ChangeError(Error):
    """A change ended with an error.  The text has the logs of its tasks as well."""

    err: str
    """The error."""

    change: Change
    """The change."""

    def __init__(self, err: str, change: Change):
        super().__init__(err, change)
        self.err = err
        self.change = change

    def __str__(self):
        parts = [self.err]
        for number, task in enumerate(self.change.tasks):
            if task.log:
                parts.append(f"\n----- Logs from task {number} -----\n" + "\n".join(task.log))
        if len(parts) > 1:
            parts.append("\n-----")
        return "".join(parts)

    def __repr__(self):
        return f"ChangeError({self.err!r}, {self.change!r})"


class ExecError(Error, Generic[AnyStr]):
    """A program ended with another status than 0."""

    STR_MAX_OUTPUT = 1024
    """How many characters of each output are in the text of the error."""

    command: list[str]
    """Program and arguments."""

    exit_code: int
    """Its status."""

    stdout: AnyStr | None
    """What it printed; None unless `ExecProcess.wait_output` collected it."""

    stderr: AnyStr | None
    """What it printed as errors; None also if that was combined with the other output."""

    def __init__(self, command: list[str], exit_code: int, stdout: AnyStr | None, stderr: AnyStr | None):
        super().__init__(command, exit_code, stdout, stderr)
        self.command = command
        self.exit_code = exit_code
        self.stdout = stdout
        self.stderr = stderr

    def __str__(self):
        message = f"non-zero exit code {self.exit_code} executing {self.command!r}"
        for name, output in (("stdout", self.stdout), ("stderr", self.stderr)):
            if output is None:
                continue
            shown = output[: self.STR_MAX_OUTPUT]
            cut = " [truncated]" if len(output) > self.STR_MAX_OUTPUT else ""
            message += f", {name}={shown!r}{cut}"
        return message
