"""Spaces on a real machine, from the command line: who is bound elsewhere is found there."""

from __future__ import annotations

import json

import pytest
from system import CHARMS, System, running, wait_for
from test_actions import People

pytestmark = pytest.mark.slow


def message(system: System, unit: str) -> str:
    return system.units().get(unit, {}).get("workload-status", {}).get("message", "")


def wait_until(system: System, unit: str, said: str) -> None:
    wait_for(lambda: message(system, unit) == said, f"{unit} to say {said!r}, not {message(system, unit)!r}")


def test_who_is_bound_elsewhere_is_found_there():
    with running(workers=1) as system:
        system.add_model()
        people = People(system)

        def said(*words: str) -> str:
            done = people(*words)
            assert done.returncode == 0, done.stderr
            return done.stdout + done.stderr

        for app in ("lamp", "ship"):
            said("deploy", str(CHARMS / "beacon"), app)
        said("integrate", "lamp:site", "ship:see")
        wait_until(system, "ship/0", "at 127.0.0.1 sees 127.0.0.1")
        assert said("add-space", "far", "203.0.113.0/24") == 'added space "far" with subnets 203.0.113.0/24\n'
        assert said("add-space", "inner") == 'added space "inner" with no subnets\n'
        told = said("move-to-space", "inner", "127.0.0.0/8", "--force")
        assert told == "Subnet 127.0.0.0/8 moved from alpha to inner\n"
        moved = 'moving endpoint "{}" from space "alpha" to "inner"\n'.format
        assert said("bind", "lamp", "inner") == moved("see") + moved("site")
        assert said("bind", "lamp", "inner") == "no changes\n"
        wait_for(lambda: message(system, "ship/0").endswith(" sees 127.0.0.1"), "the ship to see the lamp there")
        wait_until(system, "lamp/0", "at 127.0.0.1")

        refused = people("bind", "lamp", "site=far")
        assert (refused.returncode, "has no address there" in refused.stderr) == (1, True)
        said("bind", "lamp", "site=far", "--force")
        wait_until(system, "lamp/0", 'at ERROR no addresses attached to space for binding "site"')
        wait_for(lambda: message(system, "ship/0").endswith(" sees "), "the ship to see it no more")
        assert system.units()["lamp/0"]["juju-status"]["message"] == "machine has no address in space far"

        said("deploy", str(CHARMS / "beacon"), "buoy", "--bind", "site=far")
        wait_until(system, "buoy/0", "waiting for machine with an address in space far")
        said("bind", "buoy", "site=inner")
        wait_until(system, "buoy/0", "at 127.0.0.1")

        said("rename-space", "inner", "loop")
        spaces = {each["name"]: each for each in json.loads(said("spaces", "--format", "json"))["spaces"]}
        assert list(spaces) == ["alpha", "far", "loop"]
        assert (list(spaces["loop"]["subnets"]), spaces["alpha"]["id"]) == (["127.0.0.0/8"], "0")
        assert json.loads(said("show-space", "loop", "--format", "json"))["applications"] == ["buoy", "lamp"]
        assert said("subnets", "--space", "far").startswith("subnets:\n  203.0.113.0/24:\n    type: ipv4\n")
        bound = system.status()["applications"]["lamp"]["endpoint-bindings"]
        assert bound == {"": "loop", "see": "loop", "site": "far"}
        assert "bound, exposed or constrained to it: buoy, lamp" in people("remove-space", "loop").stderr
        assert said("remove-space", "loop", "--force") == 'removed space "loop"\n'
        said("reload-spaces")

        said("destroy-model", "m", "--no-prompt")
        wait_for(lambda: not system.keys_below("/coordinator/models/m/"), "the model to go with its spaces")
