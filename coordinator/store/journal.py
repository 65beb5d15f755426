"""Who did what and why: the history of a model's journal key, which etcd keeps by itself.

Role: read it back, newest first, as far as the retention window reaches.  Nothing can disagree with it: each
entry was written in the transaction that it tells of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from coordinator.domain import refs
from coordinator.domain.model import Journal
from coordinator.domain.refs import Kind
from coordinator.errors import Compacted
from coordinator.store import keys
from coordinator.store.codec import decoder
from coordinator.store.port import Store


def history(store: Store, model: str, *, limit: int) -> Iterator[tuple[int, Journal]]:
    """Yield (revision, entry) of the last *limit* changes of *model*, newest first.

    Ends early where etcd's history has been compacted.
    """
    key = keys.key_of(refs.journal(model))
    decode = decoder(Kind.JOURNAL)
    revision: int | None = None
    for _ in range(limit):
        try:
            items = store.read(key, revision=revision).items
        except Compacted:
            return
        if not items:
            return
        yield items[0].revision, decode(items[0].value)
        revision = items[0].revision - 1
        if revision < 1:
            return


def entry_at(store: Store, model: str, revisions: Iterable[int]) -> dict[int, str]:
    """Return what was done at each of *revisions*: "user alice: config web color=red".

    Left out are revisions that changed nothing of the model, and those that are compacted away.
    """
    key = keys.key_of(refs.journal(model))
    decode = decoder(Kind.JOURNAL)
    found = {}
    for revision in revisions:
        try:
            items = store.read(key, revision=revision).items
        except Compacted:
            continue
        if items and items[0].revision == revision:
            entry = decode(items[0].value)
            found[revision] = f"{entry.by}: {entry.did}"
    return found
