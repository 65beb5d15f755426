"""The log of a model's units on this machine: rotated files of JSON lines, and reading them back.

Role: log lines do not go to etcd; they stay where they were made, and the API asks every worker and merges.
One file per model, so that the log of a unit outlives the unit.  A disk that takes no more costs lines, which are
counted, and nothing else: whoever speaks here never hears of it, and goes on.
"""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import NamedTuple

from coordinator.clock import Clock
from coordinator.log import get_logger

log = get_logger()

FILE_BYTES_MAX = 16 * 1024 * 1024
FILES_KEPT = 4
_ENCODE = json.JSONEncoder(ensure_ascii=False).encode
LEVELS = ("TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class Line(NamedTuple):
    """One line.  `at_s`: seconds since the epoch; `entity`: `unit-web-0` or `machine-0`; `module`: who speaks."""

    at_s: float
    entity: str
    level: str
    module: str
    message: str


class ModelLog:
    """The log of one model on this machine.  Safe to use from several threads."""

    def __init__(self, directory: Path, model: str, clock: Clock) -> None:
        self._path = directory / f"{model}.jsonl"
        self._clock = clock
        self._lock = threading.Lock()
        self._grown = threading.Condition(self._lock)
        self._file: FileIO | None = None  # open, as soon as there is something to write
        self._bytes = 0
        self._is_cut = False  # the last line has no end, for a crash or a full disk; it must not spoil the next
        self._lost = 0  # lines, since the last one that could be written

    def write(self, entity: str, level: str, module: str, message: str) -> None:
        """Append one line; it is on its way to the disk when this returns, and survives our own death.

        What cannot be written is lost, and the next line that can be is preceded by one that says so.
        """
        line = Line(self._clock.now_s(), entity, level, module, message)
        with self._lock:
            try:
                if self._lost:
                    lost = f"{self._lost} lines before this one could not be written, and are lost"
                    self._append(line._replace(level="WARNING", module=__name__, message=lost))
                    self._lost = 0
                self._append(line)
            except OSError as trouble:
                if not self._lost:
                    log.error("logs.trouble", file=str(self._path), why=trouble.strerror or str(trouble))
                self._lost += 1
                self._shut()
            self._grown.notify_all()

    def read(self, *, since_s: float = 0.0) -> Iterator[Line]:
        """Return the lines after *since_s*, oldest first."""
        for path in [*reversed(self._old()), self._path]:
            try:
                with path.open(encoding="utf-8") as source:
                    yield from (line for line in map(_parse, source) if line is not None and line.at_s > since_s)
            except FileNotFoundError:
                continue  # rotated away while we read

    def wait(self, timeout_s: float) -> None:
        """Return when a line was written, or after *timeout_s*."""
        with self._grown:
            self._grown.wait(timeout_s)

    def close(self) -> None:
        with self._lock:
            self._shut()

    def _append(self, line: Line) -> None:
        text = (_ENCODE(line._asdict()) + "\n").encode("utf-8", "replace")
        file = self._file or self._open()
        if self._bytes + len(text) > FILE_BYTES_MAX:
            file = self._rotate()
        text = b"\n" + text if self._is_cut else text
        written = file.write(text)
        self._bytes += written
        self._is_cut = False
        if written < len(text):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _old(self) -> list[Path]:
        return [path for n in range(1, FILES_KEPT) if (path := self._numbered(n)).exists()]

    def _numbered(self, number: int) -> Path:
        return self._path.with_suffix(f".{number}.jsonl")

    def _rotate(self) -> FileIO:
        self._shut()
        for number in range(FILES_KEPT - 1, 0, -1):
            older = self._path if number == 1 else self._numbered(number - 1)
            if older.exists():
                older.replace(self._numbered(number))
        return self._open()

    def _open(self) -> FileIO:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = FileIO(self._path, "ab")
        self._file, self._bytes = file, file.seek(0, os.SEEK_END)
        self._is_cut = not _ends_with_a_line(self._path)
        return file

    def _shut(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class Logs:
    """The logs of every model with units here."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._directory, self._clock = directory, clock
        self._lock = threading.Lock()
        self._models: dict[str, ModelLog] = {}

    def of(self, model: str) -> ModelLog:
        with self._lock:
            if model not in self._models:
                self._models[model] = ModelLog(self._directory, model, self._clock)
            return self._models[model]

    def close(self) -> None:
        with self._lock:
            for log in self._models.values():
                log.close()
            self._models.clear()


def _ends_with_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def _parse(text: str) -> Line | None:
    """Return the line; None for one that a crash cut short."""
    try:
        return Line(**json.loads(text))
    except (ValueError, TypeError):
        return None
