"""Bundles: what they may say, what they are refused for, and how overlays change them."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.domain.bundle import Exposure, Placement, read_bundle
from coordinator.domain.names import EndpointName
from coordinator.domain.overlay import merged
from coordinator.errors import Refused

PEAR: dict[str, Any] = {"charm": "/charms/pear"}
PLUM: dict[str, Any] = {"charm": "./plum.charm", "num_units": 2}


def bundle(**more: Any) -> dict[str, Any]:
    return {"applications": {"pear": dict(PEAR), "plum": dict(PLUM)}, **more}


def app(**more: Any) -> dict[str, Any]:
    """A bundle of pear with *more*, and two units of plum."""
    return {"applications": {"pear": {**PEAR, **more}, "plum": dict(PLUM)}}


def problems(tree: dict[str, Any]) -> list[str]:
    with pytest.raises(Refused) as refused:
        read_bundle(tree)
    head, *found = refused.value.what.splitlines()
    assert head == "the provided bundle has the following errors:"
    return found


def test_everything_that_a_bundle_may_say_of_an_application() -> None:
    tree = app(
        num_units=3, to=["0", "plum/1"], expose=True, options={"color": "red", "n": 1}, trust=True,
        constraints="mem=2G cores=2", storage={"data": "rootfs,2G"}, resources={"file": "./f.tgz"},
        bindings={"": "alpha", "db": "beta"}, base="ubuntu@24.04", plan="ignored",
    )  # fmt: skip
    found = read_bundle({**tree, "machines": {0: None}, "description": "text", "variables": {}})
    assert list(found.applications) == ["plum", "pear"]  # its units come after those that they are beside
    pear = found.applications["pear"]
    assert pear.placements == (Placement(machine="0"), *[Placement(app="plum", number=1)] * 2)
    assert (pear.exposed, pear.trust, pear.units) == ({"": Exposure()}, True, 3)
    assert (pear.options, pear.constraints) == ({"color": "red", "n": 1}, {"mem": "2G", "cores": "2"})
    assert (pear.storage, pear.resources) == ({"data": "rootfs,2G"}, {"file": "./f.tgz"})
    assert pear.bindings == {"": "alpha", "db": "beta"}
    assert found.remarks == ()


def test_what_changes_nothing_here_is_remarked() -> None:
    tree = app(annotations={"gui-x": "1"}, channel="edge", revision=7, to=["0"], num_units=1)
    found = read_bundle({**tree, "machines": {"0": {"constraints": "mem=1G", "annotations": {}}}})
    assert found.remarks == (
        'constraints of machine "0" are not asked: you say which machine it is',
        'annotations of application "pear" are not kept',
        'channel of application "pear" has no meaning for a local charm',
        'revision of application "pear" has no meaning for a local charm',
    )


@pytest.mark.parametrize(
    ("relations", "found"),
    [
        ([["pear:db", "plum:db"]], [("pear:db", "plum:db")]),
        ([["pear", "plum"]], [("pear", "plum")]),
        ([[["pear:logs"], ["plum:a", "plum:b"]]], [("pear:logs", "plum:a"), ("pear:logs", "plum:b")]),
        ([["pear:logs", ["plum:a"]]], [("pear:logs", "plum:a")]),
    ],
)
def test_relations_come_in_several_forms(relations: list, found: list) -> None:
    read = read_bundle(bundle(relations=relations)).relations
    assert read == tuple((EndpointName.parse(one), EndpointName.parse(other)) for one, other in found)


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        ({}, "at least one application must be specified"),
        ({"applications": []}, "applications of the bundle must be a mapping"),
        (bundle(bundle="kubernetes"), "it is for kubernetes"),
        (bundle(saas={"m": {"url": "x"}}), "it consumes offers (saas)"),
        (bundle(machine={}), 'the bundle has "machine", which no bundle has'),
        (bundle(machines={"3": {}}), 'machine "3" is not referred to by a placement directive'),
        (app(num_unit=1), 'application "pear" has "num_unit", which no bundle has'),
        (app(charm=None), 'application "pear" has no charm'),
        (app(charm="pear"), 'charm "pear" of application "pear" is from a store'),
        (app(revision=7), 'application "pear" with a revision requires a channel for future upgrades'),
        (app(num_units=1, scale=1), 'cannot specify both scale and num_units for application "pear"'),
        (app(num_units=-1), 'negative number of units specified on application "pear"'),
        (app(num_units="two"), 'num_units of application "pear" is "two"; it must be a whole number'),
        (app(to=["0"]), 'too many units specified in unit placement for application "pear"'),
        (app(num_units=1, to=["0"]), 'placement "0" refers to a machine not defined in this bundle'),
        (app(num_units=1, to=["fig"]), 'placement "fig" refers to an application not defined in this bundle'),
        (app(num_units=1, to=["plum/2"]), 'placement "plum/2" refers to a unit not defined in this bundle'),
        (app(num_units=1, to=["lxd:plum"]), 'placement "lxd:plum" of application "pear" is in a container'),
        (app(num_units=1, to=["a b"]), 'placement "a b" of application "pear" is not valid'),
        (app(num_units=1, to=["pear"]), "placements refer to each other: pear"),
        (app(constraints="mem"), 'constraints of application "pear" are "mem"'),
        (app(constraints="mem=much"), 'application "pear": constraint "mem" cannot be "much"'),
        (app(options=["a"]), 'options of application "pear" must be a mapping'),
        (app(expose="yes"), 'expose of application "pear" is "yes"; it must be true or false'),
        (app(resources={"file": 3}), 'resource "file" of application "pear" is "3", a revision in a store'),
        (app(devices={"gpu": "1"}), 'application "pear" has devices'),
        (app(offers={"fruit": {}}), 'application "pear" has offers'),
        (app(placement="k=v"), 'application "pear" has placement, which is for kubernetes'),
        (app(**{"exposed-endpoints": {"db": ["10.0.0.0/8"]}}), 'exposed endpoint "db" of application "pear" must'),
        ({"applications": {"Pear": PEAR}}, 'invalid application name "Pear"'),
        (bundle(relations=[["pear"]]), 'relation ["pear"] has 1 endpoint(s), not 2'),
        (bundle(relations=["pear"]), 'relation "pear" must be a list of two endpoints'),
        (bundle(relations=[["pear", "fig"]]), 'relation ["pear" "fig"] refers to application "fig" not defined'),
        (
            bundle(relations=[["pear:a", "pear:b"]]),
            'relation ["pear:a" "pear:b"] relates an application to itself',
        ),
        (
            bundle(relations=[["pear:a", "plum:b"], ["plum:b", "pear:a"]]),
            'relation ["plum:b" "pear:a"] is defined more than once',
        ),
    ],
)
def test_what_is_wrong_with_a_bundle_is_said(tree: dict, says: str) -> None:
    assert [each for each in problems(tree) if each.startswith(says)]


def test_all_problems_are_said_at_once() -> None:
    tree = {"applications": {"pear": {"charm": "pear", "scale": -1}}, "relations": [["pear", "fig"]]}
    assert len(problems(tree)) == 3


# --- overlays --------------------------------------------------------------------------------------------


def test_an_overlay_changes_key_by_key() -> None:
    base = app(options={"a": 1, "b": 2}, storage={"data": "2G"}, to=["0", "1"])
    overlay = {
        "applications": {
            "pear": {"options": {"b": None, "c": 3}, "storage": {}, "to": ["2"], "num_units": 5},
            "fig": {"charm": "./fig"},
        },
        "relations": [["pear", "fig"]],
        "machines": {"2": {}},
    }
    after = merged([{**base, "machines": {"0": {}, "1": {}}, "relations": [["pear", "plum"]]}, overlay])
    assert after["applications"]["pear"] == {
        **PEAR, "options": {"a": 1, "c": 3}, "storage": {}, "to": ["2"], "num_units": 5
    }  # fmt: skip
    assert list(after["applications"]) == ["pear", "plum", "fig"]
    assert (after["machines"], after["relations"]) == ({"2": {}}, [["pear", "plum"], ["pear", "fig"]])


def test_an_application_that_is_null_in_an_overlay_goes_with_its_relations() -> None:
    relations = [["pear:db", "plum:db"], [["plum:logs"], ["pear:logs"]], ["pear", "fig"]]
    after = merged([bundle(relations=relations), {"applications": {"plum": None}}])
    assert (list(after["applications"]), after["relations"]) == (["pear"], [["pear", "fig"]])


def test_the_old_name_of_applications_is_known() -> None:
    assert merged([{"services": {"pear": PEAR}}])["applications"] == {"pear": PEAR}


@pytest.mark.parametrize("key", ["offers", "exposed-endpoints"])
def test_some_things_can_be_said_in_overlays_only(key: str) -> None:
    with pytest.raises(Refused, match=f"pear.{key} can only appear in an overlay section"):
        merged([app(**{key: {"db": {}}})])
    exposed = {"db": {"expose-to-cidrs": ["10.0.0.0/8"], "expose-to-spaces": ["beta"]}, "web": {}}
    after = merged([app(expose=True), {"applications": {"pear": {"exposed-endpoints": exposed}}}])
    found = read_bundle(after).applications["pear"].exposed
    assert found == {"db": Exposure(("10.0.0.0/8",), ("beta",)), "web": Exposure()}
