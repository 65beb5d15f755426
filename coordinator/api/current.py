"""A model as it is now, from this controller's mirror: for requests that only look.

Role: thousands of entities need not be read and decoded for each look.  Whoever wrote something before, through
whatever controller, sees it: the mirror is waited for until it has the last change of the model.
Not here: Views that something is written on (store/repository.py: read_model).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from coordinator.domain import refs
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.view import View
from coordinator.store.live import LiveTree
from coordinator.store.repository import Repository

CATCH_UP_S = 1.0  # how long the mirror may take; then everything is read


@contextmanager
def current(live: LiveTree, repository: Repository, model: str) -> Iterator[View]:
    """Look at *model*, with the charms in use; the mirror stands still meanwhile, so keep it short."""
    changed = repository.read(refs.journal(model)).find_stored(refs.journal(model))
    if changed is None or not live.wait_for(changed.revision, CATCH_UP_S):
        yield repository.read_model(model)
        return
    with live.look() as view:
        missing = list(_missing_charms(view, model))
    charms = repository.read(*missing) if missing else None
    with live.look() as view:
        for ref in missing:
            if charms is not None and (charm := charms.find_stored(ref)) is not None:
                view.add(ref, charm)
        yield view


def _missing_charms(view: View, model: str) -> Iterable[Ref]:
    wanted = {refs.charm(app.charm) for _, app in view.list(Kind.APPLICATION, model)}
    return sorted(ref for ref in wanted if view.peek_stored(ref) is None)
