"""Directories that charms under test find themselves in.

Making three files costs more than the whole rest of a run, and hardly any charm looks at them.  So a directory
is used again as long as the charm left it as it was; whoever changes anything in it is the last one to have had
it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .. import _yaml
from ._scratch import Scratch

Files = Mapping[str, Any]
"""Contents by name of the file; None for a file that is not there."""

#: How many directories wait for charms that declare the same once more.
_WAITING_MAX = 64

#: Time of the last change of everything in a directory that nobody touched: long ago, so that any change is seen.
_UNTOUCHED_NS = 1_000_000_000


class _Directory(NamedTuple):
    made: Scratch
    names: list[str]

    def is_untouched(self) -> bool:
        try:
            paths = [self.made.name, *(os.path.join(self.made.name, name) for name in self.names)]
            return all(os.stat(path).st_mtime_ns == _UNTOUCHED_NS for path in paths)
        except OSError:
            return False


_waiting: dict[str, _Directory] = {}


@contextlib.contextmanager
def borrowed(files: Files, key: str) -> Iterator[str]:
    """Yield the path of a directory with *files*, and nobody else in it.  Equal files have an equal *key*."""
    directory = _waiting.pop(key, None) or _made(files)
    try:
        yield directory.made.name
    finally:
        if directory.is_untouched() and key not in _waiting:
            _waiting[key] = directory
            if len(_waiting) > _WAITING_MAX:
                _waiting.pop(next(iter(_waiting))).made.remove()
        else:
            directory.made.remove()


def _made(files: Files) -> _Directory:
    made = Scratch("charm-")
    root = Path(made.name)
    names = [name for name, content in files.items() if content is not None]
    for name in names:
        (root / name).write_text(_yaml.dump(files[name]), encoding="utf-8")
    for path in (*(root / name for name in names), root):
        os.utime(path, ns=(_UNTOUCHED_NS, _UNTOUCHED_NS))
    return _Directory(made, names)


@contextlib.contextmanager
def overwritten(root: Path, files: Files) -> Iterator[str]:
    """Yield the path of *root*, which has *files* while the block runs, and then again what it had."""
    before: dict[Path, bytes | None] = {}
    try:
        for name, content in files.items():
            path = root / name
            found = path.read_bytes() if path.exists() else None
            if content is None or (found is not None and _yaml.load(found.decode()) == content):
                continue
            before[path] = found
            path.write_text(_yaml.dump(content), encoding="utf-8")
        yield str(root)
    finally:
        for path, found in before.items():
            if found is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(found)
