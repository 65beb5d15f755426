"""Statuses in a state: like those of `ops`, and equal to them, but frozen and with their name among the fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .. import _status

_RawStatusLiteral = Literal["error", "active", "blocked", "maintenance", "waiting", "unknown"]


class _EntityStatus:
    """What the statuses have in common."""

    name: _RawStatusLiteral
    message: str

    def __init_subclass__(cls) -> None:
        """Keep the status out of what `ops.StatusBase.from_name` finds: charms shall get the classes of `ops`."""

    def __init__(self, message: str = ""):
        self.__dict__.update(name=type(self).name, message=message)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _status.StatusBase):
            return NotImplemented
        return (self.name, self.message) == (other.name, other.message)

    def __hash__(self) -> int:
        return hash((self.name, self.message))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r})"

    @classmethod
    def from_status_name(cls, name: _RawStatusLiteral, message: str = "") -> _EntityStatus:
        """Return the status called *name*.  An unknown status has no message: one is dropped, with a warning.

        Raises:
            KeyError: there is no status of this name.
        """
        if name != "unknown":
            return STATUSES[name](message)
        if message:
            import warnings

            warnings.warn(f"an unknown status has no message; {message!r} is ignored", stacklevel=2)
        return UnknownStatus()

    @classmethod
    def from_ops(cls, obj: _status.StatusBase) -> _EntityStatus:
        """Return the status of this module that equals *obj*."""
        return cls.from_status_name(obj.name, obj.message)

    def _to_ops(self) -> _status.StatusBase:
        return _status.StatusBase.from_name(self.name, self.message)


@dataclass(frozen=True, eq=False, repr=False, init=False)
class UnknownStatus(_EntityStatus, _status.UnknownStatus):
    """Nothing is known: the charm has set no status yet."""

    name: Literal["unknown"] = "unknown"
    message: str = ""

    def __init__(self):
        super().__init__()

    def __repr__(self) -> str:
        return "UnknownStatus()"


@dataclass(frozen=True, eq=False, repr=False, init=False)
class ErrorStatus(_EntityStatus, _status.ErrorStatus):
    """A hook failed; the controller concludes this."""

    name: Literal["error"] = "error"
    message: str = ""


@dataclass(frozen=True, eq=False, repr=False, init=False)
class ActiveStatus(_EntityStatus, _status.ActiveStatus):
    """The workload runs and serves."""

    name: Literal["active"] = "active"
    message: str = ""


@dataclass(frozen=True, eq=False, repr=False, init=False)
class BlockedStatus(_EntityStatus, _status.BlockedStatus):
    """A person has to do something; the message says what."""

    name: Literal["blocked"] = "blocked"
    message: str = ""


@dataclass(frozen=True, eq=False, repr=False, init=False)
class MaintenanceStatus(_EntityStatus, _status.MaintenanceStatus):
    """The charm is busy with its workload, which may not serve meanwhile."""

    name: Literal["maintenance"] = "maintenance"
    message: str = ""


@dataclass(frozen=True, eq=False, repr=False, init=False)
class WaitingStatus(_EntityStatus, _status.WaitingStatus):
    """Something outside of the unit has to happen first; the message says what."""

    name: Literal["waiting"] = "waiting"
    message: str = ""


STATUSES: dict[str, type[_EntityStatus]] = {
    status.name: status
    for status in (ErrorStatus, ActiveStatus, BlockedStatus, MaintenanceStatus, WaitingStatus, UnknownStatus)
}
"""The class of a status by its name."""


def status_from_name(name: str, message: str = "") -> _EntityStatus:
    """Return the status called *name*; see `_EntityStatus.from_status_name`."""
    return _EntityStatus.from_status_name(name, message)  # type: ignore[arg-type]
