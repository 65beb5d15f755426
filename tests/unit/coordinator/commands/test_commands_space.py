"""Spaces and bindings: what people do with them, who is kept from losing an address, and how they are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from build import CREATED, DB, MODEL, WEB, charm, unit
from stage import Stage

from coordinator.api.show import application
from coordinator.api.space import show, spaces_tree, subnets_tree
from coordinator.api.status import status_of
from coordinator.commands.application import deploy, expose, refresh
from coordinator.commands.model import add_model, set_settings
from coordinator.commands.space import (
    add_space,
    bind,
    holders,
    move_to_space,
    moved_by,
    remove_space,
    rename_space,
)
from coordinator.commands.unit import add_units
from coordinator.domain import refs
from coordinator.domain.network import Address, Interface
from coordinator.domain.refs import Kind
from coordinator.domain.space import ALPHA, Space
from coordinator.domain.view import View
from coordinator.errors import BadRequest, NotFound, Refused

INNER, OUTER = "10.1.0.0/24", "192.168.0.0/16"


def two_networks(number: int) -> dict[str, Any]:
    inner, outer = f"10.1.0.{number}", f"192.168.0.{number}"
    return {
        "addresses": (inner, outer),
        "interfaces": (
            Interface(name="eth0", mac="02:00", addresses=(Address(value=inner, cidr=INNER),)),
            Interface(name="eth1", addresses=(Address(value=outer, cidr="192.168.0.0/24"),)),
        ),
    }


@pytest.fixture
def stage() -> Stage:
    """db/0 on machine 0, which is in two networks; machine 1 is in the outer one only."""
    stage = Stage()
    stage.machine("0", **two_networks(1))
    stage.deploy("db", DB, 1)
    stage.reconcile()
    stage.machine("1", addresses=("192.168.0.2",))
    return stage


def add(stage: Stage, name: str, *cidrs: str) -> None:
    stage.do(lambda view: add_space(view, MODEL, name, cidrs))


def move(stage: Stage, name: str, *cidrs: str, **more: Any) -> Any:
    return stage.do(lambda view: move_to_space(view, MODEL, name, cidrs, **more))


def bound(stage: Stage, app: str = "db", **bindings: str) -> Any:
    given = {"" if endpoint == "usual" else endpoint: space for endpoint, space in bindings.items()}
    return stage.do(lambda view: bind(view, MODEL, app, given))


def cidrs(stage: Stage) -> dict[str, Sequence[str]]:
    return {space.name: space.cidrs for _, space in stage.view().list(Kind.SPACE, MODEL)}


def bindings(stage: Stage, app: str = "db") -> dict[str, str]:
    return dict(stage.find(refs.application(MODEL, app)).bindings)


def test_spaces_are_numbered_and_take_their_networks_from_alpha(stage: Stage) -> None:
    add(stage, "inner", INNER)
    add(stage, "later")
    assert stage.find(refs.space(MODEL, "inner")) == Space(name="inner", id="1", cidrs=(INNER,))
    assert stage.find(refs.space(MODEL, "later")).id == "2"
    tree = spaces_tree(stage.view(), MODEL)
    assert [(each["name"], each["id"], list(each["subnets"])) for each in tree["spaces"]] == [
        ("alpha", "0", ["192.168.0.0/24"]), ("inner", "1", [INNER]), ("later", "2", []),
    ]  # fmt: skip
    about = {"type": "ipv4", "provider-id": "", "status": "in-use", "zones": []}
    assert tree["spaces"][1]["subnets"] == {INNER: about}
    assert subnets_tree(stage.view(), MODEL, space="inner") == {"subnets": {INNER: {**about, "space": "inner"}}}


def test_a_space_says_who_is_bound_to_it_and_how_many_machines_it_reaches(stage: Stage) -> None:
    add(stage, "inner", INNER)
    bound(stage, clients="inner")
    shown = show(stage.view(), MODEL, "inner")
    assert (shown["space"]["name"], shown["applications"], shown["machine-count"]) == ("inner", ["db"], 1)
    assert show(stage.view(), MODEL, ALPHA)["machine-count"] == 2


def test_networks_move_between_spaces(stage: Stage) -> None:
    add(stage, "inner", INNER)
    add(stage, "other")
    assert holders(stage.view(), MODEL, [INNER, "10.9.0.0/16"]) == {INNER: "inner", "10.9.0.0/16": ALPHA}
    change = move(stage, "other", INNER, "10.9.0.0/16")
    assert change.did == f"move-to-space other {INNER} 10.9.0.0/16"
    assert cidrs(stage) == {"inner": (), "other": (INNER, "10.9.0.0/16")}
    move(stage, ALPHA, INNER)
    assert cidrs(stage) == {"inner": (), "other": ("10.9.0.0/16",)}
    assert move(stage, ALPHA, INNER) is None


def test_a_renamed_space_is_what_it_was_to_all_that_is_bound_to_it(stage: Stage) -> None:
    add(stage, "inner", INNER)
    bound(stage, clients="inner")
    stage.do(lambda view: rename_space(view, MODEL, "inner", "data"))
    assert (cidrs(stage), bindings(stage)) == ({"data": (INNER,)}, {"clients": "data"})


def test_a_removed_space_gives_its_networks_back(stage: Stage) -> None:
    add(stage, "inner", INNER)
    bound(stage, clients="inner")
    with pytest.raises(Refused, match="bound, exposed or constrained to it: db"):
        stage.do(lambda view: remove_space(view, MODEL, "inner"))
    stage.do(lambda view: remove_space(view, MODEL, "inner", force=True))
    assert (cidrs(stage), bindings(stage)) == ({}, {"clients": ALPHA})


def test_what_is_exposed_to_a_space_follows_it_until_it_goes(stage: Stage) -> None:
    add(stage, "inner", INNER)
    given = {"cidrs": ["203.0.113.0/24"], "spaces": ["inner"]}
    stage.do(lambda view: expose(view, MODEL, "db", endpoints=["clients"], **given))
    stage.do(lambda view: expose(view, MODEL, "db", spaces=["inner"]))
    stage.do(lambda view: rename_space(view, MODEL, "inner", "data"))
    shown = application(stage.view(), MODEL, "db")["exposed-endpoints"]
    assert shown == {
        "clients": {"expose-to-spaces": ["data"], "expose-to-cidrs": ["203.0.113.0/24"]},
        "": {"expose-to-spaces": ["data"]},
    }
    with pytest.raises(Refused, match="bound, exposed or constrained to it: db"):
        stage.do(lambda view: remove_space(view, MODEL, "data"))
    stage.do(lambda view: remove_space(view, MODEL, "data", force=True))
    assert stage.find(refs.application(MODEL, "db")).exposed == {"clients": ("203.0.113.0/24",)}


def test_binding_as_usual_takes_along_what_was_bound_as_usual(stage: Stage) -> None:
    add(stage, "inner", INNER)
    add(stage, "outer")
    move(stage, "outer", OUTER, force=True)
    change = bound(stage, usual="inner", clients="outer")
    assert change.did == "bind db inner clients=outer"
    assert bound(stage, usual="inner") is None
    bound(stage, usual="outer")
    assert bindings(stage) == {"": "outer", "clients": "outer"}
    change = None

    def plan(view: View) -> Any:
        nonlocal change
        change = bind(view, MODEL, "db", {"": "inner"})
        assert change is not None
        assert moved_by(view, MODEL, "db", change) == {"clients": ("outer", "inner")}
        return change

    stage.do(plan)
    assert bindings(stage) == {"": "inner"}


def test_a_new_charm_keeps_the_bindings_of_what_it_still_has_and_gets_new_ones(stage: Stage) -> None:
    add(stage, "inner", INNER)
    add(stage, "far", "10.99.0.0/16")
    bound(stage, usual="inner", clients="inner")
    newer = stage.charm(charm("db", provides={"readers": "sql"}))
    refreshed = {"charm": newer, "now": CREATED}
    with pytest.raises(Refused, match="has no address there"):
        stage.do(lambda view: refresh(view, MODEL, "db", bindings={"readers": "far"}, **refreshed))
    with pytest.raises(NotFound, match='space "none" not found'):
        stage.do(lambda view: refresh(view, MODEL, "db", bindings={"readers": "none"}, **refreshed))
    stage.do(lambda view: refresh(view, MODEL, "db", bindings={"readers": ALPHA}, **refreshed))
    assert bindings(stage) == {"": "inner", "readers": ALPHA}


@pytest.mark.parametrize(
    ("plan", "kind", "words"),
    [
        (lambda v: add_space(v, MODEL, "inner", []), Refused, 'space "inner" already exists'),
        (lambda v: add_space(v, MODEL, "alpha", []), Refused, 'space "alpha" already exists'),
        (lambda v: add_space(v, MODEL, "No", []), BadRequest, '"No" is not a valid space name'),
        (lambda v: add_space(v, MODEL, "new", ["x"]), BadRequest, '"x" is not a valid CIDR'),
        (lambda v: add_space(v, MODEL, "new", [INNER]), Refused, f'space "inner" has {INNER}'),
        (lambda v: add_space(v, MODEL, "new", ["10.99.1.0/24"]), Refused, 'space "far" has 10.99.0.0/16'),
        (lambda v: add_space(v, MODEL, "new", ["10.9.0.0/16", "10.9.1.0/24"]), Refused, "overlap"),
        (lambda v: add_space(v, MODEL, "new", [f"10.8.{n}.0/24" for n in range(101)]), Refused, "limit is 100"),
        (lambda v: move_to_space(v, MODEL, "none", [INNER]), NotFound, 'space "none" not found'),
        (lambda v: move_to_space(v, MODEL, "inner", []), BadRequest, "no subnets specified"),
        (lambda v: move_to_space(v, MODEL, ALPHA, [INNER]), Refused, 'bound to space "inner", in which machine 0'),
        (lambda v: rename_space(v, MODEL, "none", "x"), NotFound, 'space "none" not found'),
        (lambda v: rename_space(v, MODEL, ALPHA, "x"), Refused, "cannot rename space alpha"),
        (lambda v: rename_space(v, MODEL, "inner", ALPHA), Refused, 'space "alpha" already exists'),
        (lambda v: remove_space(v, MODEL, ALPHA), Refused, "cannot remove space alpha"),
        (lambda v: remove_space(v, MODEL, "none"), NotFound, 'space "none" not found'),
        (lambda v: bind(v, MODEL, "db", {"": "none"}), NotFound, 'space "none" not found'),
        (lambda v: bind(v, MODEL, "db", {"nope": "inner"}), NotFound, 'endpoint "nope" not found'),
        (lambda v: bind(v, MODEL, "db", {}), BadRequest, "no bindings specified"),
        (lambda v: bind(v, MODEL, "nope", {"": "inner"}), NotFound, 'application "nope" not found'),
        (
            lambda v: bind(v, MODEL, "db", {"": "far"}),
            Refused,
            "machine 0, which has a unit of it, has no address",
        ),
        (lambda v: expose(v, MODEL, "db", spaces=["none"]), NotFound, 'space "none" not found'),
        (lambda v: expose(v, MODEL, "db", cidrs=["x"]), BadRequest, '"x" is not a valid CIDR'),
        (lambda v: _deploy(v, {"": "none"}), NotFound, 'space "none" not found'),
        (lambda v: _deploy(v, {"nope": "inner"}), NotFound, 'endpoint "nope" not found'),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    stage: Stage, plan: Any, kind: type[Refused], words: str
) -> None:
    add(stage, "inner", INNER)
    add(stage, "far", "10.99.0.0/16")
    bound(stage, clients="inner")
    before = stage.store.revision
    with pytest.raises(kind) as refused:
        stage.do(plan)
    assert words in str(refused.value)
    assert refused.value.why or refused.value.fix
    assert stage.store.revision == before


def test_nobody_takes_the_last_address_of_who_is_bound_to_alpha(stage: Stage) -> None:
    add(stage, "inner", INNER)
    with pytest.raises(Refused, match='db is bound to space "alpha", in which machine 0 would have no address'):
        add(stage, "outer", OUTER)


def _deploy(view: View, given: dict[str, str], **more: Any) -> Any:
    sha256 = view.find(refs.application(MODEL, "db")).charm
    return deploy(view, MODEL, "other", charm=sha256, now=CREATED, bindings=given, **more)


def test_who_insists_may_leave_units_without_addresses_and_status_says_so(stage: Stage) -> None:
    add(stage, "inner", INNER)
    bound(stage, clients="inner")
    move(stage, ALPHA, INNER, force=True)
    told = status_of(stage.view(), MODEL, controller="c", now=CREATED)["applications"]["db"]["units"]["db/0"]
    assert told["juju-status"]["message"] == "machine has no address in space inner"


def during(plan: Callable[[View], Any], meanwhile: Callable[[], Any]) -> Callable[[View], Any]:
    """Return *plan*, between whose first look and write *meanwhile* happens."""
    looks = iter([meanwhile])

    def planned(view: View) -> Any:
        change = plan(view)
        next(looks, lambda: None)()
        return change

    return planned


def test_what_every_application_has_can_be_bound_too(stage: Stage) -> None:
    add(stage, "inner", INNER)

    def plan(view: View) -> Any:
        change = bind(view, MODEL, "db", {"juju-info": "inner"})
        assert change is not None
        assert moved_by(view, MODEL, "db", change) == {"juju-info": (ALPHA, "inner")}
        return change

    stage.do(plan)
    assert bound(stage, **{"juju-info": "inner"}) is None
    assert bindings(stage) == {"juju-info": "inner"}


def test_a_space_is_not_removed_from_under_who_is_bound_to_it_meanwhile(stage: Stage) -> None:
    add(stage, "inner", INNER)
    for meanwhile in (
        lambda: bound(stage, clients="inner"),
        lambda: stage.do(lambda view: _deploy(view, {"": "inner"}, units=0)),
    ):
        with pytest.raises(Refused, match="bound, exposed or constrained to it"):
            stage.do(during(lambda view: remove_space(view, MODEL, "inner"), meanwhile))
        stage.do(lambda view: remove_space(view, MODEL, "inner", force=True))
        add(stage, "inner", INNER)


def test_two_who_take_the_same_network_do_not_both_get_it(stage: Stage) -> None:
    add(stage, "other")
    with pytest.raises(Refused, match='space "one" has'):
        stage.do(during(lambda view: add_space(view, MODEL, "two", [INNER]), lambda: add(stage, "one", INNER)))
    with pytest.raises(Refused, match='space "three" has'):
        stage.do(
            during(
                lambda view: move_to_space(view, MODEL, "other", ["10.9.0.0/16"]),
                lambda: add(stage, "three", "10.9.1.0/24"),
            )
        )


def test_units_go_to_machines_with_an_address_where_they_are_bound(stage: Stage) -> None:
    add(stage, "inner", INNER)
    stage.deploy("web", WEB, 3, bindings={"db": "inner"})
    stage.reconcile()
    placed = {each.machine for _, each in stage.view().list(Kind.UNIT, MODEL, "web")}
    assert placed == {"0"}


def test_who_finds_no_such_machine_waits_and_says_for_what(stage: Stage) -> None:
    add(stage, "far", "10.99.0.0/16")
    stage.deploy("web", WEB, 1, bindings={"db": "far"})
    stage.do(lambda view: add_units(view, MODEL, "db", count=1, now=CREATED))
    stage.reconcile()
    found = status_of(stage.view(), MODEL, controller="c", now=CREATED)["applications"]
    waiting = found["web"]["units"]["web/0"]["workload-status"]
    assert waiting["message"] == "waiting for machine with an address in space far"
    assert "machine" in found["db"]["units"]["db/1"], "nobody waits behind it"
    assert stage.find(refs.unit(MODEL, unit("web/0"))).machine is None
    stage.machine("2", addresses=("10.99.0.1",))
    stage.reconcile()
    assert stage.find(refs.unit(MODEL, unit("web/0"))).machine == "2"


def test_status_shows_bindings_and_the_spaces_of_interfaces(stage: Stage) -> None:
    add(stage, "inner", INNER)
    bound(stage, usual="inner")
    tree = status_of(stage.view(), MODEL, controller="c", now=CREATED)
    assert tree["applications"]["db"]["endpoint-bindings"] == {"": "inner", "clients": "inner"}
    interfaces = tree["machines"]["0"]["network-interfaces"]
    assert {name: each["space"] for name, each in interfaces.items()} == {"eth0": "inner", "eth1": "alpha"}


# --- default-space ---------------------------------------------------------------------------------------------


def set_default(stage: Stage, name: str) -> None:
    stage.do(lambda view: set_settings(view, MODEL, {"default-space": name}))


def test_what_is_deployed_is_bound_to_the_default_space_where_nobody_says_otherwise(stage: Stage) -> None:
    add(stage, "inner", INNER)
    add(stage, "outer")
    set_default(stage, "inner")
    stage.deploy("web", WEB, 1)
    stage.deploy("shop", WEB, 1, bindings={"db": "outer"})
    stage.deploy("cache", WEB, 1, bindings={"": "outer"})
    found = {app: stage.find(refs.application(MODEL, app)).bindings for app in ("web", "shop", "cache", "db")}
    assert found == {
        "web": {"": "inner"}, "shop": {"": "inner", "db": "outer"}, "cache": {"": "outer"}, "db": {}
    }  # fmt: skip
    set_default(stage, "")
    stage.deploy("late", WEB, 1)
    assert stage.find(refs.application(MODEL, "late")).bindings == {}


def test_the_default_space_is_there_and_stays(stage: Stage) -> None:
    with pytest.raises(NotFound, match='space "moon" not found'):
        set_default(stage, "moon")
    with pytest.raises(NotFound, match='space "moon" not found'):
        stage.do(lambda view: add_model(
            view, "new", uuid="u", owner="alice", now=CREATED, settings={"default-space": "moon"}
        ))  # fmt: skip
    add(stage, "inner")
    set_default(stage, "inner")
    with pytest.raises(Refused, match="its default-space name it"):
        stage.do(lambda view: remove_space(view, MODEL, "inner"))
    stage.do(lambda view: rename_space(view, MODEL, "inner", "core"))
    assert stage.find(refs.model(MODEL)).settings == {"default-space": "core"}
    stage.do(lambda view: remove_space(view, MODEL, "core", force=True))
    assert stage.find(refs.model(MODEL)).settings == {}
