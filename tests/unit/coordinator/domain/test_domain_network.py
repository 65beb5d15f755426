"""What of a host's interfaces others can reach, and who may reach the open ports of a machine."""

from __future__ import annotations

import pytest

from coordinator.domain.firewall import Opening, Plan, plan_of
from coordinator.domain.network import Address, Interface, parse_subnets, reachable, subnet_of
from coordinator.errors import Refused

OFFICE, ANYWHERE, LAB = "10.0.0.0/8", "0.0.0.0/0", "192.0.2.0/24"


def interface(name: str, *addresses: str) -> Interface:
    return Interface(name=name, addresses=tuple(Address(value=value) for value in addresses))


def test_only_what_others_can_reach_is_told_in_the_order_of_names() -> None:
    found = reachable((
        interface("lo", "127.0.0.1", "::1"),
        interface("eth1", "fe80::1"),
        interface("eth0", "10.0.0.5", "fe80::2", "fd00::5"),
        interface("docker0", "172.17.0.1"),
        interface("back", "192.0.2.5"),
        interface("down"),
    ))  # fmt: skip
    assert found == (interface("back", "192.0.2.5"), interface("eth0", "10.0.0.5", "fd00::5"))


@pytest.mark.parametrize(
    ("address", "netmask", "subnet"),
    [
        ("10.1.2.3", "255.255.255.0", "10.1.2.0/24"),
        ("10.1.2.3", "255.255.255.255", "10.1.2.3/32"),
        ("fd00::5", "ffff:ffff:ffff:ffff::", "fd00::/64"),
        ("10.1.2.3", "nonsense", ""),
    ],
)
def test_the_subnet_of_an_address(address: str, netmask: str, subnet: str) -> None:
    assert subnet_of(address, netmask) == subnet


def test_subnets_are_read_from_a_list() -> None:
    assert parse_subnets("10.0.0.0/8, fd00::/8") == (OFFICE, "fd00::/8")
    assert parse_subnets("") == ()
    with pytest.raises(Refused, match=r"10\.0\.0\.1/8"):
        parse_subnets("10.0.0.1/8")


@pytest.mark.parametrize(
    ("ports", "exposed", "openings"),
    [
        pytest.param({"": ("80/tcp",)}, {}, [("80/tcp",)], id="not exposed: for the cluster alone"),
        pytest.param({"": ("80/tcp",)}, {"": (ANYWHERE,)}, [("80/tcp", ANYWHERE)], id="exposed to all"),
        pytest.param(
            {"www": ("80/tcp",), "admin": ("81/tcp",)},
            {"www": (OFFICE,)},
            [("80/tcp", OFFICE), ("81/tcp",)],
            id="one endpoint is exposed, the other is not",
        ),
        pytest.param(
            {"www": ("80/tcp",), "admin": ("81/tcp",)},
            {"": (ANYWHERE,), "admin": (LAB,)},
            [("80/tcp", ANYWHERE), ("81/tcp", LAB)],
            id="what is said of one endpoint counts instead of what is said of all",
        ),
        pytest.param(
            {"": ("80/tcp",)}, {"www": (OFFICE,), "admin": (LAB,)}, [("80/tcp", OFFICE, LAB)], id="open for all"
        ),
        pytest.param(
            {"www": ("80/tcp",), "admin": ("80/tcp",)},
            {"www": (OFFICE,)},
            [("80/tcp", OFFICE)],
            id="open for two, exposed for one",
        ),
        pytest.param({}, {"": (ANYWHERE,)}, [], id="nothing is open"),
    ],
)
def test_who_may_reach_an_open_port(ports: dict, exposed: dict, openings: list) -> None:
    found = plan_of([(ports, exposed)], ["10.0.0.1"])
    wanted = tuple(Opening(one, tuple(sorted(sources))) for one, *sources in openings)
    assert found == Plan(cluster=("10.0.0.1",), openings=wanted)


def test_units_of_two_applications_add_up() -> None:
    mine, theirs = ({"": ("80/tcp",)}, {"": (OFFICE,)}), ({"": ("53/udp", "icmp")}, {})
    found = plan_of([mine, theirs], ["b", "a", "a"])
    assert found.openings == (Opening("53/udp"), Opening("80/tcp", (OFFICE,)), Opening("icmp"))
    assert found.cluster == ("a", "b")
