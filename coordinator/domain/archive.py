"""What a charm archive may hold: no names and no links that lead out of the charm's directory, and limits."""

from __future__ import annotations

import posixpath
import stat
import zipfile
from pathlib import PurePosixPath

from coordinator.errors import CharmInvalid

FILES_MAX = 100_000
UNPACKED_BYTES_MAX = 2 * 1024**3
LINK_BYTES_MAX = 4096


def check_entries(bundle: zipfile.ZipFile) -> None:
    """Raise CharmInvalid when *bundle* holds anything that must not be unpacked."""
    entries = bundle.infolist()
    if len(entries) > FILES_MAX or sum(entry.file_size for entry in entries) > UNPACKED_BYTES_MAX:
        raise CharmInvalid(
            "the charm is too large",
            why=f"it has {len(entries)} files; the limits are {FILES_MAX} files and {UNPACKED_BYTES_MAX} bytes",
        )
    links = set()
    for entry in entries:
        _check_name(entry.filename, entry.filename)
        if is_link(entry):
            _check_link(entry.filename, link_target(bundle, entry))
            links.add(PurePosixPath(entry.filename))
    for entry in entries:
        if links & set(PurePosixPath(entry.filename).parents):
            raise _bad(entry.filename, "it would be written through a link")


def is_link(entry: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(entry.external_attr >> 16)


def link_target(bundle: zipfile.ZipFile, entry: zipfile.ZipInfo) -> str:
    """Return where a link points, as written."""
    if entry.file_size > LINK_BYTES_MAX:
        raise _bad(entry.filename, "it is a link with a target that is too long")
    return bundle.read(entry).decode(errors="replace")


def _check_link(name: str, to: str) -> None:
    if to.startswith("/"):
        raise _bad(name, f"it is a link to {to}, outside of the charm")
    _check_name(posixpath.normpath(posixpath.join(posixpath.dirname(name), to)), name)


def _check_name(name: str, shown: str) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\x00" in name:
        raise _bad(shown, "it would be written outside of the charm's directory")


def _bad(name: str, why: str) -> CharmInvalid:
    return CharmInvalid(f"charm archive holds {name!r}", why=why, fix="pack the charm again without it")
