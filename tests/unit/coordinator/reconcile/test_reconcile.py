"""Where units are placed, and in which order things go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from build import CREATED, DB, MODEL, WEB, unit
from stage import Stage

from coordinator.commands.application import remove_application
from coordinator.commands.machine import remove_machine
from coordinator.commands.model import destroy_model
from coordinator.commands.relation import integrate, remove_relation
from coordinator.commands.unit import remove_units
from coordinator.domain import refs
from coordinator.domain.life import Life
from coordinator.domain.names import EndpointName
from coordinator.domain.refs import Kind
from coordinator.domain.relation import Member
from coordinator.domain.unit_state import RelationState
from coordinator.errors import Contended
from coordinator.store.repository import Author


@pytest.fixture
def stage() -> Stage:
    return Stage()


def machine_of(stage: Stage, name: str) -> str | None:
    return stage.find(refs.unit(MODEL, unit(name))).machine


def related(stage: Stage) -> None:
    """web and db, one unit each, related as number 1; web/0 is inside and set up."""
    stage.deploy("web", WEB)
    stage.deploy("db", DB)
    ends = EndpointName("web"), EndpointName("db")
    stage.do(lambda view: integrate(view, MODEL, *ends, now=CREATED))
    stage.claim("web/0")
    stage.remember("web/0")
    stage.put(refs.member(MODEL, 1, unit("web/0")), Member(unit=unit("web/0")))
    stage.put(refs.relation_memory(MODEL, unit("web/0"), 1), RelationState(endpoint="db"))
    stage.put(refs.bag(MODEL, 1, unit("web/0")), {"key": "value"})


def end(stage: Stage, name: str, **more: Any) -> None:
    stage.do(lambda view: remove_units(view, MODEL, [unit(name)], **more))


def die(stage: Stage, name: str) -> None:
    """Let the agent of a unit have run its last hook."""
    ref = refs.unit(MODEL, unit(name))
    stage.put(ref, replace(stage.find(ref), life=Life.DEAD))


# --- placement -------------------------------------------------------------------------------------------------


def test_units_are_spread_the_emptiest_machine_first(stage: Stage) -> None:
    for name in ("0", "1", "10"):
        stage.machine(name)
    stage.deploy("web", WEB, 4)
    assert stage.reconcile() == ["place web/0 web/1 web/2 web/3"]
    assert [machine_of(stage, f"web/{number}") for number in range(4)] == ["0", "1", "10", "0"]
    stage.deploy("db", DB, 1)
    stage.reconcile()
    assert machine_of(stage, "db/0") == "1"


@pytest.mark.parametrize(
    "more",
    [{"served": False}, {"life": Life.DYING}, {"dedicated": "demo/other"}],
    ids=["nobody serves it", "it is being removed", "it is there for another application"],
)
def test_a_unit_waits_when_the_only_machine_is_not_for_it(stage: Stage, more: dict) -> None:
    stage.machine("0", **more)
    stage.deploy("web", WEB)
    stage.reconcile()
    assert machine_of(stage, "web/0") is None


def test_a_machine_that_registered_for_an_application_gets_its_next_unit_once(stage: Stage) -> None:
    stage.deploy("web", WEB, 1)
    stage.machine("5", dedicated=f"{MODEL}/web")
    assert stage.reconcile() == ["enlist machine 5 as web/1"]
    assert machine_of(stage, "web/1") == "5"
    end(stage, "web/1")
    assert stage.reconcile() == ["web/1 gone"]
    assert stage.find(refs.application(MODEL, "web")).units_wanted == 1


# --- removal ---------------------------------------------------------------------------------------------------


def test_a_unit_of_which_nothing_ever_ran_goes_at_once(stage: Stage) -> None:
    stage.deploy("web", WEB)
    end(stage, "web/0")
    assert stage.reconcile() == ["web/0 gone"]


@pytest.mark.parametrize("sign", ["claim", "remember"])
def test_a_unit_that_a_worker_has_touched_is_waited_for_until_it_is_dead(stage: Stage, sign: str) -> None:
    stage.deploy("web", WEB)
    getattr(stage, sign)("web/0")
    end(stage, "web/0")
    assert stage.reconcile() == []
    die(stage, "web/0")
    assert stage.reconcile() == ["web/0 gone"]
    assert [key for key in stage.all_keys() if "/units/" in key] == []


def test_a_worker_that_claims_the_unit_in_the_last_moment_keeps_it(stage: Stage) -> None:
    stage.deploy("web", WEB)
    end(stage, "web/0")
    planned = stage.plan()
    assert planned is not None
    stage.claim("web/0")
    with pytest.raises(Contended):
        stage.repository.commit(planned[1], planned[0], Author(name="controller"))
    assert stage.names(Kind.UNIT) == ["web/0"]


def test_a_forced_unit_that_enters_a_relation_in_the_last_moment_leaves_nothing_there(stage: Stage) -> None:
    related(stage)
    stage.do(lambda view: remove_units(view, MODEL, [unit("web/0")], force_at_s=stage.now_s))
    planned = stage.plan()
    assert planned is not None
    stage.remember("web/0")
    stage.put(refs.member(MODEL, 0, unit("web/0")), Member(unit=unit("web/0")))
    with pytest.raises(Contended):
        stage.repository.commit(planned[1], planned[0], Author(name="controller"))
    assert stage.reconcile() == ["web/0 gone"]
    assert stage.find(refs.member(MODEL, 0, unit("web/0"))) is None


def test_a_forced_unit_goes_when_its_time_has_come_with_its_places_in_relations(stage: Stage) -> None:
    related(stage)
    stage.put(refs.leader(MODEL, "web"), "web/0", lease=stage.store.grant(100))
    end(stage, "web/0", force_at_s=stage.now_s + 1)
    assert stage.reconcile() == []
    stage.now_s += 1
    assert stage.reconcile() == ["web/0 gone"]
    assert stage.find(refs.leader(MODEL, "web")) == "web/0", "a hook of it may still run: its worker gives it back"
    assert stage.find(refs.member(MODEL, 1, unit("web/0"))) is None
    assert stage.find(refs.bag(MODEL, 1, unit("web/0"))) == {"key": "value"}, "a bag outlives its unit"


def test_a_relation_waits_for_those_inside_and_takes_its_bags_and_memories_along(stage: Stage) -> None:
    related(stage)
    stage.do(lambda view: remove_relation(view, MODEL, relation_id=1, force_at_s=stage.now_s + 1))
    assert stage.reconcile() == []
    stage.now_s += 1
    assert stage.reconcile() == ["relation web:db db:clients gone"]
    assert [key for key in stage.all_keys() if key.endswith("relations/1") or "relations/1/" in key] == []


def test_a_relation_does_not_wait_for_a_unit_that_is_gone(stage: Stage) -> None:
    related(stage)
    stage.do(lambda view: remove_relation(view, MODEL, relation_id=1))
    end(stage, "web/0", force_at_s=0.0)
    assert stage.reconcile() == ["web/0 gone", "relation web:db db:clients gone"]


def test_an_application_takes_units_and_relations_along_and_its_peers_last(stage: Stage) -> None:
    related(stage)
    stage.do(lambda view: remove_application(view, MODEL, "web"))
    assert stage.reconcile() == ["units and relations end with web"]
    assert stage.find(refs.relation(MODEL, 0)).life is Life.ALIVE, "peers live as long as their application"
    die(stage, "web/0")
    assert stage.reconcile() == ["web/0 gone", "relation web:db db:clients gone", "application web gone"]
    assert stage.names(Kind.APPLICATION) == ["db"]
    assert stage.names(Kind.RELATION) == []


def test_a_model_takes_everything_along_and_leaves_nothing(stage: Stage) -> None:
    related(stage)
    stage.do(lambda view: destroy_model(view, MODEL, force_at_s=None))
    assert stage.reconcile()[0] == "applications end with their model"
    die(stage, "web/0")
    assert stage.reconcile()[-1] == f"model {MODEL} gone"
    assert [key for key in stage.all_keys() if "/models/" in key] == []


def test_force_of_a_model_reaches_everything_in_it_although_it_was_ending_already(stage: Stage) -> None:
    related(stage)
    for force_at_s in (None, stage.now_s):
        stage.do(lambda view, at_s=force_at_s: destroy_model(view, MODEL, force_at_s=at_s))
        stage.reconcile()
    assert [key for key in stage.all_keys() if "/models/" in key] == []


def test_a_machine_goes_when_it_is_empty_and_by_force_with_its_units(stage: Stage) -> None:
    stage.machine("0")
    stage.deploy("web", WEB, 2)
    stage.reconcile()
    for name in ("web/0", "web/1"):
        stage.claim(name)
    stage.do(lambda view: remove_machine(view, "0", force_at_s=stage.now_s + 1))
    assert stage.reconcile() == ["machine 0 goes by force"]
    stage.now_s += 1
    assert stage.reconcile() == ["web/0 gone", "web/1 gone", "machine 0 gone"]
    assert [key for key in stage.all_keys() if "/machines/" in key] == []


def test_a_model_with_three_hundred_units_and_a_hundred_relations_goes_within_the_limits_of_a_write() -> None:
    stage = Stage()
    stage.deploy("db", DB, 300)
    for number in range(100):
        app = f"web-{chr(97 + number // 26)}{chr(97 + number % 26)}"
        stage.deploy(app, WEB, 1)
        ends = EndpointName(app), EndpointName("db")
        stage.do(lambda view, ends=ends: integrate(view, MODEL, *ends, now=CREATED))
    for number in range(300):
        stage.remember(f"db/{number}")
    stage.do(lambda view: destroy_model(view, MODEL, force_at_s=stage.now_s + 5))
    stage.reconcile()
    assert len(stage.names(Kind.UNIT)) == 300
    stage.now_s += 5
    stage.reconcile()
    assert [key for key in stage.all_keys() if "/models/" in key] == []
