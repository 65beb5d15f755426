"""The log of a model's units on this machine: rotated files of JSON lines, and reading them back.

Role: log lines do not go to etcd; they stay where they were made, and the API asks every worker and merges.
One file per model, so that the log of a unit outlives the unit.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from coordinator.clock import Clock

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
        directory.mkdir(parents=True, exist_ok=True)
        self._open()
        if not _ends_with_a_line(self._path):
            self._file.write(b"\n")  # a crash cut the last line short; it must not spoil the next one

    def write(self, entity: str, level: str, module: str, message: str) -> None:
        """Append one line; it is on its way to the disk when this returns, and survives our own death."""
        line = Line(self._clock.now_s(), entity, level, module, message)
        text = (_ENCODE(line._asdict()) + "\n").encode("utf-8", "replace")
        with self._lock:
            if self._bytes + len(text) > FILE_BYTES_MAX:
                self._rotate()
            self._file.write(text)
            self._bytes += len(text)
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
            self._file.close()

    def _old(self) -> list[Path]:
        return [path for n in range(1, FILES_KEPT) if (path := self._numbered(n)).exists()]

    def _numbered(self, number: int) -> Path:
        return self._path.with_suffix(f".{number}.jsonl")

    def _rotate(self) -> None:
        self._file.close()
        for number in range(FILES_KEPT - 1, 0, -1):
            older = self._path if number == 1 else self._numbered(number - 1)
            if older.exists():
                older.replace(self._numbered(number))
        self._open()

    def _open(self) -> None:
        self._file = self._path.open("ab", buffering=0)
        self._bytes = self._file.seek(0, os.SEEK_END)


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
