"""A Tree kept current by a Mirror: entities by Ref, always as of one revision.

Role: what agents and reconcilers look at; an event only says "look again".
Not here: following etcd (mirror.py), what is made of it (worker/observe.py, reconcile/).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from coordinator.domain.refs import Ref
from coordinator.domain.view import Tree, View
from coordinator.store import keys
from coordinator.store.mirror import Mirror
from coordinator.store.port import Store
from coordinator.store.repository import stored_of

OnChange = Callable[[list[Ref]], None]


class LiveTree:
    """Machines and models, current.  *on_change* is told what moved, after it can be seen; it must be quick."""

    def __init__(self, store: Store, on_change: OnChange = lambda moved: None) -> None:
        self._tree = Tree()
        self._on_change = on_change
        self._mirror = Mirror(store, *keys.MIRRORED)
        self._mirror.listen(self._apply)

    def start(self) -> None:
        """Read everything, then follow.

        Raises:
            Unavailable: etcd does not answer.
        """
        self._mirror.start()

    def poll(self) -> bool:
        """Apply what is there, without a thread; say whether there was anything."""
        return self._mirror.poll()

    def close(self) -> None:
        self._mirror.close()

    @contextmanager
    def look(self) -> Iterator[View]:
        """Hold the tree still and look at it.  Keep it short: nothing is applied meanwhile."""
        with self._mirror.view() as (_, revision):
            self._tree.revision = revision
            yield View(self._tree)

    def wait_for(self, revision: int, timeout_s: float) -> bool:
        """Return True when the tree has reached *revision*, False after *timeout_s*."""
        return self._mirror.wait_for(revision, timeout_s)

    def wait_past(self, revision: int, timeout_s: float) -> bool:
        """Return True as soon as anything has moved after *revision*, False after *timeout_s*."""
        return self._mirror.wait_past(revision, timeout_s)

    def _apply(self, changed: list[str], revision: int) -> None:
        items = self._mirror.items
        moved = []
        for key in changed:
            ref = keys.ref_of(key)
            if ref is None:
                continue  # not ours: somebody looks around with etcdctl
            moved.append(ref)
            item = items.get(key)
            if item is None:
                self._tree.remove(ref)
            else:
                self._tree.put(*stored_of(item))
        self._tree.revision = revision
        self._on_change(moved)
