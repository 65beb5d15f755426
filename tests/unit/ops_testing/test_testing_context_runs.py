"""Runs of a charm from one state to the next: what they do, how they fail, and a hold on the charm in between."""

from __future__ import annotations

import dataclasses
import os
import sys
import traceback

import pytest
from testing_charms import ACTIONS, META, charm, context

import ops
from ops import testing

DB = testing.Relation("db", id=7, remote_app_name="pg", remote_units_data={0: {}, 3: {}})
RING = testing.PeerRelation("ring", id=8, peers_data={2: {}})
APP = testing.Container(
    "app",
    can_connect=True,
    notices=[testing.Notice("example.com/x", id="19")],
    layers={"base": ops.pebble.Layer({"checks": {"up": {"override": "replace", "exec": {"command": "true"}}}})},
    check_infos={testing.CheckInfo("up", status=ops.pebble.CheckStatus.DOWN, failures=3)},
)
DATA = testing.Storage("data", index=4)
OURS = testing.Secret({"k": "v"}, id="secret:cvq0ngbtk6u1qqd6j1f0", owner="unit", label="ours")
THEIRS = testing.Secret({"k": "v"}, id="secret:cvq0ngbtk6u1qqd6j1f1")
STATE = testing.State(
    leader=True,
    relations={DB, RING},
    containers={APP},
    storages={DATA},
    secrets={OURS, THEIRS},
    model=testing.Model(name="m", uuid="11111111-2222-4333-8444-555555555555"),
)


def variables(event, **options) -> dict[str, str]:
    """Return the controller's variables in a run, without those of all runs."""
    seen = {}
    ctx = context(lambda self, event: seen.update(os.environ), **options)
    ctx.run(event(ctx.on), STATE)
    always = ("JUJU_VERSION", "JUJU_CHARM_DIR", "JUJU_MODEL_NAME", "JUJU_MODEL_UUID", "JUJU_UNIT_NAME")
    return {key: value for key, value in seen.items() if key.startswith("JUJU_") and key not in always}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (lambda on: on.config_changed(), {"JUJU_HOOK_NAME": "config-changed"}),
        (
            lambda on: on.relation_changed(DB, remote_unit=3),
            {
                "JUJU_HOOK_NAME": "db-relation-changed",
                "JUJU_RELATION": "db",
                "JUJU_RELATION_ID": "db:7",
                "JUJU_REMOTE_APP": "pg",
                "JUJU_REMOTE_UNIT": "pg/3",
            },
        ),
        (
            lambda on: on.relation_departed(DB, remote_unit=0, departing_unit=3),
            {
                "JUJU_HOOK_NAME": "db-relation-departed",
                "JUJU_RELATION": "db",
                "JUJU_RELATION_ID": "db:7",
                "JUJU_REMOTE_APP": "pg",
                "JUJU_REMOTE_UNIT": "pg/0",
                "JUJU_DEPARTING_UNIT": "pg/3",
            },
        ),
        (
            lambda on: on.relation_joined(RING),
            {
                "JUJU_HOOK_NAME": "ring-relation-joined",
                "JUJU_RELATION": "ring",
                "JUJU_RELATION_ID": "ring:8",
                "JUJU_REMOTE_APP": "web",
                "JUJU_REMOTE_UNIT": "web/2",
            },
        ),
        (
            lambda on: on.relation_broken(DB),
            {
                "JUJU_HOOK_NAME": "db-relation-broken",
                "JUJU_RELATION": "db",
                "JUJU_RELATION_ID": "db:7",
                "JUJU_REMOTE_APP": "pg",
            },
        ),
        (
            lambda on: on.pebble_ready(APP),
            {"JUJU_HOOK_NAME": "app-pebble-ready", "JUJU_WORKLOAD_NAME": "app"},
        ),
        (
            lambda on: on.pebble_custom_notice(APP, APP.notices[0]),
            {
                "JUJU_HOOK_NAME": "app-pebble-custom-notice",
                "JUJU_WORKLOAD_NAME": "app",
                "JUJU_NOTICE_ID": "19",
                "JUJU_NOTICE_TYPE": "custom",
                "JUJU_NOTICE_KEY": "example.com/x",
            },
        ),
        (
            lambda on: on.pebble_check_failed(APP, next(iter(APP.check_infos))),
            {
                "JUJU_HOOK_NAME": "app-pebble-check-failed",
                "JUJU_WORKLOAD_NAME": "app",
                "JUJU_PEBBLE_CHECK_NAME": "up",
            },
        ),
        (
            lambda on: on.storage_attached(DATA),
            {"JUJU_HOOK_NAME": "data-storage-attached", "JUJU_STORAGE_ID": "data/4"},
        ),
        (
            lambda on: on.secret_changed(THEIRS),
            {"JUJU_HOOK_NAME": "secret-changed", "JUJU_SECRET_ID": THEIRS.id, "JUJU_SECRET_LABEL": ""},
        ),
        (
            lambda on: on.secret_remove(OURS, revision=1),
            {
                "JUJU_HOOK_NAME": "secret-remove",
                "JUJU_SECRET_ID": OURS.id,
                "JUJU_SECRET_LABEL": "ours",
                "JUJU_SECRET_REVISION": "1",
            },
        ),
    ],
    ids=lambda value: value.get("JUJU_HOOK_NAME") if isinstance(value, dict) else "",
)
def test_the_environment_is_that_of_the_hook(event, expected):
    assert variables(event) == {"JUJU_DISPATCH_PATH": f"hooks/{expected['JUJU_HOOK_NAME']}", **expected}


def test_the_environment_of_an_action_has_its_identifier():
    assert variables(lambda on: on.action("back-up", id="77")) == {
        "JUJU_DISPATCH_PATH": "actions/back-up",
        "JUJU_HOOK_NAME": "",
        "JUJU_ACTION_NAME": "back-up",
        "JUJU_ACTION_UUID": "77",
        "JUJU_ACTION_TAG": "action-77",
    }


def test_a_context_says_where_the_unit_is():
    options = {"machine_id": "4/lxd/1", "availability_zone": "z1", "principal_unit": "db/0"}
    found = variables(lambda on: on.start(), **options)
    assert found["JUJU_MACHINE_ID"] == "4/lxd/1"
    assert found["JUJU_AVAILABILITY_ZONE"] == "z1"
    assert found["JUJU_PRINCIPAL_UNIT"] == "db/0"

    def named(self, event):
        assert (self.app.name, self.unit.name, self.model.name) == ("front", "front/5", "m")
        assert self.model.uuid == STATE.model.uuid
        assert self.model.juju_version == "3.4.0"

    ctx = context(named, app_name="front", unit_id=5, juju_version="3.4.0")
    ctx.run(ctx.on.start(), STATE)


def test_a_run_is_a_whole_hook():
    """Waiting events come first; statuses are collected, and what is stored is saved, at the end."""

    class Web(ops.CharmBase):
        stored = ops.StoredState()

        def __init__(self, framework):
            super().__init__(framework)
            self.stored.set_default(seen=[])
            for name in ("start", "config_changed", "collect_unit_status"):
                framework.observe(getattr(self.on, name), getattr(self, f"_on_{name}"))

        def _on_config_changed(self, event):
            self.stored.seen.append("config")

        def _on_start(self, event):
            self.stored.seen.append("start")
            event.defer()

        def _on_collect_unit_status(self, event):
            event.add_status(ops.ActiveStatus(" ".join(self.stored.seen)))

    ctx = testing.Context(Web, meta={"name": "web"})
    first = ctx.run(ctx.on.start(), testing.State())
    assert first.unit_status == ops.ActiveStatus("start")
    assert [event.name for event in first.deferred] == ["start"]
    second = ctx.run(ctx.on.config_changed(), first)
    assert second.unit_status == ops.ActiveStatus("start start config")
    assert second.get_stored_state("stored", owner_path="Web").content == {"seen": ["start", "start", "config"]}


def test_a_state_that_went_in_stays_as_it_was():
    def change_everything(self, event):
        relation = self.model.get_relation("db")
        relation.data[self.unit]["k"] = "v"
        relation.data[self.app]["k"] = "v"
        self.unit.status = self.app.status = ops.ActiveStatus("up")
        self.unit.set_ports(80)
        self.unit.set_workload_version("2")
        self.model.get_secret(label="ours").set_content({"key": "new"})
        self.unit.add_secret({"more": "secrets"})
        self.unit.get_container("app").push("/f", "content")
        self.unit.get_container("app").add_layer("top", {"services": {"s": {"override": "replace"}}})
        event.defer()

    before, shown = dataclasses.replace(STATE), repr(STATE)
    ctx = context(change_everything)
    out = ctx.run(ctx.on.start(), STATE)
    assert before == STATE
    assert repr(STATE) == shown
    assert not {"relations", "secrets", "containers", "opened_ports", "deferred", "unit_status"} - {
        field.name
        for field in dataclasses.fields(testing.State)
        if getattr(out, field.name) != getattr(STATE, field.name)
    }


def test_an_event_without_an_observer_changes_nothing_but_the_count():
    ctx = testing.Context(ops.CharmBase, meta=META)
    out = ctx.run(ctx.on.update_status(), STATE)
    assert testing.diff_states(dataclasses.replace(out, stored_states=()), STATE) == ""


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ("start", "ctx.on.start"),
        ("config-changed", "ctx.on.config_changed"),
        (testing.CharmEvents.start, r"call it, like ctx.on.start\("),
        (None, "not NoneType"),
    ],
)
def test_what_is_no_event_is_refused_with_advice(wrong, advice):
    with pytest.raises(TypeError, match=advice):
        context().run(wrong, testing.State())
    with pytest.raises(TypeError, match=advice), context()(wrong, testing.State()):
        pass


# --- events of libraries ---


class Ready(ops.EventBase):
    def __init__(self, handle, relation=None, *, note=""):
        super().__init__(handle)
        self.relation = relation
        self.note = note

    def snapshot(self):
        return {"id": self.relation.id, "name": self.relation.name, "note": self.note}

    def restore(self, snapshot):
        self.relation = self.framework.model.get_relation(snapshot["name"], snapshot["id"])
        self.note = snapshot["note"]


class LibraryEvents(ops.ObjectEvents):
    ready = ops.EventSource(Ready)


class Library(ops.Object):
    on = LibraryEvents()  # type: ignore[assignment]


def test_a_library_emits_with_what_the_charm_knows_the_parts_as():
    seen = []

    class Web(ops.CharmBase):
        def __init__(self, framework):
            super().__init__(framework)
            self.library = Library(self, "library")
            framework.observe(self.library.on.ready, self._on_ready)

        def _on_ready(self, event):
            seen.append((event.relation, event.relation.app.name, event.note))

    ctx = testing.Context(Web, meta=META)
    ctx.run(ctx.on.custom(Library.on.ready, DB, note="n"), STATE)
    ((relation, app, note),) = seen
    assert isinstance(relation, ops.Relation)
    assert (relation.id, app, note) == (7, "pg", "n")
    (emitted,) = ctx.emitted_events
    assert isinstance(emitted, Ready)


def test_an_event_that_the_charm_does_not_have_is_refused(monkeypatch):
    monkeypatch.setenv("SCENARIO_BARE_CHARM_ERRORS", "true")
    ctx = context()
    with pytest.raises(ValueError, match="no attribute whose `on` is a LibraryEvents"):
        ctx.run(ctx.on.custom(Library.on.ready), testing.State())
    monkeypatch.setenv("SCENARIO_SKIP_CONSISTENCY_CHECKS", "1")
    other = testing.Relation("other")
    with pytest.raises(testing.errors.NoObserverError, match="other_relation_created: is what it is about"):
        ctx.run(ctx.on.relation_created(other), testing.State(relations={other}))


# --- failures ---


def fail(self, event):
    raise ZeroDivisionError("over there")


def test_an_error_says_which_event_and_which_handler_and_has_its_own_traceback(monkeypatch):
    monkeypatch.delenv("SCENARIO_BARE_CHARM_ERRORS", raising=False)
    ctx = context(fail)
    with pytest.raises(testing.errors.UncaughtCharmError) as caught:
        ctx.run(ctx.on.relation_changed(DB), STATE)
    text = str(caught.value)
    for part in ("ZeroDivisionError", "over there", "Web._on_event", "db_relation_changed"):
        assert part in text
    cause = caught.value.__cause__
    assert isinstance(cause, ZeroDivisionError)
    assert traceback.extract_tb(cause.__traceback__)[-1].name == "fail"
    if sys.version_info >= (3, 11):
        assert any("Web._on_event" in note for note in cause.__notes__)


def test_an_error_in_the_constructor_says_so():
    class Web(ops.CharmBase):
        def __init__(self, framework):
            super().__init__(framework)
            raise ValueError("too early")

    ctx = testing.Context(Web, meta=META)
    with pytest.raises(testing.errors.UncaughtCharmError, match=r"constructing Web.*too early"):
        ctx.run(ctx.on.start(), testing.State())
    with pytest.raises(testing.errors.UncaughtCharmError), ctx(ctx.on.start(), testing.State()):
        pytest.fail("there is no charm")


def test_the_handler_that_failed_is_named_not_the_one_that_emitted():
    class Web(ops.CharmBase):
        def __init__(self, framework):
            super().__init__(framework)
            self.library = Library(self, "library")
            framework.observe(self.on.start, self._on_start)
            framework.observe(self.library.on.ready, self._on_ready)

        def _on_start(self, event):
            self.library.on.ready.emit(self.model.get_relation("db"))

        def _on_ready(self, event):
            raise ValueError("not yet")

    ctx = testing.Context(Web, meta=META)
    with pytest.raises(testing.errors.UncaughtCharmError, match=r"in Web\._on_ready, .*event start"):
        ctx.run(ctx.on.start(), STATE)


@pytest.mark.parametrize(
    ("value", "bare"), [("true", True), ("1", True), ("-1", True), ("0", False), ("", False), ("no", False)]
)
def test_errors_can_be_let_out(monkeypatch, value, bare):
    monkeypatch.setenv("SCENARIO_BARE_CHARM_ERRORS", value)
    ctx = context(fail)
    with pytest.raises(ZeroDivisionError if bare else testing.errors.UncaughtCharmError):
        ctx.run(ctx.on.start(), testing.State())


@dataclasses.dataclass
class Settings:
    port: int

    def __post_init__(self):
        if self.port < 1:
            raise ValueError("no such port")


@pytest.mark.parametrize("where", ["handler", "constructor"])
def test_a_run_that_the_charm_ends_on_purpose_is_none_that_failed(where):
    class Web(ops.CharmBase):
        stored = ops.StoredState()

        def __init__(self, framework):
            super().__init__(framework)
            if where == "constructor":
                self.load_config(Settings, errors="blocked")
            framework.observe(self.on.config_changed, self._on_config_changed)

        def _on_config_changed(self, event):
            self.stored.never = "saved"
            event.defer()
            self.load_config(Settings, errors="blocked")

    ctx = testing.Context(Web, meta={"name": "web"}, config={"options": {"port": {"type": "int"}}})
    state = testing.State(config={"port": 0})
    out = ctx.run(ctx.on.config_changed(), state)
    assert out.unit_status == ops.BlockedStatus("Error in config: no such port")
    assert (out.deferred, out.stored_states) == ([], frozenset())
    with ctx(ctx.on.config_changed(), state) as manager:
        if where == "constructor":
            with pytest.raises(RuntimeError, match="ended the run"):
                _ = manager.charm
        assert manager.run().unit_status.name == "blocked"


# --- a hold on the charm ---


def test_a_manager_has_the_charm_before_and_after_its_event():
    def count(self, event):
        self.count = getattr(self, "count", 0) + 1

    ctx = context(count)
    manager = ctx(ctx.on.start(), STATE)
    assert manager.ops is None
    with pytest.raises(RuntimeError, match="__enter__"):
        _ = manager.charm
    with pytest.raises(RuntimeError, match="__enter__"):
        manager.run()
    manager = ctx(ctx.on.start(), STATE)
    with manager:
        assert isinstance(manager.charm, ops.CharmBase)
        assert not hasattr(manager.charm, "count")
        assert isinstance(manager.run(), testing.State)
        assert manager.charm.count == 1
        with pytest.raises(testing.errors.AlreadyEmittedError):
            manager.run()
    assert manager.charm.count == 1


@pytest.mark.parametrize("interrupted", [False, True])
def test_leaving_the_block_runs_the_event(interrupted):
    ctx = context(lambda self, event: self.unit.set_ports(80))
    try:
        with ctx(ctx.on.start(), STATE):
            assert ctx.emitted_events == []
            if interrupted:
                raise KeyError("of the test itself")
    except KeyError:
        assert interrupted
    assert [type(event) for event in ctx.emitted_events] == [ops.StartEvent]


def test_what_the_run_raises_comes_after_what_the_block_raised():
    ctx = context(lambda self, event: event.fail("no"))
    with pytest.raises(testing.ActionFailed) as caught, ctx(ctx.on.action("back-up"), STATE):
        raise KeyError("of the test itself")
    assert isinstance(caught.value.__context__, KeyError)


def test_what_a_test_does_to_the_charm_in_the_block_is_in_the_state():
    ctx = context()
    with ctx(ctx.on.start(), STATE) as manager:
        manager.charm.unit.status = ops.ActiveStatus("by the test")
        manager.charm.model.get_relation("db").data[manager.charm.unit]["by"] = "test"
        out = manager.run()
    assert out.unit_status == ops.ActiveStatus("by the test")
    assert out.get_relation(7).local_unit_data["by"] == "test"


def test_charms_may_be_held_at_the_same_time():
    one, other = context(app_name="one"), context(app_name="other")
    with one(one.on.start(), STATE) as first, other(other.on.start(), testing.State()) as second:
        assert (first.charm.app.name, second.charm.app.name) == ("one", "other")
        assert first.charm.model.relations["db"]
        assert not second.charm.model.relations["db"]
        assert first.charm.unit.is_leader()
        assert not second.charm.unit.is_leader()


def test_old_ways_to_run_say_what_is_new():
    ctx = context()
    with pytest.raises(AttributeError, match=r"ctx\.on\.action\('back-up'\)"):
        ctx.run_action("back-up", STATE)
    with pytest.warns(DeprecationWarning, match="charm_spec"):
        assert ctx.charm_spec.actions == ACTIONS


def test_a_context_and_its_parts_say_what_they_are():
    ctx = testing.Context(charm(), meta=META, app_name="front", unit_id=3)
    assert repr(ctx) == "<Context of Web as front/3>"
    assert (ctx.app_name, ctx.unit_id, ctx.juju_version) == ("front", 3, "3.6.14")


@pytest.mark.parametrize(("version", "is_open"), [("3.6.14", True), ("4.0.0", False)])
def test_defaults_of_the_metadata_are_those_of_the_version(monkeypatch, version, is_open):
    monkeypatch.setenv("JUJU_VERSION", "3.1.0" if not is_open else "4.0.1")
    seen = []
    ctx = context(
        lambda self, event: seen.append(self.meta.actions["back-up"].additional_properties),
        juju_version=version,
    )
    ctx.run(ctx.on.start(), testing.State())
    assert seen == [is_open]
