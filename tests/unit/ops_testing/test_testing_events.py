"""Events of a context: their names, what they carry, and how they look when they were deferred."""

from __future__ import annotations

import dataclasses

import pytest

import ops
from ops import testing
from ops.testing import errors
from ops.testing._events import _Event

on = testing.CharmEvents()

DB = testing.Relation("my-db", id=4, remote_app_name="pg", remote_units_data={3: {}, 5: {}})
PEERS = testing.PeerRelation("peers", id=5)
WEB = testing.Container("web-app")
NOTICE = testing.Notice("a.b/c", id="9")
CHECK = testing.CheckInfo("up")
DATA = testing.Storage("data", index=2)
MINE = testing.Secret({"k": "v"}, id="secret:mine", owner="unit", label="l")
THEIRS = testing.Secret({"k": "v"}, id="secret:theirs")

RELATION = {"relation_name": "my-db", "relation_id": 4, "app_name": "pg"}

#: Event, its name in Python, the name of its hook, what it is about, what it remembers.
EVENTS = [
    (on.install(), "install", "install", "builtin", {}),
    (on.config_changed(), "config_changed", "config-changed", "builtin", {}),
    (on.collect_unit_status(), "collect_unit_status", "collect-unit-status", "builtin", {}),
    (
        on.relation_created(DB),
        "my_db_relation_created",
        "my-db-relation-created",
        "relation",
        RELATION,
    ),
    (
        on.relation_joined(DB),
        "my_db_relation_joined",
        "my-db-relation-joined",
        "relation",
        {**RELATION, "unit_name": "pg/3"},
    ),
    (
        on.relation_changed(DB, remote_unit=5),
        "my_db_relation_changed",
        "my-db-relation-changed",
        "relation",
        {**RELATION, "unit_name": "pg/5"},
    ),
    (
        on.relation_departed(DB, remote_unit=3, departing_unit=0),
        "my_db_relation_departed",
        "my-db-relation-departed",
        "relation",
        {**RELATION, "unit_name": "pg/3", "departing_unit": "pg/0"},
    ),
    (
        on.relation_departed(DB),
        "my_db_relation_departed",
        "my-db-relation-departed",
        "relation",
        {**RELATION, "unit_name": "pg/3", "departing_unit": "pg/3"},
    ),
    (on.relation_broken(DB), "my_db_relation_broken", "my-db-relation-broken", "relation", RELATION),
    (
        on.relation_changed(PEERS),
        "peers_relation_changed",
        "peers-relation-changed",
        "relation",
        {"relation_name": "peers", "relation_id": 5, "app_name": "local"},
    ),
    (
        on.pebble_ready(WEB),
        "web_app_pebble_ready",
        "web-app-pebble-ready",
        "workload",
        {"container_name": "web-app"},
    ),
    (
        on.pebble_custom_notice(WEB, NOTICE),
        "web_app_pebble_custom_notice",
        "web-app-pebble-custom-notice",
        "workload",
        {"container_name": "web-app", "notice_id": "9", "notice_key": "a.b/c", "notice_type": "custom"},
    ),
    (
        on.pebble_check_failed(WEB, CHECK),
        "web_app_pebble_check_failed",
        "web-app-pebble-check-failed",
        "workload",
        {"container_name": "web-app", "check_name": "up"},
    ),
    (
        on.storage_attached(DATA),
        "data_storage_attached",
        "data-storage-attached",
        "storage",
        {"storage_name": "data", "storage_index": 2},
    ),
    (
        on.secret_changed(THEIRS),
        "secret_changed",
        "secret-changed",
        "secret",
        {"secret_id": "secret:theirs", "secret_label": None},
    ),
    (
        on.secret_rotate(MINE),
        "secret_rotate",
        "secret-rotate",
        "secret",
        {"secret_id": "secret:mine", "secret_label": "l"},
    ),
    (
        on.secret_remove(MINE, revision=7),
        "secret_remove",
        "secret-remove",
        "secret",
        {"secret_id": "secret:mine", "secret_label": "l", "secret_revision": 7},
    ),
    (on.action("do-it", {"a": 1}, id="8"), "do_it_action", "do-it-action", "action", {"id": "8"}),
]


class Web(ops.CharmBase):
    def _on_event(self, event): ...


@pytest.mark.parametrize(("event", "name", "hook", "kind", "snapshot"), EVENTS)
def test_events(event, name, hook, kind, snapshot):
    assert (event.name, event.hook, event.kind) == (name, hook, kind)
    assert not event.is_custom
    deferred = event.deferred(Web._on_event, event_id=6)
    assert deferred == testing.DeferredEvent(f"Web/on/{name}[6]", "Web", "_on_event", snapshot)
    assert deferred.name == name


@pytest.mark.parametrize(
    ("path", "kind", "prefix"),
    [
        ("receive_ca_cert_relation_changed", "relation", "receive_ca_cert"),
        ("foo-bar-pebble-ready", "workload", "foo-bar"),
        ("my-store_storage_detaching", "storage", "my-store"),
        ("secret-changed", "secret", ""),
        ("pre_commit", "builtin", ""),
        ("foo", "custom", ""),
    ],
)
def test_names_that_tests_write_themselves(path, kind, prefix):
    assert (_Event(path).kind, _Event(path).prefix) == (kind, prefix)


def test_there_are_no_events_that_the_controller_does_not_send_any_more():
    assert not hasattr(on, "leader_settings_changed")
    assert not hasattr(on, "collect_metrics")


@pytest.mark.parametrize(
    "make",
    [
        lambda: on.secret_changed(MINE),
        lambda: on.secret_rotate(THEIRS),
        lambda: on.secret_expired(THEIRS, revision=1),
        lambda: on.secret_remove(THEIRS, revision=1),
    ],
)
def test_secret_events_go_to_whom_they_concern(make):
    with pytest.raises(ValueError, match="never receive"):
        make()


def test_some_arguments_are_named():
    for make in (
        lambda: on.secret_remove(MINE, 1),  # type: ignore[misc]
        lambda: on.relation_created(DB, 0),  # type: ignore[misc]
        lambda: on.relation_changed(DB, 0),  # type: ignore[misc]
    ):
        with pytest.raises(TypeError):
            make()


@pytest.mark.parametrize("name", ["do_it", "Do", "-do", ""])
def test_actions_are_named_as_the_controller_allows(name):
    with pytest.raises(errors.StateValidationError):
        on.action(name)


def test_each_run_of_an_action_has_its_own_id():
    first, second = on.action("do").action, on.action("do").action
    assert first is not None
    assert second is not None
    assert first.id != second.id
    assert first.params == {}


class Ready(ops.EventBase): ...


class HookLike(ops.RelationChangedEvent): ...


class LibEvents(ops.ObjectEvents):
    ready = ops.EventSource(Ready)
    changed = ops.EventSource(HookLike)


class Lib(ops.Object):
    on = LibEvents()


def test_events_of_libraries_are_named_through_the_class():
    event = on.custom(Lib.on.ready, 1, b=2)
    assert event.is_custom
    assert event.name == "ready"
    assert (event.custom_event_args, event.custom_event_kwargs) == ((1,), {"b": 2})
    assert event.custom_event is not None
    assert event.custom_event.event_type is Ready
    with pytest.raises(ValueError, match="hook"):
        on.custom(Lib.on.changed)


def test_only_a_method_of_a_class_can_have_deferred_an_event():
    for handler in ("_on_start", len):
        with pytest.raises(ValueError, match=r"MyCharm\._on_start"):
            on.start().deferred(handler)  # type: ignore[arg-type]


def test_an_event_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        on.start().path = "stop"  # type: ignore[misc]
