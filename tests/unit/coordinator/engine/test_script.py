"""What the arguments of juju-exec mean, for which unit, and what its commands see."""

from __future__ import annotations

from typing import Any

import pytest
from build import CREATED, MODEL, command, entered, leading, memory, relation, stored, unit, world

from coordinator.domain import refs
from coordinator.domain.change import Held
from coordinator.engine.effects import Effects
from coordinator.engine.script import HelpWanted, Script, context_of, find_unit, parse, settle_script
from coordinator.errors import BadRequest, Refused

WEB_0, DB_0, DB_1 = unit("web/0"), unit("db/0"), unit("db/1")


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["-u", "web/0", "a b"], Script(unit=WEB_0, commands="a b")),
        (["-u", "unit-web-0", "a", "b c"], Script(unit=WEB_0, commands="a 'b c'")),
        (["--unit=web/0", "--", "-x"], Script(unit=WEB_0, commands="-x")),
        (["-uweb/0", "ls", "-l"], Script(unit=WEB_0, commands="ls -l")),
        (["web/0", "hooks/mine"], Script(unit=WEB_0, commands="hooks/mine")),
        (["JUJU_DISPATCH_PATH=hooks/x", "/c/dispatch"], Script(commands="JUJU_DISPATCH_PATH=hooks/x /c/dispatch")),
        (["-u", "", "web/0", "x"], Script(commands="web/0 x")),
        (["-r", "db:7", "--remote-unit", "db/0", "x"], Script(relation=7, remote_unit=DB_0, commands="x")),
        (["--no-context", "web/0"], Script(no_context=True, commands="web/0")),
        (["--operator=false", "--force-remote-unit", "x"], Script(force_remote_unit=True, commands="x")),
    ],
)
def test_what_the_arguments_mean(argv, expected):
    assert parse(argv) == expected


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        ([], "missing commands"),
        (["web/0"], "missing commands"),
        (["-u", "web", "x"], '"web" is not a valid unit name'),
        (["-u"], "option needs an argument: -u"),
        (["--odd", "x"], "option provided but not defined: --odd"),
        (["-r", "x", "y"], 'invalid value "x" for option -r: invalid relation id'),
        (["--remote-unit", "db/0", "x"], "remote unit: db/0, provided without a relation"),
    ],
)
def test_arguments_that_are_wrong_are_told_so(argv, text):
    with pytest.raises(BadRequest) as refused:
        parse(argv)
    assert refused.value.what == text


def test_help_can_be_asked_for():
    with pytest.raises(HelpWanted):
        parse(["--help"])


HERE = [("m", WEB_0), ("m", DB_0), ("n", WEB_0)]


@pytest.mark.parametrize(
    ("named", "units", "model", "expected"),
    [
        (DB_0, HERE, "", ("m", DB_0)),
        (WEB_0, HERE, "n", ("n", WEB_0)),
        (None, HERE, "n", ("n", WEB_0)),
        (None, [("m", DB_0)], "", ("m", DB_0)),
        (WEB_0, HERE, "", "in several models"),
        (DB_1, HERE, "", 'unit "db/1" not found on this machine'),
        (None, HERE, "", "missing unit-name"),
        (None, [], "", "missing unit-name"),
    ],
)
def test_which_unit_of_the_machine_is_meant(named, units, model, expected):
    script = Script(unit=named, commands="x")
    if isinstance(expected, tuple):
        assert find_unit(script, units, model) == expected
        return
    with pytest.raises(Refused, match=expected):
        find_unit(script, units, model)


RELATED = relation(
    in_scope=True, units={DB_0: 5, DB_1: 6}, bags={"db/0": stored({"host": "h0"}), "web/0": stored({})}
)


def context(members: dict[str, int], **script: Any):
    seen, known = world(relations={7: RELATED}), memory(relations={7: entered(**members)})
    return context_of(known, seen, Script(commands="x", **script))


def test_commands_that_name_no_relation_mean_the_one_of_the_script():
    found = context({"db_0": 5}, relation=7)
    assert command(found, "relation-get host").stdout == b"h0\n"
    assert command(found, "action-get").exit_code == 1
    assert command(context({"db_0": 5}), "relation-get host").exit_code == 2


@pytest.mark.parametrize(
    ("members", "script", "text"),
    [
        ({"db_0": 5}, {"relation": 8}, "relation not found"),
        ({}, {"relation": 7}, "cannot infer remote unit in empty relation 7"),
        ({"db_0": 5, "db_1": 6}, {"relation": 7}, "ambiguous remote unit; possibilities are db/0, db/1"),
        ({"db_0": 5}, {"relation": 7, "remote_unit": DB_1}, 'remote unit "db/1" is not in relation 7'),
    ],
)
def test_a_relation_that_is_not_clear_is_refused(members, script, text):
    with pytest.raises(Refused) as refused:
        context(members, **script)
    assert refused.value.what == text


def test_a_unit_can_be_forced_and_an_application_be_enough():
    assert context({}, relation=7, remote_unit=DB_1, force_remote_unit=True).hook.remote_unit == DB_1
    assert context({}, relation=7, remote_app="db").hook.remote_app == "db"


def test_what_a_script_asked_for_lands_once_and_only_as_long_as_it_may():
    seen = leading()
    effects = Effects(leader_settings={"a": "b"}, state={"s": "1"})
    change = settle_script(memory(), seen, effects, now=CREATED)
    assert change.puts[refs.state(MODEL, WEB_0)] == {"s": "1"}
    assert change.puts[refs.memory(MODEL, WEB_0)].hooks == 1
    held = {condition.ref for condition in change.conditions if isinstance(condition, Held)}
    assert held == {refs.claim(MODEL, WEB_0), refs.leader(MODEL, "web")}
