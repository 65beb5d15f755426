"""Tests of the charm without a controller: `python -m pytest tests` in the charm's directory."""

import warnings

import pytest
from charm import CLIENTS, PEERS, StoreCharm
from server_process import ServerProcess

from ops import testing


@pytest.fixture
def server(monkeypatch):
    """Settings that the server runs with; empty while it does not run.  There is no process in these tests."""
    settings = {}
    monkeypatch.setattr(ServerProcess, "run", lambda server, **given: settings.update(given))
    monkeypatch.setattr(ServerProcess, "stop", lambda server: settings.clear())
    monkeypatch.setattr(ServerProcess, "is_running", lambda server: bool(settings))
    return settings


# --- one event, from state to state ---


def test_the_leader_is_the_primary_and_tells_everybody(server):
    ctx = testing.Context(StoreCharm)
    peers, client = testing.PeerRelation(PEERS), testing.Relation(CLIENTS)
    out = ctx.run(ctx.on.leader_elected(), testing.State(leader=True, relations={peers, client}))

    shared = out.get_relation(peers.id).local_app_data
    assert shared["primary"] == "store/0"
    assert out.get_relation(client.id).local_app_data == {"url": "http://192.0.2.0:8100", "token": shared["token"]}
    assert server["primary"] == ""
    assert out.unit_status == testing.ActiveStatus("primary on port 8100")
    assert (out.opened_ports, out.workload_version) == ({testing.TCPPort(8100)}, "1.0")


def test_a_follower_waits_for_the_leader(server):
    ctx = testing.Context(StoreCharm, unit_id=1)
    peers = testing.PeerRelation(PEERS)
    out = ctx.run(ctx.on.start(), testing.State(relations={peers}))
    assert out.unit_status == testing.WaitingStatus("the server is not running yet")
    assert out.get_relation(peers.id).local_app_data == {}


def test_a_follower_copies_from_the_primary(server):
    ctx = testing.Context(StoreCharm, unit_id=1)
    peers = testing.PeerRelation(
        PEERS,
        local_app_data={"token": "t", "primary": "store/0"},
        peers_data={0: {"url": "http://10.0.0.1:8100"}},
    )
    out = ctx.run(ctx.on.relation_changed(peers), testing.State(relations={peers}, config={"max-value-bytes": 9}))
    assert server == {"port": 8101, "token": "t", "primary": "http://10.0.0.1:8100", "max_value_bytes": 9}
    assert out.get_relation(peers.id).local_unit_data["url"] == "http://192.0.2.0:8101"


def test_the_token_outlives_its_leader(server):
    ctx = testing.Context(StoreCharm, unit_id=1)
    peers = testing.PeerRelation(PEERS, local_app_data={"token": "t", "primary": "store/0"})
    out = ctx.run(ctx.on.leader_elected(), testing.State(leader=True, relations={peers}))
    assert out.get_relation(peers.id).local_app_data == {"token": "t", "primary": "store/1"}


# --- a whole life ---


@pytest.mark.parametrize("leader", [True, False])
def test_it_lives_from_install_to_remove(server, leader):
    peers = testing.PeerRelation(PEERS, local_app_data={"token": "t"}, peers_data={4: {}})
    life = testing.Context(StoreCharm).run_life(testing.State(leader=leader, relations={peers}))
    (started,) = [step.state for step in life if step.event == "start"]
    role = "primary" if leader else "replica"
    assert started.unit_status == testing.ActiveStatus(f"{role} on port 8100")
    assert life[-1].event == "remove"


# --- step by step ---


def test_every_client_that_comes_is_told(server):
    """Where one thing follows another, a Harness reads well."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        harness = testing.Harness(StoreCharm)
    try:
        harness.add_relation(PEERS, "store")
        harness.add_network("10.1.2.3", endpoint=PEERS)
        harness.set_leader(True)
        harness.begin_with_initial_hooks()
        for name in ("web", "shop"):
            number = harness.add_relation(CLIENTS, name)
            harness.add_relation_unit(number, f"{name}/0")
            assert harness.get_relation_data(number, "store")["url"] == "http://10.1.2.3:8100"
        harness.evaluate_status()
        assert harness.model.unit.status == testing.ActiveStatus("primary on port 8100")
    finally:
        harness.cleanup()
