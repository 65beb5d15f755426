"""Storage on a real machine: there before install, there after its unit, deleted when nobody wants it."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from system import CHARMS, ApiError, System, pack, running, wait_for
from test_actions import People

from coordinator.domain.refs import Kind

pytestmark = pytest.mark.slow


def status_of(system: System, storage: str) -> str:
    found = system.ask("GET", "/v1/models/m/storage").get("storage", {}).get(storage)
    return found["status"]["current"] if found else "gone"


def told_of(system: System, storage: str) -> dict[str, str]:
    return system.ask("GET", f"/v1/models/m/storage/{storage}")["status"]


def location_of(system: System, storage: str, unit: str) -> Path:
    tree = system.ask("GET", f"/v1/models/m/storage/{storage}")
    return Path(tree["attachments"]["units"][unit]["location"])


def message(system: System, unit: str) -> str:
    return system.units().get(unit, {}).get("workload-status", {}).get("message", "")


def deploy(system: System, charm: str, app: str, **more: Any) -> None:
    system.deploy(CHARMS / charm, app, **more)


def test_storage_outlives_its_unit_and_the_next_one_finds_what_is_in_it():
    with running(workers=2) as system:
        system.add_model()
        deploy(system, "shelf", "keeper", record=str(system.record))
        system.wait_settled(1)
        wait_for(lambda: status_of(system, "cache/1") == "attached", "what the charm asked for")
        hooks = [(line["hook"], line["remote"]) for line in system.lines()]
        assert hooks[:2] == [("data-storage-attached", "data/0"), ("install", "")]
        assert hooks[-1] == ("cache-storage-attached", "cache/1")
        note = location_of(system, "data/0", "keeper/0") / "note"
        assert note.read_text() == "from keeper/0\n"
        assert stat.S_ISDIR(note.parent.stat().st_mode)

        system.ask("POST", "/v1/models/m/units/remove", {"names": ["keeper/0"]})
        wait_for(lambda: not system.units(), "the unit to go")
        assert [line["hook"] for line in system.lines()][-4:] == [
            "cache-storage-detaching", "data-storage-detaching", "stop", "remove",
        ]  # fmt: skip
        assert (status_of(system, "data/0"), note.read_text()) == ("detached", "from keeper/0\n")

        machine = next(s.machine for _, s in system.view().list(Kind.STORAGE, "m") if s.name == "data")
        path = "/v1/models/m/applications/keeper/units"
        system.ask("POST", path, {"attach_storage": ["data/0"]})
        wait_for(lambda: message(system, "keeper/1") == "from keeper/0", "the next unit to find the note")
        assert system.units()["keeper/1"]["machine"] == machine

        other = next(m for m in system.status()["machines"] if m != machine)
        system.ask("POST", path, {"to": [other]})
        system.wait_settled(2)
        system.ask("POST", "/v1/models/m/storage/data/0/detach")
        wait_for(lambda: status_of(system, "data/0") == "detached", "keeper/1 to let go of it")
        with pytest.raises(ApiError, match=f"it is a directory of machine {machine}"):
            system.ask("POST", "/v1/models/m/storage/attach", {"unit": "keeper/2", "ids": ["data/0"]})
        system.ask("POST", "/v1/models/m/storage/attach", {"unit": "keeper/1", "ids": ["data/0"]})
        wait_for(lambda: status_of(system, "data/0") == "attached", "keeper/1 to have it again")

        with pytest.raises(ApiError, match="storage is attached"):
            system.ask("DELETE", "/v1/models/m/storage/data/0")
        system.ask("POST", "/v1/models/m/storage/data/0/detach")
        wait_for(lambda: status_of(system, "data/0") == "detached", "keeper/1 to let go of it")
        system.ask("DELETE", "/v1/models/m/storage/data/0")
        wait_for(lambda: status_of(system, "data/0") == "gone", "its worker to delete it")
        assert not note.parent.exists()

        with pytest.raises(ApiError, match="--destroy-storage"):
            system.ask("DELETE", "/v1/models/m")
        system.ask("DELETE", "/v1/models/m?destroy_storage=true")
        wait_for(lambda: not system.keys_below("/coordinator/models/m/"), "the model to go with its storage")
        left = [path for path in system.home.glob("w*/models/*/storage/*/*") if path.exists()]
        assert left == []


def test_a_charm_with_the_library_finds_its_storage_and_units_destroy_it_when_told():
    with running(workers=1) as system:
        system.add_model()
        deploy(system, "shelf-ops", "keeper")
        wait_for(lambda: message(system, "keeper/0") == "data/0", "the charm to read its note")
        directory = location_of(system, "data/0", "keeper/0")
        system.ask("POST", "/v1/models/m/units/remove", {"names": ["keeper/0"], "destroy_storage": True})
        wait_for(lambda: status_of(system, "data/0") == "gone", "unit and storage to go")
        assert not directory.exists()


def test_a_killed_worker_loses_nothing_of_storage():
    with running(workers=1) as system:
        system.add_model()
        deploy(system, "shelf", "keeper", record=str(system.record))
        wait_for(lambda: system.lines(), "the first hook to begin")
        system.workers[0].kill()
        system.workers[0].start()
        system.wait_settled(1)
        wait_for(lambda: status_of(system, "cache/1") == "attached", "what the charm asked for, once")
        assert len(system.ask("GET", "/v1/models/m/storage")["storage"]) == 2
        assert message(system, "keeper/0") == "from keeper/0"


def test_memory_is_storage_too_where_the_machine_lets_us_mount_it():
    with running(workers=1) as system:
        system.add_model()
        charm = system.ask("POST", "/v1/charms", pack(CHARMS / "shelf-ops"))["sha256"]
        body = {"charm": charm, "name": "keeper", "storage": {"data": "tmpfs,16M"}}
        system.ask("POST", "/v1/models/m/applications", body)
        seen = wait_for(
            lambda: status_of(system, "data/0") if status_of(system, "data/0") in ("attached", "error") else "",
            "a mount, or the reason why there is none",
        )
        if seen == "error":
            tree = system.ask("GET", "/v1/models/m/storage/data/0")
            assert "cannot provide storage data/0" in tree["status"]["message"]
            system.ask("POST", "/v1/models/m/units/remove", {"names": ["keeper/0"]})
        else:
            assert location_of(system, "data/0", "keeper/0").is_mount()
            system.ask("POST", "/v1/models/m/units/remove", {"names": ["keeper/0"], "destroy_storage": True})
        wait_for(lambda: not system.units(), "the unit to go")
        system.ask("DELETE", "/v1/models/m?destroy_storage=true")
        wait_for(lambda: not system.keys_below("/coordinator/models/m/"), "the model to go")
        assert "/storage/data" not in Path("/proc/mounts").read_text()


def _shown_or_refused(system: System) -> bool:
    tree = system.ask("GET", "/v1/models/m/storage/photos/1")["status"]
    return tree["current"] == "attached" or "read-only" in tree.get("message", "")


def said(people: People, *words: str) -> str:
    done = people(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_pools_and_directories_of_peoples_own_from_the_command_line():
    with running(workers=1) as system:
        system.add_model()
        people = People(system)
        disk = system.home / "disk"
        assert said(people, "create-storage-pool", "fast", "rootfs", f"path={disk}", "mode=0750") == ""
        assert json.loads(said(people, "storage-pools", "--format", "json"))["fast"] == {
            "provider": "rootfs", "attrs": {"mode": "0750", "path": str(disk)},
        }  # fmt: skip
        said(people, "deploy", str(CHARMS / "gallery"), "gallery", "--storage", "work=fast,10M")
        wait_for(lambda: status_of(system, "work/0") == "attached", "storage from the pool")
        work = location_of(system, "work/0", "gallery/0")
        assert work.is_relative_to(disk)
        assert (work.stat().st_mode & 0o777, (work / "note").read_text()) == (0o750, "here\n")
        refused = people("remove-storage-pool", "fast")
        assert (refused.returncode, "gallery, work/0 have storage from it" in refused.stderr) == (1, True)

        mine = system.home / "mine"
        told = said(people, "import-filesystem", "rootfs", f"0:{mine}", "photos")
        assert told.splitlines()[-1] == "imported storage photos/1"
        wait_for(lambda: status_of(system, "photos/1") == "error", "the worker to say that it is not there")
        assert told_of(system, "photos/1")["message"] == f"there is no directory {mine} on machine 0"
        said(people, "attach-storage", "gallery/0", "photos/1")
        missed = "there is no directory of that name here"
        wait_for(lambda: missed in told_of(system, "photos/1").get("message", ""), "the unit to miss it")
        mine.mkdir()
        (mine / "cat.jpg").touch()
        said(people, "resolved", "gallery/0")
        wait_for(lambda: _shown_or_refused(system), "the photos to be shown")
        if status_of(system, "photos/1") == "attached":
            assert message(system, "gallery/0") == "reads cat.jpg"
            shown = json.loads(said(people, "storage", "--filesystem", "--format", "json"))["filesystems"]["0/1"]
            assert shown["attachments"]["machines"]["0"]["read-only"] is True
        else:  # this machine does not let us keep anybody from writing
            tree = system.ask("GET", "/v1/models/m/storage/photos/1")
            assert "cannot provide storage photos/1 read-only: mounting" in tree["status"]["message"]
        said(people, "detach-storage", "photos/1")
        wait_for(lambda: status_of(system, "photos/1") == "detached", "the unit to let go of them")
        assert str(mine) not in Path("/proc/mounts").read_text()
        said(people, "remove-storage", "photos/1", "--no-destroy")
        assert [each.name for each in mine.iterdir()] == ["cat.jpg"]

        said(people, "destroy-model", "m", "--no-prompt", "--destroy-storage")
        wait_for(lambda: not system.keys_below("/coordinator/models/m/"), "the model to go with its pools")
        assert not work.exists()


def test_a_worker_that_dies_while_it_deletes_many_files_goes_on_with_it():
    with running(workers=1) as system:
        system.add_model()
        deploy(system, "shelf-ops", "keeper")
        wait_for(lambda: status_of(system, "data/0") == "attached", "the storage")
        directory = location_of(system, "data/0", "keeper/0")
        many = 20_000
        for number in range(many):
            (directory / f"{number}").touch()
        system.ask("POST", "/v1/models/m/units/remove", {"names": ["keeper/0"], "destroy_storage": True})
        wait_for(lambda: not (directory / "note").exists() or len(os.listdir(directory)) < many, "it to begin")
        system.workers[0].kill()
        begun = len(os.listdir(directory)) if directory.exists() else 0
        system.workers[0].start()
        wait_for(lambda: status_of(system, "data/0") == "gone", "the rest to go")
        assert not directory.exists()
        assert begun < many
