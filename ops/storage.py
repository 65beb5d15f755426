"""Index: where stored state and deferred events are kept.  The code is in _storage.py."""

from __future__ import annotations

from ._index import publish
from ._storage import JujuStorage, NoSnapshotError, SQLiteStorage, juju_backend_available

__all__ = ["JujuStorage", "NoSnapshotError", "SQLiteStorage", "juju_backend_available"]

publish(__name__, JujuStorage, NoSnapshotError, SQLiteStorage, juju_backend_available)
