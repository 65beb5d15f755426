"""Relations and networks in a Harness: which events come, and what a charm sees in them."""

from __future__ import annotations

import pytest

import ops
from ops import testing

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")

META = """
name: web
requires:
  db: {interface: sql}
  log: {interface: syslog}
peers:
  ring: {interface: ring}
extra-bindings:
  admin:
"""


class Recorder(ops.CharmBase):
    """Remembers relation events: name, remote application and unit, units, and what can be read."""

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self.seen: list[tuple] = []
        self.read: list[dict] = []
        for endpoint in self.meta.relations:
            for kind in ("created", "joined", "changed", "departed", "broken"):
                framework.observe(getattr(self.on[endpoint], f"relation_{kind}"), self._on_event)

    def _on_event(self, event: ops.RelationEvent):
        kind = event.handle.kind.rpartition("_")[2]
        unit = event.unit.name if event.unit else None
        self.seen.append((kind, event.app.name, unit, sorted(unit.name for unit in event.relation.units)))
        self.read.append(
            {who.name: dict(event.relation.data[who]) for who in event.relation.data if who != self.app}
        )

    def kinds(self) -> list[str]:
        kinds = [" ".join(filter(None, (kind, unit))) for kind, _, unit, _ in self.seen]
        self.seen.clear()
        return kinds


@pytest.fixture
def harness():
    harness = testing.Harness(Recorder, meta=META)
    yield harness
    harness.cleanup()


@pytest.fixture
def running(harness):
    harness.begin()
    return harness


def test_a_relation_grows_and_goes_event_by_event(running):
    number = running.add_relation("db", "pg")
    running.add_relation_unit(number, "pg/0")
    running.update_relation_data(number, "pg/0", {"host": "h"})
    running.update_relation_data(number, "pg", {"name": "n"})
    running.add_relation_unit(number, "pg/1")
    running.remove_relation(number)
    assert running.charm.seen == [
        ("created", "pg", None, []),
        ("joined", "pg", "pg/0", ["pg/0"]),
        ("changed", "pg", "pg/0", ["pg/0"]),
        ("changed", "pg", None, ["pg/0"]),
        ("joined", "pg", "pg/1", ["pg/0", "pg/1"]),
        ("departed", "pg", "pg/0", ["pg/1"]),
        ("departed", "pg", "pg/1", []),
        ("broken", "pg", None, []),
    ]
    assert running.model.relations["db"] == []


@pytest.mark.parametrize(
    ("data", "events"),
    [
        ({}, ["created"]),
        ({"app_data": {"a": "1"}}, ["created", "joined pg/0", "changed"]),
        ({"unit_data": {"u": "1"}}, ["created", "joined pg/0", "changed pg/0"]),
        ({"app_data": {"a": "1"}, "unit_data": {"u": "1"}}, ["created", "joined pg/0", "changed", "changed pg/0"]),
        ({"app_data": {}, "unit_data": {}}, ["created", "joined pg/0"]),
    ],
)
def test_a_relation_can_be_added_with_data(running, data, events):
    running.add_relation("db", "pg", **data)
    assert running.charm.kinds() == events


@pytest.mark.parametrize(
    ("endpoint", "leads", "writer", "data", "event"),
    [
        ("db", False, "pg", {"k": "new"}, "changed"),
        ("db", False, "pg/0", {"k": "new"}, "changed pg/0"),
        ("db", False, "pg/0", {"k": "old"}, None),
        ("db", False, "pg/0", {}, None),
        ("db", False, "pg/0", {"missing": ""}, "changed pg/0"),
        ("db", False, "web", {"k": "new"}, None),
        ("db", False, "web/0", {"k": "new"}, None),
        ("ring", False, "web", {"k": "new"}, "changed"),
        ("ring", True, "web", {"k": "new"}, None),
        ("ring", False, "web/0", {"k": "new"}, None),
        ("ring", True, "web/1", {"k": "new"}, "changed web/1"),
    ],
)
def test_news_is_what_others_write(running, endpoint, leads, writer, data, event):
    app = "web" if endpoint == "ring" else "pg"
    number = running.add_relation(endpoint, app)
    running.add_relation_unit(number, f"{app}/{1 if app == 'web' else 0}")
    for name in {writer, "web"}:
        running.update_relation_data(number, name, {"k": "old"})
    running.set_leader(leads)
    running.charm.kinds()
    running.update_relation_data(number, writer, data)
    assert running.charm.kinds() == ([event] if event else [])


def test_a_unit_that_leaves_can_still_be_read(running):
    number = running.add_relation("db", "pg", unit_data={"host": "h"})
    running.remove_relation_unit(number, "pg/0")
    assert running.charm.seen[-1] == ("departed", "pg", "pg/0", [])
    assert running.charm.read[-1]["pg/0"] == {"host": "h"}
    assert running.get_relation_data(number, "pg/0") is None
    assert running.model.unit not in running.model.get_relation("db").units


def test_a_departed_event_says_who_departs(harness):
    left = []
    harness.begin()
    harness.charm._on_event = lambda event: left.append(getattr(event, "departing_unit", None))
    number = harness.add_relation("db", "pg", unit_data={})
    harness.remove_relation(number)
    assert [unit.name for unit in left if unit] == ["pg/0"]


def test_a_broken_relation_is_listed_no_more_but_its_event_has_it(harness):
    seen = []
    harness.begin()
    number = harness.add_relation("db", "pg", app_data={"k": "v"})

    def on_broken(event):
        if isinstance(event, ops.RelationBrokenEvent):
            relation = event.relation
            seen.append(
                (relation.id, relation.active, dict(relation.data[event.app]), harness.model.relations["db"])
            )

    harness.charm._on_event = on_broken
    harness.remove_relation(number)
    assert seen == [(number, False, {"k": "v"}, [])]


def test_a_relation_that_a_test_holds_knows_who_joins_and_what_is_written(running):
    number = running.add_relation("db", "pg")
    relation = running.model.get_relation("db")
    running.add_relation_unit(number, "pg/0")
    running.update_relation_data(number, "pg/0", {"k": "v"})
    unit = running.model.get_unit("pg/0")
    assert relation.units == {unit}
    assert relation.data[unit]["k"] == "v"
    running.update_relation_data(number, "pg/0", {"k": ""})
    assert dict(relation.data[unit]) == {}


def test_the_test_may_read_and_write_everything(running):
    number = running.add_relation("db", "pg", unit_data={"k": "v"})
    relation = running.model.get_relation("db")
    relation.data[running.model.app]["a"] = "1"
    assert running.get_relation_data(number, running.model.app) == {"a": "1"}
    assert running.get_relation_data(number, running.model.get_unit("pg/0")) == {"k": "v"}
    assert running.get_relation_data(number, "nobody") is None


class Writer(ops.CharmBase):
    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self.refused: list[str] = []
        framework.observe(self.on.db_relation_changed, self._on_changed)

    def _on_changed(self, event: ops.RelationChangedEvent):
        for who in (self.unit, self.app, event.app):
            try:
                event.relation.data[who]["k"] = "mine"
            except ops.RelationDataAccessError:
                self.refused.append(who.name)


@pytest.mark.parametrize(("leads", "refused"), [(True, ["pg"]), (False, ["web", "pg"])])
def test_a_handler_may_write_what_a_charm_may(leads, refused):
    harness = testing.Harness(Writer, meta=META)
    harness.set_leader(leads)
    harness.begin()
    number = harness.add_relation("db", "pg", app_data={"k": "v"})
    assert harness.charm.refused == refused
    assert harness.get_relation_data(number, "web") == ({"k": "mine"} if leads else {})
    assert harness.get_relation_data(number, "pg") == {"k": "v"}
    harness.cleanup()


def test_nothing_is_emitted_before_begin_or_while_hooks_are_disabled(harness):
    number = harness.add_relation("db", "pg", unit_data={"k": "v"})
    harness.begin()
    with harness.hooks_disabled():
        harness.add_relation_unit(number, "pg/1")
        with harness.hooks_disabled():
            pass
        harness.update_relation_data(number, "pg/1", {"k": "v"})
    assert harness.charm.kinds() == []
    harness.update_relation_data(number, "pg/1", {"k": "w"})
    assert harness.charm.kinds() == ["changed pg/1"]


def test_what_is_not_there_is_refused(running):
    with pytest.raises(ops.RelationNotFoundError, match="'nope'"):
        running.add_relation("nope", "pg")
    with pytest.raises(ops.RelationNotFoundError):
        running.remove_relation(7)
    number = running.add_relation("db", "pg")
    for call in (
        lambda: running.get_relation_data(7, "pg"),
        lambda: running.add_relation_unit(7, "pg/0"),
        lambda: running.update_relation_data(number, "nobody", {}),
        lambda: running.remove_relation_unit(number, "pg/7"),
    ):
        with pytest.raises(KeyError):
            call()
    with pytest.raises(ops.RelationDataTypeError):
        running.update_relation_data(number, "pg", {"k": 1})
    with pytest.warns(UserWarning, match="other/0"):
        running.add_relation_unit(number, "other/0")


def test_initial_hooks_come_in_the_order_of_a_new_unit(harness):
    harness.add_relation("db", "pg", app_data={"k": "v"}, unit_data={})
    harness.begin_with_initial_hooks()
    kinds = harness.charm.kinds()
    assert sorted(kinds[:2]) == ["created", "created"], "the peer relation is created as well"
    assert kinds[2:] == ["changed", "joined pg/0", "changed pg/0"]
    assert [relation.app.name for relation in harness.model.relations["ring"]] == ["web"]


# --- networks ---


def address(harness, binding) -> str:
    return str(harness.model.get_binding(binding).network.bind_address)


def test_each_relation_has_some_network(harness):
    harness.add_relation("db", "pg")
    assert address(harness, "db") == "192.0.2.0"
    assert address(harness, harness.model.get_relation("db")) == "10.0.0.10"
    with pytest.raises(ops.RelationNotFoundError):
        address(harness, "log")


def test_the_most_specific_network_counts(harness):
    number = harness.add_relation("db", "pg")
    harness.add_network("10.1.0.1")
    harness.add_network("10.2.0.1", endpoint="db")
    harness.add_network("10.3.0.1", endpoint="db", relation_id=number)
    relation = harness.model.get_relation("db")
    assert [address(harness, each) for each in ("log", "admin", "db", relation)] == [
        *("10.1.0.1", "10.1.0.1", "10.2.0.1", "10.3.0.1")
    ]


def test_a_network_may_change_while_the_charm_lives(running):
    running.add_relation("db", "pg")
    assert address(running, "db") == "192.0.2.0"
    running.add_network("10.2.0.1", endpoint="db")
    assert address(running, "db") == "10.2.0.1"


def test_a_peer_that_leaves_can_still_be_read(running):
    number = running.add_relation("ring", "web")
    running.add_relation_unit(number, "web/1")
    running.update_relation_data(number, "web/1", {"k": "v"})
    running.remove_relation(number)
    assert running.charm.read[-2]["web/1"] == {"k": "v"}


@pytest.mark.parametrize(("own", "subnet"), [("10.9.8.7", "10.9.8.0/24"), ("2001:db8::7", "2001:db8::/64")])
def test_a_network_has_usual_values_and_given_ones(harness, own, subnet):
    harness.add_network(own, endpoint="admin")
    network = harness.model.get_binding("admin").network
    assert (str(network.ingress_address), str(network.egress_subnets[0]), network.interfaces[0].name) == (
        *(own, subnet),
        "eth0",
    )
    harness.add_network(own, endpoint="db", cidr=subnet, interface="e1", ingress_addresses=["10.0.0.1"])
    network = harness.model.get_binding("db").network
    assert (str(network.ingress_address), network.interfaces[0].name) == ("10.0.0.1", "e1")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"endpoint": "nope"}, ops.ModelError),
        ({"relation_id": 0}, TypeError),
        ({"relation_id": 9, "endpoint": "db"}, ops.ModelError),
        ({"relation_id": 0, "endpoint": "log"}, ops.ModelError),
    ],
)
def test_a_network_belongs_to_a_binding(harness, arguments, error):
    harness.add_relation("db", "pg")
    with pytest.raises(error):
        harness.add_network("10.0.0.1", **arguments)
