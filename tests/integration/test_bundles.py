"""Bundles from the command line: what they say is done, once, and a model is written down as one."""

from __future__ import annotations

import json
import os
import shutil

import pytest
import yaml
from system import CHARMS, People, running, wait_for

pytestmark = pytest.mark.slow


def test_a_bundle_is_deployed_changed_and_written_down():
    with running(workers=1) as system:
        system.add_model()
        people = People(system)
        (system.home / "page").write_text("a page")
        charms = ("beacon", "shelf", "handy", "actor", "beside")
        path = {name: os.path.relpath(CHARMS / name, system.home) for name in charms}
        bundle = {
            "default-base": "ubuntu@24.04",
            "applications": {
                "ship": {
                    "charm": path["beacon"], "num_units": 2, "to": ["lamp", "0"], "bindings": {"see": "alpha"},
                    "annotations": {"gui-x": "10"},
                },
                "lamp": {"charm": path["beacon"], "scale": 1, "expose": True, "constraints": "mem=1M"},
                "shelf": {"charm": path["shelf"], "num_units": 1, "storage": {"data": "rootfs,2,1M"}},
                "handy": {"charm": path["handy"], "num_units": 1, "resources": {"file": "./page"}},
            },
            "machines": {"0": {}},
            "relations": [["lamp:site", "ship:see"]],
        }  # fmt: skip
        overlay = {"applications": {"lamp": {"exposed-endpoints": {"site": {"expose-to-cidrs": ["10.0.0.0/8"]}}}}}
        main, extra = system.home / "bundle.yaml", system.home / "overlay.yaml"
        main.write_text(yaml.safe_dump(bundle))
        extra.write_text(yaml.safe_dump(overlay))
        deploy = ("deploy", str(main), "--overlay", str(extra), "--map-machines", "existing")

        refused = people("deploy", str(main))
        assert (refused.returncode, 'places units on its machine "0"' in refused.stderr) == (1, True)
        refused = people(*deploy, "--config", "a=b", "-n", "2")
        assert "not supported when deploying a bundle: --config, -n" in refused.stderr
        tried = people(*deploy, "--dry-run")
        assert tried.stdout.startswith("Changes to deploy bundle:\n- upload charm ")
        assert system.units() == {}

        done = people(*deploy)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[1:] == tried.stdout.splitlines()[1:]
        assert 'WARNING annotations of application "ship" are not kept\n' in done.stderr
        assert done.stderr.endswith("Deploy of bundle completed.\n")
        assert done.stdout.splitlines()[-1] == "- add relation lamp:site - ship:see"

        def active() -> bool:
            units = system.units()
            return len(units) == 5 and all(u["workload-status"]["current"] == "active" for u in units.values())

        wait_for(active, "all units to be active")
        assert people(*deploy).stderr.endswith("No changes to apply.\n")
        status = system.status()
        assert {"data/0", "data/1"} <= set(status["storage"]["storage"])
        assert status["applications"]["ship"]["units"]["ship/0"]["machine"] == "0"
        shown = json.loads(people("show-application", "lamp", "--format", "json").stdout)["lamp"]
        assert shown["exposed-endpoints"] == {"site": {"expose-to-cidrs": ["10.0.0.0/8"]}}

        written = people("export-bundle")
        assert "--- # overlay.yaml\n" in written.stdout
        main.write_text(written.stdout)
        assert people("deploy", str(main), "--map-machines", "existing").stderr.endswith("No changes to apply.\n")
        again, more = yaml.safe_load_all(written.stdout)
        assert again["applications"]["shelf"]["storage"] == {"data": "rootfs,2,1M"}
        again["applications"]["ship"]["charm"] = str(CHARMS / "beacon")  # the same one

        shutil.copytree(CHARMS / "beacon", system.home / "brighter")
        (system.home / "brighter" / "note").touch()
        again["applications"]["lamp"] |= {"charm": "./brighter", "trust": True}
        again["applications"]["beside"] = {"charm": path["beside"]}
        again["relations"].append(["beside", "ship"])
        main.write_text(yaml.safe_dump_all([again, more]))
        refused = people("deploy", str(main), "--map-machines", "existing")
        assert (refused.returncode, "trust: true of lamp" in refused.stderr) == (1, True)
        done = people("deploy", str(main), "--map-machines", "existing", "--trust")
        assert done.stdout.splitlines()[3:] == [
            f"- deploy application beside with charm {CHARMS / 'beside'}",
            f"- refresh application lamp with charm {system.home / 'brighter'}",
            "- trust lamp",
            "- add relation beside - ship",
        ], done.stderr
        wait_for(lambda: system.units().get("ship/0", {}).get("subordinates"), "the unit beside ship/0")
        assert system.status()["applications"]["lamp"]["charm-rev"] == 2

        (system.home / "page").write_text("another page")
        again["applications"]["handy"]["resources"] = {"file": "./page"}
        again["applications"]["ring"] = {"charm": path["actor"], "num_units": 1, "to": "lamp/0"}
        again["relations"].append(["ring", "handy"])
        main.write_text(yaml.safe_dump_all([again, more]))
        broken = people("deploy", str(main), "--map-machines", "existing", "--trust")
        assert broken.stdout.splitlines()[1:] == [
            f"- upload charm {CHARMS / 'actor'}",
            "- attach resource file to handy",
            f"- deploy application ring with charm {CHARMS / 'actor'}",
            "- add unit of ring to the machine of unit 0 of lamp",
            "- add relation ring - handy",
        ]
        assert "cannot deploy bundle: no relations found" in broken.stderr
        assert broken.returncode == 1
        wait_for(lambda: system.units().get("ring/0", {}).get("machine") == "0", "what was done to stay")
