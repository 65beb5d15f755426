"""The kinds of error, sorted by who has to act.

Every error that a person can meet says what did not happen, why, and how to fix it.  A broken promise
between our own parts is none of these: it is an assert, and it crashes.
"""

from __future__ import annotations


class CoordinatorError(Exception):
    """Base: *what* did not happen, *why*, and what the reader can do about it (*fix*)."""

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        super().__init__(what, why, fix)
        self.what, self.why, self.fix = what, why, fix

    def __str__(self) -> str:
        text = f"{self.what}: {self.why}" if self.why else self.what
        return f"{text}\n  to fix: {self.fix}" if self.fix else text


class Refused(CoordinatorError):
    """A person asked for what the rules forbid.  They act."""


class NotFound(Refused):
    """What a person named does not exist."""


class BadRequest(Refused):
    """The request itself is malformed: wrong arguments, not wrong circumstances."""


class Denied(Refused):
    """The person is not known, or may not do this."""


class Contended(CoordinatorError):
    """We lost a race.  Reading again and retrying is enough."""


class Unavailable(CoordinatorError):
    """etcd, a controller or a worker does not answer.  Waiting helps; nothing was changed."""


class UnknownOutcome(CoordinatorError):
    """A write was sent and no answer came: it may have landed or not.  Read, then decide."""


class Compacted(CoordinatorError):
    """The history asked for is gone from etcd.  Read the present state and go on from there."""


class LeaseLost(CoordinatorError):
    """The lease is gone: whatever was held with it belongs to nobody or to somebody else."""


class Corrupt(CoordinatorError):
    """Stored bytes break a rule.  Stop; keep the bytes."""


class CharmInvalid(Refused):
    """A charm's own files are wrong.  Its author acts."""
