"""What every store can do: read a range at one revision, commit a transaction, watch, hold leases.

Role: the small interface between us and etcd.  `etcd.py` is the real thing, `memory.py` keeps the same
promises in this process; tests/contract/test_store.py asks both the same questions.
Not here: what keys mean (keys.py), what values mean (codec.py), retries of lost races (repository.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from coordinator.store.txn import Item, Outcome, Txn


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Items in key order, all as of one revision."""

    revision: int
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything that one or several whole transactions changed in a watched range.

    `revision` is the last revision that is complete with this batch.  `changes` are in revision order;
    an item of None says that the key was deleted.
    """

    revision: int
    changes: tuple[tuple[str, Item | None], ...]


class Watch(Protocol):
    """Changes of one range from a revision on: ordered, whole transactions, none missed, none twice.

    It survives lost connections by itself.  Once `next` has raised, the watch is over: close it.
    """

    def next(self, timeout_s: float) -> Batch | None:
        """Return the next batch, or None after *timeout_s* without one.

        Raises:
            Compacted: the history between the last batch and the present is gone, or the reader fell too
                far behind, or the cluster was restored from a backup; read the range afresh and watch
                from there.
            Denied: the server refuses this watch.
        """
        ...

    def ask_progress(self) -> bool:
        """Ask how far the watch has come, although nothing in its range may have changed.

        The answer arrives as a batch, without changes if there were none.  Return False if this store
        cannot tell; read the range instead.
        """
        ...

    def close(self) -> None:
        """End the watch; a `next` that waits in another thread returns None at once."""
        ...


class Store(Protocol):
    """etcd's promises, as far as we rely on them (strictly serialisable, one revision per transaction)."""

    def read(self, start: str, end: str | None = None, *, revision: int | None = None) -> Snapshot:
        """Return the key *start* (end None) or all keys in [start, end), at the present or at *revision*.

        Raises:
            Unavailable: no endpoint answered in time.
            Compacted: *revision* is older than the history that is kept, or lies in a future that this
                cluster (restored from a backup?) does not have.
        """
        ...

    def read_many(self, ranges: tuple[tuple[str, str | None], ...]) -> Snapshot:
        """Return several keys and ranges, all as of the same present revision."""
        ...

    def commit(self, txn: Txn) -> Outcome:
        """Apply *txn* whole or not at all.

        A lost answer is settled here when the transaction has a witness (see txn.py), and a transaction
        that cannot succeed twice (txn.is_self_invalidating) is sent again until there is an answer.

        Raises:
            Unavailable: certainly not applied.
            UnknownOutcome: no endpoint could tell whether it was applied.
            LeaseLost: a put names a lease that does not exist.
            Refused: it exceeds a limit of the store (size, number of operations).
        """
        ...

    def watch(self, start: str, end: str, *, revision: int) -> Watch:
        """Watch [start, end) for changes after *revision*."""
        ...

    def grant(self, ttl_s: int) -> int:
        """Return the id of a new lease that ends *ttl_s* seconds after its last refresh."""
        ...

    def refresh(self, lease: int) -> int:
        """Refresh *lease*; return its new time to live in seconds.

        Raises:
            LeaseLost: it does not exist any more.
            Unavailable: no answer in time; it may or may not have been refreshed.
        """
        ...

    def revoke(self, lease: int) -> None:
        """End *lease* and delete its keys, in one revision.  A lease that is gone already is fine."""
        ...

    def close(self) -> None:
        """Close every connection and watch."""
        ...
