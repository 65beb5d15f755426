"""Transactions as values: guards, puts, deletes, and what became of them.

Role: the shape of every write.  Pure: nothing here talks to anyone.
Not here: how etcd is told (etcd.py), how an application change becomes one (repository.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.errors import BadRequest, Refused

# Limits of one transaction.  They are etcd's; the memory store keeps them too, so that nothing passes in a
# simulation that would be refused in earnest.
COMPARES_MAX = 128  # etcd adds up the compares of nested transactions, so nesting does not help here
FLAT_WRITES_MAX = 128  # more are nested in groups, still one revision (W10)
WRITES_MAX = 4096
BYTES_MAX = 1_400_000  # etcd refuses requests above 1.5 MiB; this leaves room for the envelope


@dataclass(frozen=True, slots=True)
class Item:
    """One key as stored.  `revision` is its mod revision; `lease` is 0 when it has none."""

    key: str
    value: bytes
    revision: int
    lease: int = 0


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


def check(txn: Txn) -> None:
    """Make sure that etcd can take *txn* as it is.

    Raises:
        Refused: it is too large; the error names the limit.
        BadRequest: a key is empty, or is written more than once, or an owner has no revision.
    """
    compares = sum(2 if isinstance(guard, Owned) else 1 for guard in txn.guards)
    if compares > COMPARES_MAX:
        raise _too_large(f"it has {compares} comparisons and etcd allows {COMPARES_MAX}", "guard fewer keys")
    if len(txn.writes) > writes_max(compares):
        raise _too_large(
            f"it writes {len(txn.writes)} keys and {writes_max(compares)} fit beside {compares} comparisons",
            "split the change",
        )
    if size(txn) > BYTES_MAX:
        raise _too_large(
            f"it has about {size(txn):,} bytes and etcd takes {BYTES_MAX:,}", "keep large values in the blob store"
        )
    _check_keys(txn)


def writes_max(compares: int) -> int:
    """Return how many writes fit into one revision beside *compares* comparisons.

    etcd allows 128 of anything on each level of nesting, less what the level above it has: g groups of at
    most 128 - g writes, where g counts as large as the list of comparisons if that is longer.
    """
    groups = max(compares, FLAT_WRITES_MAX // 2)
    return max(FLAT_WRITES_MAX, groups * (FLAT_WRITES_MAX - groups))


def size(txn: Txn) -> int:
    """Return about how many bytes *txn* has when encoded; never less than it has."""
    # A guard goes over as a comparison and as a read of the ELSE branch; 64 covers numbers and tags.
    guards = sum(4 * len(guard.key.encode()) + 128 for guard in txn.guards)
    puts = sum(len(write.value) for write in txn.writes if isinstance(write, Put))
    ends = sum(len(write.end.encode()) for write in txn.writes if isinstance(write, Delete) and write.end)
    return guards + puts + ends + sum(len(write.key.encode()) + 64 for write in txn.writes)


def is_self_invalidating(txn: Txn) -> bool:
    """Answer whether *txn* cannot succeed twice, because its own success breaks one of its guards (W7)."""
    return bool(breaking_guards(txn))


def breaking_guards(txn: Txn) -> tuple[Guard, ...]:
    """Return the guards of *txn* that do not hold any more once it has succeeded."""
    put_keys = {write.key for write in txn.writes if isinstance(write, Put)}
    deletes = [write for write in txn.writes if isinstance(write, Delete)]

    def breaks(guard: Guard) -> bool:
        if guard.key in put_keys:
            return not isinstance(guard, Exists)
        # Deleting a key that is absent changes nothing.
        is_absent = isinstance(guard, Unmoved) and guard.revision == 0
        return not is_absent and any(_covers(delete, guard.key) for delete in deletes)

    return tuple(guard for guard in txn.guards if breaks(guard))


def holds(guard: Guard, item: Item | None) -> bool:
    """Answer whether *guard* holds when its key is stored as *item*."""
    match guard:
        case Exists():
            return item is not None
        case Unmoved(revision=revision):
            return revision == (item.revision if item else 0)
        case Owned(revision=revision, lease=lease):
            return item is not None and (item.revision, item.lease) == (revision, lease)


def _covers(delete: Delete, key: str) -> bool:
    return delete.key == key if delete.end is None else delete.key <= key < delete.end


def _check_keys(txn: Txn) -> None:
    keys = [write.key for write in txn.writes if isinstance(write, Put) or write.end is None]
    ranges = [write for write in txn.writes if isinstance(write, Delete) and write.end is not None]
    doubled = {key for key in keys if keys.count(key) > 1} if len(set(keys)) < len(keys) else set()
    doubled |= {key for key in keys for delete in ranges if _covers(delete, key)}
    if doubled:
        raise BadRequest(
            "cannot commit the transaction",
            why=f"it writes {', '.join(sorted(doubled)[:3])} more than once",
            fix="write every key once; a key that is put must not lie in a range that is deleted",
        )
    if not all(keys) or not all(guard.key for guard in txn.guards):
        raise BadRequest("cannot commit the transaction", why="a key is empty", fix="name the key")
    # etcd takes an absent key for one with mod revision 0 and lease 0: it would let through whoever owns nothing.
    if any(isinstance(guard, Owned) and guard.revision <= 0 for guard in txn.guards):
        raise BadRequest(
            "cannot commit the transaction",
            why="it is to be written by the owner of a key that was never written",
            fix="use the token of the key as it was read",
        )


def _too_large(why: str, fix: str) -> Refused:
    return Refused("cannot commit the transaction", why=why, fix=fix)
