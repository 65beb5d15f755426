"""A unit beside another, from its first hook to its last: real worker, real etcd, over `juju-info`."""

from __future__ import annotations

import json

import pytest
from system import CHARMS, People, running, wait_for

from coordinator.domain.refs import Kind

pytestmark = pytest.mark.slow


def test_a_subordinate_lives_and_goes_with_its_principal():
    with running(workers=2) as system:
        system.add_model()
        system.recorder("rec", units=2)
        system.deploy(CHARMS / "beside", "beside", units=None, record=str(system.record))
        system.integrate("beside", "rec")

        def beside() -> dict[str, str]:
            units = system.units().values()
            below = [each for unit in units for each in unit.get("subordinates", {}).items()]
            return {name: unit["workload-status"].get("message", "") for name, unit in below}

        wait_for(
            lambda: (
                sorted(beside().values())
                == [f"beside rec/{number} at 127.0.0.1, principal rec/{number}" for number in (0, 1)]
            ),
            "one beside each unit, that sees this one",
        )
        done = People(system)("exec", "--application", "beside", "--format", "json", "--", "echo $JUJU_UNIT_NAME")
        assert done.returncode == 0, done.stderr
        said = {name: task["results"]["stdout"].strip() for name, task in json.loads(done.stdout).items()}
        assert said == {name: name for name in beside()}

        tree = system.status()["applications"]["beside"]
        assert tree["subordinate-to"] == ["rec"]
        gone = next(name for name, said in beside().items() if "rec/0" in said)

        system.ask("POST", "/v1/models/m/units/remove", {"names": ["rec/0"]})
        wait_for(lambda: set(system.units()) == {"rec/1"}, "rec/0 to go")
        assert len(beside()) == 1
        hooks = [line["hook"] for line in system.lines() if line["unit"] == gone]
        assert hooks[0] == "install"
        assert hooks[-4:] == ["host-relation-departed", "host-relation-broken", "stop", "remove"]

        system.ask("POST", "/v1/models/m/relations/remove", {"left": "beside", "right": "rec"})
        wait_for(lambda: not beside(), "the other one to end with the relation")
        system.ask("DELETE", "/v1/models/m")
        wait_for(lambda: not system.view().refs(Kind.MODEL), "the model to go")
        assert not [line for line in system.lines() if line["what"] == "OVERLAP"]
