"""A charm archive from outside: looked into, checked, and read; nothing is unpacked here.  Pure but for zip."""

from __future__ import annotations

import io
import zipfile
from pathlib import PurePosixPath

from coordinator.domain.archive import check_entries
from coordinator.domain.charm import CHARM_FILE_BYTES_MAX, CharmMeta, read_charm
from coordinator.errors import CharmInvalid

METADATA_FILES = ("metadata.yaml", "config.yaml", "actions.yaml", "charmcraft.yaml")


def read_archive(data: bytes) -> CharmMeta:
    """Return what a packed charm says of itself.

    Raises:
        CharmInvalid: it is no zip, holds what must not be unpacked, is no charm, or its files are wrong.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as bundle:
            check_entries(bundle)
            names = set(bundle.namelist())
            files = {name: _text(bundle, name) for name in METADATA_FILES if name in names}
            meta = read_charm(files)
            runnable = {PurePosixPath(name).parts[0] for name in names if name}
    except zipfile.BadZipFile as cause:
        raise CharmInvalid(
            "this is not a charm",
            why="the archive is not a zip file",
            fix="give a charm directory or a packed .charm file",
        ) from cause
    if not runnable & {"dispatch", "hooks", "src"}:
        raise CharmInvalid(
            f'charm "{meta.name}" has nothing to run',
            why="it has neither `dispatch` nor `hooks/`",
            fix="add an executable `dispatch`, such as one that starts src/charm.py",
        )
    return meta


def _text(bundle: zipfile.ZipFile, name: str) -> str:
    if bundle.getinfo(name).file_size > CHARM_FILE_BYTES_MAX:
        raise CharmInvalid(f"{name} is too large", why=f"at most {CHARM_FILE_BYTES_MAX} bytes are read")
    try:
        return bundle.read(name).decode()
    except UnicodeDecodeError as cause:
        raise CharmInvalid(f"{name} is not UTF-8", why=str(cause)) from cause
