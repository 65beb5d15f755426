"""The one write that ends a hook: what is in it, what is not, and what must hold when it lands."""

from __future__ import annotations

from dataclasses import replace

import pytest
from build import (
    CREATED,
    MODEL,
    entered,
    leading,
    memory,
    peers,
    relation,
    relation_hook,
    settled,
    stored,
    unit,
    world,
)

from coordinator.domain import refs
from coordinator.domain.change import Change, Held, Present, Unchanged
from coordinator.domain.life import Life
from coordinator.domain.relation import Member
from coordinator.domain.status import Status, UnitStatus
from coordinator.domain.unit import Resolved, Unit
from coordinator.domain.unit_state import Failure, Hook, HookKind, Memory, UnitState
from coordinator.domain.view import Token
from coordinator.engine.effects import Effects
from coordinator.engine.settle import fail, leave, publish, settle
from coordinator.engine.world import World

NOW = "2026-02-02T00:00:00Z"
WEB_0 = unit("web/0")
MEMORY, STATUS, UNIT = refs.memory(MODEL, WEB_0), refs.status(MODEL, WEB_0), refs.unit(MODEL, WEB_0)
OWN_BAG, APP_BAG = refs.bag(MODEL, 7, WEB_0), refs.bag(MODEL, 7, "web")
MEMBER, RELATION_MEMORY = refs.member(MODEL, 7, WEB_0), refs.relation_memory(MODEL, WEB_0, 7)
ADDRESSES = {"egress-subnets": "10.0.0.1/32", "ingress-address": "10.0.0.1", "private-address": "10.0.0.1"}

CONFIG = Hook(kind=HookKind.CONFIG_CHANGED)
JOINED = relation_hook(HookKind.RELATION_JOINED, "db/0")


def ended(hook: Hook, seen: World, effects: Effects | None = None, before: Memory | None = None) -> Change:
    return settle(before or memory(), seen, hook, effects or Effects(), now=NOW)


def inside(**more) -> World:
    """A world in which web/0 is in relation 7, with its addresses in its bag."""
    bags = {"web/0": stored(ADDRESSES, 5), **more.pop("bags", {})}
    return world(relations={7: relation(in_scope=True, bags=bags, **more)})


# --- memory ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "before", "seen", "after"),
    [
        (
            HookKind.INSTALL,
            UnitState(),
            world(charm_version=3),
            {"installed": True, "charm": "sha-web", "charm_version": 3},
        ),
        (
            HookKind.UPGRADE_CHARM,
            settled(charm="old"),
            world(charm_version=3),
            {"charm": "sha-web", "charm_version": 3, "config": None},
        ),
        (
            HookKind.CONFIG_CHANGED,
            settled(config=None, addresses=()),
            world(config_revision=8, trust=True),
            {"config": 8, "trust": True, "addresses": ("10.0.0.1",)},
        ),
        (HookKind.START, settled(started=False, stopped=True), world(), {"started": True, "stopped": False}),
        (HookKind.STOP, settled(), world(), {"stopped": True}),
        (HookKind.REMOVE, settled(), world(), {"removed": True}),
        (
            HookKind.LEADER_ELECTED,
            settled(),
            leading(leader_settings_revision=4),
            {"leader": True, "leader_settings": 4},
        ),
        (HookKind.LEADER_ELECTED, settled(), world(leader_settings_revision=4), {}),
        (
            HookKind.LEADER_SETTINGS_CHANGED,
            settled(leader=True),
            world(leader_settings_revision=4),
            {"leader": False, "leader_settings": 4},
        ),
        (HookKind.UPDATE_STATUS, settled(), world(), {}),
    ],
    ids=lambda value: value.value if isinstance(value, HookKind) else "",
)
def test_a_hook_is_remembered(kind, before, seen, after):
    change = ended(Hook(kind=kind), seen, before=memory(unit=before))
    assert change.puts[MEMORY] == replace(before, **after, hooks=1)
    assert change.did == kind.value


def test_success_forgets_a_failure():
    failure = Failure(hook=CONFIG, reason="", attempts=3, at_s=1.0)
    change = ended(CONFIG, world(), before=memory(unit=settled(failed=failure)))
    assert change.puts[MEMORY].failed is None


def test_a_joined_remembers_what_it_saw_and_that_changed_is_due():
    seen = inside(units={unit("db/0"): 9})
    change = ended(JOINED, seen, before=memory(relations={7: entered()}))
    assert change.puts[RELATION_MEMORY] == replace(entered(db_0=9), pending=unit("db/0"))


def test_changed_of_a_unit_that_left_meanwhile_keeps_the_version_it_had():
    before = replace(entered(db_0=9), pending=unit("db/0"))
    hook = relation_hook(HookKind.RELATION_CHANGED, "db/0")
    change = ended(hook, inside(), before=memory(relations={7: before}))
    assert change.puts[RELATION_MEMORY] == entered(db_0=9)


def test_changed_of_an_application_remembers_its_version():
    hook = relation_hook(HookKind.RELATION_CHANGED)
    change = ended(hook, inside(apps={"db": 4}), before=memory(relations={7: entered(db_0=9)}))
    assert change.puts[RELATION_MEMORY] == replace(entered(db_0=9), apps={"db": 4})


def test_a_departed_unit_is_forgotten():
    hook = relation_hook(HookKind.RELATION_DEPARTED, "db/0", departing=unit("db/0"))
    change = ended(hook, inside(), before=memory(relations={7: entered(db_0=9, db_1=2)}))
    left = change.puts[RELATION_MEMORY].members
    assert list(left) == [unit("db/1")]
    assert left.has_handled(unit("db/1"), 2)


def test_a_hook_rewrites_only_the_relation_it_is_about():
    before = memory(relations={7: entered(), 8: entered()})
    seen = world(relations={7: relation(), 8: relation(8)})
    change = ended(JOINED, seen, before=before)
    assert refs.relation_memory(MODEL, WEB_0, 8) not in change.puts


# --- entering and leaving --------------------------------------------------------------------------------


def test_created_enters_the_relation_with_the_addresses():
    hook = relation_hook(HookKind.RELATION_CREATED)
    change = ended(hook, world(relations={7: relation(revision=6)}))
    assert change.puts[MEMBER] == Member(unit=WEB_0)
    assert change.puts[OWN_BAG] == ADDRESSES
    assert change.puts[RELATION_MEMORY] == entered()
    assert Unchanged(refs.relation(MODEL, 7), 6) in change.conditions


def test_created_enters_even_a_machine_without_addresses():
    hook = relation_hook(HookKind.RELATION_CREATED)
    change = ended(hook, world(addresses=(), relations={7: relation()}))
    assert change.puts[OWN_BAG] == {}


def test_what_the_charm_says_in_created_beats_the_addresses():
    effects = Effects().with_bag(7, WEB_0, {"ingress-address": "lb.example", "private-address": None})
    change = ended(relation_hook(HookKind.RELATION_CREATED), world(relations={7: relation()}), effects)
    assert change.puts[OWN_BAG] == {"egress-subnets": "10.0.0.1/32", "ingress-address": "lb.example"}


def test_broken_leaves_the_relation():
    change = ended(relation_hook(HookKind.RELATION_BROKEN), inside(), before=memory(relations={7: entered()}))
    assert change.deletes == {MEMBER, RELATION_MEMORY}


def test_remove_ends_the_unit_and_leaves_what_it_was_still_in():
    seen = world(relations={3: peers(in_scope=True), 7: relation()})
    change = ended(Hook(kind=HookKind.REMOVE), seen, before=memory(relations={3: entered("cluster")}))
    assert change.puts[UNIT].life is Life.DEAD
    assert change.deletes == {refs.member(MODEL, 3, WEB_0), refs.relation_memory(MODEL, WEB_0, 3)}
    assert Unchanged(UNIT, 0) in change.conditions


def test_leaving_before_install_writes_no_memory():
    change = leave(world(relations={3: peers(in_scope=True)}))
    assert set(change.puts) == {UNIT}
    assert change.puts[UNIT].life is Life.DEAD
    assert change.deletes == {refs.member(MODEL, 3, WEB_0)}


# --- effects ---------------------------------------------------------------------------------------------


def test_everything_lands_in_one_change():
    effects = replace(
        Effects().with_bag(7, WEB_0, {"a": "1"}).with_bag(7, "web", {"b": "2"}),
        state={"k": "v"},
        leader_settings={"s": "t"},
        ports={"": ("80/tcp",)},
        status=Status("active", "up"),
        application_status=Status("active"),
        version="1.2",
    )
    seen = replace(inside(), leader=WEB_0, term=Token(2, 1))
    change = ended(CONFIG, seen, effects)
    assert change.puts[OWN_BAG] == {**ADDRESSES, "a": "1"}
    assert change.puts[APP_BAG] == {"b": "2"}
    assert change.puts[refs.state(MODEL, WEB_0)] == {"k": "v"}
    assert change.puts[refs.leader_settings(MODEL, "web")] == {"s": "t"}
    assert change.puts[refs.application_status(MODEL, "web")] == Status("active", "", NOW)
    assert change.puts[STATUS] == UnitStatus(
        workload=Status("active", "up", NOW), version="1.2", ports={"": ("80/tcp",)}
    )
    assert change.puts[MEMORY].status_set


@pytest.mark.parametrize(
    "effects",
    [
        Effects().with_bag(7, WEB_0, {"private-address": "10.0.0.1"}),
        Effects().with_bag(7, WEB_0, {"never-there": None}),
        Effects(state={"k": "v", "gone": None}),
        Effects(status=Status("active", "up")),
        Effects(version="1"),
    ],
    ids=["bag", "delete", "state", "status", "version"],
)
def test_an_equal_write_is_no_write(effects):
    status = UnitStatus(workload=Status("active", "up", CREATED), version="1")
    seen = replace(inside(), state={"k": "v"}, status=status)
    assert set(ended(Hook(kind=HookKind.UPDATE_STATUS), seen, effects).puts) == {MEMORY}


def test_none_deletes_a_key():
    seen = replace(inside(bags={"web/0": stored({"a": "1", "b": "2"}, 5)}), state={"k": "v", "l": "w"})
    effects = replace(Effects().with_bag(7, WEB_0, {"a": None}), state={"k": None})
    change = ended(Hook(kind=HookKind.UPDATE_STATUS), seen, effects)
    assert change.puts[OWN_BAG] == {"b": "2"}
    assert change.puts[refs.state(MODEL, WEB_0)] == {"l": "w"}


def test_config_changed_refreshes_the_addresses_in_every_relation():
    seen = replace(inside(), addresses=("10.0.0.9",))
    assert ended(CONFIG, seen).puts[OWN_BAG]["private-address"] == "10.0.0.9"


def test_effects_on_a_relation_that_is_gone_are_dropped():
    effects = Effects().with_bag(7, WEB_0, {"a": "1"})
    hook = relation_hook(HookKind.RELATION_CHANGED, "db/0")
    change = ended(hook, world(), effects, before=memory(relations={7: entered(db_0=9)}))
    assert set(change.puts) == {MEMORY}
    assert change.deletes == {RELATION_MEMORY}


# --- statuses --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "state", "effects", "shown"),
    [
        (HookKind.START, settled(started=False), Effects(), Status("unknown", "", NOW)),
        (HookKind.START, settled(started=False, status_set=True), Effects(), UnitStatus().workload),
        (HookKind.START, settled(), Effects(status=Status("active")), Status("active", "", NOW)),
        (HookKind.STOP, settled(status_set=True), Effects(), Status("maintenance", "", NOW)),
        (HookKind.REMOVE, settled(status_set=True), Effects(), Status("terminated", "", NOW)),
        (HookKind.UPDATE_STATUS, settled(), Effects(), UnitStatus().workload),
    ],
    ids=["start says unknown", "unless the charm spoke before", "or now", "stop", "remove", "others say nothing"],
)
def test_what_a_unit_shows_after(kind, state, effects, shown):
    change = ended(Hook(kind=kind), world(), effects, before=memory(unit=state))
    assert change.puts.get(STATUS, UnitStatus()).workload == shown


def test_the_same_status_again_keeps_since():
    seen = world(status=UnitStatus(workload=Status("active", "up", CREATED)))
    change = ended(CONFIG, seen, Effects(status=Status("active", "up"), version="2"))
    assert change.puts[STATUS].workload == Status("active", "up", CREATED)


def test_a_status_is_published_while_the_hook_runs_but_ports_are_not():
    effects = replace(Effects().with_bag(7, WEB_0, {"a": "1"}), status=Status("active"), ports={"": ("80/tcp",)})
    change = publish(inside(), CONFIG, effects, memory(), now=NOW)
    assert change is not None
    assert change.puts == {STATUS: UnitStatus(workload=Status("active", "", NOW))}


def test_nothing_new_to_show_is_no_write():
    assert publish(world(), CONFIG, Effects(), memory(), now=NOW) is None


def test_install_is_announced_by_the_system():
    change = publish(world(), Hook(kind=HookKind.INSTALL), Effects(), memory(unit=UnitState()), now=NOW)
    assert change is not None
    assert change.puts[STATUS].workload == Status("maintenance", "installing charm software", NOW)


# --- failure ---------------------------------------------------------------------------------------------


def test_a_failure_stores_its_reason_and_only_statuses():
    effects = replace(
        Effects().with_bag(7, WEB_0, {"a": "1"}),
        state={"k": "v"},
        ports={"": ("80/tcp",)},
        status=Status("blocked", "no"),
        version="2",
    )
    change = fail(memory(), inside(), CONFIG, effects, reason="exit status 1", now=NOW, now_s=5.0)
    failure = Failure(hook=CONFIG, reason="exit status 1", attempts=1, at_s=5.0)
    assert change.puts == {
        MEMORY: settled(failed=failure, status_set=True),
        STATUS: UnitStatus(workload=Status("blocked", "no", NOW), version="2"),
    }


@pytest.mark.parametrize(("hook", "attempts"), [(CONFIG, 4), (JOINED, 1)])
def test_attempts_count_for_one_hook(hook, attempts):
    failure = Failure(hook=CONFIG, reason="", attempts=3, at_s=1.0)
    before = memory(unit=settled(failed=failure))
    change = fail(before, inside(), hook, Effects(), reason="", now=NOW, now_s=5.0)
    assert change.puts[MEMORY].failed.attempts == attempts


@pytest.mark.parametrize("how", [Resolved.RETRY, Resolved.SKIP])
def test_a_resolution_is_used_once(how):
    entity = Unit(name=WEB_0, created=CREATED, resolved=how)
    seen = world(entity=entity, entity_revision=8)
    after_failure = fail(memory(), seen, CONFIG, Effects(), reason="", now=NOW, now_s=5.0)
    for change in (ended(CONFIG, seen), after_failure):
        assert change.puts[UNIT] == replace(entity, resolved=None)
    assert Unchanged(UNIT, 8) in ended(CONFIG, seen).conditions


# --- conditions ------------------------------------------------------------------------------------------


def test_every_write_needs_the_claim_and_the_memory_it_started_from():
    seen = world(memory_revision=12)
    assert ended(CONFIG, seen).conditions == (
        Held(refs.claim(MODEL, WEB_0), Token(1, 1)),
        Unchanged(MEMORY, 12),
    )


@pytest.mark.parametrize(
    "effects",
    [
        Effects().with_bag(7, "web", {"a": "1"}),
        Effects(leader_settings={"a": "1"}),
        Effects(application_status=Status("active")),
    ],
    ids=["application bag", "leader settings", "application status"],
)
def test_what_only_the_leader_may_write_needs_the_term(effects):
    seen = replace(inside(), leader=WEB_0, term=Token(2, 1))
    assert Held(refs.leader(MODEL, "web"), Token(2, 1)) in ended(CONFIG, seen, effects).conditions


def test_the_unit_bag_does_not_need_the_term():
    seen = replace(inside(), leader=WEB_0, term=Token(2, 1))
    change = ended(CONFIG, seen, Effects().with_bag(7, WEB_0, {"a": "1"}))
    assert Held(refs.leader(MODEL, "web"), Token(2, 1)) not in change.conditions
    assert Present(refs.relation(MODEL, 7)) in change.conditions


def test_an_effect_without_a_claim_is_a_mistake_of_ours():
    with pytest.raises(AssertionError, match="without a claim"):
        ended(CONFIG, world(claim=None))
