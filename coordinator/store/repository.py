"""Read a View, commit a Change: the only writer of entities, and the one retry loop.

Role: guards come from what the View looked at, the journal entry is added, and a lost race is planned anew.
Not here: what a Change means (commands/, reconcile/, engine/settle.py), how etcd is told (etcd.py).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from coordinator.clock import Clock
from coordinator.domain import refs
from coordinator.domain.change import Change, Condition, Held, Present, Unchanged
from coordinator.domain.model import Journal
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.secret import NewRevision
from coordinator.domain.view import Stored, Tree, View
from coordinator.errors import Contended
from coordinator.store import keys
from coordinator.store.codec import decoder, encode
from coordinator.store.keyring import Keyring
from coordinator.store.port import Store
from coordinator.store.txn import Committed, Conflict, Delete, Exists, Guard, Item, Owned, Put, Txn, Unmoved

ATTEMPTS_MAX = 12  # of one plan against a moving store; 5 writers of one key need 3 to 5
PAUSE_MAX_S = 0.1

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Author:
    """Who writes: what the journal says as `by`, and the lease that `leased` puts end with."""

    name: str
    lease: int = 0


class Repository:
    """Entities of one store, for one author at a time per call; safe to use from several threads."""

    def __init__(self, store: Store, clock: Clock, keyring: Keyring | None = None) -> None:
        """*keyring* seals the content of secrets; without one they cannot be written."""
        self._store, self._clock = store, clock
        self.keyring = keyring or Keyring()

    # --- reading ---------------------------------------------------------------------------------------

    def read(self, *wanted: Ref | tuple[str, str]) -> View:
        """Return a View of the given entities and key ranges, all as of one revision."""
        ranges = tuple(keys.key_of(want) if isinstance(want, Ref) else want for want in wanted)
        snapshot = self._store.read_many(tuple((r, None) if isinstance(r, str) else r for r in ranges))
        return View(tree_of(snapshot.items, snapshot.revision))

    def read_model(self, model: str, *more: Ref | tuple[str, str]) -> View:
        """Return a View of a model with everything below it, all machines, the charms in use, and *more*.

        Of the tasks, which may be many and large, it has only those among *more*.
        """
        parts = keys.below_without(refs.model(model), Kind.OPERATION, Kind.TASK)
        view = self.read(refs.model(model), *parts, *more, keys.everything(Kind.MACHINE))
        hashes = {app.charm for _, app in view.list(Kind.APPLICATION, model)}
        self._add_charms(view, hashes)
        return view

    def _add_charms(self, view: View, hashes: Iterable[str]) -> None:
        self.add_constant(view, [refs.charm(sha256) for sha256 in hashes])

    def add_constant(self, view: View, wanted: Iterable[Ref]) -> None:
        """Add what is named by its hash to *view*: it never changes, so it may be read later than the rest."""
        missing = [ref for ref in sorted(set(wanted)) if view.peek(ref) is None]
        if missing:
            found = self._store.read_many(tuple((keys.key_of(ref), None) for ref in missing))
            for item in found.items:
                view.add(*stored_of(item))

    def add_charm(self, view: View, sha256: str) -> None:
        """Add one charm, such as the one about to be deployed, to *view*."""
        self._add_charms(view, [sha256])

    # --- writing ---------------------------------------------------------------------------------------

    def transact(
        self, read: Callable[[], View], plan: Callable[[View], Change | None], author: Author
    ) -> tuple[Change | None, int]:
        """Read, plan and write, again and again until nothing that was looked at has moved meanwhile.

        Returns the change that landed (None: the plan found nothing to do) and the revision of it.

        Raises:
            Contended: it moved ATTEMPTS_MAX times in a row.
            Whatever *plan* raises; then nothing was written.
        """
        for attempt in Retrying(
            stop=stop_after_attempt(ATTEMPTS_MAX),
            wait=wait_random_exponential(multiplier=0.002, max=PAUSE_MAX_S),
            retry=retry_if_exception_type(Contended),
            sleep=self._clock.sleep,
            reraise=True,
        ):
            with attempt:
                view = read()
                change = plan(view)
                if change is None:
                    return None, view.revision
                return change, self.commit(view, change, author)
        raise AssertionError("the retry loop returns or raises")

    def commit(self, view: View, change: Change, author: Author) -> int:
        """Write *change* if nothing that *view* was asked for has moved; return the revision.

        Raises:
            Contended: something moved; nothing was written.
        """
        outcome = self.write_seen(view, change, author)
        if isinstance(outcome, Conflict):
            raise Contended(
                f"cannot write {change.did!r}",
                why=f"something it depends on changed {ATTEMPTS_MAX} times in a row",
                fix="try again; if it goes on, look at `coordinator history`",
            )
        return outcome.revision

    def write_seen(
        self, view: View, change: Change, author: Author, *, also: Iterable[Condition] = ()
    ) -> Committed | Conflict:
        """Send *change*, guarded by everything that *view* was asked for, and say what became of it."""
        looked_at = tuple(Unchanged(ref, revision) for ref, revision in view.looked_at.items())
        return self.write(change, author, also=(*looked_at, *also), since=view.revision)

    def write(
        self, change: Change, author: Author, *, also: Iterable[Condition] = (), since: int
    ) -> Committed | Conflict:
        """Send *change* with its conditions and *also*, and say what became of it.  No retry of a lost race.

        *since* is the revision that it was planned at.
        """
        return self._store.commit(self._txn(change, author, also, since))

    def _txn(self, change: Change, author: Author, also: Iterable[Condition], since: int) -> Txn:
        assert change, "an empty change must not reach the store"
        writes: list[Put | Delete] = [
            Put(
                keys.key_of(ref),
                encode(ref.kind, self._sealed(ref, value)),
                author.lease if ref in change.leased else 0,
            )
            for ref, value in change.puts.items()
        ]
        writes += [Delete(keys.key_of(ref)) for ref in sorted(change.deletes)]
        for ref in sorted(change.prunes):
            writes += [Delete(keys.key_of(ref)), Delete(*keys.below(ref))]
        witness = None
        if model := model_of(change):
            # The model itself going takes its journal with it: there is nobody left to read it.
            entry = Journal(
                by=author.name,
                did=change.did,
                nonce=secrets.token_hex(8),
                at=self._clock.timestamp(),
                why=change.why,
            )
            witness = keys.key_of(refs.journal(model))
            writes.append(Put(witness, encode(Kind.JOURNAL, entry)))
        guards = _guards((*change.conditions, *also))
        return Txn(guards=guards, writes=tuple(writes), witness=witness, since=since)

    def _sealed(self, ref: Ref, value: Any) -> Any:
        return self.keyring.seal(ref, value) if isinstance(value, NewRevision) else value


def model_of(change: Change) -> str | None:
    """Return the model whose journal *change* belongs in; None when it concerns no model, or ends it."""
    touched = [*change.puts, *change.deletes, *change.prunes]
    models = {ref.path[0] for ref in touched if keys.PATTERNS[ref.kind].startswith("models/")}
    assert len(models) <= 1, "one change concerns one model"
    ended = {ref.path[0] for ref in change.prunes if ref.kind is Kind.MODEL}
    return next(iter(models - ended), None)


def _guards(conditions: Iterable[Condition]) -> tuple[Guard, ...]:
    """Return the guards, each key once; a stronger condition on a key swallows `Present`."""
    guards: dict[str, Guard] = {}
    for condition in conditions:
        key = keys.key_of(condition.ref)
        if isinstance(condition, Held):
            guards[key] = Owned(key, condition.token.revision, condition.token.lease)
        elif isinstance(condition, Unchanged):
            if not isinstance(guards.get(key), Owned):
                guards[key] = Unmoved(key, condition.revision)
        elif isinstance(condition, Present) and key not in guards:
            guards[key] = Exists(key)
    return tuple(guards.values())


def stored_of(item: Item) -> tuple[Ref, Stored]:
    """Return what *item* is; its key must be one of ours."""
    ref = keys.ref_of(item.key)
    assert ref is not None, f"{item.key} is not one of our keys"
    return ref, Stored(item.value, item.revision, item.lease, decoder(ref.kind))


def tree_of(items: Iterable[Item], revision: int) -> Tree:
    """Return a Tree of *items*; keys that are not ours are left out."""
    tree = Tree()
    tree.revision = revision
    for item in items:
        if keys.ref_of(item.key) is not None:
            tree.put(*stored_of(item))
    return tree
