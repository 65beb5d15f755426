"""The steps that README.md shows for a cluster in containers: its very lines, one after the other, from outside.

Needs a Docker engine; where images cannot be pulled, `.ci/docker` makes what it needs first.
"""

from __future__ import annotations

import json
import os
import re
import shlex
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

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]  # the image is built first


def steps_of_the_readme() -> list[str]:
    """Return the lines of the block that begins with `docker-compose up`, without comments."""
    blocks = re.findall(r"^```sh\n(docker-compose up .*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    assert len(blocks) == 1, "the README shows the cluster in one block"
    return [line.partition(" #")[0].strip() for line in blocks[0].splitlines()]


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

    def step(self, line: str) -> str:
        """Carry out a line of the README; `c` is its alias.  There is no terminal here."""
        words = shlex.split(line)
        if words[0] == "c":
            return self.cli(*words[1:])
        assert words[0] == "docker-compose", line
        return self.run(*(["exec", "-T"] if words[1] == "exec" else words[1:2]), *words[2:])

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
        yield cluster
    finally:
        print(cluster.run("logs", "--no-color", "--tail", "30", check=False))
        cluster.run("down", "-v", "--timeout", "5", "--remove-orphans", check=False)


def _active(cluster: Cluster, app: str) -> dict:
    units = cluster.units(app)
    ready = [u for u in units.values() if u["workload-status"]["current"] == "active"]
    return units if units and len(ready) == len(units) else {}


LEADER = "/coordinator/models/demo/applications/store/leader"
RELATIONS = "/coordinator/models/demo/relations/"


def _leader(cluster: Cluster) -> str:
    return cluster.etcdctl("get", "--print-value-only", LEADER).strip()


def _wait_for_another_leader(cluster: Cluster, old: str) -> str:
    new = wait_for(lambda: (now := _leader(cluster)) not in ("", old) and now, "another leader", timeout_s=MOVE_S)
    wait_for(
        lambda: f'"primary":"{new}"' in cluster.etcdctl("get", "--prefix", RELATIONS),
        "the new leader to say so",
        timeout_s=MOVE_S,
    )
    return new


def _wait_active(cluster: Cluster, count: int) -> dict:
    return wait_for(
        lambda: (units := _active(cluster, "store")) and len(units) == count and units,
        f"{count} active units of the store",
        timeout_s=START_S,
    )


def _serves(cluster: Cluster, unit: dict) -> bool:
    """Say whether the port that *unit* has opened is listened at."""
    place = (unit["public-address"], int(unit["open-ports"][0].partition("/")[0]))
    program = f"import socket; socket.create_connection({place!r}, 2); print('there')"
    return "there" in cluster.run("exec", "-T", "controller-1", "python3", "-c", program, check=False)


def test_the_steps_of_the_readme(cluster: Cluster):
    steps = iter(steps_of_the_readme())

    assert next(steps) == "docker-compose up -d"
    cluster.step("docker-compose up -d")
    assert next(steps) == "alias c='docker-compose exec -T controller-1 coordinator'"

    cluster.step(next(steps))
    assert "demo" in cluster.cli("models")
    wait_for(lambda: len(cluster.machines()) == 3, "three workers", timeout_s=START_S)

    cluster.step(next(steps))
    units = _wait_active(cluster, 2)
    assert len({unit["machine"] for unit in units.values()}) == 2, "spread over machines"
    assert "store/0" in cluster.step(next(steps))

    cluster.step(next(steps))
    wait_for(lambda: len(cluster.machines()) == 5, "two more workers", timeout_s=START_S)

    cluster.step(next(steps))
    units = _wait_active(cluster, 3)
    assert sorted(units) == ["store/0", "store/1", "store/2"], "the container has become the next unit"

    key, leader = cluster.step(next(steps)).split()
    assert key == LEADER
    assert units[leader]["leader"]
    assert f'"primary":"{leader}"' in cluster.step(next(steps))

    cluster.step(next(steps))
    assert _wait_for_another_leader(cluster, leader) == "store/2", "its container is the only one that is left"
    assert list(steps) == []

    # And what it does not show: containers that come back, one that is killed, and a member of etcd that goes.
    cluster.run("start", "worker")
    units = _wait_active(cluster, 3)
    for unit in units.values():
        wait_for(
            lambda unit=unit: _serves(cluster, unit), "the server that went with its container", timeout_s=MOVE_S
        )
    container = cluster.machines()[units["store/2"]["machine"]]["hostname"]
    subprocess.run(["docker", "kill", container], check=True, capture_output=True)
    assert _wait_for_another_leader(cluster, "store/2") in units
    cluster.run("stop", "--timeout", "1", "etcd-2")
    cluster.cli("config", "store", "max-value-bytes=1024")
    assert cluster.cli("config", "store", "max-value-bytes").strip() == "1024"
