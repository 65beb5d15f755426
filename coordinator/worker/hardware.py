"""What this machine has: architecture, cores, memory, disk.

Role: measured when the worker registers.  The limits of the control group that the worker is in, and of those
around it, count too: in a container it has no more than the container.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: What people's packages call what the kernel calls otherwise.
_ARCHITECTURES = {
    "x86_64": "amd64", "aarch64": "arm64", "armv7l": "armhf", "i686": "i386", "ppc64le": "ppc64el",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Hardware:
    """Sizes are in MiB; 0: not to be found out.  `root_disk_mb` is the file system that has the data directory."""

    arch: str
    cores: int
    memory_mb: int
    root_disk_mb: int


def measure(data_dir: Path) -> Hardware:
    machine = platform.machine()
    return Hardware(
        arch=_ARCHITECTURES.get(machine, machine),
        cores=min(_cores(), cores_limit() or _cores()),
        memory_mb=min(_memory_mb(), memory_limit_mb() or _memory_mb()),
        root_disk_mb=shutil.disk_usage(data_dir).total // 2**20,
    )


def cores_limit(proc: Path = Path("/proc"), root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Return how many cores the control groups allow, at least 1; None: as many as there are."""
    quotas = [_quota(group) for group in _groups("cpu", proc, root)]
    found = [quota for quota in quotas if quota is not None]
    return max(1, int(min(found))) if found else None


def memory_limit_mb(proc: Path = Path("/proc"), root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Return how much memory the control groups allow; None: as much as there is."""
    found = [
        int(words[0]) // 2**20
        for group in _groups("memory", proc, root)
        for name in ("memory.max", "memory.limit_in_bytes")
        if (words := _words(group / name)) and words[0].isdigit()
    ]
    return min(found, default=None)


def _groups(controller: str, proc: Path, root: Path) -> Iterator[Path]:
    """Yield the directories of the control group of this process, and of those around it, as far as they can be
    seen: in a container its own one may be the outermost."""
    for line in _lines(proc / "self" / "cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = root / controllers if controllers else root
        inside = Path(path.lstrip("/"))
        yield from (top / each for each in (inside, *inside.parents))


def _quota(group: Path) -> float | None:
    words = _words(group / "cpu.max")
    if not words:
        words = _words(group / "cpu.cfs_quota_us") + _words(group / "cpu.cfs_period_us")
    if len(words) != 2 or not all(word.isdigit() for word in words):
        return None  # "max", or -1
    return int(words[0]) / int(words[1])


def _words(file: Path) -> list[str]:
    return [word for line in _lines(file) for word in line.split()]


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:
        return []


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _memory_mb() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    except (ValueError, OSError):
        return 0
