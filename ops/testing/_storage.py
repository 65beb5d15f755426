"""Stored state and deferred events of a charm under test, in memory."""

from __future__ import annotations

import marshal
from collections.abc import Generator
from typing import Any

from .._storage import NoSnapshotError


class MemoryStorage:
    """Keeps snapshots and notices like the keepers of `ops.storage`, as long as the object lives."""

    def __init__(self) -> None:
        # Marshalled, so that nobody holds on to what is saved and changes it from afar.
        self._snapshots: dict[str, bytes] = {}
        self._notices: list[tuple[str, str, str]] = []

    def close(self) -> None:
        """Do nothing: there is nothing to close."""

    def commit(self) -> None:
        """Do nothing: what is kept here is not kept for long."""

    def save_snapshot(self, handle_path: str, snapshot_data: Any) -> None:
        """Save *snapshot_data* under *handle_path*, in place of what was there."""
        self._snapshots[handle_path] = marshal.dumps(snapshot_data)

    def load_snapshot(self, handle_path: str) -> Any:
        """Return what was saved under *handle_path*.

        Raises:
            NoSnapshotError: nothing was.
        """
        data = self._snapshots.get(handle_path)
        if data is None:
            raise NoSnapshotError(handle_path)
        return marshal.loads(data)

    def drop_snapshot(self, handle_path: str) -> None:
        """Remove what was saved under *handle_path*, if anything."""
        self._snapshots.pop(handle_path, None)

    def list_snapshots(self) -> Generator[str, None, None]:
        """Yield all paths under which something is saved."""
        yield from list(self._snapshots)

    def save_notice(self, event_path: str, observer_path: str, method_name: str) -> None:
        """Remember that *method_name* of the observer has to see the event."""
        self._notices.append((event_path, observer_path, method_name))

    def drop_notice(self, event_path: str, observer_path: str, method_name: str) -> None:
        """Forget what `save_notice` remembered, if anything."""
        dropped = (event_path, observer_path, method_name)
        self._notices = [each for each in self._notices if each != dropped]

    def notices(self, event_path: str | None = None) -> Generator[tuple[str, str, str], None, None]:
        """Yield the notices of one event, or all if *event_path* is None or empty, oldest first."""
        yield from [each for each in self._notices if not event_path or each[0] == event_path]
