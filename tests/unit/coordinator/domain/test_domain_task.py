"""Parameters against the schema of an action, and the keys of results."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.domain.charm import Action
from coordinator.domain.task import checked, found_at, result_path, with_result
from coordinator.errors import BadRequest, Refused

BACKUP = Action(
    name="backup",
    params={
        "path": {"type": "string"},
        "level": {"type": "integer", "default": 3, "maximum": 9},
        "when": {"type": "object", "properties": {"hour": {"type": "integer", "default": 2}}},
    },
    required=("path",),
    additional=False,
)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"path": "/b"}, {"path": "/b", "level": 3, "when": {"hour": 2}}),
        ({"path": "/b", "level": 0}, {"path": "/b", "level": 0, "when": {"hour": 2}}),
        ({"path": "/b", "when": {"hour": 5}}, {"path": "/b", "level": 3, "when": {"hour": 5}}),
    ],
)
def test_defaults_fill_in_what_was_not_given(parameters, expected):
    assert checked(BACKUP, parameters) == expected


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"path": "/b", "level": "x"}, '(root).level : must be of type integer, given "x"'),
        ({"path": "/b", "level": True}, "(root).level : must be of type integer, given True"),
        ({"path": "/b", "level": 10}, "(root).level : 10 is greater than the maximum of 9"),
        ({"path": "/b", "when": {"hour": "x"}}, '(root).when.hour : must be of type integer, given "x"'),
        ({}, '(root) : "path" is a required property'),
        ({"path": "/b", "odd": 1}, "(root) : additional properties are not allowed"),
    ],
)
def test_parameters_that_do_not_fit_are_refused_with_the_place(parameters, complaint):
    with pytest.raises(Refused) as refused:
        checked(BACKUP, parameters)
    assert refused.value.what.startswith("validation failed: ")
    assert complaint in refused.value.what


def test_every_problem_is_told_at_once():
    with pytest.raises(Refused) as refused:
        checked(BACKUP, {"level": "x", "when": 3})
    assert refused.value.what.count("(root)") == 3


def test_an_action_that_does_not_say_takes_other_parameters_too():
    assert checked(Action(name="go"), {"odd": [1]}) == {"odd": [1]}


@pytest.mark.parametrize(
    "schema",
    [{"type": "no-such-type"}, {"$ref": "http://127.0.0.1:9/schema"}, {"$ref": "#/definitions/nowhere"}],
)
def test_a_schema_that_is_none_or_refers_elsewhere_is_refused_and_nothing_is_fetched(schema):
    with pytest.raises(Refused, match="the schema of its parameters is none"):
        checked(Action(name="go", params={"n": schema}), {"n": 1})


@pytest.mark.parametrize("key", ["a", "a.b", "so-far.0", "a1-b2"])
def test_a_key_of_results_is_split_at_its_dots(key):
    assert result_path(key) == tuple(key.split("."))


@pytest.mark.parametrize("key", ["", "A", "a_b", "-a", "a-", "a..b", ".a", "a.B"])
def test_a_key_that_is_no_name_is_refused(key):
    with pytest.raises(BadRequest, match="must start and end with lowercase alphanumeric"):
        result_path(key)


@pytest.mark.parametrize("key", ["stdout", "a.stderr", "stdout-encoding", "stderr-encoding.b"])
def test_keys_of_the_output_are_reserved_wherever_they_stand(key):
    with pytest.raises(BadRequest, match="cannot set reserved action key"):
        result_path(key)


PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(tuple)


@given(st.lists(st.tuples(PATHS, st.text(max_size=3)), min_size=1, max_size=8))
def test_the_last_value_of_a_path_is_there_and_nothing_given_is_changed(pairs):
    results: dict = {}
    for path, value in pairs:
        before = repr(results)
        fresh = with_result(results, path, value)
        assert repr(results) == before
        assert found_at(fresh, path) == value
        results = fresh
