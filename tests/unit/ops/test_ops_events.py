"""Events of a charm: which there are, what deferring keeps of them; actions and typed configuration."""

from __future__ import annotations

import dataclasses

import pydantic
import pytest
from ops_stage import DB_1, fresh

import ops

CONTAINER_EVENTS = {"pebble_ready", "pebble_custom_notice", "pebble_check_failed", "pebble_check_recovered"}
RELATION_EVENTS = {"created", "joined", "changed", "departed", "broken"}
ALWAYS = {
    *("install", "start", "stop", "remove", "update_status", "config_changed", "upgrade_charm"),
    *("pre_series_upgrade", "post_series_upgrade", "leader_elected", "leader_settings_changed", "collect_metrics"),
    *("secret_changed", "secret_expired", "secret_rotate", "secret_remove"),
    *("collect_app_status", "collect_unit_status"),
}


def test_the_metadata_adds_events_under_names_with_underscores(framework):
    framework.meta = ops.CharmMeta(
        {
            "requires": {"my-db": {"interface": "sql"}},
            "storage": {"big-disk": {"type": "block"}},
            "containers": {"my-app": {}},
        },
        {"do-backup": {}},
    )
    charm = fresh(ops.CharmBase)(framework)
    assert set(charm.on.events()) == {
        *ALWAYS,
        *(f"my_db_relation_{kind}" for kind in RELATION_EVENTS),
        *("big_disk_storage_attached", "big_disk_storage_detaching", "do_backup_action"),
        *(f"my_app_{kind}" for kind in CONTAINER_EVENTS),
    }


def test_two_names_that_give_one_event_are_refused(framework):
    framework.meta = ops.CharmMeta({"requires": {"a-b": {"interface": "i"}, "a_b": {"interface": "i"}}})
    with pytest.raises(RuntimeError, match="overlaps"):
        fresh(ops.CharmBase)(framework)


def test_a_charm_shows_what_its_framework_has(framework):
    charm = fresh(ops.CharmBase)(framework)
    assert (charm.app, charm.unit) == (framework.model.app, framework.model.unit)
    assert (charm.meta, charm.charm_dir) == (framework.meta, framework.charm_dir)
    assert charm.config is charm.model.config
    assert charm.handle.path == "CharmBase"


# --- deferring ---


@pytest.mark.parametrize(
    ("hook", "environment"),
    [
        ("stop", {}),
        ("remove", {}),
        ("secret-rotate", {"JUJU_SECRET_ID": "secret:a"}),
        ("secret-expired", {"JUJU_SECRET_ID": "secret:a", "JUJU_SECRET_REVISION": "1"}),
        ("collect-unit-status", {}),
    ],
)
def test_events_that_cannot_come_again_cannot_be_deferred(stage, hook, environment):
    class Charm(ops.CharmBase):
        def __init__(self, framework):
            super().__init__(framework)
            framework.observe(getattr(self.on, hook.replace("-", "_")), self._on)

        def _on(self, event):
            with pytest.raises(RuntimeError, match="cannot defer"):
                event.defer()
            stage.seen.append(hook)

    stage.play(Charm, f"hooks/{hook}", **environment)
    assert stage.seen[0] == hook


def test_an_action_cannot_be_deferred(stage):
    class Charm(ops.CharmBase):
        def __init__(self, framework):
            super().__init__(framework)
            framework.observe(self.on.do_action, self._on_do)

        def _on_do(self, event):
            event.defer()

    stage.write("actions.yaml", {"do": {}})
    with pytest.raises(RuntimeError, match="cannot defer ActionEvent"):
        stage.play(Charm, "actions/do", JUJU_ACTION_NAME="do", JUJU_ACTION_UUID="1")


@pytest.mark.parametrize(
    ("hook", "environment"),
    [
        ("db-relation-changed", {**DB_1, "JUJU_REMOTE_UNIT": "sql/0"}),
        ("db-relation-departed", {**DB_1, "JUJU_REMOTE_UNIT": "sql/0", "JUJU_DEPARTING_UNIT": "sql/0"}),
        ("db-relation-broken", DB_1),
        ("disk-storage-detaching", {"JUJU_STORAGE_ID": "disk/3"}),
        ("app-pebble-ready", {"JUJU_WORKLOAD_NAME": "app"}),
        ("app-pebble-check-failed", {"JUJU_WORKLOAD_NAME": "app", "JUJU_PEBBLE_CHECK_NAME": "up"}),
        (
            "app-pebble-custom-notice",
            {
                "JUJU_WORKLOAD_NAME": "app",
                "JUJU_NOTICE_ID": "1",
                "JUJU_NOTICE_TYPE": "from-the-future",
                "JUJU_NOTICE_KEY": "k",
            },
        ),
        ("secret-changed", {"JUJU_SECRET_ID": "secret:a", "JUJU_SECRET_LABEL": "l"}),
        ("secret-remove", {"JUJU_SECRET_ID": "secret:a", "JUJU_SECRET_REVISION": "4"}),
    ],
)
@pytest.mark.parametrize("storage", ["file", "hook"])
def test_a_deferred_event_comes_again_with_all_it_carried(stage, hook, environment, storage):
    class Charm(ops.CharmBase):
        def __init__(self, framework):
            super().__init__(framework)
            framework.observe(getattr(self.on, hook.replace("-", "_")), self._on)

        def _on(self, event):
            stage.seen.append((repr(event), event.snapshot()))
            if len(stage.seen) == 1:
                event.defer()

    stage.tools.relate("db", 1, {"sql/0": {}}, app="sql")
    stage.tools.answers["storage-list --format=json disk"] = ["disk/3"]
    stage.tools.answers["storage-get --format=json -s disk/3"] = {"kind": "filesystem", "location": "/d"}
    keeper = {"COORDINATOR_STATE": "commit"} if storage == "hook" else {}
    stage.play(Charm, f"hooks/{hook}", **environment, **keeper)
    stage.play(Charm, "hooks/start", **keeper)
    assert stage.seen[0] == stage.seen[1]
    assert len(stage.seen) == 2


def test_a_deferred_relation_event_survives_its_relation(stage):
    class Charm(ops.CharmBase):
        def __init__(self, framework):
            super().__init__(framework)
            framework.observe(self.on.db_relation_changed, self._on_changed)

        def _on_changed(self, event):
            relation = event.relation
            stage.seen.append((relation.active, len(relation.units), event.app.name))
            event.defer()

    tools = stage.tools
    tools.relate("db", 1, {"sql/0": {}}, app="sql")
    stage.play(Charm, "hooks/db-relation-changed", **DB_1, JUJU_REMOTE_UNIT="sql/0")
    tools.answers["relation-ids db --format=json"] = []
    for line in ("relation-list --format=json -r db:1", "relation-list --format=json --app -r db:1"):
        tools.fail(line, 'ERROR invalid value "db:1" for option -r: relation not found', 2)
    stage.play(Charm, "hooks/start")
    assert stage.seen == [(True, 1, "sql"), (False, 0, "sql")]


def test_a_deferred_storage_event_does_not_survive_its_storage(stage):
    class Charm(ops.CharmBase):
        def __init__(self, framework):
            super().__init__(framework)
            framework.observe(self.on.disk_storage_attached, self._on_attached)

        def _on_attached(self, event):
            event.defer()

    stage.tools.answers["storage-list --format=json disk"] = ["disk/3"]
    stage.tools.answers["storage-get --format=json -s disk/3"] = {"kind": "filesystem", "location": "/d"}
    stage.play(Charm, "hooks/disk-storage-attached", JUJU_STORAGE_ID="disk/3")
    stage.tools.answers["storage-list --format=json disk"] = []
    with pytest.raises(RuntimeError, match="failed to find storage disk/3"):
        stage.play(Charm, "hooks/start")


def test_a_relation_event_is_about_a_unit_of_its_application(framework, model):
    handle = ops.Handle(None, "e", "1")
    with pytest.raises(RuntimeError):
        ops.RelationChangedEvent(handle, None, app=model.get_app("a"), unit=model.get_unit("b/0"))  # type: ignore[arg-type]


def test_a_revision_can_be_removed_through_its_event(stage):
    class Charm(ops.CharmBase):
        def __init__(self, framework):
            super().__init__(framework)
            framework.observe(self.on.secret_remove, self._on_remove)

        def _on_remove(self, event):
            event.remove_revision()

    stage.play(Charm, "hooks/secret-remove", JUJU_SECRET_ID="secret:a", JUJU_SECRET_REVISION="4")
    assert stage.tools.of("secret-remove") == ["secret-remove secret:a --revision 4"]


# --- actions ---


def act(stage, handler, parameters=None):
    class Charm(ops.CharmBase):
        def __init__(self, framework):
            super().__init__(framework)
            framework.observe(self.on.do_action, self._on_do)

        def _on_do(self, event):
            handler(event)

    stage.write("actions.yaml", {"do": {}})
    stage.tools.answers["action-get --format=json"] = parameters or {}
    stage.play(Charm, "actions/do", JUJU_ACTION_NAME="do", JUJU_ACTION_UUID="1")


def test_an_action_tells_how_it_goes_and_how_it_ended(stage):
    def handler(event):
        event.log("half way")
        event.fail("broken")
        event.set_results({"a": {"b-c": 1, "nothing": {}}, "d": "x"})
        stage.seen.append((event.id, event.params))

    act(stage, handler, {"p": 1})
    assert stage.seen == [("1", {"p": 1})]
    assert stage.tools.of("action-log", "action-fail", "action-set") == [
        "action-log -- half way",
        "action-fail -- broken",
        "action-set a.b-c=1 d=x",
    ]


@pytest.mark.parametrize(
    "results",
    [{"A": 1}, {"a_b": 1}, {"-a": 1}, {"a": {"B": 1}}, {7: 1}, {"": 1}, {"a": {"b": 1}, "a.b": 2}],
)
def test_keys_of_results_have_a_form_and_are_there_once(stage, results):
    def handler(event):
        with pytest.raises(ValueError):
            event.set_results(results)
        stage.seen.append("refused")

    act(stage, handler)
    assert stage.seen == ["refused"]


@dataclasses.dataclass
class Plain:
    dry_run: bool
    depth: int = dataclasses.field(default=1, metadata={"alias": "max-depth"})


class Modelled(pydantic.BaseModel):
    dry_run: bool
    depth: int = pydantic.Field(default=1, alias="max-depth")


@pytest.mark.parametrize("kind", [Plain, Modelled], ids=lambda kind: kind.__name__)
def test_parameters_and_options_become_objects(stage, kind):
    values = {"dry-run": True, "max-depth": 7, "unknown": 0}
    act(stage, lambda event: stage.seen.append(event.load_params(kind)), values)

    class Charm(ops.CharmBase):
        def __init__(self, framework):
            super().__init__(framework)
            stage.seen.append(self.load_config(kind))

    stage.tools.answers["config-get --format=json"] = values
    stage.play(Charm)
    assert [(each.dry_run, each.depth) for each in stage.seen] == [(True, 7), (True, 7)]


def test_what_is_given_comes_after_what_is_configured(stage):
    class Charm(ops.CharmBase):
        def __init__(self, framework):
            super().__init__(framework)
            stage.seen.append(self.load_config(Plain, dry_run=False, depth=3))

    stage.tools.answers["config-get --format=json"] = {"max-depth": 7}
    stage.play(Charm)
    assert stage.seen == [Plain(dry_run=False, depth=7)]


def test_invalid_parameters_are_raised_or_fail_the_action(stage):
    def handler(event):
        with pytest.raises(pydantic.ValidationError):
            event.load_params(Modelled)
        event.load_params(Modelled, errors="fail")
        stage.seen.append("not reached")

    with pytest.raises(SystemExit) as caught:
        act(stage, handler, {"dry-run": "perhaps"})
    assert caught.value.code == 0
    assert stage.seen == []
    assert stage.tools.of("action-fail")[0].startswith("action-fail -- Error in action parameters: ")


def test_other_errors_than_of_values_are_always_raised(stage):
    class Charm(ops.CharmBase):
        def __init__(self, framework):
            super().__init__(framework)
            self.load_config(Plain, errors="blocked")

    with pytest.raises(TypeError):
        stage.play(Charm)
