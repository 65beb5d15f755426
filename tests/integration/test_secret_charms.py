"""Secrets from end to end: a bash charm keeps one, a Python charm reads it, people keep theirs."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from system import CHARMS, SECRET_KEY, WAIT_S, ApiError, Process, System, running, wait_for

from coordinator.clock import RealClock
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.refs import Kind
from coordinator.domain.secret import Secret
from coordinator.errors import NotFound, Refused
from coordinator.store import keys
from coordinator.store.repository import Author, Repository
from coordinator.store.txn import Committed
from coordinator.wire import AddSecret, ShareSecret, Trust, UpdateSecret

pytestmark = pytest.mark.slow

FIRST, SECOND, THIRD = "correct horse", "battery staple!", "another battery"
TOKEN = "tr0ub4dor&3"
NEW_KEY = base64.b64encode(b"a key that came later, 32 bytes.").decode()


def coded(**values: str) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}


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
        system.client.remove_application("m", "keeper")
        wait_for(lambda: not system.view().refs(Kind.SECRET, "m"), "the secret to go with its owner")
        assert not system.view().refs(Kind.SECRET_REVISION, "m")
        assert not system.view().refs(Kind.SECRET_CONSUMER, "m")


def test_people_keep_a_secret_change_it_and_the_key_and_nothing_of_it_shows():
    with running(workers=1) as system:
        system.add_model()
        client = system.client
        first = AddSecret(name="apikey", description="for tests", content=coded(token=TOKEN))
        uri = client.add_secret("m", first)
        with pytest.raises(Refused, match='secret with name "apikey" already exists'):
            client.add_secret("m", first)
        system.deploy(CHARMS / "reader-ops", "reader", record=str(system.record), **{"user-secret": uri})
        wait_line(system, "reader/0 config denied")
        with pytest.raises(NotFound, match='failed to grant secret: application "nobody" not found'):
            client.share_secret("m", ShareSecret(secret="apikey", applications=["nobody"]), granted=True)
        client.share_secret("m", ShareSecret(secret=uri, applications=["reader"]), granted=True)
        system.wait_settled(1)
        system.deploy(CHARMS / "reader-ops", "late", record=str(system.record), **{"user-secret": uri})
        client.share_secret("m", ShareSecret(secret="apikey", applications=["late"]), granted=True)
        # It may have looked before it was granted: let it look again.
        client.trust("m", "late", Trust())
        wait_line(system, f"late/0 config {len(TOKEN)}")

        listed = client.secrets("m")
        assert list(listed) == [uri[7:]]
        shown = listed[uri[7:]]
        assert (shown["revision"], shown["owner"], shown["name"]) == (1, "<model>", "apikey")
        assert {each["target"] for each in shown["access"]} == {"application-reader", "application-late"}
        assert TOKEN not in json.dumps(listed)

        client.update_secret("m", "apikey", UpdateSecret(content=coded(token=TOKEN)))
        assert look(system, "apikey")["revision"] == 1
        client.update_secret("m", "apikey", UpdateSecret(content=coded(token=TOKEN * 2), auto_prune=True))
        wait_line(system, f"late/0 changed person {len(TOKEN)} {2 * len(TOKEN)}")
        assert look(system, "apikey", reveal=True)["content"] == {"Data": {"token": TOKEN * 2}}
        wait_for(lambda: revisions(system, "apikey") == [2], "the old revision to be pruned")
        with pytest.raises(NotFound, match='secret "nothing" not found'):
            look(system, "nothing")
        assert TOKEN.encode() not in everything(system)
        _change_the_key(system, uri)
        client.remove_secret("m", "apikey")
        assert client.secrets("m") == {}


def look(system: System, who: str, *, reveal: bool = False, all_revisions: bool = False) -> dict[str, Any]:
    (found,) = system.client.secret("m", who, reveal=reveal, revisions=all_revisions, revision=None).values()
    return found


def revisions(system: System, who: str) -> list[int]:
    return [each["revision"] for each in look(system, who, all_revisions=True)["revisions"]]


def _change_the_key(system: System, uri: str) -> None:
    """Let the controller have another first key; then only that one."""
    _restart(system, f"{NEW_KEY},{SECRET_KEY}")
    assert system.client.reseal_secrets()["revisions"] == 1
    assert system.client.reseal_secrets()["revisions"] == 0
    _restart(system, NEW_KEY)
    assert look(system, uri, reveal=True)["content"] == {"Data": {"token": TOKEN * 2}}
    _restart(system, "")
    with pytest.raises(Refused, match="cannot decrypt revision 2") as refusal:
        look(system, uri, reveal=True)
    assert refusal.value.fix.startswith("add that key")
    assert uri[7:] in system.client.secrets("m"), "what is not secret can be seen without a key"
    with pytest.raises(Refused, match="there is no key to encrypt it with"):
        system.client.add_secret("m", AddSecret(name="other", content=coded(token="x")))


def test_time_alone_wakes_the_owner_of_a_secret_also_after_nobody_was_there():
    with running(workers=1) as system:
        system.add_model()
        system.deploy(CHARMS / "keeper", "keeper", record=str(system.record), password=FIRST)
        system.deploy(CHARMS / "reader-ops", "reader", record=str(system.record))
        system.integrate("keeper", "reader")
        wait_line(system, f"reader/0 read {len(FIRST)}")
        system.wait_settled(2)

        asked_s = time.time()
        _add_own(system, "short", "--expire 1s")
        # The expiry pulls the rotation forward: both are due, and expired comes first.
        _add_own(system, "both", "--expire 2s --rotate yearly")
        wait_line(system, "keeper/0 secret-expired short 1")
        assert time.time() >= asked_s + 1
        wait_line(system, "keeper/0 secret-rotate both ")
        assert time.time() >= asked_s + 2
        about_both = [line for line in lines(system) if " both " in line]
        assert about_both[:2] == ["keeper/0 secret-expired both 1", "keeper/0 secret-rotate both "]

        # Of the one that is only rotated, the store says that a year is over.
        _let_pass(system, "api", rotates_at_s=time.time() + 0.5)
        wait_line(system, "keeper/0 secret-rotate api ")
        wait_for(lambda: _labelled(system, "api").revision == 2, "its hook to land")
        rotated = _labelled(system, "api")
        assert rotated.rotates_at_s is not None
        assert rotated.rotates_at_s == pytest.approx(time.time() + 3600, abs=WAIT_S), "it counts from new content"
        wait_for(lambda: [line for line in lines(system) if "reader/0 changed peer" in line], "its reader")

        # Nobody is there when it expires; whoever comes back is told.
        _add_own(system, "missed", "--expire 1h")
        system.workers[0].kill()
        due_s = time.time() + 0.5
        _let_pass(system, "missed", expires_at_s=due_s, expired_again_s=due_s)
        wait_for(lambda: time.time() > due_s, "it to expire")
        assert not [line for line in lines(system) if "missed" in line]
        system.workers[0].start()
        wait_line(system, "keeper/0 secret-expired missed 1")
        system.wait_settled(2)
        # A charm that did nothing is asked again, but not at once.
        told = [line for line in lines(system) if "secret-expired" in line or "secret-rotate" in line]
        assert len(told) == len(set(told)) == 5


def _labelled(system: System, label: str) -> Secret:
    (found,) = [each for each in secrets(system) if each.label == label]
    return found


def secrets(system: System) -> list[Secret]:
    return [secret for _, secret in system.view().list(Kind.SECRET, "m")]


def _add_own(system: System, label: str, flags: str) -> None:
    """Let the unit of the keeper add a secret of its own."""
    done = system.run("keeper/0", command=f"secret-add --owner unit --label {label} {flags} password=x")
    assert done["status"] == "completed", done


def _let_pass(system: System, label: str, **due: float) -> None:
    """Have what is due in a long time be due at other moments."""
    secret = _labelled(system, label)
    assert all(getattr(secret, name) is not None for name in due)
    after = replace(secret, **due)
    repository = Repository(system.store, RealClock())
    change = Change(did="time passes", puts={refs.secret("m", secret.id): after})
    assert isinstance(repository.write(change, Author(name="test"), since=system.view().revision), Committed)


def _restart(system: System, secret_key: str) -> None:
    system.client.close()  # a kept connection would end in the middle of the next request
    system.controller.stop()
    before: Process = system.controller
    environment = {**before._environment, "COORDINATOR_SECRET_KEY": secret_key}
    system.controllers[0] = Process(before._arguments, environment, before.log)
    system.controller.start()

    def answers() -> bool:
        try:
            return bool(system.ask("GET", "/v1/version"))
        except (OSError, ApiError):
            return False

    wait_for(answers, "the controller to answer")
