"""Containers in a Harness.  What the pretended Pebble does in them is tested with it (test_testing_pebble.py)."""

from __future__ import annotations

import datetime
from unittest import mock

import pytest

import ops
from ops import pebble, testing

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")

META = "name: web\ncontainers: {app: {}, side-car: {}}"
LAYER: pebble.LayerDict = {
    "services": {"web": {"override": "replace", "command": "web", "startup": "enabled", "user": "u"}},
    "checks": {"up": {"override": "replace", "exec": {"command": "x"}}},
}


class Recorder(ops.CharmBase):
    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self.seen: list[tuple] = []
        for container in self.meta.containers:
            for kind in ("pebble_ready", "pebble_custom_notice", "pebble_check_failed", "pebble_check_recovered"):
                framework.observe(getattr(self.on[container], kind), self._on_event)

    def _on_event(self, event: ops.WorkloadEvent):
        about = getattr(event, "notice", None) or getattr(event, "info", None)
        key = None if about is None else getattr(about, "key", None) or about.name
        self.seen.append((event.handle.kind, event.workload.name, event.workload.can_connect(), key))


@pytest.fixture
def harness():
    harness = testing.Harness(Recorder, meta=META)
    yield harness
    harness.cleanup()


@pytest.fixture
def container(harness):
    harness.begin()
    harness.set_can_connect("app", True)
    return harness.model.unit.get_container("app")


def test_a_container_cannot_be_reached_until_the_test_says_so(harness):
    container = harness.model.unit.get_container("app")
    assert not container.can_connect()
    with pytest.raises(pebble.ConnectionError, match="set_can_connect"):
        container.get_plan()
    harness.set_can_connect(container, True)
    assert container.can_connect()
    harness.set_can_connect("app", False)
    assert not container.can_connect()


def test_ready_is_an_event_of_a_charm_that_has_begun(harness):
    harness.container_pebble_ready("app")
    assert not harness.model.unit.get_container("app").can_connect()
    harness.begin()
    harness.disable_hooks()
    harness.container_pebble_ready("side-car")
    assert harness.charm.seen == [("side_car_pebble_ready", "side-car", True, None)]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda harness: harness.set_can_connect("no", True), ops.ModelError),
        (lambda harness: harness.pebble_notify("no", "a.b/c"), ops.ModelError),
        (lambda harness: harness.get_container_pebble_plan("no"), KeyError),
        (lambda harness: harness.get_filesystem_root("no"), KeyError),
        (lambda harness: harness.handle_exec("no", [], result=0), KeyError),
    ],
)
def test_only_containers_of_the_metadata_are_there(harness, call, error):
    with pytest.raises(error):
        call(harness)


def test_the_test_sees_the_plan_and_the_files(harness, container):
    container.add_layer("base", LAYER)
    container.replan()
    container.push("/etc/app.conf", "a", make_dirs=True)
    assert harness.get_container_pebble_plan("app") == LAYER
    assert container.get_service("web").is_running()
    root = harness.get_filesystem_root(container)
    assert (root / "etc/app.conf").read_text() == "a"
    (root / "new").write_text("b")
    assert container.pull("/new").read() == "b"
    assert harness.get_container_pebble_plan("side-car") == {}


def test_a_directory_goes_in_and_out(container, tmp_path):
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "sub" / "f").write_text("x")
    container.push_path(tmp_path / "in", "/data")
    (tmp_path / "out").mkdir()
    container.pull_path("/data/in/*", tmp_path / "out")
    assert (tmp_path / "out" / "sub" / "f").read_text() == "x"


def test_commands_are_answered_per_container(harness, container):
    harness.handle_exec("app", ["ls"], result="here")
    harness.handle_exec(container, ["rm"], handler=lambda args: testing.ExecResult(1, stderr="busy"))
    harness.set_can_connect("side-car", True)
    assert container.exec(["ls", "-l"]).wait_output() == ("here", "")
    with pytest.raises(pebble.ExecError, match="busy"):
        container.exec(["rm"]).wait_output()
    with pytest.raises(pebble.APIError):
        harness.model.unit.get_container("side-car").exec(["ls"])


def test_a_service_lends_its_context_where_controllers_can(monkeypatch):
    monkeypatch.setenv("JUJU_VERSION", "3.6.0")
    harness = testing.Harness(Recorder, meta=META)
    harness.set_can_connect("app", True)
    container = harness.model.unit.get_container("app")
    container.add_layer("base", LAYER)
    seen = []
    harness.handle_exec("app", [], handler=seen.append)
    container.exec(["x"], service_context="web").wait()
    assert seen[0].user == "u"


def test_a_notice_is_an_event_when_it_is_told(harness):
    day = datetime.timedelta(days=1)
    first = harness.pebble_notify("app", "a.b/early")
    harness.begin()
    harness.disable_hooks()
    ids = [harness.pebble_notify("app", "a.b/c", repeat_after=each) for each in (day, day, None)]
    assert len({first, *ids}) == 2
    event = ("app_pebble_custom_notice", "app", False, "a.b/c")
    assert harness.charm.seen == [event, event]


@pytest.mark.parametrize(
    ("kind", "status", "event"),
    [
        ("perform-check", "Error", "app_pebble_check_failed"),
        ("recover-check", "Done", "app_pebble_check_recovered"),
        ("perform-check", "Doing", None),
        ("exec", "Error", None),
    ],
)
def test_some_changes_are_events_of_checks(harness, container, kind, status, event):
    container.add_layer("base", LAYER)
    now = "2026-01-01T00:00:00Z"
    change = {"id": "7", "kind": kind, "summary": "", "status": status, "ready": True, "spawn-time": now}
    with mock.patch(
        "ops._private.harness._TestingPebbleClient.get_change", return_value=pebble.Change.from_dict(change)
    ):
        harness.pebble_notify(
            "app", "7", type=pebble.NoticeType.CHANGE_UPDATE, data={"kind": kind, "check-name": "up"}
        )
    assert harness.charm.seen == ([(event, "app", True, "up")] if event else [])


def test_a_stopped_check_is_told_to_those_who_watch_over_security(harness, container):
    container.add_layer("base", LAYER)
    assert container.stop_checks("up") == ["up"]
    assert any("sys_monitor_disabled" in line.message for line in harness._backend.world.log)


def test_what_tests_replace_by_name_is_what_is_used(container):
    for name in ("ops._private.harness._TestingPebbleClient", "ops.testing._TestingPebbleClient"):
        with mock.patch(f"{name}.get_plan", return_value="patched"):
            assert container.get_plan() == "patched"
