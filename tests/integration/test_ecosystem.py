"""Charms with the libraries that the ecosystem publishes, as they are: on real workers, over real relations.

The libraries come from the package index, once per process of tests.  The charms for certificates are run with the
released `ops` that their library depends on, and with ours.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from system import CHARMS, ROOT, System, running, wait_for

from coordinator.domain.refs import Kind
from coordinator.worker.toolfiles import JUJU_DIRECTORY

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ecosystem")]

OPS_LIBRARIES = ("ops>=3,<4", "charmlibs-interfaces-tls-certificates>=1.12,<2", "dpcharmlibs-interfaces>=1.2,<2")
REACTIVE_LIBRARIES = ("charms.reactive==1.5.3", "charmhelpers==1.2.1", "setuptools<81")
INSTALL_S_MAX = 120.0
REACTIVE_HOOKS = (
    "install", "config-changed", "start", "leader-elected", "update-status", "stop",
    *(f"{name}-relation-{end}" for name in ("give", "take") for end in ("joined", "changed", "departed")),
)  # fmt: skip


def _installed(target: Path, *requirements: str) -> Path:
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-compile", "--target", str(target)]
    done = subprocess.run(
        [*command, *requirements], capture_output=True, text=True, timeout=INSTALL_S_MAX, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return target


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What the charms with `ops` import, the released `ops` among it."""
    target = _installed(tmp_path_factory.mktemp("libraries"), *OPS_LIBRARIES)
    yield target
    shutil.rmtree(target)


@pytest.fixture(params=["released", "ours"])
def pythonpath(request: pytest.FixtureRequest, libraries: Path) -> str:
    """Where the charms' libraries are; with ours, the released one is not reached."""
    return str(libraries) if request.param == "released" else f"{ROOT}:{libraries}"


def _copied(name: str, tmp_path: Path, pythonpath: str) -> Path:
    charm = tmp_path / name
    shutil.copytree(CHARMS / name, charm)
    (charm / "dispatch").write_text(f"#!/bin/sh\nPYTHONPATH={pythonpath} exec python3 ./src/charm.py\n")
    (charm / "dispatch").chmod(0o755)
    return charm


def _message(system: System, unit: str) -> str:
    return system.units()[unit]["workload-status"].get("message", "")


def test_certificates_are_asked_for_signed_and_replaced(tmp_path, pythonpath):
    with running(workers=1) as system:
        system.add_model()
        system.deploy(_copied("signer", tmp_path, pythonpath), "signer")
        system.deploy(_copied("signed", tmp_path, pythonpath), "site")
        system.integrate("site", "signer")
        wait_for(lambda: _message(system, "site/0") == "site-0.example, signed by signer", "the certificate")
        first = _certificates(system)
        task = system.run("site/0", "renew")
        assert task["status"] == "completed", task
        wait_for(lambda: len(_certificates(system) - first) == 1, "one other certificate")
        system.wait_settled(2)
        assert len(_certificates(system)) == 1, "what was replaced is no longer offered"
        assert _message(system, "site/0") == "site-0.example, signed by signer"


def _certificates(system: System) -> set[str]:
    """Return what the signer has given, as it is in the bag of the relation."""
    bags = [bag for ref, bag in system.view().list(Kind.APPLICATION_BAG, "m", "0") if ref.path[-1] == "signer"]
    return {each["certificate"] for bag in bags for each in json.loads(bag.get("certificates", "[]"))}


def test_databases_and_their_users_are_given_as_secrets_over_the_relation(tmp_path, libraries):
    pythonpath = f"{ROOT}:{libraries}"
    with running(workers=1) as system:
        system.add_model()
        system.deploy(_copied("database", tmp_path, pythonpath), "database")
        system.deploy(_copied("tenant", tmp_path, pythonpath), "tenant")
        system.integrate("tenant", "database")
        wait_for(lambda: _message(system, "tenant/0") == "shop at 10.0.0.1:5432, password of 14", "the password")
        wait_for(lambda: system.status()["applications"]["tenant"].get("version") == "user-1", "the other user")
        assert system.run("database/0", "rotate", password="twice as long as before")["status"] == "completed"
        wait_for(lambda: _message(system, "tenant/0") == "another password of 23", "the new password")
        owners = {secret["owner"] for secret in system.ask("GET", "/v1/models/m/secrets")["secrets"].values()}
        assert owners == {"database"}
        system.ask("DELETE", "/v1/models/m")
        wait_for(lambda: not system.keys_below("/coordinator/models/m"), "the model to go")


@pytest.fixture(scope="module")
def reactor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reactive charm, built as charm tools build it: libraries in lib/, a program for each hook."""
    charm = tmp_path_factory.mktemp("reactor") / "reactor"
    shutil.copytree(CHARMS / "reactor", charm)
    _installed(charm / "lib", *REACTIVE_LIBRARIES)
    with (charm / "lib" / "charmhelpers" / "osplatform.py").open("a") as module:
        module.write(
            '\n\ndef get_platform():\n    return "ubuntu"\n'
        )  # it refuses others, and tests run on others
    for hook in REACTIVE_HOOKS:
        shutil.copy(charm / "hooks" / "hook.template", charm / "hooks" / hook)
    return charm


#: What `actions/survey` of the charm has to be answered.
SURVEY = {
    "action": ["you", {"to": "you"}, "survey", "survey"],
    "ids": [True, True],
    "names": ["reactor/0", "reactor", "m", "reactor"],
    "uuid": 36,
    "config": ["hello", 8080, None, None],
    "all": {"nothing": None, "port": 8080, "words": "hello"},
    "relation": ['{"said": "good day"}', None],
    "mine": ["egress-subnets", "ingress-address", "private-address", "seen", "surveyed"],
    "types": ["give", "ring", "take"],
    "related": {"take": ["reactor/0", "other/0"]},
    "made": [True, False],
    "remote": ["other", "CalledProcessError"],
    "of a type": ["other/0"],
    "expected": ["other/0"],
    "goal": ["relations", "units"],
    "ports": ["icmp", "7000-7001/tcp"],
    "addresses": ["127.0.0.1", "127.0.0.1", "127.0.0.1"],
    "ingress": ["127.0.0.1", ["127.0.0.1/32"]],
    "network": ["bind-addresses", "egress-subnets", "ingress-addresses"],
    "of a relation": ["bind-addresses", "egress-subnets", "ingress-addresses"],
    "primary": True,
    "storage": ["data/0"],
    "place": "0",
    "kind": "filesystem",
    "status": ["active", "other/0: good day"],
    "leader": [True, "reactor/0", {"leads": "reactor/0"}],
    "resource": ["a note", False],
    "principal": ["reactor/0", False],
    "doomed": [False, True],
    "proxy": None,
    "payloads": ["NotImplementedError"] * 3,  # the commands are not there, and it says so in its own way
    "metrics": [None, None, None],
    "flags": True,
}

#: What its helpers ask with before they ask for networks or goals: they look for a program of Juju's.
ANNOUNCED = JUJU_DIRECTORY / "tools"


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Workers announce the version at its usual place, which is as it was before when the test is over."""
    if os.geteuid() != 0:
        pytest.skip(f"only root can put anything into {ANNOUNCED}")
    before = [path for path in (JUJU_DIRECTORY, ANNOUNCED, *ANNOUNCED.glob("*")) if path.exists()]
    monkeypatch.setenv("COORDINATOR_ANNOUNCE_VERSION", "true")
    yield
    ours = ANNOUNCED / "machine-coordinator"
    for path in (ours, ANNOUNCED, JUJU_DIRECTORY):
        if path not in before:
            shutil.rmtree(path)


@pytest.mark.usefixtures("announced")
def test_a_reactive_charm_runs_and_each_call_of_its_helpers_is_answered(reactor, tmp_path, monkeypatch):
    monkeypatch.setenv("COORDINATOR_BLOBS", str(tmp_path))  # with its libraries it is too large for the store
    with running(workers=1) as system:
        system.add_model()
        system.deploy(reactor, "reactor")
        system.deploy(reactor, "other", words="good day", port=8090)
        note = system.ask("POST", "/v1/resources", b"a note")["sha256"]
        system.ask("PUT", "/v1/models/m/applications/reactor/resources/note", {"sha256": note})
        system.integrate("reactor:take", "other:give")
        wait_for(lambda: _message(system, "reactor/0") == "other/0: good day", "what is said")
        system.wait_settled(2)
        shown = system.status()["applications"]["reactor"]
        assert (shown["version"], shown["application-status"]["message"]) == ("1.5.3", "of the application")
        task = system.run("reactor/0", "survey", to="you")
        assert task["status"] == "completed", task
        results = task["results"]
        assert (results["deep"], results["number"], results["from"]) == ({"er": "value"}, "3", "function")
        assert json.loads(results["seen"]) == SURVEY
        bags = {str(ref): bag for ref, bag in system.view().list(Kind.APPLICATION_BAG, "m")}
        assert {"app": "wide"} in bags.values(), bags
        refused = system.run("reactor/0", "refuse")
        assert (refused["status"], refused["message"]) == ("failed", "not today")
