"""Where stored state and deferred events are kept between runs.

Role: three keepers with the same methods. `SQLiteStorage` keeps them in a file, `JujuStorage` in the
controller, one command for each access. `HookStorage` also keeps them in the controller, but reads all at
once and writes all at once, when the run is over, so that they land together with the hook's other effects.
Not here: what is kept (_framework.py, _stored.py), which keeper a run uses (_dispatch.py).

The layout in the controller is the same for both: one key for each snapshot, named by its handle's path,
and one key ``#notices#`` with the list of tuples ``(event path, observer path, method name)`` in the order
in which they were saved.  Values are YAML text; tuples have the tag of Python's tuples, sets that of YAML's.
Other releases read this layout and rely on notices being tuples.
"""

from __future__ import annotations

import datetime
import json
import marshal
import os
import stat
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from . import _backend, _yaml, hookcmds
from .hookcmds._utils import run

if TYPE_CHECKING:
    _Notice = tuple[str, str, str]
    _NoticeGenerator = Generator[_Notice, None, None]

CHARM_STATE_FILE = ".unit-state.db"
"""Name of the file in the charm's root that keeps stored state and deferred events."""

# How the key begins under which every run leaves something: the framework's own data.
_EVENT_COUNT_KIND = "StoredStateData["

# Limits of the controller's state, which has no others for a single key.
STATE_KEY_BYTES_MAX = 256
STATE_VALUE_BYTES_MAX = 65_536


class NoSnapshotError(Exception):
    """There is no snapshot under this path."""

    def __init__(self, handle_path: str):
        super().__init__(handle_path)
        self.handle_path = handle_path

    def __str__(self):
        return f"no snapshot data found for {self.handle_path} object"


class SQLiteStorage:
    """Keeps state in a SQLite file, or in memory if *filename* is ``:memory:``.

    The file belongs to one run at a time: opening waits until the run before has closed it.  Nothing is
    durable before `commit`; closing without it drops what was changed.

    Raises:
        RuntimeError: the file cannot be protected from other users.
    """

    DB_LOCK_TIMEOUT = datetime.timedelta(hours=1)
    """How long opening waits for another run."""

    def __init__(self, filename: Path | str):
        import sqlite3

        if str(filename) != ":memory:":
            self._protect(str(filename))
        self._db = sqlite3.connect(
            str(filename), isolation_level=None, timeout=self.DB_LOCK_TIMEOUT.total_seconds()
        )
        self._setup()

    @staticmethod
    def _protect(filename: str) -> None:
        """Create the file readable and writable for its owner alone, or make it so."""
        mode = stat.S_IRUSR | stat.S_IWUSR
        try:
            os.close(os.open(filename, os.O_CREAT | os.O_EXCL, mode=mode))
        except FileExistsError:
            try:
                os.chmod(filename, mode)
            except OSError as cause:
                raise RuntimeError(f"cannot adjust the access mode of {filename!r}") from cause

    def _setup(self) -> None:
        # In this mode the lock that is taken now lasts until the connection is closed.
        self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._db.execute("BEGIN EXCLUSIVE")
        self._db.execute("CREATE TABLE IF NOT EXISTS snapshot (handle TEXT PRIMARY KEY, data BLOB)")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS notice ("
            "sequence INTEGER PRIMARY KEY AUTOINCREMENT,"
            " event_path TEXT, observer_path TEXT, method_name TEXT)"
        )

    def close(self) -> None:
        """Close the file.  What was not committed is dropped."""
        self._db.close()

    def commit(self) -> None:
        """Make all changes so far durable."""
        self._db.execute("COMMIT")
        self._db.execute("BEGIN EXCLUSIVE")

    def save_snapshot(self, handle_path: str, snapshot_data: Any) -> None:
        """Save *snapshot_data* under *handle_path*, in place of what was there."""
        import pickle

        self._db.execute("REPLACE INTO snapshot VALUES (?, ?)", (handle_path, pickle.dumps(snapshot_data)))

    def load_snapshot(self, handle_path: str) -> Any:
        """Return what was saved under *handle_path*.

        Raises:
            NoSnapshotError: nothing was.
        """
        import pickle

        row = self._db.execute("SELECT data FROM snapshot WHERE handle=?", (handle_path,)).fetchone()
        if row is None:
            raise NoSnapshotError(handle_path)
        # The file is written by this class alone and readable for its owner alone.
        return pickle.loads(row[0])

    def drop_snapshot(self, handle_path: str):
        """Remove what was saved under *handle_path*, if anything."""
        self._db.execute("DELETE FROM snapshot WHERE handle=?", (handle_path,))

    def list_snapshots(self) -> Generator[str, None, None]:
        """Yield all paths under which something is saved."""
        for (handle_path,) in self._db.execute("SELECT handle FROM snapshot").fetchall():
            yield handle_path

    def save_notice(self, event_path: str, observer_path: str, method_name: str) -> None:
        """Remember that *method_name* of the observer has to see the event."""
        self._db.execute(
            "INSERT INTO notice (event_path, observer_path, method_name) VALUES (?, ?, ?)",
            (event_path, observer_path, method_name),
        )

    def drop_notice(self, event_path: str, observer_path: str, method_name: str) -> None:
        """Forget what `save_notice` remembered, if anything."""
        self._db.execute(
            "DELETE FROM notice WHERE event_path=? AND observer_path=? AND method_name=?",
            (event_path, observer_path, method_name),
        )

    def notices(self, event_path: str | None = None) -> _NoticeGenerator:
        """Yield the notices of one event, or all if *event_path* is None or empty, oldest first."""
        where, values = ("WHERE event_path=?", (event_path,)) if event_path else ("", ())
        rows = self._db.execute(
            f"SELECT event_path, observer_path, method_name FROM notice {where} ORDER BY sequence", values
        )
        yield from rows.fetchall()


class _JujuStorageBackend(Protocol):
    """Reads and writes values by key."""

    def set(self, key: str, value: Any) -> None: ...

    def get(self, key: str) -> Any:
        """Return the value; KeyError if there is none."""
        ...

    def delete(self, key: str) -> None: ...


class _StateTools:
    """Values in the controller, by one hook command each."""

    def set(self, key: str, value: Any) -> None:
        hookcmds.state_set({key: _yaml.dump_state(value)})

    def get(self, key: str) -> Any:
        text = run("state-get", key)
        if not text.strip():
            raise KeyError(key)
        return _yaml.load_state(text)

    def delete(self, key: str) -> None:
        hookcmds.state_delete(key)


class JujuStorage:
    """Keeps state in the controller.  The controller commits it when the hook has succeeded.

    *backend* reads and writes the values; None means the hook commands.
    """

    NOTICE_KEY = "#notices#"
    """Key of the list of notices."""

    def __init__(self, backend: _JujuStorageBackend | None = None):
        self._backend: _JujuStorageBackend = backend if backend is not None else _StateTools()

    def close(self) -> None:
        """Do nothing: there is nothing to close."""

    def commit(self) -> None:
        """Do nothing: the controller commits."""

    def save_snapshot(self, handle_path: str, snapshot_data: Any) -> None:
        """Save *snapshot_data* under *handle_path*, in place of what was there."""
        self._backend.set(handle_path, snapshot_data)

    def load_snapshot(self, handle_path: str):
        """Return what was saved under *handle_path*.

        Raises:
            NoSnapshotError: nothing was.
        """
        try:
            return self._backend.get(handle_path)
        except KeyError:
            raise NoSnapshotError(handle_path) from None

    def drop_snapshot(self, handle_path: str):
        """Remove what was saved under *handle_path*, if anything."""
        self._backend.delete(handle_path)

    def save_notice(self, event_path: str, observer_path: str, method_name: str):
        """Remember that *method_name* of the observer has to see the event."""
        notices = self._load_notices()
        notices.append((event_path, observer_path, method_name))
        self._backend.set(self.NOTICE_KEY, notices)

    def drop_notice(self, event_path: str, observer_path: str, method_name: str):
        """Forget what `save_notice` remembered.

        Raises:
            ValueError: there is no such notice.
        """
        notices = self._load_notices()
        notices.remove((event_path, observer_path, method_name))
        self._backend.set(self.NOTICE_KEY, notices)

    def notices(self, event_path: str | None = None):
        """Yield the notices of one event, or all if *event_path* is None or empty, oldest first."""
        for each in self._load_notices():
            if not event_path or each[0] == event_path:
                yield each

    def _load_notices(self) -> list[_Notice]:
        try:
            return _notices(self._backend.get(self.NOTICE_KEY))
        except KeyError:
            return []


class HookStorage:
    """Keeps state in the controller with as few commands as possible, as part of the hook's effects.

    The first access reads everything with one ``state-get``.  All else happens in memory until `commit`,
    which sends what differs: one ``state-set`` for changed keys, one ``state-delete`` for each key that is
    gone.  An empty list of notices is written rather than deleted, which saves a command.

    *earlier_file* is where the same charm may have kept its state in SQLite before.  It is taken over if the
    controller has nothing yet.
    """

    NOTICE_KEY = JujuStorage.NOTICE_KEY

    def __init__(self, earlier_file: Path | None = None):
        self._earlier_file = earlier_file
        self._read: dict[str, str] | None = None
        # Marshalled, so that nobody holds on to what is saved and changes it from afar.
        self._changed: dict[str, bytes] = {}
        self._dropped: set[str] = set()
        self._notices: list[_Notice] = []

    def close(self) -> None:
        """Do nothing: what was not committed is forgotten with this object."""

    def _texts(self) -> dict[str, str]:
        """Return what the controller has, reading it the first time."""
        if self._read is None:
            self._read = hookcmds.state_get(None)
            if self.NOTICE_KEY in self._read:
                self._notices = _notices(_loaded(self._read[self.NOTICE_KEY]))
            if self._is_new() and self._earlier_file is not None and self._earlier_file.exists():
                self._take_over(self._earlier_file)
        return self._read

    def _is_new(self) -> bool:
        # Every run leaves the count of events.  Other keys may be what the charm keeps by itself.
        return not any(key.startswith(_EVENT_COUNT_KIND) for key in self._read or ())

    def _take_over(self, file: Path) -> None:
        earlier = SQLiteStorage(file)
        try:
            for path in earlier.list_snapshots():
                self._changed[path] = marshal.dumps(earlier.load_snapshot(path))
            self._notices = list(earlier.notices())
        finally:
            earlier.close()

    def save_snapshot(self, handle_path: str, snapshot_data: Any) -> None:
        """Save *snapshot_data* under *handle_path*, in place of what was there."""
        self._texts()
        self._changed[handle_path] = marshal.dumps(snapshot_data)
        self._dropped.discard(handle_path)

    def load_snapshot(self, handle_path: str) -> Any:
        """Return what was saved under *handle_path*.

        Raises:
            NoSnapshotError: nothing was.
        """
        texts = self._texts()
        if handle_path in self._changed:
            return marshal.loads(self._changed[handle_path])
        if handle_path in self._dropped or not texts.get(handle_path):
            raise NoSnapshotError(handle_path)
        return _loaded(texts[handle_path])

    def drop_snapshot(self, handle_path: str) -> None:
        """Remove what was saved under *handle_path*, if anything."""
        self._texts()
        self._changed.pop(handle_path, None)
        self._dropped.add(handle_path)

    def list_snapshots(self) -> Generator[str, None, None]:
        """Yield all paths under which something is saved."""
        paths = {**self._texts(), **self._changed}
        yield from (path for path in paths if path not in self._dropped and path != self.NOTICE_KEY)

    def save_notice(self, event_path: str, observer_path: str, method_name: str) -> None:
        """Remember that *method_name* of the observer has to see the event."""
        self._texts()
        self._notices.append((event_path, observer_path, method_name))

    def drop_notice(self, event_path: str, observer_path: str, method_name: str) -> None:
        """Forget what `save_notice` remembered, if anything."""
        self._texts()
        dropped = (event_path, observer_path, method_name)
        self._notices = [each for each in self._notices if each != dropped]

    def notices(self, event_path: str | None = None) -> _NoticeGenerator:
        """Yield the notices of one event, or all if *event_path* is None or empty, oldest first."""
        self._texts()
        yield from [each for each in self._notices if not event_path or each[0] == event_path]

    def commit(self) -> None:
        """Send what differs from what was read; if nothing does, send nothing.

        Raises:
            RuntimeError: a key or value is larger than the controller takes.
            hookcmds.Error: the controller refused.
        """
        before = self._texts()
        after = {path: _dumped(marshal.loads(data), before.get(path)) for path, data in self._changed.items()}
        if self._notices or before.get(self.NOTICE_KEY):
            after[self.NOTICE_KEY] = _yaml.dump_state(self._notices) if self._notices else _NO_NOTICES
        changed = {key: text for key, text in after.items() if before.get(key) != text}
        gone = [key for key in before if key in self._dropped]
        _check_sizes(changed.items())
        if changed:
            hookcmds.state_set(changed)
        for key in gone:
            hookcmds.state_delete(key)
        self._read = {key: text for key, text in {**before, **changed}.items() if key not in gone}
        self._changed, self._dropped = {}, set()


_NO_NOTICES = "[]\n"
_JSON_STARTS = ("{", "[")

#: In JSON, what readers of YAML take for something else: 1e-05 for a text.
_NOT_YAML = ("e+", "e-", "\x7f")


def _dumped(value: Any, before: str | None = None) -> str:
    """Return *value* as YAML, in the form of JSON where that says the same: it takes a hook much less.

    If it is what *before* says in another form, that is returned.
    """
    text = _as_json(value)
    if text is not None and (not before or before.startswith(_JSON_STARTS)):
        return text
    long_text = _yaml.dump_state(value)
    return long_text if text is None or long_text == before else text


def _as_json(value: Any) -> str | None:
    """Return *value* as JSON that is YAML as well, or None if there is no such text."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        same = text.startswith(_JSON_STARTS) and json.loads(text) == value
    except (TypeError, ValueError):  # bytes, sets and the like
        return None
    return text if same and text.isascii() and not any(each in text for each in _NOT_YAML) else None


def _loaded(text: str) -> Any:
    """Return what `_dumped` made *text* of."""
    if text.startswith(_JSON_STARTS):
        try:
            return json.loads(text)
        except ValueError:
            pass
    return _yaml.load_state(text)


def _notices(kept: Iterable[Iterable[str]] | None) -> list[_Notice]:
    """Return the notices in what was kept of them; earlier runs may have left lists, or nothing."""
    return [(event, observer, method) for event, observer, method in kept or ()]


def _check_sizes(texts: Iterable[tuple[str, str]]) -> None:
    for key, text in texts:
        key_size, value_size = len(key.encode()), len(text.encode())
        if key_size > STATE_KEY_BYTES_MAX:
            raise RuntimeError(
                f"cannot keep {key!r}: its name has {key_size} bytes and {STATE_KEY_BYTES_MAX} are possible; "
                "use a shorter key for the object it belongs to"
            )
        if value_size > STATE_VALUE_BYTES_MAX:
            raise RuntimeError(
                f"cannot keep {key!r}: it has {value_size} bytes and {STATE_VALUE_BYTES_MAX} are possible; "
                "keep large data in a file or in relation data, and only what is needed of it in stored state"
            )


def juju_backend_available() -> bool:
    """Return whether the controller can keep state: whether there is a ``state-get`` command."""
    return _backend.has("state-get")
