"""Which machines get units: those that have what the application and its model demand."""

from __future__ import annotations

from typing import Any

import pytest
from build import CREATED, DB, MODEL, WEB, subordinate, unit
from hypothesis import given
from hypothesis import strategies as st
from stage import Stage

from coordinator.api.status import status_of
from coordinator.commands.application import set_constraints
from coordinator.commands.model import set_constraints as set_model_constraints
from coordinator.commands.space import add_space, remove_space, rename_space
from coordinator.commands.unit import add_units
from coordinator.domain import refs
from coordinator.domain.placement import Needs
from coordinator.domain.refs import Kind
from coordinator.domain.space import Spaces
from coordinator.errors import Contended, NotFound, Refused
from coordinator.store.repository import Author


@pytest.fixture
def stage() -> Stage:
    """Machine 0 is small; machine 1 is large, and in another network."""
    stage = Stage()
    stage.machine("0", cores=1, memory_mb=1024, arch="amd64")
    stage.machine("1", cores=8, memory_mb=65536, arch="amd64", tags=("ssd",), addresses=("10.1.0.1",))
    return stage


def machine_of(stage: Stage, name: str) -> str | None:
    return stage.find(refs.unit(MODEL, unit(name))).machine


def demand(stage: Stage, app: str = "", **wanted: str) -> None:
    if app:
        stage.do(lambda view: set_constraints(view, MODEL, app, wanted))
    else:
        stage.do(lambda view: set_model_constraints(view, MODEL, wanted))


def message(stage: Stage, name: str) -> str:
    tree = status_of(stage.view(), MODEL, controller="c", now=CREATED)
    return tree["applications"][name.partition("/")[0]]["units"][name]["workload-status"]["message"]


def test_a_unit_goes_where_there_is_enough_and_moves_no_more(stage: Stage) -> None:
    stage.deploy("web", WEB, 2, constraints={"mem": "2G"})
    stage.reconcile()
    assert [machine_of(stage, name) for name in ("web/0", "web/1")] == ["1", "1"]
    demand(stage, "web", mem="512M")
    assert stage.reconcile() == []
    stage.do(lambda view: add_units(view, MODEL, "web", count=1, now=CREATED))
    stage.reconcile()
    assert machine_of(stage, "web/2") == "0"


def test_a_unit_for_which_no_machine_is_enough_waits_and_says_for_what(stage: Stage) -> None:
    stage.deploy("web", WEB, 1, constraints={"mem": "128G", "cores": "4"})
    stage.deploy("db", DB, 1)
    assert stage.reconcile() == ["place db/0"]
    assert message(stage, "web/0") == "waiting for machine with mem=131072M: add one, or set-constraints web"
    stage.machine("2", cores=4, memory_mb=2**18, served=False)
    assert message(stage, "web/0") == "waiting for machine"
    stage.machine("2", cores=4, memory_mb=2**18)
    assert stage.reconcile() == ["place web/0"]


def test_what_an_application_demands_comes_before_its_model(stage: Stage) -> None:
    demand(stage, arch="arm64", tags="ssd")
    stage.deploy("web", WEB, 1)
    assert stage.reconcile() == []
    assert message(stage, "web/0") == "waiting for machine with arch=arm64: add one, or set-model-constraints"
    demand(stage, "web", arch="")
    assert stage.reconcile() == ["place web/0"]
    assert machine_of(stage, "web/0") == "1"


def test_who_names_a_machine_is_not_asked(stage: Stage) -> None:
    stage.deploy("web", WEB, 1, to=["0"], constraints={"mem": "1T"})
    stage.machine("5", dedicated=f"{MODEL}/web")
    assert stage.reconcile() == ["enlist machine 5 as web/1"]
    assert [machine_of(stage, name) for name in ("web/0", "web/1")] == ["0", "5"]


def test_a_machine_may_have_to_be_in_a_space_or_out_of_it(stage: Stage) -> None:
    stage.do(lambda view: add_space(view, MODEL, "db", ["10.1.0.0/24"]))
    stage.deploy("web", WEB, 2, constraints={"spaces": "^db"})
    stage.deploy("db", DB, 2, constraints={"spaces": "db"})
    stage.reconcile()
    assert [machine_of(stage, name) for name in ("web/0", "web/1", "db/0", "db/1")] == ["0", "0", "1", "1"]
    stage.do(lambda view: rename_space(view, MODEL, "db", "inner"))
    found = [stage.find(refs.application(MODEL, app)).constraints for app in ("web", "db")]
    assert found == [{"spaces": "^inner"}, {"spaces": "inner"}]
    with pytest.raises(Refused, match="constrained to it: db, web"):
        stage.do(lambda view: remove_space(view, MODEL, "inner"))
    stage.do(lambda view: remove_space(view, MODEL, "inner", force=True))
    assert stage.find(refs.application(MODEL, "web")).constraints == {}


def test_a_space_of_the_models_constraints_is_kept(stage: Stage) -> None:
    stage.do(lambda view: add_space(view, MODEL, "db", []))
    demand(stage, spaces="db")
    with pytest.raises(Refused, match="the model's constraints or its default-space name it"):
        stage.do(lambda view: remove_space(view, MODEL, "db"))
    stage.do(lambda view: rename_space(view, MODEL, "db", "inner"))
    assert stage.find(refs.model(MODEL)).constraints == {"spaces": "inner"}
    stage.do(lambda view: remove_space(view, MODEL, "inner", force=True))
    assert stage.find(refs.model(MODEL)).constraints == {}


@pytest.mark.parametrize("app", ["web", ""])
def test_a_space_that_is_not_there_cannot_be_demanded(stage: Stage, app: str) -> None:
    stage.deploy("web", WEB, 0)
    with pytest.raises(NotFound, match='space "moon" not found'):
        demand(stage, app, spaces="^moon")


def test_a_subordinate_has_no_constraints(stage: Stage) -> None:
    stage.deploy("logs", subordinate("logs", requires={"host": "juju-info"}))
    with pytest.raises(Refused, match='cannot set constraints on "logs"'):
        demand(stage, "logs", mem="1G")


@pytest.mark.parametrize("moved", ["application", "model", "space"])
def test_whoever_changes_what_is_demanded_is_noticed(stage: Stage, moved: str) -> None:
    stage.do(lambda view: add_space(view, MODEL, "db", ["10.1.0.0/24"]))
    stage.deploy("web", WEB, 1, constraints={"spaces": "db"})
    planned = stage.plan()
    assert planned is not None
    change, looked = planned
    if moved == "application":
        demand(stage, "web", mem="1T")
    elif moved == "model":
        demand(stage, mem="1T")
    else:
        stage.do(lambda view: add_space(view, MODEL, "more", []))
    with pytest.raises(Contended):
        stage.repository.commit(looked, change, Author(name="controller"))


DEMANDS: Any = st.fixed_dictionaries(
    {},
    optional={
        "mem": st.sampled_from(["", "1G", "2G", "4G"]),
        "cores": st.sampled_from(["", "1", "2"]),
        "arch": st.sampled_from(["", "amd64", "arm64"]),
        "tags": st.sampled_from(["", "a", "^a", "a,b"]),
        "spaces": st.sampled_from(["", "x", "^x", "alpha", "alpha,^x"]),
    },
)
MACHINES: Any = st.lists(
    st.fixed_dictionaries(
        {
            "memory_mb": st.sampled_from([1024, 2048, 4096]),
            "cores": st.integers(1, 2),
            "arch": st.sampled_from(["amd64", "arm64"]),
            "tags": st.sampled_from([(), ("a",), ("a", "b")]),
            "addresses": st.sampled_from([("10.0.0.1",), ("10.1.0.1",), ("10.0.0.1", "10.1.0.1")]),
        }
    ),
    max_size=3,
)


@given(machines=MACHINES, home=DEMANDS, demands=st.lists(DEMANDS, min_size=1, max_size=3))
def test_each_unit_is_on_a_machine_that_fits_or_there_is_none(machines, home, demands) -> None:
    stage = Stage()
    stage.do(lambda view: add_space(view, MODEL, "x", ["10.1.0.0/24"]))
    for number, machine in enumerate(machines):
        stage.machine(str(number), **machine)
    demand(stage, **home)
    for number, wanted in enumerate(demands):
        stage.deploy(f"app{number}", WEB, 2, constraints=wanted)
    stage.reconcile()
    view = stage.view()
    spaces, model = Spaces.of(view, MODEL), view.peek(refs.model(MODEL))
    there = {machine.id: machine for _, machine in view.list(Kind.MACHINE)}
    for _, each in view.list(Kind.UNIT, MODEL):
        needs = Needs.of(model, view.peek(refs.application(MODEL, each.name.app)))
        fitting = {name for name, machine in there.items() if needs.are_met(machine, spaces)}
        assert each.machine in fitting if fitting else each.machine is None
