"""A Harness itself: what a charm finds at first, options, leadership, actions, statuses, and errors."""

from __future__ import annotations

import gc
import io
import sys
import textwrap
import traceback
import uuid
import weakref

import pytest

import ops
from ops import hookcmds, testing

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")

META = "name: web\ncontainers: {app: {}}\nstorage: {data: {type: filesystem}}\n"
CONFIG = """
    options:
      port: {type: int, default: 80}
      host: {type: string}
      ratio: {type: float, default: 0.5}
      debug: {type: boolean}
      key: {type: secret}
"""
ACTIONS = """
    backup:
      params:
        where: {type: string, default: here}
        how: {type: string}
    restore:
      params: {what: {type: string}}
      required: [what]
      additionalProperties: false
"""


class Recorder(ops.CharmBase):
    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self.seen: list[str] = []
        for bound in self.on.events().values():
            framework.observe(bound, self._on_event)

    def _on_event(self, event: ops.EventBase):
        self.seen.append(event.handle.kind)


@pytest.fixture
def harness():
    harness = testing.Harness(Recorder, meta=META, config=CONFIG, actions=ACTIONS)
    yield harness
    harness.cleanup()


@pytest.fixture
def running(harness):
    harness.begin()
    return harness


# --- setting up ---


def test_a_harness_is_an_old_way_and_says_so():
    with pytest.warns(PendingDeprecationWarning) as caught:
        testing.Harness(ops.CharmBase, meta="name: x")
    assert caught[0].filename == __file__


def test_at_first_there_is_little(harness):
    assert harness.model.unit.name == "web/0"
    assert harness.model.name is None
    assert uuid.UUID(harness.model.uuid).version == 4
    assert not harness.model.unit.is_leader()
    assert harness.model.config == {"port": 80, "ratio": 0.5}
    assert harness.model.unit.status == ops.MaintenanceStatus()
    assert harness._backend.status_get(is_app=True) == {"status": "unknown", "message": ""}
    assert (harness.get_workload_version(), harness.get_pod_spec(), harness.reboot_count) == (None, None, 0)
    assert not harness.framework.charm_dir.exists()


def test_a_charm_without_any_metadata_has_a_name():
    charm = type("Nowhere", (ops.CharmBase,), {})
    assert testing.Harness(charm).model.app.name == "test-charm"


def test_metadata_may_be_an_open_file():
    harness = testing.Harness(ops.CharmBase, meta=io.StringIO("name: filed"))
    assert harness.model.app.name == "filed"


def test_metadata_beside_the_charm_is_found(tmp_path, monkeypatch):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "beside_charm.py").write_text("import ops\nclass Charm(ops.CharmBase): pass\n")
    (tmp_path / "metadata.yaml").write_text("name: beside")
    (tmp_path / "config.yaml").write_text("options: {a: {type: int, default: 7}}")
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    from beside_charm import Charm  # pyright: ignore[reportMissingImports]

    harness = testing.Harness(Charm)
    assert (harness.model.app.name, harness.model.config["a"]) == ("beside", 7)
    assert harness.framework.charm_dir == tmp_path
    assert testing.Harness(Charm, meta="name: given").model.config["a"] == 7
    sys.modules.pop("beside_charm")


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ("", TypeError),
        ("options: {a: {type: odd}}", RuntimeError),
        ("options: {a: {default: 1}}", RuntimeError),
        ("options: {a: {type: int, default: x}}", RuntimeError),
        ("options: {a: {type: int, default: true}}", RuntimeError),
    ],
)
def test_options_have_to_be_possible(config, error):
    with pytest.raises(error):
        testing.Harness(ops.CharmBase, meta="name: x", config=config)


def test_a_charm_is_there_after_begin_and_begins_once(harness):
    with pytest.raises(RuntimeError, match="begin"):
        _ = harness.charm
    harness.begin()
    assert isinstance(harness.charm, Recorder)
    assert harness.charm.seen == []
    with pytest.raises(RuntimeError, match="more than once"):
        harness.begin()


def test_tests_do_not_see_each_others_events():
    for name in ("one", "two"):
        harness = testing.Harness(Recorder, meta=f"name: web\ncontainers: {{{name}: {{}}}}")
        harness.begin()
        assert f"{name}_pebble_ready" in harness.charm.on.events()
        assert not {"one_pebble_ready", "two_pebble_ready"} & set(Recorder.on.events())
        assert ("one_pebble_ready" in harness.charm.on.events()) == (name == "one")


def test_two_charms_live_side_by_side():
    one, two = (testing.Harness(Recorder, meta=f"name: {name}") for name in ("one", "two"))
    one.begin()
    two.begin()
    one.set_leader()
    one.model.unit.status = ops.ActiveStatus("first")
    assert (one.model.unit.is_leader(), two.model.unit.is_leader()) == (True, False)
    assert two.model.unit.status.message == ""


def test_nothing_is_left_behind(harness, tmp_path):
    root = harness.get_filesystem_root("app")
    assert root.is_dir()
    harness.cleanup()
    assert not root.exists()
    harness = testing.Harness(Recorder, meta=META)
    harness.begin()
    alive = weakref.ref(harness.charm)
    harness.cleanup()
    del harness
    gc.collect()
    assert alive() is None


def test_the_model_can_be_named_before_begin(harness):
    harness.set_model_name("m")
    harness.set_model_uuid("u")
    assert (harness.model.name, harness.model.uuid) == ("m", "u")
    harness.set_model_info("n", "v")
    assert (harness.model.name, harness.model.uuid) == ("n", "v")
    harness.begin()
    for call in (lambda: harness.set_model_name("x"), lambda: harness.set_model_info(uuid="x")):
        with pytest.raises(RuntimeError):
            call()


@pytest.mark.parametrize("leads", [True, False])
def test_initial_hooks_of_a_unit(harness, leads):
    harness.set_leader(leads)
    harness.add_storage("data")
    harness.begin_with_initial_hooks()
    assert harness.charm.seen == [
        "data_storage_attached",
        "install",
        "leader_elected" if leads else "leader_settings_changed",
        "config_changed",
        "start",
        "app_pebble_ready",
    ]
    assert harness.model.unit.status == ops.UnknownStatus()


# --- options ---


def test_options_change_at_once_and_always_with_an_event(running):
    config = running.model.config
    assert config["port"] == 80
    running.update_config({"port": 81, "host": "h", "debug": True, "ratio": None})
    assert config == {"port": 81, "host": "h", "debug": True, "ratio": 0.5}
    running.update_config(unset=["port", "host", "unknown"])
    assert config == {"port": 80, "debug": True, "ratio": 0.5}
    running.update_config()
    running._update_config({"port": 82})
    assert running.charm.seen == ["config_changed"] * 3


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"unknown": 1}, ValueError),
        ({"port": "80"}, RuntimeError),
        ({"port": True}, RuntimeError),
        ({"ratio": 1}, RuntimeError),
        ({"debug": 1}, RuntimeError),
        ({"host": 1}, RuntimeError),
        ({"key": 1}, RuntimeError),
    ],
)
def test_options_are_of_their_type(running, values, error):
    with pytest.raises(error):
        running.update_config(values)
    assert running.charm.seen == []
    assert running.model.config == {"port": 80, "ratio": 0.5}


# --- leadership, status, and the rest ---


def test_being_elected_is_an_event_each_time_and_losing_is_none(running):
    for leads in (True, True, False):
        running.set_leader(leads)
        assert running.model.unit.is_leader() == leads
    assert running.charm.seen == ["leader_elected", "leader_elected"]


class Collector(ops.CharmBase):
    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self.statuses = [ops.ActiveStatus("fine"), ops.BlockedStatus("stuck"), ops.WaitingStatus()]
        framework.observe(self.on.collect_unit_status, self._on_collect)
        framework.observe(self.on.collect_app_status, self._on_collect)

    def _on_collect(self, event: ops.CollectStatusEvent):
        for status in self.statuses:
            event.add_status(status)


def test_statuses_are_evaluated_anew_each_time():
    harness = testing.Harness(Collector, meta="name: web")
    with pytest.raises(RuntimeError):
        harness.evaluate_status()
    harness.begin()
    harness.evaluate_status()
    assert harness.model.unit.status == ops.BlockedStatus("stuck")
    assert harness._backend.status_get(is_app=True)["status"] == "unknown"
    harness.charm.statuses = [ops.ActiveStatus("fine")]
    harness.set_leader()
    harness.evaluate_status()
    assert harness.model.unit.status == harness.model.app.status == ops.ActiveStatus("fine")


def test_units_are_counted_in_peer_relations_or_given():
    harness = testing.Harness(ops.CharmBase, meta="name: web\npeers: {ring: {interface: r}}")
    assert harness.model.app.planned_units() == 1
    number = harness.add_relation("ring", "web")
    harness.add_relation_unit(number, "web/1")
    assert harness.model.app.planned_units() == 2
    harness.set_planned_units(0)
    assert harness.model.app.planned_units() == 0
    with pytest.raises(TypeError):
        harness.set_planned_units(-1)
    harness.reset_planned_units()
    assert harness.model.app.planned_units() == 2


def test_what_the_charm_tells_is_known(running):
    running.model.unit.set_workload_version("1.2")
    running.set_leader()
    running.model.pod.set_spec({"a": 1}, {"b": 2})
    running.model.unit.set_ports(80, ops.Port("udp", 53))
    running.model.unit.reboot()
    with pytest.raises(SystemExit):
        running.model.unit.reboot(now=True)
    assert running.get_workload_version() == "1.2"
    assert running.get_pod_spec() == ({"a": 1}, {"b": 2})
    assert running.model.unit.opened_ports() == {ops.Port("tcp", 80), ops.Port("udp", 53)}
    assert running.reboot_count == 2


def test_a_cloud_is_known_once_it_is_set(harness):
    with pytest.raises(ops.ModelError):
        harness.model.get_cloud_spec()
    spec = ops.CloudSpec("lxd", "home", credential=ops.CloudCredential("cert", {"a": "b"}))
    harness.set_cloud_spec(spec)
    assert harness.model.get_cloud_spec() == spec


# --- actions ---


class Actor(ops.CharmBase):
    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self.do = lambda event: None
        framework.observe(self.on.backup_action, self._on_action)
        framework.observe(self.on.restore_action, self._on_action)

    def _on_action(self, event: ops.ActionEvent):
        self.do(event)


@pytest.fixture
def actor():
    harness = testing.Harness(Actor, meta="name: web", actions=ACTIONS)
    harness.begin()
    yield harness
    harness.cleanup()


def test_an_action_gets_parameters_and_gives_logs_and_results(actor):
    seen = []

    def handle(event):
        seen.append((event.id, event.params))
        event.log("working")
        event.set_results({"sizes": {"all": 3}})
        event.set_results({"sizes": {"part": None}, "done": True})

    actor.charm.do = handle
    output = actor.run_action("backup", {"how": "fast"})
    assert output == testing.ActionOutput(["working"], {"sizes": {"all": 3, "part": None}, "done": True})
    actor.disable_hooks()
    actor.run_action("restore", {"what": "x"})
    assert seen == [("1", {"where": "here", "how": "fast"}), ("2", {"what": "x"})]


def test_a_failed_action_is_an_error_with_what_was_there(actor):
    def handle(event):
        event.fail("too late")
        event.log("cleaning up")
        event.set_results({"a": "b"})

    actor.charm.do = handle
    with pytest.raises(testing.ActionFailed, match="too late") as caught:
        actor.run_action("backup")
    assert caught.value.output == testing.ActionOutput(["cleaning up"], {"a": "b"})
    actor.charm.do = lambda event: event.fail()
    with pytest.raises(testing.ActionFailed) as caught:
        actor.run_action("backup")
    assert caught.value.message == ""


@pytest.mark.parametrize(
    ("name", "params", "error"),
    [
        ("unknown", {}, RuntimeError),
        ("restore", {}, RuntimeError),
        ("restore", {"what": "x", "more": "y"}, ops.ModelError),
    ],
)
def test_an_action_has_to_be_possible(actor, name, params, error):
    with pytest.raises(error):
        actor.run_action(name, params)


@pytest.mark.parametrize(
    ("results", "error"),
    [
        ({"stdout": "x"}, ops.ModelError),
        ({"stderr-encoding": "x"}, ops.ModelError),
        ({"Upper": "x"}, ValueError),
        ({"a": {"b": 1}, "a.b": 2}, ValueError),
    ],
)
def test_some_results_are_refused(actor, results, error):
    actor.charm.do = lambda event: event.set_results(results)
    with pytest.raises(error):
        actor.run_action("backup")
    actor.charm.do = lambda event: event.set_results({"fine": "x"})
    assert actor.run_action("backup").results == {"fine": "x"}


# --- handlers ---


class Failing(ops.CharmBase):
    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        framework.observe(self.on.start, self._on_start)
        framework.observe(self.on.stop, self._on_stop)

    def _on_start(self, event: ops.StartEvent):
        raise LookupError("broken")

    def _on_stop(self, event: ops.StopEvent):
        self.on.start.emit()


def test_an_error_in_a_handler_comes_with_its_traceback_and_says_where_it_was():
    harness = testing.Harness(Failing, meta="name: web")
    harness.begin()
    with pytest.raises(LookupError, match="broken") as caught:
        harness.charm.on.stop.emit()
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "_on_start"
    if sys.version_info >= (3, 11):
        (note,) = caught.value.__notes__
        assert "Failing._on_start" in note
        assert "StartEvent" in note
    harness.cleanup()


def test_hook_commands_that_a_handler_calls_go_to_its_harness(running):
    running.charm._on_event = lambda event: hookcmds.app_version_set(event.handle.kind)
    running.set_leader()
    assert running.get_workload_version() == "leader_elected"


class Deferring(ops.CharmBase):
    _stored = ops.StoredState()

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self._stored.set_default(count=0)
        framework.observe(self.on.config_changed, self._on_config_changed)

    def _on_config_changed(self, event: ops.ConfigChangedEvent):
        self._stored.count += 1
        if self._stored.count < 3:
            event.defer()


def test_deferred_events_come_again_only_on_demand():
    harness = testing.Harness(Deferring, meta="name: web")
    harness.begin()
    harness.update_config()
    harness.update_config()
    assert harness.charm._stored.count == 2
    harness.framework.reemit()
    assert harness.charm._stored.count == 4
    harness.framework.reemit()
    assert harness.charm._stored.count == 4


def test_a_charm_is_constructed_under_the_rules_of_an_event():
    class Early(ops.CharmBase):
        def __init__(self, framework: ops.Framework):
            super().__init__(framework)
            self.model.get_relation("db").data[self.app]["k"] = "v"

    harness = testing.Harness(Early, meta="name: web\nrequires: {db: {interface: sql}}")
    harness.add_relation("db", "pg")
    with pytest.raises(ops.RelationDataAccessError):
        harness.begin()


def test_names_that_public_tests_reach_for_are_there(harness):
    import ops._private.harness as second

    assert second.Harness is testing.Harness
    assert second._TestingModelBackend is testing._TestingModelBackend
    assert isinstance(harness._backend, testing._TestingModelBackend)
    assert (harness._charm, harness._framework, harness._model) == (None, harness.framework, harness.model)
    assert harness._meta.name == "web"
    for name in ("_charm_dir", "_storage", "_update_config", "_emit_relation_created", "_emit_relation_changed"):
        assert hasattr(harness, name)


def test_texts_may_be_indented():
    harness = testing.Harness(ops.CharmBase, meta=textwrap.indent("name: x\nsummary: y", "        "))
    assert harness.model.app.name == "x"
