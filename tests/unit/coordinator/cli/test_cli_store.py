"""What the CLI remembers: whole or not at all, for its owner only, and by many processes at once."""

from __future__ import annotations

import json
import stat
import threading

import pytest

from coordinator.cli import store
from coordinator.cli.store import Controller, State
from coordinator.errors import Corrupt, NotFound, Refused


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("COORDINATOR_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def test_nothing_is_known_at_first(home):
    assert store.load() == State()
    assert not home.exists()


def test_a_controller_is_remembered_and_becomes_the_current_one(home):
    store.remember_controller("one", ["http://127.0.0.1:1"], "/tokens/one")
    store.remember_controller("two", ["https://a:1", "https://b:1"], None, "/ca.pem", token="bob.x")

    assert json.loads((home / store.FILE).read_text()) == {
        "controllers": {
            "one": {"addresses": ["http://127.0.0.1:1"], "ca": None, "token": None, "token_file": "/tokens/one"},
            "two": {
                "addresses": ["https://a:1", "https://b:1"], "ca": "/ca.pem", "token": "bob.x", "token_file": None,
            },
        },
        "current": "two",
        "models": {},
    }  # fmt: skip
    assert stat.S_IMODE((home / store.FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert sorted(path.name for path in home.iterdir()) == [store.FILE, f"{store.FILE}.lock"]


def test_forgetting_takes_the_model_along_and_falls_back_to_the_only_other():
    for name in ("one", "two"):
        store.remember_controller(name, ["http://127.0.0.1:1"], None)
        store.choose_model(name, "demo")

    store.forget_controller("two")
    assert store.load().current == "one"
    assert store.load().models == {"one": "demo"}

    store.forget_controller("one")
    assert store.load() == State()
    with pytest.raises(NotFound, match="controller one not found"):
        store.forget_controller("one")


def test_a_model_is_dropped_only_if_it_is_the_current_one():
    store.choose_model("one", "demo")
    store.choose_model("one", None, instead_of="other")
    assert store.load().models == {"one": "demo"}

    store.choose_model("one", None, instead_of="demo")
    assert store.load().models == {}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"controllers": {"a": {"nope": 1}}}', "\x00"])
def test_a_damaged_file_is_named_and_kept(text, home):
    home.mkdir()
    (home / store.FILE).write_text(text)

    with pytest.raises(Corrupt, match=r"cannot read .*controllers\.json"):
        store.remember_controller("one", ["http://127.0.0.1:1"], None)
    assert (home / store.FILE).read_text() == text


def test_writers_at_once_lose_nothing():
    def write(number: int) -> None:
        for step in range(5):
            store.choose_model(f"controller-{number}", f"model-{step}")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert store.load().models == {f"controller-{number}": "model-4" for number in range(8)}


def test_a_token_comes_from_its_file(tmp_path):
    file = tmp_path / "token"
    file.write_text("admin.secret\n")

    assert Controller(addresses=["x"], token_file=str(file)).read_token() == "admin.secret"
    assert Controller(addresses=["x"], token="bob.x").read_token() == "bob.x"
    assert Controller(addresses=["x"]).read_token() == ""


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff"])
def test_a_token_file_without_a_token_is_named(content, tmp_path):
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(Refused, match="token") as refusal:
        Controller(addresses=["x"], token_file=str(file)).read_token()
    assert str(file) in refusal.value.what
    assert refusal.value.fix
