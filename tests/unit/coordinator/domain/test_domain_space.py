"""From a binding to addresses, and what may be a space."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from build import CREATED, WEB
from hypothesis import given
from hypothesis import strategies as st

from coordinator.domain.model import Machine
from coordinator.domain.space import (
    ALPHA,
    Space,
    addresses_in,
    bound_to,
    check_bindings,
    check_space_name,
    lacking,
    overlap,
    parse_cidr,
    space_of,
)
from coordinator.errors import BadRequest, NotFound

SPACES = {
    "db": Space(name="db", id="1", cidrs=("10.1.0.0/24", "fd00:1::/64")),
    "empty": Space(name="empty", id="2"),
    "wide": Space(name="wide", id="3", cidrs=("172.16.0.0/12",)),
}


@pytest.mark.parametrize(
    ("address", "space"),
    [
        ("10.1.0.7", "db"),
        ("10.1.1.7", ALPHA),
        ("fd00:1::7", "db"),
        ("fd00:2::7", ALPHA),
        ("172.31.255.255", "wide"),
        ("db.example.com", ALPHA),
    ],
)
def test_an_address_is_in_one_space(address: str, space: str) -> None:
    assert space_of(SPACES, address) == space


@given(st.lists(st.ip_addresses().map(str), max_size=8))
def test_the_spaces_share_out_all_addresses_in_their_order(addresses: list[str]) -> None:
    shares = {name: addresses_in(SPACES, addresses, name) for name in (*SPACES, ALPHA)}
    assert sorted(each for share in shares.values() for each in share) == sorted(addresses)
    for share in shares.values():
        assert share == [each for each in addresses if each in share]
    assert addresses_in({}, addresses, ALPHA) == addresses


@given(st.ip_addresses(network="10.0.0.0/14"), st.integers(14, 30), st.ip_addresses(network="10.0.0.0/14"))
def test_networks_overlap_when_an_address_is_in_both(address, length, other) -> None:
    network = ip_network((address, length), strict=False)
    assert overlap(str(network), f"{other}/32") is (other in network)


@pytest.mark.parametrize(
    ("bindings", "endpoint", "space"),
    [
        ({}, "db", ALPHA),
        ({"": "db"}, "db", "db"),
        ({"": "db", "log": "wide"}, "log", "wide"),
        ({"log": "wide"}, "db", ALPHA),
        ({"": "db"}, "", "db"),
    ],
)
def test_what_is_not_bound_by_name_is_bound_as_usual(bindings: dict, endpoint: str, space: str) -> None:
    assert bound_to(bindings, endpoint) == space


def test_a_machine_lacks_the_spaces_in_which_it_has_no_address() -> None:
    machine = Machine(
        id="0", hostname="h", addresses=("10.1.0.7", "127.0.0.1"), cores=1, memory_mb=1, created=CREATED
    )
    assert lacking(SPACES, {"": "db", "log": "wide", "x": "empty", "y": ALPHA}, machine) == ["empty", "wide"]
    assert lacking({}, {"": "gone"}, machine) == []


@pytest.mark.parametrize(
    ("text", "cidr"), [("10.0.0.0/8", "10.0.0.0/8"), ("fd00:0::/64", "fd00::/64"), ("10.1.0.5/32", "10.1.0.5/32")]
)
def test_a_network_has_one_form(text: str, cidr: str) -> None:
    assert parse_cidr(text) == cidr


@pytest.mark.parametrize("text", ["", "10.0.0.1", "10.0.0.1/8", "10.0.0.0/33", "beta", "10.0.0.0/8 "])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="is not a valid CIDR"):
        parse_cidr(text)


@pytest.mark.parametrize("name", ["", "Beta", "a_b", "-a", "a-", "a--b", "a/b", "x" * 64])
def test_what_no_space_may_be_called(name: str) -> None:
    with pytest.raises(BadRequest, match="is not a valid space name"):
        check_space_name(name)


def test_only_what_a_charm_has_can_be_bound() -> None:
    check_bindings(WEB, {"": "x", "db": "x", "juju-info": "x"})
    with pytest.raises(NotFound, match='endpoint "nope" not found'):
        check_bindings(WEB, {"nope": "x"})
