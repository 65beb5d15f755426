"""The steps that README.md shows for a cluster in containers, exactly those, from outside.

Needs a Docker engine; where images cannot be pulled, `.ci/docker` makes what it needs first.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from system import wait_for

ROOT = Path(__file__).resolve().parents[2]
PROJECT = f"coordinator-test-{os.getpid()}"
START_S = 180.0
MOVE_S = 60.0

pytestmark = pytest.mark.compose


def _compose() -> list[str] | None:
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        return None
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    probe = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return ["docker", "compose"] if probe.returncode == 0 else None


class Cluster:
    """The compose project; `run` is docker-compose, `cli` the coordinator in a controller's container."""

    def __init__(self, command: list[str]) -> None:
        self._command = [*command, "-p", PROJECT]
        wheels = (ROOT / "deploy" / "wheels" / ".complete").exists()
        pip = "--no-index --find-links /src/deploy/wheels" if wheels else ""
        self._environment = {**os.environ, "COORDINATOR_PIP_ARGS": pip}

    def run(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            [*self._command, *arguments],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not (check and done.returncode), f"{' '.join(arguments)}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def cli(self, *arguments: str) -> str:
        return self.run("exec", "-T", "controller-1", "coordinator", *arguments)

    def machines(self) -> dict:
        """Return the machines; none while no controller answers yet."""
        answer = self.run("exec", "-T", "controller-1", "coordinator", "machines", "--format", "json", check=False)
        return json.loads(answer)["machines"] if answer.strip() else {}

    def status(self) -> dict:
        return json.loads(self.cli("status", "--format", "json"))

    def units(self, app: str) -> dict:
        return self.status()["applications"][app].get("units", {})

    def etcdctl(self, *arguments: str) -> str:
        return self.run("exec", "-T", "etcd-1", "etcdctl", *arguments)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    command = _compose()
    if command is None:
        pytest.skip("there is no Docker engine with docker-compose here; `.ci/docker` sets one up")
    cluster = Cluster(command)
    try:
        cluster.run("build")
        cluster.run("up", "-d")
        yield cluster
    finally:
        print(cluster.run("logs", "--no-color", "--tail", "30", check=False))
        cluster.run("down", "-v", "--timeout", "5", "--remove-orphans", check=False)


def _active(cluster: Cluster, app: str) -> dict:
    units = cluster.units(app)
    ready = [u for u in units.values() if u["workload-status"]["current"] == "active"]
    return units if units and len(ready) == len(units) else {}


def test_the_steps_of_the_readme(cluster: Cluster):
    # deploy
    wait_for(lambda: len(cluster.machines()) == 3, "three workers", timeout_s=START_S)
    cluster.cli("add-model", "demo")
    cluster.cli("deploy", "/examples/store", "-n", "2")
    units = wait_for(lambda: _active(cluster, "store"), "the store to be active", timeout_s=START_S)
    assert len({unit["machine"] for unit in units.values()}) == 2, "spread over machines"

    # register more workers
    cluster.run("up", "-d", "--no-recreate", "--scale", "worker=4")
    wait_for(lambda: len(cluster.machines()) == 4, "the fourth worker", timeout_s=START_S)

    # one container, one unit: it registers itself as the next unit
    cluster.run("run", "-d", "worker", "--unit", "store", "-m", "demo")
    units = wait_for(
        lambda: (found := _active(cluster, "store")) and len(found) == 3 and found, "store/2", timeout_s=START_S
    )
    assert sorted(units) == ["store/0", "store/1", "store/2"]

    # look at leadership and relation data with etcdctl
    key = "/coordinator/models/demo/applications/store/leader"
    leader = cluster.etcdctl("get", "--print-value-only", key).strip()
    assert units[leader]["leader"]
    shown = cluster.etcdctl("get", "--prefix", "/coordinator/models/demo/relations/")
    assert '"primary":"' + leader + '"' in shown

    # stop the leader's container, and watch leadership move
    container = cluster.machines()[units[leader]["machine"]]["hostname"]
    subprocess.run(["docker", "kill", container], check=True, capture_output=True)
    moved = wait_for(
        lambda: (now := cluster.etcdctl("get", "--print-value-only", key).strip()) not in ("", leader) and now,
        "another leader",
        timeout_s=MOVE_S,
    )
    assert moved in units
    wait_for(
        lambda: (
            '"primary":"' + moved + '"'
            in cluster.etcdctl("get", "--prefix", "/coordinator/models/demo/relations/")
        ),
        "the new leader to say so",
        timeout_s=MOVE_S,
    )

    # an etcd member goes: nobody notices
    cluster.run("stop", "--timeout", "1", "etcd-2")
    cluster.cli("config", "store", "max-value-bytes=1024")
    assert cluster.cli("config", "store", "max-value-bytes").strip() == "1024"
