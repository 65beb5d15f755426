"""Directories for the time of a test."""

from __future__ import annotations

import shutil
import tempfile
import weakref


class Scratch:
    """A directory that goes with this object, or at the end of the process.

    Without a word, unlike `tempfile.TemporaryDirectory`: tests need not close what they make.
    """

    def __init__(self, prefix: str):
        self.name = tempfile.mkdtemp(prefix=prefix)
        """Path of the directory."""
        self.remove = weakref.finalize(self, shutil.rmtree, self.name, ignore_errors=True)
        """Removes it, if it is still there."""
