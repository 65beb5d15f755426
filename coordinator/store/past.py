"""What some entities were before: etcd keeps every version of them for a while, by itself.

Role: walk back through the moments at which they changed, as far as the retention window reaches.
Not here: who changed them, and why (journal.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.domain.refs import Ref
from coordinator.domain.view import View
from coordinator.errors import Compacted
from coordinator.store import keys
from coordinator.store.port import Store
from coordinator.store.repository import tree_of


def moments(store: Store, *wanted: Ref, limit: int) -> Iterator[View]:
    """Yield a View of *wanted* for the last *limit* moments at which one of them had changed, newest first.

    Ends early where none of them existed, and where etcd's history has been compacted.  Nobody keeps when
    something was deleted: before that comes the moment of the last change of the rest, and what the deleted thing
    became between the two is not seen.
    """
    ranges = [keys.key_of(ref) for ref in wanted]
    snapshot = store.read_many(tuple((key, None) for key in ranges))
    found, revision = {item.key: item for item in snapshot.items}, snapshot.revision
    for _ in range(limit):
        if not found:
            return
        yield View(tree_of(found.values(), revision))
        changed = max(item.revision for item in found.values())
        is_deleted = len(found) < len(ranges) and changed < revision
        revision = changed if is_deleted else changed - 1
        if revision < 1:
            return
        # What changed before that is still the same there.
        moved = [key for key in ranges if key not in found or found[key].revision > revision]
        try:
            before = [item for key in moved for item in store.read(key, revision=revision).items]
        except Compacted:
            return
        found = {key: item for key, item in found.items() if key not in moved} | {
            item.key: item for item in before
        }
