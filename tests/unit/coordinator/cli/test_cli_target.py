"""Which controller and which model a command is about: flags before variables before what is remembered."""

from __future__ import annotations

import pytest

from coordinator.cli import store
from coordinator.cli.console import Console
from coordinator.cli.target import ModelName, Target
from coordinator.errors import NotFound, Refused


@pytest.fixture(autouse=True)
def known(tmp_path, monkeypatch):
    monkeypatch.setenv("COORDINATOR_DATA", str(tmp_path))
    store.remember_controller("far", ["https://far:1"], None, token="a.far")
    store.remember_controller("home", ["http://127.0.0.1:1"], None, token="a.home")
    store.choose_model("home", "demo")


def target(environ=None, **given) -> Target:
    return Target(Console(), environ=environ or {}, **given)


@pytest.mark.parametrize(
    ("given", "environ", "expected"),
    [
        ({}, {}, ("home", "demo")),
        ({"model": "other"}, {}, ("home", "other")),
        ({"model": "admin/other"}, {}, ("home", "other")),
        ({"model": "far:admin/other"}, {}, ("far", "other")),
        ({"model": "far:"}, {}, ("far", None)),
        ({}, {"JUJU_MODEL": "far:x"}, ("far", "x")),
        ({}, {"JUJU_MODEL": "x", "COORDINATOR_MODEL": "y"}, ("home", "y")),
        ({"model": "z"}, {"JUJU_MODEL": "far:x"}, ("home", "z")),
        ({}, {"JUJU_CONTROLLER": "far"}, ("far", None)),
        ({"controller": "home"}, {"JUJU_CONTROLLER": "far"}, ("home", "demo")),
        ({}, {"JUJU_MODEL": "", "JUJU_CONTROLLER": ""}, ("home", "demo")),
        ({"model": "x"}, {"COORDINATOR_API": "http://h:1,http://i:1"}, ("http://h:1,http://i:1", "x")),
    ],
)
def test_the_nearest_choice_wins(given, environ, expected):
    found = target(environ, **given)
    assert (found.controller, found.find_model()) == expected


def test_the_addresses_of_the_environment_have_no_name():
    assert target({"COORDINATOR_API": "http://h:1"}).shown_controller == ""
    assert target().shown_controller == "home"


def test_no_model_in_focus_says_how_to_choose_one():
    with pytest.raises(Refused, match=r"No model in focus\.") as refusal:
        _ = target(controller="far").model
    assert "coordinator models" in refusal.value.fix
    assert "coordinator switch" in refusal.value.fix


def test_an_unknown_controller_is_named_with_the_known_ones():
    with pytest.raises(NotFound, match="controller nope not found") as refusal:
        _ = target(model="nope:demo").controller
    assert refusal.value.fix == "known are: far, home"


def test_without_a_current_controller_one_must_be_chosen():
    store.remember_controller("third", ["http://127.0.0.1:3"], None)
    store.forget_controller("third")

    with pytest.raises(Refused, match=r"No selected controller\."):
        _ = target().controller


def test_a_name_has_up_to_three_parts():
    assert ModelName.parse("c:o/n") == ("c", "n")
    assert ModelName.parse("n") == ("", "n")
