"""The three keepers of state: what all promise, and what each does by itself."""

from __future__ import annotations

import os
import pathlib
import sqlite3
import stat

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import ops
from ops import _storage, _yaml
from ops._storage import HookStorage
from ops.storage import JujuStorage, NoSnapshotError, SQLiteStorage

NOTICE = "- !!python/tuple\n  - e\n  - o\n  - m\n"


@pytest.fixture(params=["sqlite", "juju", "hook"])
def storage(request, tools):
    kept = {"sqlite": lambda: SQLiteStorage(":memory:"), "juju": JujuStorage, "hook": HookStorage}[request.param]()
    yield kept
    kept.close()


# --- what all promise ---


@pytest.mark.parametrize(
    "data",
    [
        {"text": "a\nb: c", "empty": "", "number": 7, "float": 1e16, "none": None, "yes": True},
        {"list": [1, [2]], "tuple": (1, ("x",)), "set": {1, 2}, "bytes": b"\x00\xff"},
        {"looks like": ["1", "true", "null", "2026-01-01", "0x1f", "1e5", "~"]},
        {"unicode": "äöü ☃ \U0001f600", "controls": "\x7f\x85\u2028\t"},
        {1: "key that is no text", (1, 2): "tuple as key"},
    ],
)
def test_a_snapshot_comes_back_as_it_was(storage, data):
    storage.save_snapshot("A[1]", data)
    assert storage.load_snapshot("A[1]") == data
    storage.commit()
    assert storage.load_snapshot("A[1]") == data


def test_saving_replaces_and_dropping_removes(storage):
    storage.save_snapshot("A[1]", {"n": 1})
    storage.save_snapshot("A[1]", {"n": 2})
    assert storage.load_snapshot("A[1]") == {"n": 2}
    storage.drop_snapshot("A[1]")
    storage.drop_snapshot("A[1]")
    with pytest.raises(NoSnapshotError) as caught:
        storage.load_snapshot("A[1]")
    assert caught.value.handle_path == "A[1]"


def test_notices_come_in_the_order_they_were_saved(storage):
    for event, observer, method in [("e2", "o1", "m"), ("e1", "o1", "m"), ("e2", "o2", "m")]:
        storage.save_notice(event, observer, method)
    assert list(storage.notices()) == [("e2", "o1", "m"), ("e1", "o1", "m"), ("e2", "o2", "m")]
    assert list(storage.notices("")) == list(storage.notices(None))
    assert list(storage.notices("e2")) == [("e2", "o1", "m"), ("e2", "o2", "m")]
    storage.drop_notice("e2", "o1", "m")
    assert list(storage.notices()) == [("e1", "o1", "m"), ("e2", "o2", "m")]


def test_what_is_saved_does_not_change_with_what_it_was_made_from(storage):
    data = {"list": [1]}
    storage.save_snapshot("A[1]", data)
    data["list"].append(2)
    storage.load_snapshot("A[1]")["list"].append(3)
    assert storage.load_snapshot("A[1]") == {"list": [1]}


# --- SQLite ---


def test_only_what_was_committed_is_in_the_file(tmp_path):
    first = SQLiteStorage(tmp_path / "state")
    first.save_snapshot("A[1]", 1)
    first.commit()
    first.save_snapshot("A[2]", 2)
    first.save_notice("e", "o", "m")
    first.close()
    second = SQLiteStorage(tmp_path / "state")
    assert list(second.list_snapshots()) == ["A[1]"]
    assert list(second.notices()) == []
    second.close()


def test_the_file_is_for_its_owner_alone(tmp_path):
    path = tmp_path / "state"
    path.touch(mode=0o644)
    SQLiteStorage(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    SQLiteStorage(tmp_path / "new").close()
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600


def test_a_file_that_cannot_be_protected_is_an_error(tmp_path, monkeypatch):
    def refuse(path, mode):
        raise PermissionError

    path = tmp_path / "state"
    path.touch()
    monkeypatch.setattr(os, "chmod", refuse)
    with pytest.raises(RuntimeError, match="access mode"):
        SQLiteStorage(path)


def test_the_file_has_the_tables_that_other_releases_read(tmp_path):
    storage = SQLiteStorage(tmp_path / "state")
    storage.save_snapshot("A[1]", {"a": 1})
    storage.save_notice("e", "o", "m")
    storage.commit()
    storage.close()
    with sqlite3.connect(tmp_path / "state") as db:
        assert db.execute("SELECT handle FROM snapshot").fetchall() == [("A[1]",)]
        notices = db.execute("SELECT sequence, event_path, observer_path, method_name FROM notice").fetchall()
    db.close()
    assert notices == [(1, "e", "o", "m")]


def test_a_file_belongs_to_one_run_at_a_time(tmp_path, monkeypatch):
    import datetime

    first = SQLiteStorage(tmp_path / "state")
    monkeypatch.setattr(SQLiteStorage, "DB_LOCK_TIMEOUT", datetime.timedelta(milliseconds=1))
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        SQLiteStorage(tmp_path / "state")
    first.commit()
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        SQLiteStorage(tmp_path / "state")
    first.close()
    SQLiteStorage(tmp_path / "state").close()


# --- the controller, one command for each access ---


def test_the_controller_gets_yaml_under_the_path(tools):
    storage = JujuStorage()
    storage.save_snapshot("A[1]", {"a": (1, 2)})
    storage.save_notice("e", "o", "m")
    assert tools.state["A[1]"] == "a: !!python/tuple\n- 1\n- 2\n"
    assert tools.state["#notices#"] == NOTICE
    storage.drop_snapshot("A[1]")
    assert tools.of("state-delete") == ["state-delete A[1]"]


def test_there_a_notice_that_is_not_there_cannot_be_dropped(tools):
    with pytest.raises(ValueError):
        JujuStorage().drop_notice("e", "o", "m")


def test_values_may_be_kept_elsewhere():
    class Dictionary(dict):
        def set(self, key, value):
            self[key] = value

        def get(self, key):
            return self[key]

        def delete(self, key):
            self.pop(key, None)

    values = Dictionary()
    JujuStorage(values).save_notice("e", "o", "m")
    assert values == {"#notices#": [("e", "o", "m")]}


def test_whether_the_controller_can_keep_state(tools, monkeypatch):
    assert ops.storage.juju_backend_available()
    monkeypatch.setattr(tools, "has", lambda tool: False)
    assert not ops.storage.juju_backend_available()


# --- the hook's own transaction ---


def test_all_is_read_at_once_and_written_at_once(tools):
    storage = HookStorage()
    storage.save_snapshot("A[1]", {"a": 1})
    storage.save_snapshot("A[2]", {"a": 2})
    storage.save_notice("e", "o", "m")
    assert tools.calls == ["state-get --format=json"]
    storage.commit()
    assert tools.calls == ["state-get --format=json", "state-set --file -"]
    assert tools.state == {"A[1]": '{"a": 1}', "A[2]": '{"a": 2}', "#notices#": NOTICE}


def test_what_did_not_change_is_not_sent(tools):
    tools.state.update({"A[1]": "a: 1\n", "A[2]": "a: 2\n"})
    storage = HookStorage()
    storage.save_snapshot("A[1]", {"a": 1})
    storage.commit()
    assert tools.calls == ["state-get --format=json"]
    storage.save_snapshot("A[2]", {"a": 3})
    storage.commit()
    assert tools.inputs == [{"A[2]": '{"a": 3}'}]


_SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.binary(max_size=3)
    | st.text(st.characters(exclude_categories=["Cs"]))
)  # fmt: skip
_KEYS = st.text("ab1", max_size=2) | st.integers()
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=2).map(tuple)
        | st.dictionaries(_KEYS, inner, max_size=3)
    ),
    max_leaves=6,
)


@given(_VALUES)
@example({"small": 1e-05, "large": 1e16, "del": "\x7f", "line": "a\u2028b"})
def test_values_are_the_same_to_those_who_read_yaml_only(value):
    text = _storage._dumped(value)
    assert repr(_storage._loaded(text)) == repr(_yaml.load_state(text)) == repr(value)


@pytest.mark.parametrize("text", ["- - e\n  - o\n  - m\n", NOTICE])
def test_notices_may_be_lists_as_well(tools, text):
    tools.state["#notices#"] = text
    for storage in (JujuStorage(), HookStorage()):
        assert list(storage.notices()) == [("e", "o", "m")]
    JujuStorage().drop_notice("e", "o", "m")
    assert tools.state["#notices#"] == "[]\n"


def test_notices_that_are_null_are_none(tools):
    tools.state["#notices#"] = "null\n"
    assert [list(storage.notices()) for storage in (JujuStorage(), HookStorage())] == [[], []]


def test_what_is_gone_is_deleted_key_by_key_but_no_notices_are_an_empty_list(tools):
    tools.state.update({"A[1]": "a: 1\n", "#notices#": NOTICE})
    storage = HookStorage()
    storage.drop_notice("e", "o", "m")
    storage.drop_snapshot("A[1]")
    storage.drop_snapshot("never there")
    storage.commit()
    assert tools.of("state-delete") == ["state-delete A[1]"]
    assert tools.state == {"#notices#": "[]\n"}


def test_what_was_saved_and_dropped_in_one_run_is_never_sent(tools):
    storage = HookStorage()
    storage.save_snapshot("A[1]", {"a": 1})
    storage.drop_snapshot("A[1]")
    storage.save_notice("e", "o", "m")
    storage.drop_notice("e", "o", "m")
    storage.commit()
    assert tools.of("state-set", "state-delete") == []


def test_without_commit_nothing_is_sent(tools):
    storage = HookStorage()
    storage.save_snapshot("A[1]", {"a": 1})
    storage.close()
    assert tools.state == {}


def test_it_reads_what_single_commands_wrote_and_the_other_way_round(tools):
    JujuStorage().save_snapshot("A[1]", {"a": {1, 2}})
    JujuStorage().save_notice("e", "o", "m")
    storage = HookStorage()
    assert storage.load_snapshot("A[1]") == {"a": {1, 2}}
    storage.save_notice("e2", "o", "m")
    storage.commit()
    assert list(JujuStorage().notices()) == [("e", "o", "m"), ("e2", "o", "m")]


@pytest.mark.parametrize(
    ("path", "data", "why"),
    [
        ("A[" + "k" * 300 + "]", {}, "256 are possible"),
        ("A[1]", {"text": "x" * 70_000}, "65536 are possible"),
    ],
)
def test_what_is_too_large_is_refused_before_anything_is_sent(tools, path, data, why):
    storage = HookStorage()
    storage.save_snapshot("small", {})
    storage.save_snapshot(path, data)
    with pytest.raises(RuntimeError, match=why):
        storage.commit()
    assert tools.of("state-set") == []


def test_a_file_from_before_is_read_once(tools, tmp_path: pathlib.Path):
    before = SQLiteStorage(tmp_path / "state")
    before.save_snapshot("A[1]", {"a": (1,)})
    before.save_notice("e", "o", "m")
    before.commit()
    before.close()
    storage = HookStorage(earlier_file=tmp_path / "state")
    assert list(storage.list_snapshots()) == ["A[1]"]
    assert list(storage.notices()) == [("e", "o", "m")]
    storage.save_snapshot("StoredStateData[_stored]", {"event_count": 1})
    storage.commit()
    assert set(tools.state) == {"A[1]", "#notices#", "StoredStateData[_stored]"}
    tools.state["A[1]"] = "a: 2\n"
    assert HookStorage(earlier_file=tmp_path / "state").load_snapshot("A[1]") == {"a": 2}


def test_what_a_charm_keeps_by_itself_stays_and_does_not_look_like_state_of_ours(tools, tmp_path):
    tools.state["mine[x"] = "whatever: ["
    before = SQLiteStorage(tmp_path / "state")
    before.save_snapshot("A[1]", {"a": 1})
    before.commit()
    before.close()
    storage = HookStorage(earlier_file=tmp_path / "state")
    assert storage.load_snapshot("A[1]") == {"a": 1}
    storage.commit()
    assert tools.state == {"mine[x": "whatever: [", "A[1]": '{"a": 1}'}


def test_the_limits_are_those_of_the_controller():
    assert (_storage.STATE_KEY_BYTES_MAX, _storage.STATE_VALUE_BYTES_MAX) == (256, 65_536)
