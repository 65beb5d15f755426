"""Statuses of a unit or application, as values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ._errors import InvalidStatusError

if TYPE_CHECKING:
    from typing_extensions import Self

    _StatusName = Literal["unknown", "error", "active", "blocked", "maintenance", "waiting"]

SETTABLE_STATUS_NAMES = ("active", "blocked", "maintenance", "waiting")
"""What a charm may set; the others are conclusions of the controller."""


class StatusBase:
    """A status with a message for people; use one of its subclasses.

    Two statuses are equal if their class and message are.  A subclass needs a text `name` and is found
    under it by `from_name` from then on.

    Raises:
        TypeError: the base class itself is instantiated; a subclass has no text as name.
    """

    _statuses: dict[str, type[StatusBase]] = {}

    name: _StatusName

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, message: str = ""):
        if type(self) is StatusBase:
            raise TypeError("cannot instantiate a base class")
        self.message = message

    def __init_subclass__(cls) -> None:
        name = getattr(cls, "name", None)
        if not isinstance(name, str):
            raise TypeError(f"the name of {cls.__name__} must be text, not {type(name).__name__}")
        StatusBase._statuses[name] = cls

    def __eq__(self, other: object) -> bool:
        return isinstance(self, type(other)) and self.message == getattr(other, "message", None)

    def __repr__(self):
        return f"{type(self).__name__}({self.message!r})"

    @classmethod
    def from_name(cls, name: str, message: str) -> StatusBase:
        """Return the status called *name*.  The message of an unknown status is dropped.

        Raises:
            KeyError: no status has this name.
        """
        if name == "unknown":
            return UnknownStatus()
        return cls._statuses[name](message)

    @classmethod
    def register(cls, child: type[Self]) -> type[Self]:
        """Make *child* known under its name.  Subclasses do this by themselves."""
        if not isinstance(getattr(child, "name", None), str):
            raise TypeError(f"the name of {child.__name__} must be text")
        cls._statuses[child.name] = child
        return child

    @classmethod
    def _priority(cls, name: str) -> int:
        """Return how much *name* matters when several statuses compete: more is worse news."""
        order = ("active", "waiting", "maintenance", "blocked", "error")
        return order.index(name) + 1 if name in order else 0


class UnknownStatus(StatusBase):
    """Nothing is known: the charm has set no status yet.  It cannot be set."""

    name = "unknown"

    def __init__(self):
        super().__init__("")

    def __repr__(self):
        return "UnknownStatus()"


class ErrorStatus(StatusBase):
    """A hook failed.  The controller concludes this; it cannot be set."""

    name = "error"


class ActiveStatus(StatusBase):
    """The workload runs and serves."""

    name = "active"


class BlockedStatus(StatusBase):
    """A person has to do something; the message says what."""

    name = "blocked"


class MaintenanceStatus(StatusBase):
    """The charm is busy with its workload, which may not serve meanwhile."""

    name = "maintenance"


class WaitingStatus(StatusBase):
    """Something outside of the unit has to happen first; the message says what."""

    name = "waiting"


def check_is_status(value: object) -> StatusBase:
    """Return *value* if it is a status.

    Raises:
        InvalidStatusError: it is none.
    """
    if not isinstance(value, StatusBase):
        raise InvalidStatusError(f"invalid value provided for the status: {value!r}")
    return value


def check_settable(value: object) -> StatusBase:
    """Return *value* if it is a status that a charm may set.

    Raises:
        InvalidStatusError: it is no status, or one that only the controller can conclude.
    """
    status = check_is_status(value)
    if status.name not in SETTABLE_STATUS_NAMES:
        raise InvalidStatusError(
            f'invalid status "{status.name}", expected one of: {", ".join(SETTABLE_STATUS_NAMES)}'
        )
    return status
