"""What goes to stderr: remarks, warnings, progress; and the questions that need a person.

Role: data goes to stdout and never passes here, so that programs can read it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import TextIO

from coordinator.errors import Refused

QUIET_FOR_S = 1.0  # progress of what takes no longer is only in the way


class Console:
    """The stderr of one command."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self.quiet = False
        self.debug = False
        self._started_s = time.monotonic()
        self._line = ""  # what the progress line says now

    @property
    def stream(self) -> TextIO:
        return self._stream or sys.stderr

    def info(self, text: str) -> None:
        """Say what was done, unless the person wants no chatter."""
        if not self.quiet:
            self._say(text)

    def warn(self, text: str) -> None:
        self._say(f"WARNING {text}")

    def error(self, text: str) -> None:
        """Say what failed, where the command goes on with the next item."""
        self._say(f"ERROR {text}")

    def trace(self, text: str) -> None:
        """Say what happens behind the scenes, if --debug asks for it."""
        if self.debug:
            self._say(f"{time.strftime('%H:%M:%S')} DEBUG {text}")

    def progress(self, text: str) -> None:
        """Say what we wait for: one line, updated in place on a terminal; nothing in the first second."""
        if self.quiet or text == self._line or time.monotonic() - self._started_s < QUIET_FOR_S:
            return
        if self.stream.isatty():
            width = _terminal_width()
            self.stream.write(f"\r\x1b[K{text[: width - 1]}")
            self.stream.flush()
            self._line = text
        else:
            self._say(text)
            self._line = text

    def begin_to_wait(self) -> None:
        """Let the quiet second begin now: how long a busy machine took until here is no progress."""
        self._started_s = time.monotonic()

    @property
    def waiting(self) -> Callable[[str], None] | None:
        """Where to say that an answer takes its time: nowhere, unless a person looks on."""
        return self.progress if self.stream.isatty() and not self.quiet else None

    def end_progress(self) -> None:
        """Take the progress line away."""
        if self._line and self.stream.isatty():
            self.stream.write("\r\x1b[K")
            self.stream.flush()
        self._line = ""

    def _say(self, text: str) -> None:
        self.end_progress()
        print(text, file=self.stream, flush=True)

    def ask(self, explanation: str, question: str, *, what: str) -> str:
        """Return what the person answers.

        Raises:
            Refused: there is nobody to ask; *what* says what is not done therefore.
        """
        if not sys.stdin.isatty():
            raise Refused(
                f"{what} aborted", why="it needs a confirmation, and there is no terminal", fix="add --no-prompt"
            )
        self._say(explanation)
        self.stream.write(question + " ")
        self.stream.flush()
        return sys.stdin.readline().strip()


def wants_colour(
    stream: TextIO, environ: Mapping[str, str], *, color: bool = False, no_color: bool = False
) -> bool:
    """Say whether to colour what goes to *stream*."""
    if color or no_color:
        return color
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def _terminal_width() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except OSError:
        return 80
