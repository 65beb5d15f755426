"""Charms that ask for a reboot of their machine, which here only writes down that it was asked to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from system import System, running, wait_for

from coordinator.domain import refs
from coordinator.store import keys

pytestmark = pytest.mark.slow

DISPATCH = """#!/bin/sh
hook=${JUJU_DISPATCH_PATH#hooks/}
echo "$hook" >>HOME/hooks
case $hook:$(config-get when) in
  config-changed:after) status-set active later; juju-reboot ;;
  config-changed:now)
    if [ -e HOME/rebooted ]; then status-set active again; exit 0; fi
    touch HOME/rebooted; relation-ids x; juju-reboot --now; echo went-on >>HOME/hooks ;;
esac
"""


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    with running(workers=1, start=False) as system:
        reboot = system.home / "reboot"
        reboot.write_text(f"#!/bin/sh\necho rebooted >>{system.home}/reboots\n")
        reboot.chmod(0o755)
        monkeypatch.setenv("COORDINATOR_REBOOT_COMMAND", str(reboot))
        system.start()
        system.add_model()
        system.deploy(charm(system.home), "app")
        system.wait_settled(1)
        yield system


def charm(home: Path) -> Path:
    place = home / "app"
    place.mkdir()
    (place / "metadata.yaml").write_text("name: app\n")
    (place / "config.yaml").write_text("options: {when: {type: string, default: ''}}\n")
    (place / "dispatch").write_text(DISPATCH.replace("HOME", str(home)))
    (place / "dispatch").chmod(0o755)
    return place


def hooks(system: System) -> list[str]:
    return (system.home / "hooks").read_text().split()[-3:]


def reboots(system: System) -> int:
    asked = system.home / "reboots"
    return len(asked.read_text().split()) if asked.exists() else 0


def test_a_reboot_after_the_hook_comes_when_its_effects_have_landed(system: System) -> None:
    system.config("app", when="after")
    wait_for(lambda: reboots(system) == 1, "the reboot")
    unit = system.units()["app/0"]
    assert unit["workload-status"]["message"] == "later"
    assert unit["juju-status"]["current"] == "rebooting"
    assert system.memories()["app/0"].reboot, "it is remembered until the machine has another boot"


def test_a_reboot_at_once_ends_the_hook_and_nothing_of_it_lands(system: System) -> None:
    system.config("app", when="now")
    wait_for(lambda: reboots(system) == 1, "the reboot")
    assert hooks(system)[-1] == "config-changed", "it did not go on"
    memory = system.memories()["app/0"]
    (config,) = system.store.read(keys.key_of(refs.config("m", "app"))).items
    assert memory.reboot
    assert memory.config != config.revision, "the hook is still to run"
