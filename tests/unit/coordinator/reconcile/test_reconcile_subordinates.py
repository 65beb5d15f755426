"""Units that live beside others: when they are made, when they end, and that nothing is left of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from build import CREATED, DB, MODEL, WEB, subordinate, unit
from hypothesis import given
from hypothesis import strategies as st
from stage import ALICE, Stage

from coordinator.api.status import status_of
from coordinator.commands.application import remove_application
from coordinator.commands.relation import integrate, remove_relation
from coordinator.commands.unit import add_units, remove_units
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.life import Life
from coordinator.domain.names import EndpointName, UnitName
from coordinator.domain.refs import Kind
from coordinator.domain.relation import Member
from coordinator.domain.unit import Unit
from coordinator.errors import Refused

NRPE = subordinate("nrpe", requires={"host": "juju-info"})
SPY = subordinate("spy", requires={"host": "juju-info"})


class Cluster(Stage):
    """Agents that enter and leave relations, and end when they shall; those of `silent` units do nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.silent: set[str] = set()
        self.machine("0")
        self.machine("1")

    def units(self) -> list[Unit]:
        return [each for _, each in self.view().list(Kind.UNIT, MODEL)]

    def beside(self) -> dict[str, str]:
        """Return the principals of all subordinate units."""
        return {str(each.name): str(each.principal) for each in self.units() if each.principal is not None}

    def relate(self, left: str, right: str) -> None:
        ends = EndpointName.parse(left), EndpointName.parse(right)
        self.do(lambda view: integrate(view, MODEL, *ends, now=CREATED))

    def unrelate(self, left: str, right: str, **more: Any) -> None:
        ends = EndpointName.parse(left), EndpointName.parse(right)
        self.do(lambda view: remove_relation(view, MODEL, ends=ends, **more))

    def remove(self, *names: str, **more: Any) -> None:
        self.do(lambda view: remove_units(view, MODEL, [unit(name) for name in names], **more))

    def rest(self) -> None:
        """Let controller and agents go on until nothing is left to do."""
        for _ in range(30):
            moved = bool(self.reconcile())
            for each in self.units():
                if each.machine is not None and str(each.name) not in self.silent:
                    moved = self._turn(each) or moved
            if not moved:
                return
        raise AssertionError("it does not come to rest")

    def _turn(self, each: Unit) -> bool:
        if each.life is Life.DEAD:
            return False
        moved = False
        if self.find(refs.memory(MODEL, each.name)) is None:
            self.claim(str(each.name))
            self.remember(str(each.name))
            moved = True
        for _, relation in self.view().list(Kind.RELATION, MODEL):
            if relation.side_of(each.name.app) is None:
                continue
            ref = refs.member(MODEL, relation.id, each.name)
            inside = self.find(ref) is not None
            stays = each.life is Life.ALIVE and relation.life is Life.ALIVE
            if stays and not inside:
                self.put(ref, Member(unit=each.name))
                moved = True
            elif inside and not stays:
                change = Change(did="leave", deletes=frozenset({ref}))
                self.repository.write(change, ALICE, since=0)
                moved = True
        if each.life is Life.DYING:
            ref = refs.unit(MODEL, each.name)
            self.put(ref, replace(self.find(ref), life=Life.DEAD))
            moved = True
        return moved


@pytest.fixture
def cluster() -> Cluster:
    cluster = Cluster()
    cluster.deploy("db", DB, 2)
    cluster.deploy("nrpe", NRPE)
    cluster.relate("nrpe", "db")
    cluster.rest()
    return cluster


def test_each_unit_that_enters_gets_one_beside_it_on_its_machine(cluster: Cluster) -> None:
    assert cluster.beside() == {"nrpe/0": "db/0", "nrpe/1": "db/1"}
    for name, principal in cluster.beside().items():
        assert cluster.find(refs.unit(MODEL, unit(name))).machine == (
            cluster.find(refs.unit(MODEL, unit(principal))).machine
        )


def test_a_unit_that_has_not_entered_yet_has_nobody_beside_it() -> None:
    cluster = Cluster()
    cluster.deploy("db", DB, 1)
    cluster.deploy("nrpe", NRPE)
    cluster.silent = {"db/0"}
    cluster.relate("nrpe", "db")
    cluster.rest()
    assert cluster.beside() == {}


def test_they_scale_with_their_principals_and_numbers_are_never_used_again(cluster: Cluster) -> None:
    cluster.do(lambda view: add_units(view, MODEL, "db", count=1, now=CREATED))
    cluster.rest()
    assert cluster.beside()["nrpe/2"] == "db/2"
    cluster.remove("db/0")
    cluster.rest()
    assert cluster.beside() == {"nrpe/1": "db/1", "nrpe/2": "db/2"}
    assert UnitName("db", 0) not in {each.name for each in cluster.units()}
    cluster.do(lambda view: add_units(view, MODEL, "db", count=1, now=CREATED))
    cluster.rest()
    assert cluster.beside()["nrpe/3"] == "db/3"


def test_a_principal_is_not_gone_before_those_beside_it(cluster: Cluster) -> None:
    cluster.silent = {"nrpe/0"}
    cluster.remove("db/0")
    cluster.rest()
    assert cluster.find(refs.unit(MODEL, unit("db/0"))).life is Life.DEAD
    assert cluster.find(refs.unit(MODEL, unit("nrpe/0"))).life is Life.DYING
    cluster.silent = set()
    cluster.rest()
    assert cluster.find(refs.unit(MODEL, unit("db/0"))) is None


def test_a_principal_that_goes_by_force_takes_a_silent_one_along(cluster: Cluster) -> None:
    cluster.silent = {"db/0", "nrpe/0"}
    cluster.remove("db/0", force_at_s=cluster.now_s)
    cluster.rest()
    assert cluster.beside() == {"nrpe/1": "db/1"}
    assert cluster.find(refs.unit(MODEL, unit("db/0"))) is None


def test_they_end_with_the_relation_and_come_anew_with_the_next_one(cluster: Cluster) -> None:
    cluster.unrelate("nrpe", "db")
    cluster.rest()
    assert cluster.beside() == {}
    cluster.relate("nrpe", "db")
    cluster.rest()
    assert cluster.beside() == {"nrpe/2": "db/0", "nrpe/3": "db/1"}


def test_a_new_one_waits_until_its_predecessor_is_gone(cluster: Cluster) -> None:
    cluster.silent = {"nrpe/0"}
    cluster.unrelate("nrpe", "db", force_at_s=cluster.now_s)
    cluster.rest()
    cluster.relate("nrpe", "db")
    cluster.rest()
    assert cluster.beside() == {"nrpe/0": "db/0", "nrpe/2": "db/1"}
    cluster.silent = set()
    cluster.rest()
    assert cluster.beside() == {"nrpe/3": "db/0", "nrpe/2": "db/1"}


def test_one_application_is_beside_several(cluster: Cluster) -> None:
    cluster.deploy("web", WEB, 1)
    cluster.relate("nrpe", "web")
    cluster.rest()
    assert sorted(cluster.beside().values()) == ["db/0", "db/1", "web/0"]
    cluster.unrelate("nrpe", "db")
    cluster.rest()
    assert sorted(cluster.beside().values()) == ["web/0"]


def test_they_are_not_removed_by_themselves(cluster: Cluster) -> None:
    with pytest.raises(Refused, match="it is a subordinate"):
        cluster.remove("nrpe/0")
    with pytest.raises(Refused, match='cannot add units to "nrpe"'):
        cluster.do(lambda view: add_units(view, MODEL, "nrpe", count=1, now=CREATED))


def test_status_shows_them_below_their_principals(cluster: Cluster) -> None:
    tree = status_of(cluster.view(), MODEL, controller="c", now=CREATED)
    apps = tree["applications"]
    assert apps["nrpe"]["subordinate-to"] == ["db"]
    assert "units" not in apps["nrpe"]
    units = apps["db"]["units"]
    assert {name: list(each["subordinates"]) for name, each in units.items()} == {
        "db/0": ["nrpe/0"],
        "db/1": ["nrpe/1"],
    }
    assert "machine" not in units["db/0"]["subordinates"]["nrpe/0"]


@pytest.mark.parametrize(
    ("selector", "units"), [("nrpe/1", ["db/1"]), ("db/0", ["db/0"]), ("db", ["db/0", "db/1"])]
)
def test_a_selected_one_is_shown_with_its_principal(cluster: Cluster, selector: str, units: list[str]) -> None:
    apps = status_of(cluster.view(), MODEL, controller="c", now=CREATED, selectors=[selector])["applications"]
    assert sorted(apps) == ["db", "nrpe"]
    assert list(apps["db"]["units"]) == units


# --- whatever people do --------------------------------------------------------------------------------------

APPS = {"db": DB, "web": WEB, "nrpe": NRPE, "spy": SPY}
NUMBER = st.integers(0, 4)
PRINCIPAL, BESIDE = st.sampled_from(["db", "web"]), st.sampled_from(["nrpe", "spy"])
STEP = st.one_of(
    st.tuples(st.just("deploy"), st.sampled_from(sorted(APPS))),
    st.tuples(st.just("relate"), BESIDE, PRINCIPAL),
    st.tuples(st.just("unrelate"), BESIDE, PRINCIPAL, st.booleans()),
    st.tuples(st.just("add"), PRINCIPAL),
    st.tuples(st.just("remove"), PRINCIPAL, NUMBER, st.booleans()),
    st.tuples(st.just("remove application"), st.sampled_from(sorted(APPS)), st.booleans()),
    st.tuples(st.just("fall silent"), st.sampled_from(sorted(APPS)), NUMBER),
    st.tuples(st.just("rest")),
)


def carry_out(cluster: Cluster, step: tuple) -> None:
    what, *about = step
    force_at_s = cluster.now_s if about and about[-1] is True else None
    match what:
        case "deploy":
            cluster.deploy(about[0], APPS[about[0]])
        case "relate":
            cluster.relate(*about)
        case "unrelate":
            cluster.unrelate(*about[:2], force_at_s=force_at_s)
        case "add":
            cluster.do(lambda view: add_units(view, MODEL, about[0], count=1, now=CREATED))
        case "remove":
            cluster.remove(f"{about[0]}/{about[1]}", force_at_s=force_at_s)
        case "remove application":
            cluster.do(lambda view: remove_application(view, MODEL, about[0], force_at_s=force_at_s))
        case "fall silent":
            cluster.silent.add(f"{about[0]}/{about[1]}")
        case "rest":
            cluster.rest()


@given(st.lists(STEP, max_size=14))
def test_whatever_people_do_removing_everything_leaves_nothing(steps: list[tuple]) -> None:
    cluster = Cluster()
    for step in [("deploy", "db"), ("deploy", "nrpe"), ("relate", "nrpe", "db"), ("rest",), *steps]:
        try:
            carry_out(cluster, step)
        except Refused:
            continue
        beside = [(each.principal, each.name.app) for each in cluster.units() if each.principal is not None]
        assert len(beside) == len(set(beside)), f"two beside one after {step}"
    for _, app in cluster.view().list(Kind.APPLICATION, MODEL):
        force_at_s = cluster.now_s if cluster.silent else None
        cluster.do(lambda view, app=app, at=force_at_s: remove_application(view, MODEL, app.name, force_at_s=at))
    cluster.rest()
    for kind in (Kind.UNIT, Kind.APPLICATION, Kind.RELATION, Kind.MEMBER, Kind.MEMORY):
        assert cluster.names(kind) == []
