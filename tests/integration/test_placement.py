"""Where units go on real machines, from the command line."""

from __future__ import annotations

import json

import pytest
from system import CHARMS, People, running, wait_for

pytestmark = pytest.mark.slow


def test_units_go_to_machines_that_have_what_is_demanded():
    with running(workers=1) as system:
        system.add_model()
        people = People(system)

        def said(*words: str) -> str:
            done = people(*words)
            assert done.returncode == 0, done.stderr
            return done.stdout + done.stderr

        def shown(unit: str) -> dict:
            return system.units().get(unit, {})

        [machine] = json.loads(said("machines", "--format", "json"))["machines"].values()
        has = dict(word.split("=") for word in machine["hardware"].split())
        assert list(has) == ["arch", "cores", "mem", "root-disk"]
        said("set-model-constraints", f"arch={has['arch']}", "mem=1M")
        warned = said("deploy", str(CHARMS / "beacon"), "lamp", "--constraints", "tags=lit zones=az1")
        assert "WARNING zones: kept and shown, but no unit is placed by it" in warned
        waits = "waiting for machine with tags=lit: add one, or set-constraints lamp"
        wait_for(lambda: shown("lamp/0").get("workload-status", {}).get("message") == waits, f"lamp/0 {waits}")
        assert said("constraints", "lamp") == "tags=lit zones=az1\n"
        assert "constraints:\n    tags:\n    - lit\n" in said("show-application", "lamp")

        worker = system.make_worker(1, "--tags", "lit,far")
        system.workers.append(worker)
        worker.start()
        wait_for(lambda: shown("lamp/0").get("workload-status", {}).get("current") == "active", "lamp/0 to shine")
        assert shown("lamp/0")["machine"] == "1"
        assert said("show-machine", "1", "--format", "json").count("tags=far,lit") == 1

        said("set-constraints", "lamp", "tags=^lit")
        said("add-unit", "lamp")
        wait_for(lambda: shown("lamp/1").get("machine"), "lamp/1 to be placed")
        assert (shown("lamp/1")["machine"], shown("lamp/0")["machine"]) == ("0", "1")
        assert people("set-constraints", "lamp", "weight=9").returncode == 2
