"""Tests of the charm without a controller: `python -m pytest tests` in the charm's directory."""

import subprocess

import pytest
from charm import STORE, WebCharm

from ops import testing

URL = {"url": "http://10.0.0.7:8100", "token": "secret"}


class Site:
    """Stands in for the process of the site: remembers whether it runs, and with what."""

    def __init__(self):
        self.command = None

    def start(self, command, **options):
        self.command = command
        return self

    pid = 0


@pytest.fixture
def site(monkeypatch):
    """The charm starts and stops no process in these tests, but this."""
    site = Site()
    monkeypatch.setattr(subprocess, "Popen", site.start)
    monkeypatch.setattr(WebCharm, "_is_running", lambda charm: site.command is not None)
    monkeypatch.setattr("os.kill", lambda pid, signal: setattr(site, "command", None))
    return site


@pytest.fixture
def ctx(tmp_path):
    # A directory of its own, because this charm keeps files beside it from one event to the next.
    return testing.Context(WebCharm, charm_root=tmp_path)


# --- one event, from state to state ---


def test_without_a_store_it_waits(ctx, site):
    out = ctx.run(ctx.on.start(), testing.State())
    assert out.unit_status == testing.WaitingStatus("for a relation with a store")
    assert site.command is None


def test_it_waits_until_the_store_says_where_it_is(ctx, site):
    store = testing.Relation(STORE, remote_app_name="store")
    out = ctx.run(ctx.on.relation_created(store), testing.State(relations={store}))
    assert out.unit_status == testing.WaitingStatus("for the store to say where it is")
    assert site.command is None


def test_a_site_that_ends_at_once_is_not_said_to_serve(ctx, site, monkeypatch):
    monkeypatch.setattr(WebCharm, "_is_running", lambda charm: False)
    store = testing.Relation(STORE, remote_app_data=URL)
    out = ctx.run(ctx.on.relation_changed(store, remote_unit=0), testing.State(relations={store}))
    assert out.unit_status == testing.WaitingStatus("the site is not running")


@pytest.mark.parametrize(("unit", "port"), [(0, 8200), (3, 8203)])
def test_with_a_store_it_serves_on_a_port_of_its_own(ctx, site, unit, port):
    ctx.unit_id = unit
    store = testing.Relation(STORE, remote_app_data=URL)
    out = ctx.run(
        ctx.on.relation_changed(store, remote_unit=0), testing.State(relations={store}, config={"title": "Hi"})
    )
    assert out.unit_status == testing.ActiveStatus("serving 'Hi'")
    assert out.opened_ports == {testing.TCPPort(port)}
    assert site.command is not None


def test_what_the_event_changed_can_be_read(ctx, site):
    store = testing.Relation(STORE, remote_app_data=URL)
    before = testing.State(relations={store}, unit_status=testing.WaitingStatus("for it"))
    after = ctx.run(ctx.on.config_changed(), before)
    changes = testing.diff_states(before, after)
    assert "unit_status" in changes
    assert "TCPPort(8200)" in changes
    assert "relations" not in changes


def test_the_charm_can_be_held_while_its_event_runs(ctx, site):
    store = testing.Relation(STORE, remote_app_data=URL)
    with ctx(ctx.on.config_changed(), testing.State(relations={store})) as manager:
        assert manager.charm._store() == {"store": URL["url"], "token": URL["token"]}
        manager.run()
        assert manager.charm._settings.exists()


# --- a whole life ---


def test_it_lives_from_install_to_remove(ctx, site):
    store = testing.Relation(STORE, remote_app_data=URL)
    life = ctx.run_life(testing.State(leader=True, relations={store}))
    statuses = {step.event: step.state.unit_status for step in life}
    # What the store says is there when the relation is; the charm looks at it when it starts.
    assert statuses["install"] == testing.WaitingStatus("for a relation with a store")
    assert statuses["start"] == testing.ActiveStatus("serving 'Hello'")
    assert statuses["store-relation-broken"] == testing.WaitingStatus("for a relation with a store")
    assert site.command is None, "the site was stopped"
