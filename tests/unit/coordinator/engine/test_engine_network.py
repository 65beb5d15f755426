"""Bindings in the life of a unit: what network-get answers, what others find in relations, who is told when."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from build import DB, MODEL, WEB, Story, command, memory, unit, world

from coordinator.domain import refs
from coordinator.domain.network import Address, Interface
from coordinator.domain.space import Space
from coordinator.engine.network import told_of_network
from coordinator.engine.tools import HookContext

ETH0 = Interface(
    name="eth0",
    mac="02:00",
    addresses=(Address(value="10.1.0.5", cidr="10.1.0.0/24"), Address(value="10.2.0.5", cidr="10.2.0.0/24")),
)
ETH1 = Interface(name="eth1", addresses=(Address(value="10.3.0.5", cidr="10.3.0.0/24"),))
ALL = ("10.1.0.5", "10.2.0.5", "10.3.0.5")
SPACES = {
    "two": Space(name="two", id="1", cidrs=("10.2.0.0/24",)),
    "both": Space(name="both", id="2", cidrs=("10.3.0.0/24", "127.0.0.0/8")),
    "far": Space(name="far", id="3", cidrs=("10.9.0.0/16",)),
}


def context(**more: Any) -> HookContext:
    seen = world(**{"addresses": ALL, "interfaces": (ETH0, ETH1), "machine": "0", "spaces": SPACES, **more})
    return HookContext(world=seen, memory=memory())


def answer(context: HookContext, line: str) -> Any:
    said = command(context, f"{line} --format=json")
    assert said.exit_code == 0, said.stderr
    return json.loads(said.stdout)


def test_network_get_tells_of_the_bound_space_only() -> None:
    told = answer(context(bindings={"": "both", "db": "two"}), "network-get db")
    assert told == {
        "bind-addresses": [
            {
                "mac-address": "02:00",
                "interface-name": "eth0",
                "addresses": [{"hostname": "", "value": "10.2.0.5", "cidr": "10.2.0.0/24"}],
            }
        ],
        "egress-subnets": ["10.2.0.5/32"],
        "ingress-addresses": ["10.2.0.5"],
    }


@pytest.mark.parametrize(
    ("more", "line", "expected"),
    [
        ({}, "network-get db --bind-address", "10.1.0.5"),
        ({"bindings": {"": "two"}}, "network-get db --bind-address", "10.2.0.5"),
        ({"bindings": {"": "two"}}, "network-get juju-info --ingress-address", "10.2.0.5"),
        ({"bindings": {"": "two", "db": "alpha"}}, "network-get db --egress-subnets", ["10.1.0.5/32"]),
        ({"bindings": {"db": "both"}}, "network-get db --primary-address", "10.3.0.5"),
        ({"bindings": {"db": "both"}, "addresses": ("127.0.0.1",)}, "network-get db --bind-address", "127.0.0.1"),
        ({"bindings": {"db": "two"}, "spaces": {}}, "network-get db --bind-address", "10.1.0.5"),
        ({"bindings": {"db": "both"}}, "unit-get private-address", "10.1.0.5"),
    ],
)
def test_each_endpoint_has_the_addresses_of_its_space(more: dict, line: str, expected: Any) -> None:
    assert answer(context(**more), line) == expected


def test_a_space_without_an_address_says_whose_and_what_to_do() -> None:
    said = command(context(bindings={"db": "far"}), "network-get db")
    assert said.exit_code == 1
    assert said.stderr.decode().splitlines()[0] == (
        'ERROR no addresses attached to space for binding "db": it is bound to space "far", '
        "and machine 0 has no address there"
    )


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"spaces": {}}, ALL),
        ({"spaces": {"far": SPACES["far"]}}, ALL),
        ({"spaces": {}, "bindings": {"": "alpha"}}, (*ALL, "@alpha")),
        ({}, (*ALL, "alpha=10.1.0.5")),
        ({"bindings": {"db": "far"}}, (*ALL, "db@far", "alpha=10.1.0.5", "far=")),
    ],
)
def test_what_config_changed_tells_of_networks(more: dict, told: tuple[str, ...]) -> None:
    assert told_of_network(context(**more).world) == told


# --- stories -------------------------------------------------------------------------------------------------


@pytest.fixture
def story() -> Story:
    """db/0 and web/0, related and at rest; db/0 is in two networks."""
    story = Story()
    story.deploy("db", DB)
    story.deploy("web", WEB)
    machine = refs.machine("m-db-0")
    story.put(machine, replace(story.get(machine), addresses=("10.1.0.5", "10.2.0.5")))
    story.relate("web:db", "db:clients")
    story.run_all()
    story.events.clear()
    return story


def bind(story: Story, **bindings: str) -> None:
    ref = refs.application(MODEL, "db")
    story.put(ref, replace(story.get(ref), bindings=bindings))


def add_space(story: Story, *cidrs: str) -> None:
    story.put(refs.space(MODEL, "two"), Space(name="two", id="1", cidrs=cidrs))


def bag(story: Story) -> dict[str, str]:
    return dict(story.get(refs.bag(MODEL, 1, unit("db/0"))))


def test_who_is_bound_elsewhere_is_told_and_tells_others(story: Story) -> None:
    assert bag(story)["ingress-address"] == "10.1.0.5"
    add_space(story, "10.2.0.0/16")
    bind(story, clients="two")
    story.run_all()
    assert story.events == [("db/0", "config-changed"), ("web/0", "db-relation-changed db/0")]
    assert bag(story) == {
        "egress-subnets": "10.2.0.5/32", "ingress-address": "10.2.0.5", "private-address": "10.2.0.5",
    }  # fmt: skip
    assert story.changes[-2].why == story.look("db/0")[1].application_revision, "the binding is why"


def test_a_space_that_changes_nothing_for_a_unit_runs_nothing(story: Story) -> None:
    add_space(story, "10.9.0.0/16")
    story.run_all()
    assert story.events == []


def test_addresses_that_are_lost_are_taken_back_from_others(story: Story) -> None:
    add_space(story, "10.2.0.0/16")
    bind(story, clients="two")
    story.run_all()
    add_space(story, "10.9.0.0/16")
    story.run_all()
    assert bag(story) == {}
    bind(story)
    story.run_all()
    assert bag(story)["private-address"] == "10.1.0.5"
