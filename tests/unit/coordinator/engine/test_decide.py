"""What a unit does next: single decisions as a table, whole sequences as stories.

The numbers in brackets are sections of spec/unit-lifecycle.md.
"""

from __future__ import annotations

import pytest
from build import (
    DB,
    MODEL,
    WEB,
    Story,
    charm,
    entered,
    leading,
    memory,
    peers,
    relation,
    relation_hook,
    settled,
    unit,
    world,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.domain import refs
from coordinator.domain.life import Life
from coordinator.domain.refs import Kind
from coordinator.domain.unit import Resolved, Unit
from coordinator.domain.unit_state import Failure, Hook, HookKind, UnitState
from coordinator.engine.decide import RETRY_FIRST_S, RETRY_MAX_S, decide, retry_delay_s
from coordinator.engine.effects import Effects
from coordinator.engine.operation import (
    Blocked,
    Finished,
    Idle,
    Leave,
    RebootMachine,
    RunHook,
    SkipHook,
    Waiting,
)
from coordinator.engine.settle import settle
from coordinator.engine.world import Moment

NOW = Moment(now_s=1_000.0)
DUE = Moment(now_s=1_000.0, update_status_due=True)


def run(kind: HookKind) -> RunHook:
    return RunHook(Hook(kind=kind))


def dying(**more) -> dict:
    return {"entity": Unit(name=unit("web/0"), created="", life=Life.DYING), **more}


def failed(kind: HookKind = HookKind.CONFIG_CHANGED, attempts: int = 1, at_s: float = 999.0) -> Failure:
    return Failure(hook=Hook(kind=kind), reason="exit status 1", attempts=attempts, at_s=at_s)


# --- the unit itself -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "seen", "expected"),
    [
        pytest.param(UnitState(), world(), run(HookKind.INSTALL), id="a new unit installs first"),
        pytest.param(
            settled(config=None, leader=None, started=False, addresses=()),
            leading(),
            run(HookKind.LEADER_ELECTED),
            id="the leader hears of it before its first config-changed",
        ),
        pytest.param(
            settled(config=None, leader=None, started=False),
            world(),
            run(HookKind.LEADER_SETTINGS_CHANGED),
            id="a minion gets leader-settings-changed in its place",
        ),
        pytest.param(
            settled(config=None, leader=None, started=False),
            world(leader=None),
            Waiting("a leader"),
            id="the set-up waits until somebody leads",
        ),
        pytest.param(
            settled(config=None, leader=None, started=False),
            world(leader=unit("web/0")),
            Waiting("a leader"),
            id="a term that an earlier session left behind does not make a leader",
        ),
        pytest.param(
            settled(config=None, started=False), world(), run(HookKind.CONFIG_CHANGED), id="then config-changed"
        ),
        pytest.param(settled(started=False), world(), run(HookKind.START), id="then start"),
        pytest.param(
            settled(started=False, charm_version=0),
            world(charm_version=1, relations={7: relation()}),
            run(HookKind.START),
            id="nothing comes between config-changed and start",
        ),
        pytest.param(settled(), world(), Idle(), id="nothing changed, so nothing runs"),
        pytest.param(settled(), world(leader=None), Idle(), id="between two leaders a unit goes on"),
        pytest.param(settled(leader=True), leading(), Idle(), id="a leader is told once"),
        pytest.param(
            settled(leader=True),
            world(),
            run(HookKind.LEADER_SETTINGS_CHANGED),
            id="a leader that lost its term becomes a minion",
        ),
        pytest.param(
            settled(leader_settings=4),
            world(leader_settings_revision=9),
            run(HookKind.LEADER_SETTINGS_CHANGED),
            id="a minion hears of new leader settings",
        ),
        pytest.param(
            settled(leader=True, leader_settings=4),
            leading(leader_settings_revision=9),
            Idle(),
            id="the leader does not hear of its own settings",
        ),
        pytest.param(
            settled(config=3),
            world(charm_version=1, config_revision=5),
            run(HookKind.UPGRADE_CHARM),
            id="an upgrade comes before new config",
        ),
        pytest.param(settled(config=3), world(config_revision=5), run(HookKind.CONFIG_CHANGED), id="options"),
        pytest.param(settled(config=5), world(config_revision=3), run(HookKind.CONFIG_CHANGED), id="inequality"),
        pytest.param(settled(), world(trust=True), run(HookKind.CONFIG_CHANGED), id="trust is config too"),
        pytest.param(
            settled(), world(addresses=("10.0.0.2",)), run(HookKind.CONFIG_CHANGED), id="and so are addresses"
        ),
        pytest.param(
            settled(),
            world(config_revision=1, relations={7: relation()}),
            RunHook(relation_hook(HookKind.RELATION_CREATED)),
            id="a new relation is told before new config",
        ),
    ],
)
def test_a_unit_decides(state, seen, expected):
    assert decide(memory(unit=state), seen, NOW) == expected


@pytest.mark.parametrize(
    ("state", "seen", "expected"),
    [
        pytest.param(settled(), world(), run(HookKind.UPDATE_STATUS), id="when nothing else is to do"),
        pytest.param(
            settled(config=1), world(), run(HookKind.CONFIG_CHANGED), id="never instead of something else"
        ),
        pytest.param(settled(), world(**dying()), run(HookKind.STOP), id="not in a dying unit"),
        pytest.param(
            settled(failed=failed(at_s=1_000.0)),
            world(settings={"automatically-retry-hooks": False}),
            Blocked(Hook(kind=HookKind.CONFIG_CHANGED), None),
            id="not while a hook has failed",
        ),
    ],
)
def test_update_status_runs(state, seen, expected):
    assert decide(memory(unit=state), seen, DUE) == expected


@pytest.mark.parametrize(
    ("state", "seen", "expected"),
    [
        pytest.param(UnitState(), world(**dying()), Leave(), id="before install it just leaves"),
        pytest.param(
            settled(config=None, started=False), world(**dying()), run(HookKind.STOP), id="set-up is not finished"
        ),
        pytest.param(settled(started=False), world(**dying()), run(HookKind.STOP), id="no start"),
        pytest.param(settled(), world(**dying(config_revision=9)), run(HookKind.STOP), id="no config-changed"),
        pytest.param(
            settled(), world(**dying(leader_settings_revision=9)), run(HookKind.STOP), id="no settings-changed"
        ),
        pytest.param(settled(), world(**dying(charm_version=9)), run(HookKind.STOP), id="no upgrade"),
        pytest.param(
            settled(), world(**dying(relations={7: relation()})), run(HookKind.STOP), id="no relation-created"
        ),
        pytest.param(settled(stopped=True), world(**dying()), run(HookKind.REMOVE), id="remove is last"),
        pytest.param(settled(stopped=True, removed=True), world(**dying()), Finished(), id="then it has ended"),
        pytest.param(
            settled(failed=failed(), stopped=False),
            world(**dying(settings={"automatically-retry-hooks": False})),
            Blocked(Hook(kind=HookKind.CONFIG_CHANGED), None),
            id="a failed hook must be resolved first",
        ),
    ],
)
def test_a_dying_unit_decides(state, seen, expected):
    assert decide(memory(unit=state), seen, NOW) == expected


def test_a_dead_unit_has_ended_whatever_it_remembers():
    dead = world(entity=Unit(name=unit("web/0"), created="", life=Life.DEAD))
    assert decide(memory(unit=settled(failed=failed())), dead, NOW) == Finished()


# --- one relation [7.3] ----------------------------------------------------------------------------------

CREATED, JOINED = HookKind.RELATION_CREATED, HookKind.RELATION_JOINED
CHANGED, DEPARTED, BROKEN = HookKind.RELATION_CHANGED, HookKind.RELATION_DEPARTED, HookKind.RELATION_BROKEN
DB_0, DB_1 = unit("db/0"), unit("db/1")


def departed(remote: str, departing: str) -> Hook:
    return relation_hook(DEPARTED, remote, departing=unit(departing))


@pytest.mark.parametrize(
    ("remembered", "seen", "expected"),
    [
        pytest.param(None, relation(), relation_hook(CREATED), id="created comes first"),
        pytest.param(None, relation(life=Life.DYING), None, id="one that is dying already is not heard of"),
        pytest.param(entered(), relation(), None, id="nobody is there yet"),
        pytest.param(
            entered(),
            relation(units={DB_0: 4}, apps={"db": 3}),
            relation_hook(CHANGED),
            id="app data before joined",
        ),
        pytest.param(entered(), relation(units={DB_1: 5, DB_0: 4}), relation_hook(JOINED, "db/0"), id="in order"),
        pytest.param(entered(db_0=4), relation(units={DB_0: 4}), None, id="an equal version is no event"),
        pytest.param(entered(db_0=4), relation(units={DB_0: 6}), relation_hook(CHANGED, "db/0"), id="new data"),
        pytest.param(
            entered(db_0=4, db_1=6),
            relation(units={DB_0: 4, DB_1: 7}),
            relation_hook(CHANGED, "db/1"),
            id="new data of one of two",
        ),
        pytest.param(
            entered(db_0=4),
            relation(units={DB_0: 6, DB_1: 5}),
            relation_hook(JOINED, "db/1"),
            id="joined before other news",
        ),
        pytest.param(entered(db_0=4), relation(), departed("db/0", "db/0"), id="a unit that is gone has departed"),
        pytest.param(
            entered(db_0=4),
            relation(units={DB_1: 5}, apps={"db": 9}),
            departed("db/0", "db/0"),
            id="departed before anything new",
        ),
        pytest.param(
            entered(db_0=4),
            relation(units={DB_0: 9}, life=Life.DYING),
            departed("db/0", "db/0"),
            id="in a dying relation everybody departs",
        ),
        pytest.param(entered(), relation(life=Life.DYING), relation_hook(BROKEN), id="and then it is broken"),
        pytest.param(
            entered("cluster"), peers(7, life=Life.DYING), None, id="a peer relation is never broken, only left"
        ),
    ],
)
def test_a_relation_decides(remembered, seen, expected):
    known = {7: remembered} if remembered else {}
    operation = decide(memory(relations=known), world(relations={7: seen}), NOW)
    assert operation == (RunHook(expected) if expected else Idle())


def test_changed_follows_joined_even_when_the_relation_has_begun_to_die():
    remembered = entered(db_0=4)
    remembered = type(remembered)(endpoint="db", members=remembered.members, pending=DB_0)
    seen = world(relations={7: relation(life=Life.DYING)})
    assert decide(memory(relations={7: remembered}), seen, NOW) == RunHook(relation_hook(CHANGED, "db/0"))


@pytest.mark.parametrize(
    "surroundings",
    [
        pytest.param(dying(), id="the unit is dying"),
        pytest.param({"application_life": Life.DYING}, id="its application is dying"),
    ],
)
def test_the_departing_unit_is_ours_when(surroundings):
    seen = relation(life=Life.DYING) if "application_life" in surroundings else relation(units={DB_0: 4})
    operation = decide(memory(relations={7: entered(db_0=4)}), world(relations={7: seen}, **surroundings), NOW)
    assert operation == RunHook(departed("db/0", "web/0"))


def test_peers_come_after_all_other_relations():
    seen = {1: peers(1, units={unit("web/1"): 2}), 7: relation(units={DB_0: 4})}
    known = {1: entered("cluster"), 7: entered()}
    assert decide(memory(relations=known), world(relations=seen), NOW) == RunHook(relation_hook(JOINED, "db/0"))


def test_an_older_charm_does_not_hear_of_endpoints_it_does_not_have():
    seen = world(charm=charm("web"), relations={7: relation()})
    assert decide(memory(), seen, NOW) == Idle()


# --- failure [9] -----------------------------------------------------------------------------------------


def test_a_failed_hook_is_tried_again_when_its_time_has_come():
    state, hook = settled(failed=failed()), Hook(kind=HookKind.CONFIG_CHANGED)
    at_s = 999.0 + retry_delay_s(failed(), unit("web/0"))
    assert decide(memory(unit=state), world(), Moment(now_s=at_s - 0.01)) == Blocked(hook, at_s)
    assert decide(memory(unit=state), world(), Moment(now_s=at_s)) == RunHook(hook)


@pytest.mark.parametrize(("attempts", "first_s"), [(1, 5), (2, 10), (3, 20), (6, 160), (7, 300), (40, 300)])
def test_delays_double_up_to_five_minutes(attempts, first_s):
    delay_s = retry_delay_s(failed(attempts=attempts), unit("web/0"))
    assert first_s <= delay_s <= first_s * 1.1
    assert RETRY_FIRST_S <= delay_s <= RETRY_MAX_S * 1.1


def test_units_that_failed_together_do_not_retry_together():
    delays = {retry_delay_s(failed(), unit(f"web/{number}")) for number in range(20)}
    assert len(delays) == 20


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (Resolved.RETRY, RunHook(Hook(kind=HookKind.CONFIG_CHANGED))),
        (Resolved.SKIP, SkipHook(Hook(kind=HookKind.CONFIG_CHANGED))),
    ],
)
def test_a_person_resolves_a_failed_hook(how, expected):
    entity = Unit(name=unit("web/0"), created="", resolved=how)
    seen = world(entity=entity, settings={"automatically-retry-hooks": False})
    assert decide(memory(unit=settled(failed=failed())), seen, NOW) == expected


def test_a_failed_hook_of_a_relation_that_was_removed_by_force_is_let_go():
    hook = relation_hook(CHANGED, "db/0")
    state = settled(failed=Failure(hook=hook, reason="", attempts=1, at_s=999.0))
    assert decide(memory(unit=state), world(), NOW) == SkipHook(hook)


def test_leader_elected_is_not_tried_again_without_leading():
    state = settled(failed=failed(HookKind.LEADER_ELECTED))
    assert decide(memory(unit=state), world(), NOW) == SkipHook(Hook(kind=HookKind.LEADER_ELECTED))
    assert isinstance(decide(memory(unit=state), leading(), NOW), Blocked)


# --- whole sequences -------------------------------------------------------------------------------------

SET_UP = ["install", "cluster-relation-created", "leader-elected", "config-changed", "start"]


def story(*apps) -> Story:
    told = Story()
    for name, meta in apps:
        told.deploy(name, meta)
        told.run(f"{name}/0")
    return told


def related() -> tuple[Story, int]:
    told = story(("web", WEB), ("db", DB))
    number = told.relate("web:db", "db:clients")
    told.run_all()
    return told, number


def test_a_new_unit_sets_up_and_rests():  # [5.1]
    told = Story()
    told.deploy("web", WEB)
    assert told.run("web/0") == SET_UP
    assert told.run("web/0") == []


def test_a_new_unit_in_a_relation_meets_it_after_its_start():  # [5.1, 7.3]
    told = story(("db", DB))
    told.deploy("web", WEB)
    told.relate("web:db", "db:clients")
    told.on("db", "clients-relation-created", "relation-set --app version=14")
    told.run("db/0")
    assert told.run("web/0") == [
        "install",
        "db-relation-created",
        "cluster-relation-created",
        "leader-elected",
        "config-changed",
        "start",
        "db-relation-changed db",
        "db-relation-joined db/0",
        "db-relation-changed db/0",
    ]


def test_two_related_applications_of_two_units_meet_each_other_once():  # [17.4, 3]
    told = Story()
    told.deploy("web", WEB, 2)
    told.deploy("db", DB, 2)
    told.run_all()
    told.relate("web:db", "db:clients")
    meetings = ["clients-relation-created"]
    for remote in ("web/0", "web/1"):
        meetings += [f"clients-relation-joined {remote}", f"clients-relation-changed {remote}"]
    done = told.run_all()
    assert set(done) == {"web/0", "web/1", "db/0", "db/1"}
    assert sorted(done["db/0"]) == sorted(done["db/1"]) == sorted(meetings)
    for events in done.values():
        joined = [event.split()[1] for event in events if "joined" in event]
        for remote in joined:  # changed follows its joined at once
            at = next(n for n, event in enumerate(events) if event.endswith(f"joined {remote}"))
            assert events[at + 1].endswith(f"changed {remote}")


def test_new_data_gives_one_changed_per_remote_unit_and_none_to_the_writer():  # [7.5]
    told, _ = related()
    told.on("db/0", "config-changed", "relation-set -r 1 ready=yes")
    told.configure("db", size=1)
    assert told.run_all() == {"db/0": ["config-changed"], "web/0": ["db-relation-changed db/0"]}


def test_an_equal_write_is_no_event():  # [17.1, 11]
    told, _ = related()
    told.on("db/0", "config-changed", "relation-set -r 1 ready=yes")
    told.configure("db", size=1)
    told.run_all()
    told.configure("db", size=2)
    assert told.run_all() == {"db/0": ["config-changed"]}


def test_many_changes_are_one_event():  # [2]
    told, _ = related()
    for size in range(5):
        told.configure("db", size=size)
    assert told.run("db/0") == ["config-changed"]


def test_peer_data_of_the_application_reaches_every_unit_and_the_leader_itself():  # [7.5]
    told = Story()
    told.deploy("web", WEB, 2)
    told.run_all()
    told.on("web/0", "config-changed", "relation-set -r cluster:0 --app secret=1")
    told.configure("web", color="red")
    assert told.run_all() == {
        "web/0": ["config-changed", "cluster-relation-changed web"],
        "web/1": ["config-changed", "cluster-relation-changed web"],
    }


def test_a_dying_relation_departs_breaks_and_is_gone():  # [7.9]
    told, number = related()
    told.remove_relation(number)
    assert told.run_all() == {
        "web/0": ["db-relation-departed db/0", "db-relation-broken"],
        "db/0": ["clients-relation-departed web/0", "clients-relation-broken"],
    }
    assert told.find(refs.relation(MODEL, number)) is None
    departing = {who: hook.departing for who, hook in told.hooks if hook.kind is DEPARTED}
    assert departing == {"web/0": unit("db/0"), "db/0": unit("web/0")}


def test_a_relation_removed_by_force_takes_its_memory_along():  # [14.4]
    told, number = related()
    told.failing.add(("web/0", "db-relation-departed"))
    told.remove_relation(number, force=True)
    told.step("web/0")
    assert told.look("web/0")[0].unit.failed is not None
    told.reconcile()
    assert told.run("web/0") == []
    assert told.look("web/0")[0] == memory(unit=told.look("web/0")[0].unit, relations={0: entered("cluster")})
    assert told.look("web/0")[0].unit.failed is None


def test_a_dying_unit_leaves_its_relations_stops_and_is_removed():  # [14.2]
    told = Story()
    told.deploy("web", WEB, 2)
    told.deploy("db", DB)
    told.relate("web:db", "db:clients")
    told.run_all()
    told.remove_unit("web/1")
    done = told.run_all()
    assert done["web/1"] == [
        "db-relation-departed db/0",
        "db-relation-broken",
        "cluster-relation-departed web/0",
        "stop",
        "remove",
    ]
    assert done["db/0"] == ["clients-relation-departed web/1"]
    assert done["web/0"] == ["cluster-relation-departed web/1"]
    assert told.units() == ["db/0", "web/0"]
    own = [hook.departing for who, hook in told.hooks if who == "web/1" and hook.kind is DEPARTED]
    assert own == [unit("web/1"), unit("web/1")]


def test_a_unit_that_dies_before_install_runs_nothing():  # [14.2]
    told = Story()
    told.deploy("web", WEB)
    told.remove_unit("web/0")
    assert told.run("web/0") == []
    assert told.get(refs.unit(MODEL, unit("web/0"))).life is Life.DEAD


def test_a_dying_application_ends_with_everything_of_it():  # [14.5]
    told, _ = related()
    told.remove_application("web")
    done = told.run_all()
    assert done["web/0"] == ["db-relation-departed db/0", "db-relation-broken", "stop", "remove"]
    assert done["db/0"] == ["clients-relation-departed web/0", "clients-relation-broken"]
    assert told.units() == ["db/0"]
    assert told.find(refs.application(MODEL, "web")) is None


def test_a_hook_that_fails_is_tried_again_and_then_everything_goes_on():  # [9]
    told = story(("web", WEB))
    told.failing.add(("web/0", "config-changed"))
    told.configure("web", color="red")
    assert told.run("web/0") == ["config-changed"]
    blocked = told.step("web/0")
    assert isinstance(blocked, Blocked)
    assert blocked.retry_at_s is not None
    told.now_s = blocked.retry_at_s
    told.failing.clear()
    assert told.run("web/0") == ["config-changed"]
    assert told.look("web/0")[0].unit.failed is None


def test_a_relation_that_began_to_end_before_it_was_entered_is_let_go():
    told = Story()
    told.deploy("web", WEB)
    told.deploy("db", DB)
    told.run_all()
    number = told.relate("web:db", "db:clients")
    told.failing.add(("web/0", "db-relation-created"))
    assert told.run("web/0") == ["db-relation-created"]
    told.remove_relation(number)
    told.failing.clear()
    assert told.run("web/0") == []
    memory, seen = told.look("web/0")
    assert (memory.unit.failed, memory.relations.get(number)) == (None, None)
    assert number not in seen.relations or not seen.relations[number].in_scope


def test_attempts_add_up_until_one_succeeds():
    told = story(("web", WEB))
    told.failing.add(("web/0", "config-changed"))
    told.configure("web", color="red")
    for attempts in (1, 2, 3):
        told.step("web/0")
        failure = told.look("web/0")[0].unit.failed
        assert failure is not None
        assert failure.attempts == attempts
        told.now_s += 1_000


def test_resolved_without_retry_counts_as_done():  # [9.5]
    told, _ = related()
    told.failing.add(("web/0", "db-relation-joined"))
    told.add_unit("db/1")
    told.run("db/1")
    assert told.run("web/0") == ["db-relation-joined db/1"]
    told.resolve("web/0", Resolved.SKIP)
    assert told.run("web/0") == ["db-relation-changed db/1"]
    assert told.get(refs.unit(MODEL, unit("web/0"))).resolved is None


def test_resolved_runs_the_hook_again_at_once():
    told = story(("web", WEB))
    told.failing.add(("web/0", "config-changed"))
    told.configure("web", color="red")
    told.run("web/0")
    told.resolve("web/0", Resolved.RETRY)
    assert told.run("web/0") == ["config-changed"]
    assert told.get(refs.unit(MODEL, unit("web/0"))).resolved is None
    assert isinstance(told.step("web/0"), Blocked)


def test_effects_of_a_failed_hook_are_dropped():  # [9.1]
    told, _ = related()
    told.failing.add(("db/0", "config-changed"))
    told.on("db/0", "config-changed", "relation-set -r 1 ready=yes", "state-set a=1", "status-set blocked no")
    told.configure("db", size=1)
    assert told.run_all() == {"db/0": ["config-changed"]}
    _, seen = told.look("db/0")
    assert "ready" not in seen.relations[1].bag(unit("db/0"))
    assert seen.state == {}
    assert seen.status.workload.current == "blocked"


def test_an_upgrade_is_followed_by_config_changed():  # [5.6]
    told = story(("web", WEB))
    told.refresh("web", WEB)
    assert told.run("web/0") == ["upgrade-charm", "config-changed"]
    assert told.run("web/0") == []


def test_new_peers_of_an_upgrade_are_met_after_it():  # [5.6]
    told = story(("web", WEB))
    told.refresh("web", charm("web", requires={"db": "sql"}, peers={"cluster": "web-peer", "gossip": "g"}))
    assert told.run("web/0") == ["upgrade-charm", "gossip-relation-created", "config-changed"]


def test_a_new_leader_is_told_and_the_old_one_too():  # [6.8]
    told = Story()
    told.deploy("web", WEB, 2)
    told.run_all()
    told.lead(None, "web")
    assert told.run_all() == {}
    told.lead("web/1")
    assert told.run_all() == {"web/0": ["leader-settings-changed"], "web/1": ["leader-elected"]}


def test_a_worker_that_dies_before_settling_decides_the_same_hook_again():
    told = story(("web", WEB))
    told.configure("web", color="red")
    assert decide(*told.look("web/0"), NOW) == run(HookKind.CONFIG_CHANGED)
    assert decide(*told.look("web/0"), NOW) == run(HookKind.CONFIG_CHANGED)


# --- properties ------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.sampled_from(
        ["add web", "add db", "relate", "break", "configure", "refresh", "lead", "drop web/0", "drop db/0", "run"]
    ),
    max_size=12,
)


@settings(deadline=None)  # the machine may be busy; the suite has its own limit
@given(steps=STEPS)
def test_every_story_comes_to_rest_with_each_hook_in_its_place(steps):
    told = Story()
    told.deploy("web", WEB)
    told.deploy("db", DB)
    numbers = {"web": 1, "db": 1}
    relations: list[int] = []
    for step in steps:
        verb, _, what = step.partition(" ")
        if verb == "add":
            told.add_unit(f"{what}/{numbers[what]}")
            numbers[what] += 1
        elif verb == "relate" and not relations:
            relations.append(told.relate("web:db", "db:clients"))
        elif verb == "break" and relations:
            told.remove_relation(relations.pop())
        elif verb == "configure":
            told.configure("web", color="red")
        elif verb == "refresh":
            told.refresh("web", WEB)
        elif verb == "lead":
            told.lead(None, "web")
            if staying := [name for name in told.units() if name.startswith("web/")]:
                told.lead(staying[-1])
        elif verb == "drop" and what in told.units():
            told.remove_unit(what)
        elif verb == "run":
            told.run_all()
    told.run_all()
    assert told.run_all() == {}
    for name in {who for who, _ in told.events}:
        check_life([text for who, text in told.events if who == name])


def check_life(events: list[str]) -> None:
    """Check the promises that hold for the hooks of any unit."""
    assert events[0] == "install"
    for once in ("install", "start", "stop", "remove"):
        assert events.count(once) <= 1
    if "remove" in events:
        assert events[-2:] == ["stop", "remove"]
    if "start" in events:
        assert events[events.index("start") - 1] == "config-changed"
    members: set[str] = set()
    for at, event in enumerate(events):
        hook, _, remote = event.partition(" ")
        if hook.endswith("-joined"):
            assert remote not in members
            members.add(remote)
            assert events[at + 1] == f"{hook.removesuffix('joined')}changed {remote}"
        elif hook.endswith("-departed"):
            members.remove(remote)
        elif hook.endswith("-changed") and "/" in remote:
            assert remote in members


def test_stored_versions_but_those_of_units_are_only_compared_for_inequality():
    seen = world(relations={7: relation(units={DB_0: 3}, apps={"db": 3})})
    known = entered(db_0=3)
    ahead = type(known)(endpoint="db", members=known.members, apps={"db": 99})
    assert decide(memory(relations={7: ahead}), seen, NOW) == RunHook(relation_hook(CHANGED))


# --- reboots ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("remembered", "boot", "wanted"),
    [
        pytest.param({"boot": "first"}, "first", Idle(), id="the same boot"),
        pytest.param(
            {"boot": "first"}, "second", RunHook(Hook(kind=HookKind.START)), id="another boot: start, once"
        ),
        pytest.param({"boot": ""}, "second", Idle(), id="remembered before anybody looked at boots"),
        pytest.param({"boot": "first"}, "", Idle(), id="it cannot be known"),
        pytest.param({"boot": "first", "reboot": "first"}, "first", RebootMachine(), id="asked for, not come yet"),
        pytest.param(
            {"boot": "first", "reboot": "first"},
            "second",
            RunHook(Hook(kind=HookKind.START)),
            id="asked for and come",
        ),
    ],
)
def test_a_unit_starts_again_after_a_reboot_and_asks_for_one(remembered: dict, boot: str, wanted: object) -> None:
    seen = world(boot=boot)
    assert decide(memory(unit=settled(**remembered)), seen, Moment()) == wanted
    if wanted == RunHook(Hook(kind=HookKind.START)):
        after = settle(memory(unit=settled(**remembered)), seen, wanted.hook, Effects(), now=CREATED)
        kept = next(value for ref, value in after.puts.items() if ref.kind is Kind.MEMORY)
        assert (kept.boot, kept.reboot) == (boot, "")
