"""Python's logging, warnings and uncaught exceptions, sent to the controller's log.

Role: the handler, and setting it up for a run.  Nothing happens on import.
"""

from __future__ import annotations

import logging
import sys
import types
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from ._tools import _ModelBackend

MAX_LOG_LINE_LEN = 131071
"""Longest text of one message: the longest argument of a Linux process, less its end."""


class JujuLogHandler(logging.Handler):
    """Sends each record to the controller.  Which levels are shown is decided there."""

    def __init__(self, model_backend: _ModelBackend, level: int = logging.DEBUG):
        super().__init__(level)
        self.model_backend = model_backend

    def emit(self, record: logging.LogRecord):
        """Send *record*, in pieces if it is too long; not at all if it is empty.

        Raises:
            ModelError: the controller did not take it.
        """
        text = self.format(record)
        if not text:
            return
        if len(text) <= MAX_LOG_LINE_LEN:
            self.model_backend.juju_log(record.levelname, text)
            return
        pieces = [text[start : start + MAX_LOG_LINE_LEN] for start in range(0, len(text), MAX_LOG_LINE_LEN)]
        self.model_backend.juju_log(record.levelname, f"Log string greater than {MAX_LOG_LINE_LEN}, splitting:")
        for piece in pieces:
            self.model_backend.juju_log(record.levelname, piece)


def setup_root_logging(model_backend: _ModelBackend, debug: bool = False, exc_stderr: bool = False):
    """Send log records, warnings and uncaught exceptions to the controller.

    Args:
        model_backend: takes the lines.
        debug: whether to log to stderr as well.
        exc_stderr: whether an uncaught exception is also told to stderr, which who runs an action sees.
    """
    install_logging(model_backend, debug=debug, exc_stderr=exc_stderr)


def install_logging(
    model_backend: _ModelBackend, *, debug: bool = False, exc_stderr: bool = False
) -> Callable[[], None]:
    """Do what `setup_root_logging` does; return a function that puts everything back."""
    root = logging.getLogger()
    before = root.level, warnings.showwarning, sys.excepthook
    handlers: list[logging.Handler] = [JujuLogHandler(model_backend)]
    if debug:
        handlers.append(logging.StreamHandler())
        handlers[-1].setFormatter(logging.Formatter("%(asctime)s %(levelname)-8s %(message)s"))
    root.setLevel(logging.DEBUG)
    for handler in handlers:
        root.addHandler(handler)
    warnings.showwarning = _log_warning
    sys.excepthook = _exception_logger(model_backend, exc_stderr)

    def put_back() -> None:
        for handler in handlers:
            root.removeHandler(handler)
        level, warnings.showwarning, sys.excepthook = before
        root.setLevel(level)

    return put_back


def _log_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Log a warning, without the line of source that Python shows: it says little out of context."""
    logging.getLogger(__name__).warning("%s:%s: %s: %s", filename, lineno, category.__name__, message)


def _exception_logger(model_backend: _ModelBackend, exc_stderr: bool):
    def log_exception(
        kind: type[BaseException], error: BaseException, traceback: types.TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, traceback)
            return
        logging.getLogger(__name__).error(
            "Uncaught exception while in charm code:", exc_info=(kind, error, traceback)
        )
        if exc_stderr:
            print(f"Uncaught {kind.__name__} in charm code: {error}", file=sys.stderr)
            print("Use `juju debug-log` to see the full traceback.", file=sys.stderr)
        model_backend._log_security_event(
            "WARN",
            "sys_crash",
            kind.__name__,
            f"The charm of {model_backend.unit_name} ended with {kind.__name__}.",
        )

    return log_exception
