"""Copy files and directories between this machine and a container.

Role: which file lands where, in which order, and what to do about those that cannot be copied.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, NamedTuple

from ._errors import MultiPushPullError

if TYPE_CHECKING:
    from ._container import Container

logger = logging.getLogger(__name__)


class _Entry(NamedTuple):
    """Something to copy: its path, and whether it is a directory.  Directories are there if empty."""

    path: PurePath
    is_dir: bool
    permissions: int | None = None
    user: str | None = None
    group: str | None = None


_Each = Callable[[PurePath], Iterator[_Entry]]


def _sources(source_path: str | PurePath | Iterable[str | PurePath]) -> list[str]:
    if isinstance(source_path, (str, PurePath)):
        return [str(source_path)]
    return [str(path) for path in source_path]


def destination(file: PurePath, source: str, dest_dir: str | PurePath) -> PurePath:
    """Return where *file*, found under *source*, lands.

    ``/dir`` itself is part of the destination, and of ``/dir/*`` only what follows is.
    """
    root = PurePath(source[:-2] or "/") if source.endswith("/*") else PurePath(source).parent
    return PurePath(dest_dir) / file.relative_to(root)


def _copy(
    what: str,
    sources: list[str],
    dest_dir: str | PurePath,
    entries: _Each,
    copy: Callable[[_Entry, PurePath], None],
) -> None:
    errors: list[tuple[str, Exception]] = []
    for source in sources:
        root = PurePath(source[:-2] or "/") if source.endswith("/*") else PurePath(source)
        try:
            for entry in entries(root):
                try:
                    copy(entry, destination(entry.path, source, dest_dir))
                except Exception as error:
                    errors.append((str(entry.path), error))
        except Exception as error:
            errors.append((source, error))
    if errors:
        raise MultiPushPullError(f"failed to {what} one or more files", errors)


# --- into the container ---


def _local_entries(root: PurePath) -> Iterator[_Entry]:
    path = Path(root)
    status = path.stat()
    entry = _Entry(
        root,
        path.is_dir(),
        status.st_mode & 0o777,
        _name_or_none(path.owner),
        _name_or_none(path.group),
    )
    if path.is_file():
        yield entry
    elif path.is_dir():
        children = sorted(path.iterdir())
        if not children:
            yield entry
        for child in children:
            yield from _local_entries(child)
    else:
        logger.debug("skipping %s: it is neither a file nor a directory", path)


def _name_or_none(owner: Callable[[], str]) -> str | None:
    try:
        return owner()
    except (KeyError, NotImplementedError):
        # The number has no name here; the container's own default is better than a guess.
        return None


def push_paths(
    container: Container, source_path: str | Path | Iterable[str | Path], dest_dir: str | PurePath
) -> None:
    """Copy into *container*.  See `Container.push_path`."""

    def copy(entry: _Entry, target: PurePath) -> None:
        owner = {"permissions": entry.permissions, "user": entry.user, "group": entry.group}
        if entry.is_dir:
            container.make_dir(target, make_parents=True, **owner)
            return
        with open(entry.path, "rb") as source:
            container.push(target, source, make_dirs=True, **owner)

    _copy("push", _sources(source_path), dest_dir, _local_entries, copy)


# --- out of the container ---


def pull_paths(
    container: Container, source_path: str | PurePath | Iterable[str | PurePath], dest_dir: str | Path
) -> None:
    """Copy out of *container*.  See `Container.pull_path`."""
    import shutil

    from . import pebble

    def below(info: pebble.FileInfo) -> Iterator[_Entry]:
        path = PurePath(info.path)
        if info.type is pebble.FileType.DIRECTORY:
            children = sorted(container.list_files(path), key=lambda each: each.path)
            if not children:
                yield _Entry(path, True)
            for child in children:
                yield from below(child)
        elif info.type in (pebble.FileType.FILE, pebble.FileType.SYMLINK):
            yield _Entry(path, False)
        else:
            logger.debug("skipping %s: it is neither a file nor a directory", path)

    def entries(root: PurePath) -> Iterator[_Entry]:
        (info,) = container.list_files(root, itself=True)
        yield from below(info)

    def copy(entry: _Entry, target: PurePath) -> None:
        if entry.is_dir:
            os.makedirs(target, exist_ok=True)
            return
        os.makedirs(target.parent, exist_ok=True)
        with container.pull(entry.path, encoding=None) as source, open(target, "wb") as file:
            shutil.copyfileobj(source, file)

    _copy("pull", _sources(source_path), dest_dir, entries, copy)
