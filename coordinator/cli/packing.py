"""Pack files here to be unpacked on a machine, and the reverse; what `scp` copies.

Role: archives (tar, with gzip) and the shell text that handles them on the other side, where there may be nothing
but a shell and tar.  Both sides unpack beside the target, and put each file in its place by renaming it.
Not here: how bytes and text get there (remote.py).
"""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

from coordinator.domain.archive import FILES_MAX, UNPACKED_BYTES_MAX
from coordinator.domain.task_stream import STREAM_BYTES_MAX
from coordinator.errors import Refused

_GLOB = re.compile(r"([*?\[\]]+)")
_HOME = 'eval "cd ~$(id -un)" 2>/dev/null || cd /'

#: Unpacks stdin for the target $1; $2 is the name of the one thing that comes, empty when there are several.
_UNPACK = r"""set -e
say() { printf '%s\n' "$*" >&2; exit 1; }
to=$1 name=$2 as=
[ ! -L "$to" ] || to=$(readlink -f -- "$to")
if [ -d "$to" ]; then
    into=$to
else
    into=$(dirname -- "$to") as=$(basename -- "$to")
    [ -d "$into" ] || say "$1: No such file or directory"
    [ -n "$name" ] || say "$1: Not a directory"
fi
into=$(cd -- "$into" && pwd)
work=$(mktemp -d "$into/.scp-XXXXXX")
trap 'rm -rf -- "$work"' EXIT
cd -- "$work"
tar -xzof -
[ -z "$as" ] || [ "$as" = "$name" ] || mv -- "$name" "$as"
case $1 in */) [ -z "$as" ] || [ -d "$as" ] || say "$1: Not a directory" ;; esac
find . ! -name . -type d -exec sh -c '
for each do
    [ -d "$0/$each" ] || { mkdir -- "$0/$each" && chmod --reference="$each" -- "$0/$each"; } || exit 1
done' "$into" {} +
find . ! -type d -exec sh -c '
for each do
    to=$0/$each
    if [ -d "$to" ]; then echo "$to: Is a directory" >&2; exit 1; fi
    if [ -e "$to" ]; then chown --reference="$to" -- "$each" && chmod --reference="$to" -- "$each" || exit 1; fi
    mv -f -- "$each" "$to" || exit 1
done' "$into" {} +
"""

#: Packs the arguments to stdout, by their last names; directories only when $recursive is not empty.
_PACK = r"""
for each do
    [ -e "$each" ] || { printf '%s: No such file or directory\n' "$each" >&2; exit 1; }
    [ -n "$recursive" ] || [ ! -d "$each" ] || { printf '%s: Is a directory: use -r\n' "$each" >&2; exit 1; }
done
left=$#
while [ "$left" -gt 0 ]; do
    each=$1 name=$(basename -- "$1") && shift
    case $name in
    . | .. | /) place=$(cd -- "$each" && pwd) name=. ;;
    *) place=$(cd -- "$(dirname -- "$each")" && pwd) ;;
    esac
    set -- "$@" -C "$place" "./$name"
    left=$((left - 1))
done
tar -chzf - "$@" && exit
code=$?
# GNU tar says 1 of what somebody wrote to meanwhile, such as a log.
[ "$code" = 1 ] && tar --version 2>/dev/null | grep -q GNU || exit "$code"
"""


class Options(NamedTuple):
    """`recursive`: directories, too; `preserve`: times stay."""

    recursive: bool
    preserve: bool


# --- to a machine ----------------------------------------------------------------------------------------


@contextmanager
def packed(paths: Sequence[str], options: Options) -> Iterator[tuple[IO[bytes], str]]:
    """Pack what is at *paths*; yields the archive, from its start, and the name of the one thing in it.

    That name is empty when there are several, or the content of a directory without a name.

    Raises:
        Refused: something is not there, or cannot be read; it is a directory, and those were not asked for; it is
            too much.
    """
    for path in paths:
        if not options.recursive and os.path.isdir(path):
            raise Refused(f"{path}: Is a directory", fix="copy it with all that is in it: scp -r")

    def kept(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        info.mtime = info.mtime if options.preserve else int(time.time())
        return info if info.isreg() or info.isdir() else None

    with tempfile.TemporaryFile() as file:
        try:
            with tarfile.open(fileobj=_Limited(file), mode="w|gz", dereference=True) as archive:
                for path in paths:
                    archive.add(path, _name_of(path), filter=kept)
        except OSError as cause:
            raise Refused(f"{cause.filename}: {cause.strerror}") from cause
        file.seek(0)
        name = _name_of(paths[0])
        yield file, name if len(paths) == 1 and name != "." else ""


def unpack_script(to: str, name: str) -> str:
    """Return what unpacks stdin at *to*; *name* as `packed` yields it."""
    return f"{_HOME}\nset -- {shlex.quote(_from_home(to))} {shlex.quote(name)}\n{_UNPACK}"


def _name_of(path: str) -> str:
    name = os.path.basename(os.path.normpath(path))
    return "." if name in ("", "..") else name


class _Limited(io.RawIOBase):
    """A file that does not take more than can be sent."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._size = file, 0

    def write(self, data: Any, /) -> int:
        self._size += len(data)
        if self._size > STREAM_BYTES_MAX:
            raise too_much(f"packed it has more than {STREAM_BYTES_MAX // 2**20} MiB")
        return self._file.write(data)


def too_much(why: str) -> Refused:
    """Return the error for what is larger than can be copied at once."""
    fix = "copy it in parts, or let the machine fetch or send it by itself: coordinator ssh UNIT curl ..."
    return Refused("cannot copy so much", why=why, fix=fix)


# --- from a machine --------------------------------------------------------------------------------------


def pack_script(path: str, options: Options) -> str:
    """Return what packs what *path* names, in which the shell there expands `*`, `?` and `[...]`, to stdout."""
    words = "".join(
        part if _GLOB.fullmatch(part) else shlex.quote(part) for part in _GLOB.split(_from_home(path)) if part
    )
    return f"{_HOME}\nrecursive={'yes' if options.recursive else ''}\nset -- {words}\n{_PACK}"


def check_target(to: str, *, several: bool) -> None:
    """See to it that *to* can be copied to, before anything is asked for.

    Raises:
        Refused: it is not there, or no directory and *several* things shall go there.
    """
    if not os.path.isdir(to or "."):
        if several:
            raise Refused(f"{to}: Not a directory")
        if not os.path.isdir(os.path.dirname(to.rstrip("/")) or "."):
            raise Refused(f"{to}: No such file or directory")


def unpack(data: bytes, to: str, options: Options) -> None:
    """Put what is in the archive *data* into the directory *to*, or there under that name.

    Raises:
        Refused: it cannot be written there, or is no archive that we want; files that are in their place stay.
    """
    target = Path(to or ".")
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
            members = _members(archive)
            renamed = None if target.is_dir() else target.name
            if renamed is not None:
                _check_name(to, members)
            into = target if renamed is None else target.parent
            with tempfile.TemporaryDirectory(prefix=".scp-", dir=into) as work:
                _unpack(archive, members, Path(work), options)
                for path in members:
                    named = path if renamed is None else PurePosixPath(renamed, *path.parts[1:])
                    _put(Path(work, path), Path(into, named))
    except OSError as cause:
        raise Refused(f"{cause.filename or to}: {cause.strerror or cause}") from cause
    except (tarfile.TarError, EOFError, zlib.error) as cause:
        raise Refused("cannot read what came from the machine", why=str(cause)) from cause


def _members(archive: tarfile.TarFile) -> dict[PurePosixPath, tarfile.TarInfo]:
    """Return the files and directories of *archive* by their paths, which do not lead out of it."""
    found: dict[PurePosixPath, tarfile.TarInfo] = {}
    size = 0
    for member in archive:
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts:
            raise Refused(f"the machine sent {member.name!r}", why="it would be written outside of the target")
        size += member.size
        if size > UNPACKED_BYTES_MAX or len(found) > FILES_MAX:
            raise too_much(f"it has more than {FILES_MAX} files or {UNPACKED_BYTES_MAX // 2**30} GiB")
        if path.parts and (member.isreg() or member.islnk() or member.isdir()):
            found[path] = member
    return found


def _check_name(to: str, members: dict[PurePosixPath, tarfile.TarInfo]) -> None:
    first = {PurePosixPath(path.parts[0]) for path in members}
    is_directory = len(first) == 1 and members[first.copy().pop()].isdir()
    if len(first) != 1 or (to.endswith("/") and not is_directory):
        raise Refused(f"{to}: Not a directory")


def _unpack(
    archive: tarfile.TarFile, members: dict[PurePosixPath, tarfile.TarInfo], work: Path, options: Options
) -> None:
    for path, member in members.items():
        if member.isdir():
            Path(work, path).mkdir(parents=True, exist_ok=True)
            continue
        content = archive.extractfile(member)
        assert content is not None, "it is a file"
        Path(work, path).parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(Path(work, path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, member.mode & 0o777 | 0o200)
        with open(descriptor, "wb") as file:
            shutil.copyfileobj(content, file)
        if options.preserve:
            os.utime(Path(work, path), (member.mtime, member.mtime))


def _put(source: Path, to: Path) -> None:
    if source.is_dir():
        to.mkdir(exist_ok=True)
        return
    if to.is_dir():
        raise Refused(f"{to}: Is a directory")
    to = to.resolve()  # what a link leads to is written, and the link stays
    if to.exists():
        source.chmod(to.stat().st_mode & 0o777)
    source.replace(to)


def _from_home(path: str) -> str:
    """Return a path there as it is seen from the home directory."""
    path = path.removeprefix("~/") if path != "~" else ""
    return f"./{path}" if path.startswith("-") else path or "."
