"""What becomes of storage on this machine that nobody has: deleted, missed, or open to writing again.

Role: follow it beside everything else the worker does.  What shall go is gone in the store once nothing of it is
left here; what was imported says whether it is here; what was read-only for a unit that is gone is not any more.
Not here: how that is done (storage.py), who lets go of what (reconcile/storage.py).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from coordinator.domain import refs
from coordinator.domain.change import Change, Unchanged
from coordinator.domain.life import Life
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.storage import Storage
from coordinator.domain.view import Stored, View
from coordinator.errors import CoordinatorError
from coordinator.log import get_logger
from coordinator.store.live import LiveTree
from coordinator.store.repository import Author, Repository
from coordinator.worker.directory import Interrupted
from coordinator.worker.storage import StorageKeeper

RETRY_FIRST_S, RETRY_MAX_S = 1.0, 60.0  # pauses after something that could not be done, doubled each time

log = get_logger()


class StorageTender:
    """Deletes what shall go and nobody has any more, one instance after the other, notes which imported
    directories are not there, and lets write again to what nobody has any more; in a thread of its own.

    A directory may hold millions of files: nothing else of the worker waits for it, and `close` ends it between
    two of them.  Who starts anew goes on with what is left.  `moved` may be called by the mirror.
    A simulation calls `step` instead.
    """

    def __init__(self, live: LiveTree, repository: Repository, machine: str, keeper: StorageKeeper) -> None:
        self._live, self._repository, self._machine, self._keeper = live, repository, machine, keeper
        self._news, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="storage", daemon=True)

    def start(self) -> None:
        self._news.set()
        self._thread.start()

    def moved(self, moved: Iterable[Ref]) -> None:
        """Take note of what may have to be looked at."""
        if any(ref.kind is Kind.STORAGE for ref in moved):
            self._news.set()

    def close(self) -> None:
        self._stopping.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pause_s = RETRY_FIRST_S
        while not self._stopping.is_set():
            self._news.clear()
            if self.step():
                pause_s = RETRY_FIRST_S
                self._news.wait()
            else:
                self._news.wait(pause_s)
                pause_s = min(2 * pause_s, RETRY_MAX_S)

    def step(self) -> bool:
        """Do what there is to do; say whether nothing of it is left."""
        is_tidy = self._keeper.tidy(self._in_use)
        return self._tend() and is_tidy

    def _in_use(self) -> set[Path]:
        """Return where the storage is that units of this machine have."""
        with self._live.look() as view:
            return {
                self._keeper.directory(model_ref.path[0], model.uuid, storage)
                for model_ref, model in view.list(Kind.MODEL)
                for _, storage in view.list(Kind.STORAGE, model_ref.path[0])
                if storage.owner is not None and _is_on(view, model_ref.path[0], storage.owner, self._machine)
            }

    def _tend(self) -> bool:
        """Delete what there is to delete, look for what was imported; say whether nothing is left to do."""
        with self._live.look() as view:
            ours = [
                (view.peek(model_ref).uuid, ref, stored)
                for model_ref, _ in view.list(Kind.MODEL)
                for ref, stored in view.snapshot(Kind.STORAGE, model_ref.path[0]).items()
                if stored.value.owner is None and stored.value.machine == self._machine
            ]
        alive = [(ref, stored) for _, ref, stored in ours if stored.value.life is Life.ALIVE]
        is_done = self._look_for(alive)
        for model_uuid, ref, stored in ours:
            storage: Storage = stored.value
            if storage.life is Life.ALIVE:
                continue
            try:
                self._keeper.delete(ref.path[0], model_uuid, storage, self._stopping.is_set)
                change = Change(
                    did=f"storage {storage.id} deleted",
                    deletes=frozenset({ref}),
                    conditions=(Unchanged(ref, stored.revision),),
                )
                is_done &= self._write(change, stored)
            except Interrupted:
                return False
            except (OSError, CoordinatorError) as trouble:
                log.warning("storage.not_deleted", storage=str(storage.id), why=str(trouble))
                is_done = False
        return is_done

    def _look_for(self, alive: Iterable[tuple[Ref, Stored]]) -> bool:
        """Note which of *alive*, if they were imported, are not there; say whether all are."""
        are_all_there = True
        for ref, stored in alive:
            storage: Storage = stored.value
            is_missing = storage.imported and self._keeper.lacks(storage)
            are_all_there = are_all_there and not is_missing
            if is_missing != storage.is_missing:
                change = Change(
                    did=f"storage {storage.id} {'is not there' if is_missing else 'is there'}",
                    puts={ref: replace(storage, is_missing=is_missing)},
                    conditions=(Unchanged(ref, stored.revision),),
                )
                are_all_there &= self._write(change, stored)
        return are_all_there

    def _write(self, change: Change, stored: Stored) -> bool:
        """Write *change* of what was *stored*; say whether that may have landed."""
        author = Author(name=f"machine {self._machine}")
        try:
            outcome = self._repository.write(change, author, since=stored.revision)
        except CoordinatorError as trouble:
            log.warning("storage.not_written", did=change.did, why=str(trouble))
            return False
        self._live.wait_for(outcome.revision, 1.0)
        return True


def _is_on(view: View, model: str, name: UnitName, machine: str) -> bool:
    unit = view.peek(refs.unit(model, name))
    return unit is not None and unit.machine == machine
