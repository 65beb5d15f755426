"""Secrets from end to end: a bash charm keeps one, a Python charm reads it, people keep theirs."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from system import CHARMS, ROOT, SECRET_KEY, ApiError, Process, System, running, wait_for

from coordinator.domain.refs import Kind
from coordinator.store import keys

pytestmark = pytest.mark.slow

FIRST, SECOND, THIRD = "correct horse", "battery staple!", "another battery"
TOKEN = "tr0ub4dor&3"
NEW_KEY = base64.b64encode(b"a key that came later, 32 bytes.").decode()


def cli(system: System, *arguments: str, fails: bool = False, stdin: str = "") -> str:
    environment = {
        **os.environ,
        "COORDINATOR_DATA": str(system.home / "cli"),
        "COORDINATOR_API": f"http://127.0.0.1:{system.port}",
        "COORDINATOR_TOKEN_FILE": str(system.token_file),
        "COORDINATOR_MODEL": "m",
    }
    done = subprocess.run(
        [sys.executable, "-m", "coordinator", *arguments],
        env=environment, cwd=ROOT, input=stdin, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.returncode != 0) is fails, (arguments, done.stdout, done.stderr)
    return done.stderr if fails else done.stdout


def lines(system: System) -> list[str]:
    return system.record.read_text().splitlines() if system.record.exists() else []


def wait_line(system: System, line: str) -> None:
    wait_for(lambda: line in lines(system), f"{line!r}; there is {lines(system)}")


def everything(system: System) -> bytes:
    """Return all that is stored now or was once, and all that was logged."""
    parts = [
        item.key.encode() + item.value for item in system.store.read(keys.ROOT, keys.prefix_end(keys.ROOT)).items
    ]
    parts += [path.read_bytes() for path in system.home.rglob("*") if _is_log(path)]
    parts.append(json.dumps(system.ask("GET", "/v1/models/m/history?limit=1000")).encode())
    parts.append(json.dumps(system.status()).encode())
    parts += [path.read_bytes() for path in (system.home / "etcd").rglob("*") if path.is_file()]
    return b"\n".join(parts)


def _is_log(path: Path) -> bool:
    return path.is_file() and (path.suffix in (".log", ".jsonl"))


def test_a_secret_goes_from_a_charm_in_bash_to_one_with_ops_and_nowhere_else():
    with running(workers=2) as system:
        system.add_model()
        system.deploy(CHARMS / "keeper", "keeper", record=str(system.record), password=FIRST)
        system.deploy(CHARMS / "reader-ops", "reader", units=2, record=str(system.record))
        system.integrate("keeper", "reader")
        for unit in ("reader/0", "reader/1"):
            wait_line(system, f"{unit} read {len(FIRST)}")
        assert not [line for line in lines(system) if "denied" in line]
        system.config("keeper", password=SECOND)
        for unit in ("reader/0", "reader/1"):
            wait_line(system, f"{unit} changed peer {len(FIRST)} {len(SECOND)}")
        wait_line(system, "keeper/0 secret-remove api 1")
        system.wait_settled(3)
        (secret,) = [secret for _, secret in system.view().list(Kind.SECRET, "m")]
        assert (secret.owner, secret.revisions) == ("keeper", (2,))
        assert len([line for line in lines(system) if "secret-remove" in line]) == 1
        found = system.ask("GET", f"/v1/models/m/secrets/{secret.id}?reveal=true")["secrets"][secret.id]
        assert found["content"] == {"Data": {"password": SECOND}}
        # The option of the test's own charm is told in the open; the charm's secret is not.
        bags = [value for ref, bag in system.view().list(Kind.APPLICATION_BAG, "m", "0") for value in bag.values()]
        assert bags == [secret.uri]
        revisions = [item.value for item in system.store.read(*keys.MIRRORED).items if "/revisions/" in item.key]
        assert not [value for value in revisions if SECOND.encode() in value]
        cli(system, "remove-application", "keeper", "--no-prompt")
        wait_for(lambda: not system.view().refs(Kind.SECRET, "m"), "the secret to go with its owner")
        assert not system.view().refs(Kind.SECRET_REVISION, "m")
        assert not system.view().refs(Kind.SECRET_CONSUMER, "m")


def test_people_keep_a_secret_change_it_and_the_key_and_nothing_of_it_shows():
    with running(workers=1) as system:
        system.add_model()
        file = system.home / "token.yaml"
        file.write_text(json.dumps({"token": TOKEN}))
        uri = cli(system, "add-secret", "apikey", "--info", "for tests", "--file", str(file)).strip()
        assert uri.startswith("secret:")
        assert len(uri) == 27
        assert 'secret with name "apikey" already exists' in cli(
            system, "add-secret", "apikey", "--file", str(file), fails=True
        )
        system.deploy(CHARMS / "reader-ops", "reader", record=str(system.record), **{"user-secret": uri})
        wait_line(system, "reader/0 config denied")
        assert "failed to grant secret" in cli(system, "grant-secret", "apikey", "nobody", fails=True)
        cli(system, "grant-secret", uri, "reader")
        system.wait_settled(1)
        system.deploy(CHARMS / "reader-ops", "late", record=str(system.record), **{"user-secret": uri})
        cli(system, "grant-secret", "apikey", "late")
        # It may have looked before it was granted: let it look again.
        cli(system, "trust", "late")
        wait_line(system, f"late/0 config {len(TOKEN)}")

        listed = json.loads(cli(system, "secrets", "--format", "json"))
        assert list(listed) == [uri[7:]]
        shown = listed[uri[7:]]
        assert (shown["revision"], shown["owner"], shown["name"]) == (1, "<model>", "apikey")
        assert {each["target"] for each in shown["access"]} == {"application-reader", "application-late"}
        assert TOKEN not in json.dumps(listed)

        cli(system, "update-secret", "apikey", "--file", str(file))
        assert json.loads(cli(system, "show-secret", uri, "--format", "json"))[uri[7:]]["revision"] == 1
        file.write_text(json.dumps({"token": TOKEN * 2}))
        cli(system, "update-secret", "apikey", "--file", str(file), "--auto-prune")
        wait_line(system, f"late/0 changed person {len(TOKEN)} {2 * len(TOKEN)}")
        revealed = json.loads(cli(system, "show-secret", "apikey", "--reveal", "--format", "json"))[uri[7:]]
        assert revealed["content"] == {"Data": {"token": TOKEN * 2}}

        def revisions() -> list[int]:
            tree = system.ask("GET", "/v1/models/m/secrets/apikey?revisions=true")["secrets"]
            return [each["revision"] for each in tree[uri[7:]]["revisions"]]

        wait_for(lambda: revisions() == [2], "the old revision to be pruned")
        assert "not found" in cli(system, "show-secret", "nothing", fails=True)
        assert TOKEN.encode() not in everything(system)
        _change_the_key(system, uri)
        cli(system, "remove-secret", "apikey")
        assert json.loads(cli(system, "secrets", "--format", "json")) == {}


def _change_the_key(system: System, uri: str) -> None:
    """Let the controller have another first key; then only that one."""
    _restart(system, f"{NEW_KEY},{SECRET_KEY}")
    assert "Encrypted 1 revisions" in cli(system, "reseal-secrets")
    assert "Encrypted 0 revisions" in cli(system, "reseal-secrets")
    _restart(system, NEW_KEY)
    assert TOKEN in cli(system, "show-secret", uri, "--reveal")
    _restart(system, SECRET_KEY)
    said = cli(system, "show-secret", uri, "--reveal", fails=True)
    assert "cannot decrypt revision 2" in said
    assert "to fix: add that key" in said
    assert uri[7:] in cli(system, "secrets"), "what is not secret can be seen without a key"
    _restart(system, "")
    assert "there is no key to encrypt it with" in cli(system, "add-secret", "other", "token=x", fails=True)


def _restart(system: System, secret_key: str) -> None:
    system.controller.stop()
    before: Process = system.controller
    environment = {**before._environment, "COORDINATOR_SECRET_KEY": secret_key}
    system.controller = Process(before._arguments, environment, before.log)
    system.controller.start()

    def answers() -> bool:
        try:
            return bool(system.ask("GET", "/v1/version"))
        except (OSError, ApiError):
            return False

    wait_for(answers, "the controller to answer")
