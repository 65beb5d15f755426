"""A charm directory to an archive in memory.

Role: the same files always give the same bytes, so that the same charm is stored once: names are sorted, times are
fixed, and of permissions only "executable" is kept.  Links stay links.
Not here: whether it is a charm that can be run.  The API looks into the archive and says.
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

from coordinator.errors import CharmInvalid, NotFound

#: What belongs to a working copy and not to the charm.
SKIPPED = {
    ".git", ".venv", "__pycache__", ".tox", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache",
}  # fmt: skip
SKIPPED_ENDS = (".pyc", ".charm")
METADATA = ("metadata.yaml", "charmcraft.yaml")
ARCHIVE_BYTES_MAX = 512 * 1024 * 1024  # what the API takes
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first that a zip can say


def read_charm(text: str, *, missing: str = "no charm was found at") -> bytes:
    """Return the packed charm at the path *text*: a directory, or an archive that exists.

    Raises:
        NotFound: there is none; the text begins with *missing*.
        CharmInvalid: it cannot be read, or it is larger than the API takes.
    """
    path = Path(text).expanduser()
    try:
        if path.is_dir():
            if not any((path / name).is_file() for name in METADATA):
                raise NotFound(
                    f'{missing} "{text}"',
                    why="the directory has no metadata.yaml",
                    fix="give the directory that holds the charm's metadata.yaml",
                )
            data = pack(path)
        elif path.is_file():
            data = path.read_bytes()
            if not zipfile.is_zipfile(io.BytesIO(data)):
                raise CharmInvalid(
                    f'invalid charm or bundle provided at "{text}"',
                    why="it is not a zip file",
                    fix="give a charm directory or a packed .charm file",
                )
        else:
            raise NotFound(f'{missing} "{text}"', why="no such file or directory", fix="check the path")
    except OSError as cause:
        raise CharmInvalid(
            f'cannot read the charm at "{text}"', why=f"{cause.filename}: {cause.strerror}"
        ) from cause
    if len(data) > ARCHIVE_BYTES_MAX:
        raise CharmInvalid(
            f'the charm at "{text}" is too large',
            why=f"it has {len(data)} bytes; the limit is {ARCHIVE_BYTES_MAX}",
            fix="leave out what the charm can fetch when it is installed",
        )
    return data


def pack(directory: Path) -> bytes:
    """Return a zip of *directory*."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        for path in _files(directory):
            name = path.relative_to(directory).as_posix()
            if path.is_symlink():
                bundle.writestr(_entry(name, stat.S_IFLNK | 0o777), os.readlink(path))
            else:
                mode = 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644
                bundle.writestr(_entry(name, stat.S_IFREG | mode), path.read_bytes())
    return buffer.getvalue()


def _files(directory: Path) -> Iterator[Path]:
    """Yield files and links below *directory*, sorted by name; what is neither (sockets, pipes) is left out."""
    for path in sorted(directory.iterdir(), key=lambda path: path.name):
        if path.name in SKIPPED or path.name.endswith(SKIPPED_ENDS):
            continue
        if path.is_symlink() or path.is_file():
            yield path
        elif path.is_dir():
            yield from _files(path)


def _entry(name: str, mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system = 3  # Unix: the mode counts
    entry.external_attr = mode << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry
