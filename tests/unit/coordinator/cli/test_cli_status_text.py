"""The screens of `status`, compared whole."""

from __future__ import annotations

import copy
import json
from datetime import timedelta, timezone
from typing import Any

import pytest

from coordinator.cli import status_text

CET = timezone(timedelta(hours=1))
AT = "2025-03-07T08:15:02.000Z"


def info(current: str, message: str = "", **more: str) -> dict[str, Any]:
    return {"current": current, **({"message": message} if message else {}), "since": AT, **more}


def unit(workload: str = "active", agent: str = "idle", message: str = "", doing: str = "", **more: Any):
    return {"workload-status": info(workload, message), "juju-status": info(agent, doing, version="4.0.1"), **more}


def app(name: str, units: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    tree = {
        "charm": f"local:{name}-0",
        "charm-origin": "local",
        "charm-name": name,
        "charm-rev": 0,
        "exposed": False,
        "application-status": info("active"),
        **more,
    }
    return {**tree, "units": units} if units else tree


def tree(**parts: Any) -> dict[str, Any]:
    """What the API says of a model."""
    return {
        "model": {"name": "demo", "type": "iaas", "controller": "api", "cloud": "here", "region": "default",
                  "version": "4.0.1", "model-status": info("available")},
        "machines": {},
        "applications": {},
        "relations": [],
        "storage": {},
        "controller": {"timestamp": "2025-03-07T08:15:04.500Z"},
        **parts,
    }  # fmt: skip


@pytest.fixture
def fruit() -> dict[str, Any]:
    spy = unit(**{"public-address": "10.1.0.5"}, leader=True)
    pears = {
        "pear/0": unit(leader=True, machine="0", message="serving", subordinates={"spy/0": spy},
                       **{"public-address": "10.1.0.5", "open-ports": ["80/tcp", "443/tcp"]}),
        "pear/10": unit("waiting", "executing", "for leader", "running config-changed hook", machine="1",
                        **{"public-address": "10.1.0.6"}),
        "pear/2": unit("waiting", "allocating", doing="agent initialising"),
    }  # fmt: skip
    machine = {
        "juju-status": info("started", version="4.0.1"), "dns-name": "10.1.0.5", "ip-addresses": ["10.1.0.5"],
        "instance-id": "i-0", "machine-status": info("running", "Running"),
        "base": {"name": "ubuntu", "channel": "24.04"}, "hardware": "arch=amd64 availability-zone=az1",
    }  # fmt: skip
    down = {**machine, "juju-status": info("down", "agent is not communicating"), "hardware": ""}
    relations = [
        {"id": 1, "provider": "pear:db", "requirer": "plum:db", "interface": "fruit", "type": "regular",
         "status": "removing", "blockers": ["plum/0"]},
        {"id": 0, "provider": "pear:ring", "requirer": "pear:ring", "interface": "ring", "type": "peer",
         "status": "joined", "blockers": []},
    ]  # fmt: skip
    return tree(
        machines={"10": down, "0": machine},
        applications={
            "spy": app("spy"),
            "pear": app("pear", pears, version="a version that is long\nsecond line", exposed=True,
                        **{"application-status": info("active", "serving")}),
        },
        relations=relations,
    )  # fmt: skip


def shown(status: dict[str, Any], *, utc: bool = False) -> dict[str, Any]:
    return status_text.for_people(status, utc=utc, controller="home", zone=CET)


def test_the_tables(fruit):
    assert (
        status_text.tabular(shown(fruit), relations=True)
        == """\
Model  Controller  Cloud/Region  Version  Timestamp
demo   home        here/default  4.0.1    09:15:04+01:00

App   Version          Status  Scale  Charm  Channel  Rev  Exposed  Message
pear  a version th...  active    2/3  pear              0  yes      serving
spy                    active      1  spy               0  no

Unit      Workload  Agent       Machine  Public address  Ports       Message
pear/0*   active    idle        0        10.1.0.5        80,443/tcp  serving
  spy/0*  active    idle                 10.1.0.5
pear/2    waiting   allocating                                       agent initialising
pear/10   waiting   executing   1        10.1.0.6                    (config-changed) for leader

Machine  State    Address   Inst id  Base          AZ   Message
0        started  10.1.0.5  i-0      ubuntu@24.04  az1  Running
10       down     10.1.0.5  i-0      ubuntu@24.04       agent is not communicating

Integration provider  Requirer   Interface  Type     Message
pear:db               plum:db    fruit      regular  removing, waits for plum/0
pear:ring             pear:ring  ring       peer
"""
    )


def test_an_empty_model_is_its_first_table_alone():
    assert status_text.is_empty(tree())
    assert (
        status_text.tabular(shown(tree(), utc=True), relations=True)
        == """\
Model  Controller  Cloud/Region  Version  Timestamp
demo   home        here/default  4.0.1    08:15:04Z
"""
    )


def test_a_model_that_ends_says_so_in_its_notes():
    ending = tree()
    ending["model"] |= {"model-status": info("destroying")}
    del ending["model"]["region"]
    assert (
        status_text.tabular(shown(ending))
        == """\
Model  Controller  Cloud/Region  Version  Timestamp       Notes
demo   home        here          4.0.1    09:15:04+01:00  destroying
"""
    )


def test_offers_and_remote_applications_have_their_tables():
    endpoints = {
        "db": {"interface": "fruit", "role": "provider"},
        "web": {"interface": "http", "role": "provider"},
    }
    far = {"url": "home:admin/other.mango", "application-status": info("active"), "endpoints": {}}
    screen = status_text.tabular(
        shown(
            tree(
                **{"application-endpoints": {"mango": far}},
                offers={"pear": {"application": "pear", "charm": "pear", "rev": 0, "endpoints": endpoints,
                                 "total-connected-count": 2, "active-connected-count": 1}},
            )
        )
    )  # fmt: skip
    assert screen.split("\n\n")[1:] == [
        "SAAS   Status  Store  URL\nmango  active  home   admin/other.mango",
        "Offer  Application  Charm  Rev  Connected  Endpoint  Interface  Role\n"
        "pear   pear         pear   0    1/2        db        fruit      provider\n"
        "                                           web       http       provider\n",
    ]


def test_colours_follow_the_words(fruit):
    screen = status_text.tabular(shown(fruit), colour=True)

    assert "\x1b[32mactive\x1b[0m" in screen
    assert "\x1b[33mallocating\x1b[0m" in screen
    assert "\x1b[31mdown\x1b[0m" in screen
    assert "\x1b[33m2/3\x1b[0m" in screen
    assert "\x1b[95m80,443/tcp\x1b[0m" in screen
    assert "\x1b[36m10.1.0.5\x1b[0m" in screen


def test_one_line_per_unit(fruit):
    assert (
        status_text.oneline(fruit)
        == """\
- pear/0: 10.1.0.5 (agent:idle, workload:active) 80,443/tcp
  - spy/0: 10.1.0.5 (agent:idle, workload:active)
- pear/2:  (agent:allocating, workload:waiting)
- pear/10: 10.1.0.6 (agent:executing, workload:waiting)
"""
    )


def test_the_summary_counts(fruit):
    assert (
        status_text.summary(fruit)
        == """\
Running on subnets:  10.1.0.5
   Utilizing ports:  80,443/tcp

        # Machines:  (2)
              down:  1
           started:  1

           # Units:  (4)
            active:  2
           waiting:  2

    # Applications:  (2)
               pear  1/1  exposed
                spy  0/1  exposed
"""
    )


def test_programs_see_the_documented_keys_and_local_times(fruit):
    before = copy.deepcopy(fruit)
    seen = status_text.for_programs(shown(fruit))

    assert list(seen) == ["model", "machines", "applications", "storage", "controller"]
    assert seen["model"]["controller"] == "home"
    assert seen["controller"] == {"timestamp": "09:15:04+01:00"}
    assert "T08:15" not in json.dumps(seen)
    assert seen["applications"]["pear"]["application-status"]["since"] == "07 Mar 2025 09:15:02+01:00"
    assert fruit == before
