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
    revision: int | None = None
    for _ in range(limit):
        try:
            if revision is None:
                snapshot = store.read_many(tuple((key, None) for key in ranges))
                revision, items = snapshot.revision, list(snapshot.items)
            else:
                items = [item for key in ranges for item in store.read(key, revision=revision).items]
        except Compacted:
            return
        if not items:
            return
        yield View(tree_of(items, revision))
        changed = max(item.revision for item in items)
        is_deleted = len(items) < len(ranges) and changed < revision
        revision = changed if is_deleted else changed - 1
        if revision < 1:
            return
