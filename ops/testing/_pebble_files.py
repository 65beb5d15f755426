"""Files of a pretended container: a real directory tree, so that tests can look into it with usual means.

Role: what Pebble does with files, below a directory that stands for the container's ``/``.
"""

from __future__ import annotations

import datetime
import fnmatch
import io
import os
import posixpath
import shutil
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any, BinaryIO, TextIO

from .. import pebble

_PIECE_BYTES = 64 * 1024
_MODE_FILE, _MODE_DIRECTORY, _MODE_MAX = 0o644, 0o755, 0o777

_TYPES = {
    stat.S_IFREG: pebble.FileType.FILE,
    stat.S_IFDIR: pebble.FileType.DIRECTORY,
    stat.S_IFLNK: pebble.FileType.SYMLINK,
    stat.S_IFSOCK: pebble.FileType.SOCKET,
    stat.S_IFIFO: pebble.FileType.NAMED_PIPE,
    stat.S_IFBLK: pebble.FileType.DEVICE,
    stat.S_IFCHR: pebble.FileType.DEVICE,
}


def _failed(message: str) -> pebble.PathError:
    return pebble.PathError("generic-file-error", message)


def _not_found(message: str) -> pebble.PathError:
    return pebble.PathError("not-found", message)


class PretendFiles:
    """Files of one container.

    Args:
        root: makes the directory that stands for ``/``, and returns it; called when it is first needed.
        mounts: what the container sees from elsewhere: pairs of an absolute path in the container, and what
            returns the file or directory of this machine; called when the root is there.
    """

    def __init__(self, root: Callable[[], Path], mounts: Iterable[tuple[str, Callable[[], Path]]] = ()):
        self._make_root = root
        self._root: Path | None = None
        self._mounts = dict(mounts)

    @property
    def root(self) -> Path:
        """The directory that stands for ``/``."""
        if self._root is None:
            self._root = self._make_root()
            for location, source in self._mounts.items():
                self._link(location, source())
        return self._root

    # --- mounts ---

    def mount(self, location: str, source: Callable[[], Path]) -> None:
        """Let the container see *source* at *location*, in place of what it saw there before."""
        self.unmount(location)
        self._mounts[location] = source
        if self._root is not None:
            self._link(location, source())

    def unmount(self, location: str) -> None:
        """Take back what `mount` did, if anything."""
        if self._mounts.pop(location, None) is not None and self._root is not None:
            self._at(location).unlink(missing_ok=True)

    def _link(self, location: str, source: Path) -> None:
        link = self._at(location)
        if link == self.root:
            raise ValueError("nothing can be mounted at / itself")
        link.parent.mkdir(parents=True, exist_ok=True)
        if link.is_symlink():
            link.unlink()
        elif link.is_dir():
            link.rmdir()
        link.symlink_to(source)

    def _is_mount(self, path: str) -> bool:
        return posixpath.normpath(path) in map(posixpath.normpath, self._mounts)

    # --- paths ---

    def _at(self, path: str) -> Path:
        """Return where *path* of the container is on this machine; ``..`` does not lead out of the container.

        Raises:
            PathError: it is relative.
        """
        if not path.startswith("/"):
            raise _failed(f"paths must be absolute, got {path!r}")
        return self.root / posixpath.normpath(path).lstrip("/")

    # --- what Pebble does ---

    def pull(self, path: str, encoding: str | None) -> BinaryIO | TextIO:
        """See `ops.pebble.Client.pull`."""
        real = self._at(path)
        if not real.exists():
            raise _not_found(f"stat {path}: no such file or directory")
        if not real.is_file():
            raise _failed(f'can only read a regular file: "{path}"')
        content = io.BytesIO(real.read_bytes())
        return content if encoding is None else io.TextIOWrapper(content, encoding=encoding, newline="")

    def push(
        self, path: str, source: Any, encoding: str, *, make_dirs: bool = False, permissions: int | None = None
    ) -> None:
        """See `ops.pebble.Client.push`."""
        real = self._at(path)
        mode = _mode(permissions, _MODE_FILE)
        if real.is_dir():
            raise _failed(f"open {path}: is a directory")
        try:
            if make_dirs:
                real.parent.mkdir(mode=_MODE_DIRECTORY, parents=True, exist_ok=True)
            with real.open("wb") as target:
                _copy(source, target, encoding)
            real.chmod(mode)
        except FileNotFoundError as error:
            raise _not_found(f"open {path}: parent directory not found") from error
        except (NotADirectoryError, FileExistsError) as error:
            raise _failed(f"open {path}: not a directory") from error

    def list(self, path: str, pattern: str | None = None, itself: bool = False) -> list[pebble.FileInfo]:
        """See `ops.pebble.Client.list_files`."""
        real = self._at(path)
        if not real.exists():
            raise api_error(404, f"stat {path}: no such file or directory")
        path = posixpath.normpath(path)
        if itself or not real.is_dir():
            paths = [path]
        else:
            paths = [posixpath.join(path, each) for each in sorted(os.listdir(real))]
        found = [self._info(each) for each in paths]
        return [each for each in found if not pattern or fnmatch.fnmatchcase(each.name, pattern)]

    def _info(self, path: str) -> pebble.FileInfo:
        # What is mounted looks as if it were there itself.
        facts = os.stat(self._at(path), follow_symlinks=self._is_mount(path))
        kind = _TYPES.get(stat.S_IFMT(facts.st_mode), pebble.FileType.UNKNOWN)
        return pebble.FileInfo(
            path=path,
            name=posixpath.basename(path) or "/",
            type=kind,
            size=facts.st_size if kind is pebble.FileType.FILE else None,
            permissions=stat.S_IMODE(facts.st_mode) & _MODE_MAX,
            last_modified=datetime.datetime.fromtimestamp(int(facts.st_mtime), tz=datetime.timezone.utc),
            user_id=facts.st_uid,
            user=_user_name(facts.st_uid),
            group_id=facts.st_gid,
            group=_group_name(facts.st_gid),
        )

    def make_dir(self, path: str, *, make_parents: bool = False, permissions: int | None = None) -> None:
        """See `ops.pebble.Client.make_dir`."""
        real = self._at(path)
        mode = _mode(permissions, _MODE_DIRECTORY)
        if make_parents and real.is_dir():
            return
        try:
            if make_parents:
                real.parent.mkdir(mode=_MODE_DIRECTORY, parents=True, exist_ok=True)
            real.mkdir(mode=mode)
            real.chmod(mode)  # whatever the mask of this process is
        except FileNotFoundError as error:
            raise _not_found(f"mkdir {path}: parent directory not found") from error
        except NotADirectoryError as error:
            raise _failed(f"mkdir {path}: not a directory") from error
        except FileExistsError as error:
            raise _failed(f"mkdir {path}: file exists") from error

    def remove(self, path: str, *, recursive: bool = False) -> None:
        """See `ops.pebble.Client.remove_path`."""
        real = self._at(path)
        if self._is_mount(path) and real.is_dir():
            raise _failed(f"remove {path}: device or resource busy: something is mounted there")
        if not os.path.lexists(real):
            if recursive:
                return
            raise _not_found(f"remove {path}: no such file or directory")
        if real.is_symlink() or not real.is_dir():
            real.unlink()  # of a file that a test mounted: what the container sees, not the test's own file
        elif not recursive:
            try:
                real.rmdir()
            except OSError as error:
                raise _failed(f"remove {path}: directory not empty, and not recursive") from error
        else:
            shutil.rmtree(real)


def _mode(permissions: int | None, default: int) -> int:
    if permissions is None:
        return default
    if not 0 <= permissions <= _MODE_MAX:
        raise _failed(f"permissions not within 0o000 to 0o777: {permissions:#o}")
    return permissions


def _copy(source: Any, target: IO[bytes], encoding: str) -> None:
    if isinstance(source, str):
        source = source.encode(encoding)
    if isinstance(source, bytes):
        target.write(source)
        return
    while piece := source.read(_PIECE_BYTES):
        target.write(piece.encode(encoding) if isinstance(piece, str) else piece)


# These databases are not everywhere, and need not know everybody.
def _user_name(number: int) -> str | None:
    try:
        import pwd

        return pwd.getpwuid(number).pw_name
    except (ImportError, KeyError):
        return None


def _group_name(number: int) -> str | None:
    try:
        import grp

        return grp.getgrgid(number).gr_name
    except (ImportError, KeyError):
        return None


_PHRASES = {400: "Bad Request", 404: "Not Found", 500: "Internal Server Error"}


def api_error(code: int, message: str) -> pebble.APIError:
    """Return the error of Pebble's answer with HTTP status *code*."""
    status = _PHRASES[code]
    body = {"type": "error", "status-code": code, "status": status, "result": {"message": message}}
    return pebble.APIError(body, code, status, message)
