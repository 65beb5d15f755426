"""Transactions as values: guards, puts, deletes, and what became of them.

Role: the shape of every write.  Pure: nothing here talks to anyone.
Not here: how etcd is told (etcd.py), how an application change becomes one (repository.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coordinator.store.port import Item


@dataclass(frozen=True, slots=True)
class Unmoved:
    """The key was last written at exactly *revision*; 0 means that it does not exist."""

    key: str
    revision: int


@dataclass(frozen=True, slots=True)
class Exists:
    """The key exists, whatever its content."""

    key: str


@dataclass(frozen=True, slots=True)
class Owned:
    """The key is still the one that we created: same mod revision, same lease (spec: the fencing token).

    The revision fences take-overs, the lease closes the hole that a restored backup may repeat a revision.
    """

    key: str
    revision: int
    lease: int


Guard = Unmoved | Exists | Owned


@dataclass(frozen=True, slots=True)
class Put:
    """Write *value*; with a lease the key ends with it."""

    key: str
    value: bytes
    lease: int = 0


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the key (end None) or every key in [key, end)."""

    key: str
    end: str | None = None


@dataclass(frozen=True, slots=True)
class Txn:
    """All of `writes` if every one of `guards` holds, else nothing.

    `witness` is the key of one of the puts whose value no other transaction ever writes (it has a nonce).
    With it, a commit whose answer was lost can be found in the history of that key; without it the commit
    ends in UnknownOutcome.  `since` is a revision known to be older than the commit: where to start looking.
    A key occurs at most once among the writes.
    """

    guards: tuple[Guard, ...]
    writes: tuple[Put | Delete, ...]
    witness: str | None = None
    since: int = 0


@dataclass(frozen=True, slots=True)
class Committed:
    """It landed, at this revision."""

    revision: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """A guard did not hold; nothing was written.  `found` has the guarded keys that exist, as of `revision`."""

    revision: int
    found: tuple[Item, ...]


Outcome = Committed | Conflict
