"""Directories that nobody may write to: mounted on themselves, and noted, so that none stays so for ever.

Role: a note is made before the mount and outlives the worker, so whoever comes after one that died, or finds that
storage was taken from a unit by force, can still let write again: `tidy`.
Not here: how a directory is mounted (directory.py), which are kept so and for whom (storage.py).
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Collection
from pathlib import Path

from coordinator.log import get_logger
from coordinator.worker.directory import keep_from_writing, let_write

log = get_logger()


class ReadOnlyDirectories:
    """Those of one machine; safe to use from several threads."""

    def __init__(self, notes: Path) -> None:
        """*notes* is the directory of the notes; each is named by the hash of the path that is in it."""
        self._notes = notes
        self._lock = threading.Lock()
        self._known = {Path(os.fsdecode(note.read_bytes())) for note in notes.glob("*")}

    def keep(self, directory: Path) -> str:
        """Let nobody write below *directory*; return what went wrong, or ""."""
        with self._lock:
            if directory not in self._known:
                self._write_note(directory)
                self._known.add(directory)
            return keep_from_writing(directory)

    def let_write(self, directory: Path) -> None:
        """Undo `keep`, if that was called.

        Raises:
            OSError: it cannot be undone.
        """
        with self._lock:
            self._let_write(directory)

    def tidy(self, in_use: Callable[[], Collection[Path]]) -> bool:
        """Undo `keep` for every directory that is not *in_use* any more; say whether nothing is left to do.

        *in_use* is asked after everything that `keep` has done, and before anything that it will do.
        """
        with self._lock:
            stale = self._known - set(in_use()) if self._known else set()
            is_done = True
            for directory in stale:
                try:
                    self._let_write(directory)
                except OSError as trouble:  # somebody is in there
                    log.warning("storage.not_writable", directory=str(directory), why=str(trouble))
                    is_done = False
            return is_done

    def _let_write(self, directory: Path) -> None:
        if directory in self._known:
            let_write(directory)
            self._note(directory).unlink(missing_ok=True)
            self._known.discard(directory)

    def _write_note(self, directory: Path) -> None:
        self._notes.mkdir(parents=True, exist_ok=True)
        fresh = self._notes.with_suffix(".new")  # a note is there whole, or not at all
        fresh.write_bytes(os.fsencode(directory))
        fresh.replace(self._note(directory))

    def _note(self, directory: Path) -> Path:
        return self._notes / hashlib.sha256(os.fsencode(directory)).hexdigest()
