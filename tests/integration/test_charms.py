"""Charms that nobody adapted: in bash, with a library of their own, and the examples with ours."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from ports import own_ports
from seeds import seeds
from system import CHARMS, EXAMPLES, People, System, journal, pack, running, wait_for

import ops
from coordinator.domain.refs import Kind

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The charm with the released library from the package index in its own venv/."""
    charm = tmp_path_factory.mktemp("upstream") / "charm"
    shutil.copytree(CHARMS / "upstream", charm)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--target", str(charm / "venv"), "ops>=3,<4"],
        check=True, capture_output=True,
    )  # fmt: skip
    yield charm
    shutil.rmtree(charm)


@pytest.mark.parametrize("library", ["its own", "ours"])
def test_a_charm_that_nobody_adapted_runs_with_its_own_library_and_with_ours(upstream, library):
    with running(workers=1) as system:
        system.add_model()
        system.deploy(upstream if library == "its own" else CHARMS / "upstream", "up", units=2)
        system.recorder("rec")
        system.integrate("rec:give", "up:take")
        system.wait_settled(3)
        system.config("up", color="blue")

        def told() -> bool:
            messages = [
                u["workload-status"].get("message", "") for n, u in system.units().items() if n[:3] == "up/"
            ]
            return all(re.fullmatch(r"blue, \d+ handled, told rec/0", message) for message in messages)

        wait_for(told, "both units to show the option and what the other application said")
        system.wait_settled(3)
        bags = {f"{r.path[2]}/{r.path[3]}": bag for r, bag in system.view().list(Kind.UNIT_BAG, "m", "0")}
        assert {bag["color"] for bag in bags.values()} == {"blue"}
        version = system.status()["applications"]["up"]["version"]
        assert version == (_version_of(upstream) if library == "its own" else ops.__version__)
        states = {ref.path[1] for ref, _ in system.view().list(Kind.STATE, "m")}
        assert ("up" in states) == (library == "ours"), "another library keeps its state in a file of the charm"
        _run_its_actions(system)


def _run_its_actions(system: System) -> None:
    people = People(system)
    for count, unit, to in ((1, "up/0", "alice"), (2, "up/0", "bob"), (1, "up/1", "carol")):
        task = people.run(unit, "report", f"to={to}")
        by = {"unit": unit, "task": task["id"]}
        assert task["results"] == {"count": str(count), "by": by, "return-code": 0}
        assert task["log"][0].endswith(f"reporting to {to}")
    bags = {f"{r.path[2]}/{r.path[3]}": bag for r, bag in system.view().list(Kind.UNIT_BAG, "m", "0")}
    assert (bags["up/0"]["reported"], bags["up/1"]["reported"]) == ("bob", "carol")
    refused = people.run("up/0", "refuse")
    assert (refused["status"], refused["message"]) == ("failed", "not today")
    assert people.run("up/0", "report")["results"]["count"] == "103"


def test_what_such_a_charm_stores_counts_each_hook_once_although_its_worker_is_killed(upstream):
    """Its library keeps state in a file of the charm, outside of the hook's transaction."""
    seed = seeds([7])[0]
    rng = random.Random(seed)
    with running(workers=1) as system:
        system.add_model()
        system.deploy(upstream, "up")
        for number in range(8):
            until_s = time.monotonic() + rng.uniform(0.1, 0.9)
            wait_for(lambda until_s=until_s: time.monotonic() > until_s, "a moment")
            system.workers[0].kill()
            system.workers[0].start()
            system.config("up", color=f"color-{number}")
        system.wait_settled(1)
        landed = journal(system)["up/0"]
        observed = ("install", "config-changed", "start", "ring-relation-changed")
        handled = sum(landed.count(hook) for hook in observed) + 1  # install was deferred, and handled again
        message = system.units()["up/0"]["workload-status"]["message"]
        assert message.startswith(f"color-7, {handled} handled"), (seed, message, landed)


def _version_of(charm: Path) -> str:
    found = subprocess.run(
        [sys.executable, "-c", "import ops; print(ops.__version__)"],
        env={"PYTHONPATH": str(charm / "venv")}, cwd=charm, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return found.stdout.strip()


def test_the_bash_example_runs():
    with running(workers=1) as system:
        system.add_model()
        system.deploy(EXAMPLES / "note", "note", text="good morning")
        system.wait_settled(1)
        assert system.units()["note/0"]["workload-status"]["message"] == "good morning"


def page(system: System, unit: str) -> str:
    """Return the page of a unit of web; empty while it does not answer."""
    shown = system.units()[unit]
    url = f"http://127.0.0.1:{shown['open-ports'][0].removesuffix('/tcp')}"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.read().decode()
    except OSError:
        return ""


@pytest.fixture(params=["ours", "released"])
def examples(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The directory of the examples: as they are, with our library; or with the released one in their venv/."""
    if request.param == "ours":
        return EXAMPLES
    released = request.getfixturevalue("upstream") / "venv"
    for name in ("web", "store"):
        shutil.copytree(EXAMPLES / name, tmp_path / name)
        shutil.copytree(released, tmp_path / name / "venv")
        (tmp_path / name / "dispatch").write_text("#!/bin/sh\nPYTHONPATH=venv exec python3 ./src/charm.py\n")
    return tmp_path


def test_the_examples_serve_pages_and_stop_when_they_are_removed(examples):
    with running(workers=2) as system:
        system.add_model()
        system.deploy(examples / "web", "web", **{"base-port": own_ports(1)})
        system.wait_settled(1)
        assert system.units()["web/0"]["workload-status"] == {
            "current": "waiting",
            "message": "for a relation with a store",
            "since": system.units()["web/0"]["workload-status"]["since"],
        }
        system.deploy(examples / "store", "store", units=2, **{"base-port": own_ports(2)})
        system.integrate("web", "store")
        system.wait_settled(3)
        wait_for(lambda: "<h1>Hello</h1>" in page(system, "web/0"), "the page")
        system.config("web", title="Bonjour")
        wait_for(lambda: "<h1>Bonjour</h1>" in page(system, "web/0"), "the new title")
        before = wait_for(lambda: len(found := _servers(system)) == 3 and found, "nothing but three servers")
        system.config("store", **{"max-value-bytes": 100})
        wait_for(lambda: len(_servers(system) & before) == 1, "both stores to be restarted, and not the site")
        system.ask("DELETE", "/v1/models/m")
        wait_for(lambda: not system.keys_below("/coordinator/models/m"), "the model to go")
        wait_for(lambda: not _servers(system), "the servers to stop")


def _servers(system: System) -> set[str]:
    """Return the processes of the workloads of this system."""
    found = subprocess.run(
        ["pgrep", "-f", f"{system.home}/w.*server.py"], capture_output=True, text=True, check=False
    )
    return set(found.stdout.split())


def test_a_daemon_that_a_hook_started_outlives_the_worker():
    with running(workers=1) as system:
        system.add_model()
        system.deploy(EXAMPLES / "store", "store", **{"base-port": own_ports(1)})
        system.wait_settled(1)
        before = wait_for(lambda: len(found := _servers(system)) == 1 and found, "nothing but the server")
        system.workers[0].kill()
        system.workers[0].start()
        system.config("store", **{"max-value-bytes": 4096})
        system.wait_settled(1)
        wait_for(lambda: _servers(system) == before, "the server, and no other")


def test_an_upgrade_replaces_files_and_keeps_those_the_charm_made(tmp_path):
    charm = tmp_path / "note"
    shutil.copytree(EXAMPLES / "note", charm)
    (charm / "old.txt").write_text("old")
    with running(workers=1) as system:
        system.add_model()
        system.deploy(charm, "note", text="one")
        system.wait_settled(1)
        directory = next(system.home.glob("w0/models/m-*/agents/unit-note-0/charm"))
        assert (directory / "old.txt").exists()
        (charm / "old.txt").unlink()
        (charm / "hooks" / "upgrade-charm").write_text("#!/bin/sh\nstatus-set active upgraded\n")
        (charm / "hooks" / "upgrade-charm").chmod(0o755)
        (charm / "hooks" / "config-changed").unlink()
        charm_hash = system.ask("POST", "/v1/charms", pack(charm))["sha256"]
        system.ask("POST", "/v1/models/m/applications/note/refresh", {"charm": charm_hash})
        wait_for(lambda: system.units()["note/0"]["workload-status"].get("message") == "upgraded", "the upgrade")
        system.wait_settled(1)
        assert not (directory / "old.txt").exists()
        assert (directory / "note.txt").read_text().strip() == "one"
        assert system.status()["applications"]["note"]["charm-rev"] == 1
