"""An administrator lets others in, says what they may do, and keeps them out again: by the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from test_cli import Cli, controller_of, environment_of, log_in

from coordinator.store import keys
from coordinator.store.embedded import EmbeddedEtcd
from coordinator.store.etcd import EtcdStore


class Office(NamedTuple):
    """`cli` is that of the administrator."""

    cli: Cli
    store: EtcdStore

    def somebody(self, name: str) -> Cli:
        """Return the command line of somebody else."""
        return self.cli.as_nobody(self.cli.home / f"client-of-{name}")

    def invite(self, name: str) -> str:
        """Add a user and return their invitation."""
        return invitation_in(self.cli.ok("add-user", name))

    def join(self, name: str, *access: str) -> Cli:
        """Add a user who registers, with *access* to model m; return their command line."""
        theirs = self.somebody(name)
        theirs.ok("register", self.invite(name))
        for level in access:
            self.cli.ok("grant", name, level, "m")
        return theirs


def invitation_in(text: str) -> str:
    return text.partition("coordinator register ")[2].split()[0]


def refused(cli: Cli, *arguments: str, code: int = 1) -> str:
    """Run a command that must be refused, and return what it says."""
    done = cli(*arguments)
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def office(etcd_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    home = tmp_path_factory.mktemp("users")
    with EmbeddedEtcd(etcd_folder / home.name, throwaway=True) as etcd:
        store = EtcdStore([etcd.endpoint])
        with controller_of(etcd, home / "token") as url:
            cli = Cli(home, environment_of(home))
            log_in(cli, url)
            cli.ok("add-model", "m")
            yield Office(cli, store)
        store.close()


def test_somebody_is_invited_let_in_and_kept_out_again(office: Office) -> None:
    told = office.cli.ok("add-user", "bob", "Bob Builder")
    assert told.startswith('User "bob" added\nPlease send this command to bob:\n    coordinator register ')
    bob = office.somebody("bob")
    welcome = bob("register", invitation_in(told)).stderr
    assert 'Welcome, bob.  The controller is called "home".' in welcome
    assert "No model is open to you yet" in welcome
    assert json.loads(bob.ok("whoami", "--format", "json"))["user"] == "bob"

    assert "coordinator grant bob read m" in refused(bob, "status", "-m", "m")
    assert bob.ok("models", "--format", "json") == '{"models":[]}\n'
    office.cli.ok("grant", "bob", "read", "m")
    bob.ok("status", "-m", "m")
    assert json.loads(bob.ok("models", "--format", "json"))["models"][0]["access"] == "read"
    assert "needs admin access in model m" in refused(bob, "model-config", "-m", "m", "note=x")
    assert 'user already has "read" access or greater' in refused(office.cli, "grant", "bob", "read", "m")
    office.cli.ok("grant", "bob", "admin", "m")
    bob.ok("model-config", "-m", "m", "note=x")
    office.cli.ok("revoke", "bob", "write", "m")
    bob.ok("status", "-m", "m")
    assert "permission denied" in refused(bob, "model-config", "-m", "m", "note=y")

    assert 'User "bob" disabled' in office.cli("disable-user", "bob").stderr
    assert "its user is disabled" in refused(bob, "status", "-m", "m")
    office.cli.ok("enable-user", "bob")
    bob.ok("status", "-m", "m")
    assert "needs a confirmation" in refused(office.cli, "remove-user", "bob")
    office.cli.ok("remove-user", "bob", "--yes")
    assert "the token is not valid" in refused(bob, "status", "-m", "m")


def test_an_invitation_works_once_and_a_reset_makes_another(office: Office) -> None:
    invitation = office.invite("ann")
    ann, eve = office.somebody("ann"), office.somebody("eve")
    ann.ok("register", invitation)
    assert "change-user-password --reset ann" in refused(eve, "register", invitation)
    assert 'controller "home" already exists' in refused(ann, "register", invitation)
    again = invitation_in(office.cli.ok("change-user-password", "--reset", "ann"))
    assert "the token is not valid" in refused(ann, "whoami")
    eve.ok("register", "--name", "work", again)
    assert json.loads(eve.ok("whoami", "--format", "json")) == {"controller": "work", "user": "ann"}
    assert 'Logged out of "work"' in eve("unregister", "work", "--no-prompt").stderr
    assert "No controllers registered" in refused(eve, "whoami")


def test_nobody_is_told_a_token_and_none_is_stored(office: Office) -> None:
    theirs = office.join("dan", "read")
    file = Path(theirs.environment["COORDINATOR_DATA"]) / "controllers.json"
    token = json.loads(file.read_text())["controllers"]["home"]["token"]
    assert token.startswith("dan.")
    assert file.stat().st_mode & 0o077 == 0
    stored = office.store.read(keys.ROOT, keys.prefix_end(keys.ROOT)).items
    secret = token.partition(".")[2]
    assert [item.key for item in stored if secret.encode() in item.value] == []
    shown = [office.cli.ok(*line.split()) for line in ("show-user dan", "users --format json", "show-model m")]
    assert "dan" in shown[0]
    assert [text for text in shown if secret in text or "hash" in text] == []


def test_who_changes_their_token_is_known_by_the_new_one_only(office: Office) -> None:
    theirs = office.join("joe")
    theirs.ok("register", "--name", "second", office.invite("joes-robot"))
    file = Path(theirs.environment["COORDINATOR_DATA"]) / "controllers.json"
    before = json.loads(file.read_text())["controllers"]["home"]
    theirs.ok("change-user-password", "-c", "home")
    assert json.loads(theirs.ok("whoami", "-c", "home", "--format", "json"))["user"] == "joe"
    assert json.loads(theirs.ok("whoami", "--format", "json"))["controller"] == "second", (
        "that is still the current"
    )
    old = {"COORDINATOR_API": before["addresses"][0], "COORDINATOR_TOKEN": before["token"]}
    assert "the token is not valid" in theirs("whoami", **old).stderr
    assert "cannot renew the token of user admin" in refused(office.cli, "change-user-password")


def test_administrators_of_a_model_let_others_in_there_and_nowhere_else(office: Office) -> None:
    kim, lee = office.join("kim", "admin"), office.join("lee")
    office.cli.ok("add-model", "other", "--no-switch")
    kim.ok("grant", "lee", "write", "m")
    assert json.loads(kim.ok("users", "m", "--format", "json"))["lee"] == {
        "display-name": "lee",
        "access": "write",
    }
    assert list(json.loads(lee.ok("users", "m", "--format", "json"))) == ["lee"]
    assert [each["user-name"] for each in json.loads(lee.ok("users", "--format", "json"))] == ["lee"]
    before = office.store.read(keys.ROOT, keys.prefix_end(keys.ROOT)).revision
    for line in (
        "grant lee read other",
        "grant lee read m other",
        "grant kim superuser",
        "add-user max",
        "remove-user --yes lee",
        "disable-user lee",
        "change-user-password --reset lee",
        "show-user lee",
        "add-model own",
    ):
        assert "permission denied" in refused(kim, *line.split()), line
    for line in ("grant lee admin m", "revoke kim admin m"):
        assert "permission denied" in refused(lee, *line.split()), line
    assert office.store.read(keys.ROOT, keys.prefix_end(keys.ROOT)).revision == before


def test_a_role_ends_with_its_model(office: Office) -> None:
    pat = office.join("pat")
    office.cli.ok("grant", "pat", "add-model")
    pat.ok("add-model", "pats")
    assert (
        json.loads(pat.ok("show-model", "pats", "--format", "json"))["pats"]["users"]["pat"]["access"] == "admin"
    )
    pat.ok("destroy-model", "pats", "--no-prompt")
    office.cli.ok("add-model", "pats", "--no-switch")
    assert "permission denied" in refused(pat, "status", "-m", "pats")


def test_what_is_known_of_users_and_controllers_is_shown(office: Office) -> None:
    office.join("zoe", "write")
    office.cli.ok("disable-user", "zoe")
    listed = office.cli.ok("users", "--all").splitlines()
    assert listed[0] == "Controller: home"
    assert listed[2].split("  ")[0] == "Name"
    assert [line.split()[:2] for line in listed if line.startswith("admin*")] == [["admin*", "superuser"]]
    assert any("login (disabled)" in line for line in listed if line.startswith("zoe"))
    assert "zoe" not in office.cli.ok("users")
    shown = json.loads(office.cli.ok("show-user", "zoe", "--format", "json"))
    assert shown == {
        "user-name": "zoe", "display-name": "", "access": "login", "date-created": shown["date-created"],
        "models": {"m": "write"}, "disabled": True,
    }  # fmt: skip
    known = json.loads(office.cli.ok("controllers", "--refresh", "--format", "json"))
    assert known["current-controller"] == "home"
    assert known["controllers"]["home"]["access"] == "superuser"
    about = json.loads(office.cli.ok("show-controller", "--format", "json"))["home"]
    assert about["account"] == {"user": "admin", "access": "superuser"}
    assert about["details"]["uuid"] == known["controllers"]["home"]["uuid"]
    assert "m" in about["models"]
    assert "home*" in office.cli.ok("controllers")


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ("add-user", 2, "no username supplied"),
        ("add-user admin", 1, "already exists"),
        ("add-user a/b", 2, "invalid user name"),
        ("remove-user", 2, "no username supplied"),
        ("remove-user --yes nobody", 1, 'user "nobody" not found'),
        ("remove-user --yes admin", 1, "cannot remove user admin"),
        ("disable-user nobody", 1, "not found"),
        ("show-user nobody", 1, "not found"),
        ("grant", 2, "no user specified"),
        ("grant bob", 2, "no permission level specified"),
        ("grant nobody read m", 1, "not found"),
        ("grant admin read none", 1, "not found"),
        ("grant admin write", 1, "is not an access level of the controller"),
        ("grant admin superuser m", 1, "is not an access level of a model"),
        ("revoke admin superuser", 1, "cannot revoke access of user admin"),
        ("change-user-password nobody", 2, "cannot keep the token of nobody"),
        ("change-user-password --reset", 2, "no username supplied"),
        ("register", 2, "no invitation specified"),
        ("register nonsense", 2, "this is not an invitation"),
        ("users none", 1, "not found"),
        ("show-controller nowhere", 1, "controller nowhere not found"),
    ],
)
def test_it_is_refused_with_what_to_do(office: Office, line: str, code: int, text: str) -> None:
    assert text in refused(office.cli, *line.split(), code=code)
