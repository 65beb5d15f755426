"""Upgrades of real units: in batches, back again, and by force where a hook has failed."""

from __future__ import annotations

from pathlib import Path

import pytest
from system import System, running, wait_for

pytestmark = pytest.mark.slow

DISPATCH = """#!/bin/sh
set -e
hook=${JUJU_DISPATCH_PATH#hooks/}
BODY
"""


def charm(home: Path, version: int, body: str = "") -> Path:
    """Write a charm `app` of some version; *body* is what its hooks do, a shell script."""
    place = home / f"app-{version}"
    place.mkdir()
    (place / "metadata.yaml").write_text("name: app\n")
    dispatch = place / "dispatch"
    dispatch.write_text(DISPATCH.replace("BODY", body))
    dispatch.chmod(0o755)
    (place / f"file-{version}").write_text("of the charm")
    return place


@pytest.fixture
def system() -> System:
    with running(workers=1) as system:
        system.add_model()
        system.deploy(charm(system.home, 1, "touch made-by-the-charm"), "app", units=3)
        system.wait_settled(3)
        yield system


def refresh(system: System, place: Path, **more: object) -> None:
    from system import pack

    sha256 = system.ask("POST", "/v1/charms", pack(place))["sha256"]
    system.ask("POST", "/v1/models/m/applications/app/refresh", {"charm": sha256, **more})


def archives(system: System) -> list[int]:
    """Return which version of the charm each unit has in its directory; 0 while it is being replaced."""
    found = []
    for number in range(3):
        (place,) = system.home.glob(f"w0/models/*/agents/unit-app-{number}/charm")
        assert (place / "made-by-the-charm").exists(), "what the charm made is kept"
        files = [file.name.removeprefix("file-") for file in place.glob("file-*")]
        found.append(int(files[0]) if len(files) == 1 else 0)
    return found


def errors(system: System) -> list[str]:
    units = system.units().items()
    return sorted(name for name, unit in units if unit["workload-status"]["current"] == "error")


def test_an_upgrade_in_batches_stops_at_an_error_and_goes_back(system: System) -> None:
    bad = 'if [ "$hook" = upgrade-charm ] && [ "$JUJU_UNIT_NAME" = app/1 ]; then exit 1; fi'
    refresh(system, charm(system.home, 2, bad), batch=1)
    wait_for(
        lambda: system.status()["applications"]["app"].get("rollout", {}).get("halted") == "app/1", "the stop"
    )
    assert archives(system) == [2, 2, 1]
    assert errors(system) == ["app/1"]
    system.ask("POST", "/v1/models/m/applications/app/refresh/back", {})
    wait_for(lambda: archives(system) == [1, 1, 1] and not errors(system), "all to be back")
    wait_for(lambda: "rollout" not in system.status()["applications"]["app"], "the end of it")
    system.wait_settled(3)


def test_units_in_error_take_a_new_charm_by_force(system: System) -> None:
    refresh(system, charm(system.home, 2, 'if [ "$hook" = config-changed ]; then exit 1; fi'))
    wait_for(lambda: errors(system) == ["app/0", "app/1", "app/2"], "all to fail")
    refresh(system, charm(system.home, 3), force_units=True)
    wait_for(lambda: archives(system) == [3, 3, 3] and not errors(system), "all to be well")
    system.wait_settled(3)
