"""What processes cost: CPU and memory from /proc, wall time and CPU of short commands.

Linux only, as the workers are.  Not here: starting the system (tests/integration/system.py).
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BARE_PYTHON = (sys.executable, "-IS", "-c", "pass")
COMMAND_S_MAX = 60.0

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cpu:
    """Seconds of user and system time: of a process itself, and of the children that it has reaped."""

    own_s: float = 0.0
    children_s: float = 0.0

    def __add__(self, other: Cpu) -> Cpu:
        return Cpu(self.own_s + other.own_s, self.children_s + other.children_s)

    def __sub__(self, other: Cpu) -> Cpu:
        return Cpu(self.own_s - other.own_s, self.children_s - other.children_s)


def cpu(*pids: int) -> Cpu:
    """Return what the processes have used so far, added up."""
    return sum(map(_cpu, pids), Cpu())


def _cpu(pid: int) -> Cpu:
    # The second field is the program's name in brackets, and may hold anything; what counts comes after it.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system, children_user, children_system = (int(field) / _TICKS_PER_S for field in fields[11:15])
    return Cpu(user + system, children_user + children_system)


def rss_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024


def children(pid: int) -> list[int]:
    """Return the processes that *pid* has started and not reaped."""
    return [int(child) for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Took:
    wall_s: float
    cpu_s: float


def time_command(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Took:
    """Run *command* to its end and return what it took.

    Raises:
        CalledProcessError: it failed; the error has its output.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started_s = time.perf_counter()
    subprocess.run(
        command,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=COMMAND_S_MAX,
        check=True,
    )
    took_s = time.perf_counter() - started_s
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Took(took_s, spent_s)


def time_interleaved(
    commands: Mapping[str, Sequence[str]], *, times: int, environment: Mapping[str, str] | None = None
) -> dict[str, list[Took]]:
    """Run every command *times* times, in turn, so that all of them meet the same noise."""
    took: dict[str, list[Took]] = {name: [] for name in commands}
    for _ in range(times):
        for name, command in commands.items():
            took[name].append(time_command(command, environment))
    return took
