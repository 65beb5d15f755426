"""What a context remembers of its runs: events, log lines, earlier statuses, and what actions gave."""

from __future__ import annotations

import logging

import pytest
from testing_charms import META, charm, context

import ops
from ops import testing


def kinds(ctx: testing.Context) -> list[str]:
    return [type(event).__name__ for event in ctx.emitted_events]


LIFECYCLE = ["CollectStatusEvent", "PreCommitEvent", "CommitEvent"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["StartEvent"]),
        ({"capture_deferred_events": True}, ["UpdateStatusEvent", "StartEvent"]),
        ({"capture_framework_events": True}, ["StartEvent", *LIFECYCLE]),
        (
            {"capture_deferred_events": True, "capture_framework_events": True},
            ["UpdateStatusEvent", "StartEvent", *LIFECYCLE],
        ),
    ],
    ids=str,
)
def test_events_that_were_emitted(options, expected):
    ctx = context(**options)
    waiting = ctx.on.update_status().deferred(ctx._charm_spec.charm_type._on_event)
    ctx.run(ctx.on.start(), testing.State(deferred=[waiting]))
    assert kinds(ctx) == expected
    ctx.run(ctx.on.stop(), testing.State())
    assert kinds(ctx)[len(expected)] == "StopEvent", "they add up over runs"


def test_a_waiting_event_that_two_handlers_see_is_one_event():
    class Web(ops.CharmBase):
        def __init__(self, framework):
            super().__init__(framework)
            framework.observe(self.on.start, self._one)
            framework.observe(self.on.start, self._other)

        def _one(self, event):
            event.defer()

        def _other(self, event):
            event.defer()

    ctx = testing.Context(Web, meta=META, capture_deferred_events=True)
    state = ctx.run(ctx.on.start(), testing.State())
    assert [event.observer for event in state.deferred] == ["_one", "_other"]
    ctx.emitted_events.clear()
    ctx.run(ctx.on.stop(), state)
    assert kinds(ctx) == ["StartEvent", "StopEvent"]


def test_events_have_their_facts_after_the_run():
    def change(self, event):
        event.set_results({"deep": event.params["deep"]})

    ctx = context(change)
    db = testing.Relation("db", remote_app_name="pg")
    ctx.run(ctx.on.action("back-up", params={"deep": True}), testing.State())
    (action,) = ctx.emitted_events
    assert isinstance(action, ops.ActionEvent)
    assert action.params == {"deep": True}
    ctx = context()
    ctx.run(ctx.on.relation_joined(db), testing.State(relations={db}))
    (joined,) = ctx.emitted_events
    assert (joined.relation.id, joined.app.name, joined.unit.name) == (db.id, "pg", "pg/0")


def test_lines_that_were_logged():
    def log(self, event):
        logging.getLogger("mine").warning("what %s", "ever")

    ctx = context(log)
    ctx.run(ctx.on.start(), testing.State())
    assert testing.JujuLogLine("WARNING", "what ever") in ctx.juju_log
    assert any(line.level == "DEBUG" and "start" in line.message for line in ctx.juju_log)
    assert {type(line) for line in ctx.juju_log} == {testing.JujuLogLine}


def test_statuses_and_versions_that_there_were_before():
    def improve(self, event):
        for status in (ops.MaintenanceStatus("1"), ops.WaitingStatus("2"), ops.ActiveStatus()):
            self.unit.status = self.app.status = status
        for version in ("0.9", "1.0"):
            self.unit.set_workload_version(version)

    ctx = context(improve)
    out = ctx.run(ctx.on.start(), testing.State(leader=True, app_status=testing.BlockedStatus("no")))
    assert ctx.unit_status_history == [
        testing.UnknownStatus(),
        testing.MaintenanceStatus("1"),
        testing.WaitingStatus("2"),
    ]
    assert ctx.app_status_history[0] == ops.BlockedStatus("no")
    assert ctx.app_status_history[1:] == ctx.unit_status_history[1:]
    assert out.unit_status == out.app_status == testing.ActiveStatus()
    assert ctx.workload_version_history == ["0.9"]
    assert out.workload_version == "1.0"


def test_a_status_as_the_charm_reads_it():
    seen = []
    ctx = context(lambda self, event: seen.append((self.unit.status, self.app.status)))
    state = testing.State(leader=True, unit_status=testing.ErrorStatus("x"), app_status=ops.ActiveStatus("y"))
    ctx.run(ctx.on.start(), state)
    assert seen == [(ops.ErrorStatus("x"), ops.ActiveStatus("y"))]


def test_what_was_asked_for_and_taken_away():
    def ask(self, event):
        self.model.storages.request("data", 2)
        self.model.storages.request("data")
        secret = self.model.get_secret(label="ours")
        for content in ("new", "newer", "newest"):
            secret.set_content({"key": content})
        secret.remove_revision(2)
        secret.remove_revision(3)
        self.unit.get_container("app").exec(["ls", "-l"], stdin="in").wait()

    secret = testing.Secret({"key": "old"}, owner="unit", label="ours")
    app = testing.Container("app", can_connect=True, execs={testing.Exec(["ls"])})
    ctx = context(ask)
    out = ctx.run(ctx.on.start(), testing.State(secrets={secret}, containers={app}))
    assert ctx.requested_storages == {"data": 3}
    assert ctx.removed_secret_revisions == [2, 3]
    assert out.get_secret(id=secret.id).latest_content == {"key": "newest"}
    ((name, (call,)),) = ctx.exec_history.items()
    assert (name, call.command, call.stdin) == ("app", ["ls", "-l"], "in")


def test_a_run_that_fails_is_remembered_as_far_as_it_came():
    def fail(self, event):
        self.unit.status = ops.MaintenanceStatus("trying")
        raise ValueError

    ctx = context(fail)
    with pytest.raises(testing.errors.UncaughtCharmError):
        ctx.run(ctx.on.start(), testing.State())
    assert kinds(ctx) == ["StartEvent"]
    assert ctx.unit_status_history == [testing.UnknownStatus()]


# --- actions ---


def test_an_action_gives_results_and_progress():
    def back_up(self, event):
        assert event.params == {"where": "s3"}
        event.log("1 of 2")
        event.log("2 of 2")
        event.set_results({"took": {"seconds": 3}, "ok": True})
        event.set_results({"took": {"minutes": 0}})

    ctx = context(back_up)
    logs = ctx.action_logs
    out = ctx.run(ctx.on.action("back-up", params={"where": "s3"}), testing.State())
    assert isinstance(out, testing.State)
    assert ctx.action_results == {"took": {"seconds": 3, "minutes": 0}, "ok": True}
    assert logs == ctx.action_logs == ["1 of 2", "2 of 2"]


def test_an_action_that_says_nothing_has_no_results():
    ctx = context()
    ctx.run(ctx.on.action("back-up"), testing.State())
    assert (ctx.action_results, ctx.action_logs) == (None, [])


def test_a_failure_has_the_message_and_the_state():
    def back_up(self, event):
        event.log("trying")
        event.fail("disk is full")
        event.set_results({"so": "far"})
        self.unit.status = ops.BlockedStatus("disk")

    ctx = context(back_up)
    with pytest.raises(testing.ActionFailed, match=r"^disk is full$") as caught:
        ctx.run(ctx.on.action("back-up"), testing.State())
    assert caught.value.message == "disk is full"
    assert caught.value.state is not None
    assert caught.value.state.unit_status == ops.BlockedStatus("disk")
    assert (ctx.action_logs, ctx.action_results) == (["trying"], {"so": "far"})
    ctx = context()
    ctx.run(ctx.on.action("back-up"), testing.State())
    assert ctx.action_logs == []


def test_the_next_action_begins_anew():
    def back_up(self, event):
        if isinstance(event, ops.ActionEvent) and event.params:
            event.log("hello")
            event.set_results({"a": "b"})

    ctx = context(back_up)
    ctx.run(ctx.on.action("back-up", params={"deep": True}), testing.State())
    held = ctx.action_logs
    ctx.run(ctx.on.start(), testing.State())
    assert (ctx.action_results, held) == ({"a": "b"}, ["hello"]), "until there is another one"
    ctx.run(ctx.on.action("back-up"), testing.State())
    assert (ctx.action_results, held) == (None, [])


@pytest.mark.parametrize(
    ("results", "error"),
    [({"stdout": "x"}, ops.ModelError), ({"A": 1}, ValueError), ({"a": {"b": 1}, "a.b": 2}, ValueError)],
    ids=str,
)
def test_results_that_a_controller_refuses_are_refused(results, error):
    def back_up(self, event):
        with pytest.raises(error):
            event.set_results(results)

    ctx = context(back_up)
    ctx.run(ctx.on.action("back-up"), testing.State())
    assert ctx.action_results is None


def test_an_action_cannot_wait():
    ctx = context(lambda self, event: event.defer())
    with pytest.raises(testing.errors.UncaughtCharmError) as caught:
        ctx.run(ctx.on.action("back-up"), testing.State())
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_outside_of_an_action_there_is_none():
    def misuse(self, event):
        with pytest.raises(ops.ModelError, match="not running an action"):
            self.model._backend.action_set({"a": "b"})

    ctx = testing.Context(charm(misuse), meta=META)
    ctx.run(ctx.on.start(), testing.State())
    assert ctx.action_results is None
