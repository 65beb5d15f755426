"""Charm archives into directories: fetch, check the hash, unpack safely, upgrade in place.

Role: the charm directory of a unit, as charms know it: writable, kept between hooks and over upgrades.  New files
are deployed over the old tree; files of the former charm that the new one lacks are removed; files that the charm
made itself stay.
Not here: where archives are kept (store/archives.py), the Python environment (charmenv.py).
"""

from __future__ import annotations

import contextlib
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from coordinator.domain.archive import check_entries, is_link, link_target
from coordinator.domain.names import UnitName
from coordinator.errors import CharmInvalid

#: Which archive a directory holds, and the files that came with it.  Beside the charm directory, not in it.
RECORD = "deployed.json"

#: Where an upstream `ops` keeps stored state and deferred events: a file of the charm, not of the store.
CHARM_STATE = ".unit-state.db"


class UnitDirectory:
    """`agents/unit-<app>-<n>/` of one unit below the worker's data directory.

    *model_uuid* is part of the path: a model made anew under the same name finds nothing of the former one.
    """

    def __init__(self, data_dir: Path, model: str, model_uuid: str, unit: UnitName) -> None:
        self.path = data_dir / "models" / f"{model}-{model_uuid[:8]}" / "agents" / unit.dashed
        self.charm = self.path / "charm"
        self._record = self.path / RECORD
        self._deployed = ""  # as we read or wrote it last: nobody else writes the record

    def deployed(self) -> str:
        """Return the hash of the archive that the charm directory holds; empty when it holds none, whole."""
        if not self._deployed:
            self._deployed = self._recorded()
        return self._deployed if self.charm.is_dir() else ""

    def _recorded(self) -> str:
        try:
            return str(json.loads(self._record.read_text())["sha256"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return ""

    def deploy(self, sha256: str, archive: Callable[[str], Path]) -> None:
        """Make the charm directory hold the archive *sha256*; a crash on the way is made good by the next call.

        Raises:
            CharmInvalid: the archive holds something that must not be unpacked.
        """
        if self.deployed() == sha256:
            return
        source = archive(sha256)
        files = names_in(source)
        before = self._files_before()
        self.path.mkdir(parents=True, exist_ok=True)
        # While files move, the directory holds no archive whole: a crash here means "deploy again", be it another
        # archive, which has to remove what is there of both.
        self._write_record("", [*{*before, *files}])
        self.charm.mkdir(exist_ok=True)
        unpack(source, self.charm)
        for name in sorted(set(before) - set(files), reverse=True):
            _remove(self.charm / name)
        self._write_record(sha256, files)

    def resource(self, name: str, filename: str, sha256: str, fetch: Callable[[str, Path], None]) -> Path:
        """Return the file that holds resource *name* with the content *sha256*, fetched when it is not there."""
        place = self.path / "resources" / name
        target, note = place / filename, self.path / "resources" / f"{name}.sha256"
        with contextlib.suppress(FileNotFoundError):
            if note.read_text() == sha256 and target.is_file():
                return target
        shutil.rmtree(place, ignore_errors=True)  # the former one may have had another name
        fetch(sha256, target)
        note.write_text(sha256)
        return target

    def begin_hook(self, number: int) -> None:
        """Put CHARM_STATE back to what it was when hook *number* (of those that settled) began the first time.

        A hook whose process ended and which never settled runs again; what it wrote there must not count twice.
        """
        kept = self.path / f"state-{number}.db"
        state = self.charm / CHARM_STATE
        if kept.exists():  # an earlier run of this very hook
            if kept.stat().st_size:
                _copy(kept, state)
            else:
                state.unlink(missing_ok=True)
            return
        for old in self.path.glob("state-*.db"):
            old.unlink()
        if state.exists():
            _copy(state, kept)
        else:
            kept.touch()

    def remove(self) -> None:
        """Delete everything of the unit on this machine."""
        self._deployed = ""
        shutil.rmtree(self.path, ignore_errors=True)

    def _files_before(self) -> list[str]:
        try:
            return list(json.loads(self._record.read_text())["files"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return []

    def _write_record(self, sha256: str, files: list[str]) -> None:
        self._deployed = ""
        fresh = self._record.with_suffix(".new")
        fresh.write_text(json.dumps({"sha256": sha256, "files": sorted(files)}))
        fresh.replace(self._record)


def names_in(archive: Path) -> list[str]:
    """Return the names of the files of a charm, relative.

    Raises:
        CharmInvalid: a name is absolute or leaves the directory, a link points out of it, or it is too large.
    """
    with _opened(archive) as bundle:
        return [entry.filename for entry in bundle.infolist() if not entry.is_dir()]


def unpack(archive: Path, into: Path) -> None:
    """Unpack a charm over what is in *into*.

    Raises:
        CharmInvalid: as `names_in`.
    """
    with _opened(archive) as bundle:
        for entry in bundle.infolist():
            target = into / entry.filename
            if entry.is_dir():
                _make_directory(target)
                continue
            _make_directory(target.parent)
            _write(bundle, entry, target)


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(archive) as bundle:
            check_entries(bundle)
            yield bundle
    except zipfile.BadZipFile as cause:
        raise CharmInvalid("cannot unpack a charm", why="its archive is not a zip file") from cause


def _make_directory(path: Path) -> None:
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        path.unlink()
    path.mkdir(parents=True, exist_ok=True)


def _write(bundle: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    """Write one file beside its place and move it there: a running program keeps its old file."""
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    fresh = target.with_name(f".{target.name}.new")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    if is_link(entry):
        fresh.symlink_to(link_target(bundle, entry))
    else:
        with bundle.open(entry) as source, fresh.open("wb") as sink:
            shutil.copyfileobj(source, sink)
        mode = (entry.external_attr >> 16) & 0o777
        fresh.chmod(mode | 0o600 if mode else 0o644)
    fresh.replace(target)


def _copy(source: Path, target: Path) -> None:
    """Copy a file so that *target* is there whole or not at all."""
    fresh = target.with_name(f".{target.name}.new")
    shutil.copyfile(source, fresh)
    shutil.copymode(source, fresh)
    fresh.replace(target)


def _remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
        path.unlink()
    with contextlib.suppress(OSError):  # not empty: the charm keeps files of its own there
        path.parent.rmdir()
