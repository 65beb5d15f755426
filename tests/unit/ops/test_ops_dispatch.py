"""One run of a charm: which event with which arguments, in which order, and what is left afterwards."""

from __future__ import annotations

import logging
import os
import sys

import pytest
from ops_stage import DB_1, fresh

import ops
from ops import _dispatch

ONE_UNIT = {"sql/0": {}, "sample/0": {}}


class Witness(ops.CharmBase):
    """Writes down what its events carry."""

    seen: list

    def __init__(self, framework):
        super().__init__(framework)
        for bound in self.on.events().values():
            if not issubclass(bound.event_type, ops.CollectStatusEvent):
                framework.observe(bound, self._witness)

    def _witness(self, event):
        facts = {
            "relation": lambda: f"{event.relation.name}:{event.relation.id}",
            "app": lambda: event.app and event.app.name,
            "unit": lambda: event.unit and event.unit.name,
            "departing_unit": lambda: event.departing_unit and event.departing_unit.name,
            "storage": lambda: f"{event.storage.full_id} at {event.storage.location}",
            "workload": lambda: event.workload.name,
            "notice": lambda: f"{event.notice.id} {event.notice.type.value} {event.notice.key}",
            "info": lambda: event.info.name,
            "secret": lambda: event.secret.id,
            "revision": lambda: event.revision,
            "id": lambda: event.id,
        }
        carried = {name: fact() for name, fact in facts.items() if hasattr(event, name)}
        self.seen.append((event.handle.kind, type(event).__name__, carried))


@pytest.fixture
def witness(stage):
    return type("Witness", (Witness,), {"seen": stage.seen})


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("hooks/my-db-relation-changed", "my_db_relation_changed"),
        ("actions/do-backup", "do_backup_action"),
        ("", ""),
    ],
)
def test_the_dispatch_path_names_the_event(path, name):
    assert _dispatch.event_name(path) == name


@pytest.mark.parametrize(
    ("path", "environment", "expected"),
    [
        ("hooks/install", {}, ("install", "InstallEvent", {})),
        (
            "hooks/db-relation-created",
            {**DB_1, "JUJU_REMOTE_UNIT": ""},
            ("db_relation_created", "RelationCreatedEvent", {"relation": "db:1", "app": "sql", "unit": None}),
        ),
        (
            "hooks/db-relation-joined",
            {**DB_1, "JUJU_REMOTE_UNIT": "sql/0"},
            ("db_relation_joined", "RelationJoinedEvent", {"relation": "db:1", "app": "sql", "unit": "sql/0"}),
        ),
        (
            "hooks/db-relation-changed",
            {"JUJU_RELATION": "db", "JUJU_RELATION_ID": "1", "JUJU_REMOTE_UNIT": "sql/0"},
            ("db_relation_changed", "RelationChangedEvent", {"relation": "db:1", "app": "sql", "unit": "sql/0"}),
        ),
        (
            "hooks/db-relation-departed",
            {**DB_1, "JUJU_REMOTE_UNIT": "sql/0", "JUJU_DEPARTING_UNIT": "sample/0"},
            (
                "db_relation_departed",
                "RelationDepartedEvent",
                {"relation": "db:1", "app": "sql", "unit": "sql/0", "departing_unit": "sample/0"},
            ),
        ),
        (
            "hooks/db-relation-broken",
            {**DB_1, "JUJU_REMOTE_UNIT": ""},
            ("db_relation_broken", "RelationBrokenEvent", {"relation": "db:1", "app": "sql", "unit": None}),
        ),
        (
            "hooks/disk-storage-attached",
            {"JUJU_STORAGE_ID": "disk/3"},
            ("disk_storage_attached", "StorageAttachedEvent", {"storage": "disk/3 at /srv/disk"}),
        ),
        (
            "hooks/app-pebble-ready",
            {"JUJU_WORKLOAD_NAME": "app"},
            ("app_pebble_ready", "PebbleReadyEvent", {"workload": "app"}),
        ),
        (
            "hooks/app-pebble-custom-notice",
            {
                "JUJU_WORKLOAD_NAME": "app",
                "JUJU_NOTICE_ID": "9",
                "JUJU_NOTICE_TYPE": "custom",
                "JUJU_NOTICE_KEY": "a.b/c",
            },
            (
                "app_pebble_custom_notice",
                "PebbleCustomNoticeEvent",
                {"workload": "app", "notice": "9 custom a.b/c"},
            ),
        ),
        (
            "hooks/app-pebble-check-failed",
            {"JUJU_WORKLOAD_NAME": "app", "JUJU_PEBBLE_CHECK_NAME": "up"},
            ("app_pebble_check_failed", "PebbleCheckFailedEvent", {"workload": "app", "info": "up"}),
        ),
        (
            "hooks/secret-changed",
            {"JUJU_SECRET_ID": "secret:abc", "JUJU_SECRET_LABEL": ""},
            ("secret_changed", "SecretChangedEvent", {"secret": "secret:abc"}),
        ),
        (
            "hooks/secret-remove",
            {"JUJU_SECRET_ID": "secret:abc", "JUJU_SECRET_REVISION": "4"},
            ("secret_remove", "SecretRemoveEvent", {"secret": "secret:abc", "revision": 4}),
        ),
        (
            "actions/do-backup",
            {"JUJU_ACTION_NAME": "do-backup", "JUJU_ACTION_UUID": "7"},
            ("do_backup_action", "ActionEvent", {"id": "7"}),
        ),
    ],
)
def test_the_environment_says_what_an_event_carries(stage, witness, path, environment, expected):
    stage.write("actions.yaml", {"do-backup": {}})
    stage.tools.relate("db", 1, ONE_UNIT, app="sql")
    stage.tools.answers["storage-list --format=json disk"] = ["disk/3"]
    stage.tools.answers["storage-get --format=json -s disk/3"] = {"kind": "filesystem", "location": "/srv/disk"}
    stage.play(witness, path, **environment)
    assert stage.seen == [expected]


def test_a_unit_name_without_a_slash_is_refused(stage, witness):
    stage.tools.relate("db", 1, ONE_UNIT, app="sql")
    with pytest.raises(RuntimeError, match="invalid remote unit name"):
        stage.play(witness, "hooks/db-relation-joined", **{**DB_1, "JUJU_REMOTE_UNIT": "sql"})


def test_a_broken_relation_is_not_among_those_of_its_endpoint(stage):
    class Charm(ops.CharmBase):
        def __init__(self, framework):
            super().__init__(framework)
            stage.seen.append(self.model.relations["db"])
            framework.observe(self.on.db_relation_broken, self._on_broken)

        def _on_broken(self, event):
            relation = event.relation
            stage.seen.append((relation.active, relation.data[relation.app]["url"]))

    stage.tools.relate("db", 1, {"sql": {"url": "sql://"}}, app="sql")
    stage.play(Charm, "hooks/db-relation-broken", **DB_1)
    assert stage.seen == [[], (False, "sql://")]


def test_who_departs_has_readable_data_although_it_is_no_member_any_more(stage):
    class Charm(ops.CharmBase):
        def __init__(self, framework):
            super().__init__(framework)
            framework.observe(self.on.db_relation_departed, self._on_departed)

        def _on_departed(self, event):
            stage.seen.append((event.unit in event.relation.units, event.relation.data[event.unit]["host"]))

    stage.tools.relate("db", 1, {}, app="sql")
    stage.tools.answers["relation-get --format=json -r db:1 - sql/0"] = {"host": "h"}
    stage.play(Charm, "hooks/db-relation-departed", **DB_1, JUJU_REMOTE_UNIT="sql/0", JUJU_DEPARTING_UNIT="sql/0")
    assert stage.seen == [(False, "h")]


def test_an_event_that_the_charm_does_not_have_is_no_error(stage, witness):
    stage.play(witness, "hooks/from-the-future")
    assert stage.seen == []
    assert stage.tools.of("is-leader"), "statuses are collected all the same"


def test_without_a_dispatch_path_nothing_is_emitted_and_state_is_saved(stage, witness):
    stage.play(witness, "")
    assert stage.seen == []
    assert (stage.root / ".unit-state.db").exists()


def test_a_run_begins_with_deferred_events_and_ends_with_collecting_statuses(stage):
    class Charm(ops.CharmBase):
        def __init__(self, framework):
            super().__init__(framework)
            framework.observe(self.on.start, self._on_start)
            framework.observe(self.on.update_status, self._note)
            framework.observe(self.on.collect_app_status, self._note)
            framework.observe(self.on.collect_unit_status, self._note)
            framework.observe(framework.on.pre_commit, self._note)

        def _on_start(self, event):
            self._note(event)
            event.defer()

        def _note(self, event):
            stage.seen.append(event.handle.kind)

    stage.tools.answers["is-leader --format=json"] = True
    stage.play(Charm, "hooks/start")
    stage.seen.clear()
    stage.play(Charm, "hooks/update-status")
    assert stage.seen == ["start", "update_status", "collect_app_status", "collect_unit_status", "pre_commit"]


def test_an_exception_leaves_neither_notice_nor_state_nor_event_number(stage):
    class Charm(ops.CharmBase):
        _stored = ops.StoredState()

        def __init__(self, framework):
            super().__init__(framework)
            self._stored.set_default(starts=0)
            framework.observe(self.on.start, self._on_start)
            framework.observe(self.on.update_status, self._on_update_status)

        def _on_start(self, event):
            self._stored.starts += 1
            event.defer()
            self.on.update_status.emit()

        def _on_update_status(self, event):
            stage.seen.append((self._stored.starts, event.handle.key))
            raise ArithmeticError

    for _ in range(2):
        with pytest.raises(ArithmeticError):
            stage.play(Charm, "hooks/start")
    assert stage.seen == [(1, "2"), (1, "2")]


@pytest.mark.parametrize("storage", ["file", "hook"])
def test_a_run_that_ends_early_saves_nothing_but_what_it_told_the_controller(stage, storage):
    class Charm(ops.CharmBase):
        _stored = ops.StoredState()

        def __init__(self, framework):
            super().__init__(framework)
            self._stored.set_default(runs=0)
            framework.observe(self.on.update_status, self._on_update_status)

        def _on_update_status(self, event):
            self._stored.runs += 1
            stage.seen.append(self._stored.runs)

            def refuse(**options):
                raise ValueError("no")

            self.load_config(refuse, errors="blocked")

    more = {"COORDINATOR_STATE": "commit"} if storage == "hook" else {}
    for _ in range(2):
        with pytest.raises(SystemExit) as caught:
            stage.play(Charm, **more)
        assert caught.value.code == 0
    assert stage.seen == [1, 1]
    assert stage.tools.of("status-set")[0] == "status-set --application=False blocked -- Error in config: no"
    assert stage.tools.state == {}


def test_a_charm_that_a_charm_starts_does_nothing(stage, witness):
    with pytest.raises(SystemExit) as caught:
        stage.play(witness, "hooks/start", OPERATOR_DISPATCH="1")
    assert caught.value.code == 0
    assert stage.seen == []


def test_children_of_a_run_see_that_they_are_inside_of_one(stage):
    class Charm(ops.CharmBase):
        def __init__(self, framework):
            super().__init__(framework)
            stage.seen.append(os.environ["OPERATOR_DISPATCH"])

    stage.play(Charm)
    assert stage.seen == ["1"]


def test_a_version_that_cannot_be_read_ends_the_run_before_anything_is_logged(stage, witness):
    with pytest.raises(RuntimeError, match="valid Juju version"):
        stage.play(witness, JUJU_VERSION="three")
    assert stage.tools.log == []


@pytest.mark.parametrize("hook", ["collect-metrics", "meter-status-changed"])
def test_in_restricted_hooks_nothing_is_emitted_again_and_no_status_collected(stage, hook):
    class Charm(ops.CharmBase):
        def __init__(self, framework):
            super().__init__(framework)
            framework.observe(self.on.start, self._on_start)

        def _on_start(self, event):
            stage.seen.append("start")
            event.defer()

    stage.play(Charm, "hooks/start")
    stage.tools.calls.clear()
    stage.play(Charm, f"hooks/{hook}")
    assert stage.seen == ["start"]
    assert stage.tools.calls == []


def test_the_interpreter_is_as_before_when_the_run_is_over(stage, witness):
    def hooks():
        return sys.excepthook, sys.breakpointhook, logging.getLogger().handlers[:], logging.getLogger().level

    before = hooks()
    stage.play(witness)
    assert hooks() == before
    assert "OPERATOR_DISPATCH" not in os.environ


def test_relation_data_rules_hold_while_the_charm_is_constructed(stage):
    class Charm(ops.CharmBase):
        def __init__(self, framework):
            super().__init__(framework)
            relation = self.model.relations["db"][0]
            with pytest.raises(ops.RelationDataAccessError):
                relation.data[relation.app]["key"] = "value"
            stage.seen.append("refused")

    stage.tools.relate("db", 1, {"sql/0": {}, "sql": {}}, app="sql")
    stage.play(Charm)
    assert stage.seen == ["refused"]


# --- programs of the charm that are called like hooks ---


def write_hook(stage, source, mode=0o755):
    (stage.root / "hooks").mkdir()
    path = stage.root / "hooks" / "start"
    path.write_text(source)
    path.chmod(mode)


def test_a_program_called_like_the_hook_runs_before_the_event(stage, witness):
    write_hook(stage, f"#!/bin/sh\necho $OPERATOR_DISPATCH > {stage.root}/ran\n")
    stage.play(witness, "hooks/start")
    assert (stage.root / "ran").read_text() == "1\n"
    assert [kind for kind, _, _ in stage.seen] == ["start"]


def test_if_it_fails_its_status_is_that_of_the_run(stage, witness):
    write_hook(stage, "#!/bin/sh\nexit 42\n")
    with pytest.raises(SystemExit) as caught:
        stage.play(witness, "hooks/start")
    assert caught.value.code == 42
    assert stage.seen == []


def test_if_it_cannot_be_started_the_run_ends_with_1(stage, witness):
    write_hook(stage, "#!/no/such/interpreter\n")
    with pytest.raises(SystemExit) as caught:
        stage.play(witness, "hooks/start")
    assert caught.value.code == 1


def test_a_file_that_is_no_program_is_ignored_with_a_warning(stage, witness):
    write_hook(stage, "#!/bin/sh\nexit 42\n", mode=0o644)
    stage.play(witness, "hooks/start")
    assert any(level == "WARNING" and "executable" in text for level, text in stage.tools.log)


def test_a_link_back_to_the_charm_is_ignored(stage, witness, monkeypatch):
    program = stage.root / "charm.py"
    program.write_text("#!/bin/sh\nexit 42\n")
    program.chmod(0o755)
    (stage.root / "hooks").mkdir()
    (stage.root / "hooks" / "start").symlink_to(program)
    monkeypatch.setattr(sys, "argv", [str(program)])
    stage.play(witness, "hooks/start")
    assert [kind for kind, _, _ in stage.seen] == ["start"]


# --- where state is kept ---


@pytest.mark.parametrize(
    ("choice", "environment", "kept_in"),
    [
        pytest.param(None, {}, "file", id="a file, unless somebody says otherwise"),
        pytest.param(False, {}, "file", id="a file"),
        pytest.param(True, {}, "controller", id="the controller, one command for each access"),
        pytest.param(None, {"COORDINATOR_STATE": "commit"}, "hook", id="the hook's transaction"),
        pytest.param(
            True, {"COORDINATOR_STATE": "commit"}, "hook", id="the same, also if the controller is asked for"
        ),
        pytest.param(False, {"COORDINATOR_STATE": "commit"}, "file", id="a file, if the charm insists"),
        pytest.param(None, {"COORDINATOR_STATE": "other"}, "file", id="a file, if the word is another"),
    ],
)
def test_where_state_is_kept(stage, witness, choice, environment, kept_in):
    stage.play(witness, use_juju_for_storage=choice, **environment)
    reads = stage.tools.of("state-get")
    if kept_in == "hook":
        assert reads == ["state-get --format=json"]
    elif kept_in == "controller":
        assert "state-get StoredStateData[_stored]" in reads
    else:
        assert reads == []
    assert (stage.root / ".unit-state.db").exists() == (kept_in == "file")


def test_asking_for_the_controller_warns_but_our_worker_does_not(stage, witness):
    import warnings

    def warned(**environment):
        with stage.environment("hooks/update-status", environment), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            _dispatch.run_charm(fresh(witness), use_juju_for_storage=True)
        return [line for _, line in stage.tools.log if "Controller storage" in line] or [
            each for each in caught if "Controller storage" in str(each.message)
        ]

    assert not warned(COORDINATOR_STATE="commit")
    assert warned()


def test_a_controller_without_state_is_an_error_only_if_asked_for(stage, witness, monkeypatch):
    monkeypatch.setattr(stage.tools, "has", lambda tool: False)
    with pytest.raises(RuntimeError, match="state-get"):
        stage.play(witness, use_juju_for_storage=True)
    stage.play(witness)


def test_with_controller_storage_restricted_hooks_are_skipped(stage, witness):
    with pytest.raises(SystemExit) as caught:
        stage.play(witness, "hooks/collect-metrics", use_juju_for_storage=True)
    assert caught.value.code == 0
    assert stage.seen == []


def test_our_worker_takes_over_what_a_charm_kept_in_a_file_before(stage):
    class Charm(ops.CharmBase):
        _stored = ops.StoredState()

        def __init__(self, framework):
            super().__init__(framework)
            self._stored.set_default(runs=0)
            framework.observe(self.on.start, self._on_start)

        def _on_start(self, event):
            self._stored.runs += 1
            stage.seen.append(self._stored.runs)
            event.defer()

    stage.play(Charm, "hooks/start")
    stage.play(Charm, "hooks/update-status", COORDINATOR_STATE="commit")
    stage.play(Charm, "hooks/update-status", COORDINATOR_STATE="commit")
    assert stage.seen == [1, 2, 3]
