"""A whole life in one call: which events come, in which order, and what a charm finds in each."""

from __future__ import annotations

import pytest
from testing_charms import ACTIONS, CONFIG, META, charm, context

import ops
from ops import testing


def names(life: list[testing.Step]) -> list[str]:
    return [step.event for step in life]


DB = testing.Relation("db", remote_app_name="pg", remote_units_data={0: {"host": "h"}, 1: {}})
RING = testing.PeerRelation("ring", peers_data={1: {}})
FULL = testing.State(
    leader=True,
    relations={DB, RING},
    storages={testing.Storage("data", index=3)},
    containers={testing.Container("app"), testing.Container("side", can_connect=True)},
)

UP = ["install", "leader-elected", "config-changed", "start"]
DOWN = ["update-status", "upgrade-charm", "config-changed", "stop", "remove"]


@pytest.mark.parametrize("leader", [True, False])
def test_the_shortest_life(leader):
    ctx = context()
    life = ctx.run_life(testing.State(leader=leader))
    assert (
        names(life)
        == [name if leader or name != "leader-elected" else "leader-settings-changed" for name in UP] + DOWN
    )


def test_everything_comes_up_and_goes_down_in_order():
    assert names(context().run_life(FULL)) == [
        "data-storage-attached",
        "install",
        "db-relation-created",
        "ring-relation-created",
        "leader-elected",
        "config-changed",
        "start",
        "app-pebble-ready",
        "side-pebble-ready",
        "db-relation-joined",
        "db-relation-changed",
        "db-relation-joined",
        "db-relation-changed",
        "ring-relation-joined",
        "ring-relation-changed",
        "update-status",
        "upgrade-charm",
        "config-changed",
        "data-storage-detaching",
        "db-relation-departed",
        "db-relation-departed",
        "db-relation-broken",
        "ring-relation-departed",
        "stop",
        "remove",
    ]


def test_each_event_meets_what_is_there_by_then():
    seen = []

    def look(self, event):
        relations = self.model.relations
        units = sorted(unit.name for each in ("db", "ring") for one in relations[each] for unit in one.units)
        can_connect = [name for name, each in self.unit.containers.items() if each.can_connect()]
        seen.append((len(relations["db"]), units, len(self.model.storages["data"]), can_connect))

    context(look).run_life(FULL)
    by_event = dict(zip(names(context().run_life(FULL)), seen, strict=True))
    assert by_event["install"] == (0, [], 1, [])
    assert by_event["db-relation-created"] == (1, [], 1, [])
    assert by_event["start"] == (1, [], 1, [])
    assert by_event["app-pebble-ready"] == (1, [], 1, ["app"])
    assert by_event["upgrade-charm"] == (1, ["pg/0", "pg/1", "web/1"], 1, ["app", "side"])
    assert by_event["data-storage-detaching"][2] == 1
    assert by_event["db-relation-departed"] == (1, ["web/1"], 0, ["app", "side"])
    assert by_event["db-relation-broken"] == (0, ["web/1"], 0, ["app", "side"])
    assert by_event["remove"] == (0, [], 0, ["app", "side"])


def test_what_the_charm_does_lasts_through_its_life():
    class Web(ops.CharmBase):
        stored = ops.StoredState()

        def __init__(self, framework):
            super().__init__(framework)
            self.stored.set_default(hosts=[])
            framework.observe(self.on.install, self._on_install)
            framework.observe(self.on.db_relation_changed, self._on_changed)

        def _on_install(self, event):
            if not self.model.relations["db"]:
                event.defer()

        def _on_changed(self, event):
            event.relation.data[self.unit]["user"] = "web"
            self.stored.hosts.append(event.relation.data[event.unit].get("host"))
            self.unit.status = ops.ActiveStatus()

    ctx = testing.Context(Web, meta=META, config=CONFIG, actions=ACTIONS)
    life = ctx.run_life(FULL)
    assert life[1].state.deferred[0].name == "install"
    assert life[2].state.deferred == []
    changed = [step.state for step in life if step.event == "db-relation-changed"]
    assert [state.get_relation(DB.id).local_unit_data["user"] for state in changed] == ["web", "web"]
    stored = life[-1].state.get_stored_state("stored", owner_path="Web")
    assert stored.content == {"hosts": ["h", None]}
    assert life[-1].state.unit_status == ops.ActiveStatus()
    assert {each.endpoint for each in life[-1].state.relations} == {"ring"}
    assert FULL.relations == {DB, RING}


def test_a_unit_that_is_removed_is_the_one_that_departs():
    seen = []

    def look(self, event):
        if isinstance(event, ops.RelationDepartedEvent):
            seen.append((event.unit.name, event.departing_unit.name))

    context(look).run_life(FULL)
    assert seen == [("pg/0", "web/0"), ("pg/1", "web/0"), ("web/1", "web/0")]


def test_the_principal_of_a_subordinate_stays_in_its_relation():
    host = testing.SubordinateRelation("host", remote_app_name="vm")
    life = context().run_life(testing.State(relations={host}))
    of_host = [name.removeprefix("host-relation-") for name in names(life) if name.startswith("host")]
    assert of_host == ["created", "joined", "changed", "departed", "broken"]


def test_the_step_that_fails_is_named():
    def fail(self, event):
        if isinstance(event, ops.UpgradeCharmEvent):
            raise ValueError("not this one")

    with pytest.raises(testing.errors.UncaughtCharmError, match=r"event upgrade_charm\): not this one"):
        context(fail).run_life(FULL)


def test_old_tests_check_all_sequences_with_one_call():
    from scenario.sequences import check_builtin_sequences  # type: ignore[import-not-found]

    seen = set()
    web = charm(lambda self, event: seen.add((type(event).__name__, self.unit.is_leader())))
    check_builtin_sequences(web, meta={"name": "web"})
    assert {("InstallEvent", True), ("InstallEvent", False), ("LeaderElectedEvent", True)} <= seen
    assert ("LeaderElectedEvent", False) not in seen
