"""The possible next things of a unit, one type each."""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.domain.task import Task
from coordinator.domain.unit_state import Hook


@dataclass(frozen=True, slots=True)
class RunHook:
    """Run the charm for this hook, then settle it."""

    hook: Hook


@dataclass(frozen=True, slots=True)
class SkipHook:
    """Settle the hook without running it: a person said that it counts as done, or no charm has it."""

    hook: Hook


@dataclass(frozen=True, slots=True)
class RunTask:
    """Run an action or command that somebody asked for; or end one that nobody runs any more."""

    task: Task


@dataclass(frozen=True, slots=True)
class RebootMachine:
    """The charm asked for a reboot of its machine, and that has not come yet."""


@dataclass(frozen=True, slots=True)
class SwapCharm:
    """Put the new charm in place of the one whose hook failed; the hook is tried again with that."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """A hook failed.  It is tried again at *retry_at_s* (seconds since the epoch), or never (None)."""

    hook: Hook
    retry_at_s: float | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something must happen first that is not ours to do."""

    reason: str


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing is to do."""


@dataclass(frozen=True, slots=True)
class Leave:
    """The unit is dying and nothing of it was ever installed: it ends without a hook."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The unit has ended; its agent stops."""


Operation = RunHook | SkipHook | RunTask | RebootMachine | SwapCharm | Blocked | Waiting | Idle | Leave | Finished
