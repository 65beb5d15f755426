"""The rules of names, options, settings, endpoints, statuses and lives, as tables."""

from __future__ import annotations

from typing import Any

import pytest
from build import DB, WEB, charm
from hypothesis import given
from hypothesis import strategies as st

from coordinator.domain.charm import Option
from coordinator.domain.config import carry_over, effective, parse_value
from coordinator.domain.life import LIFE_STEPS, Life
from coordinator.domain.names import (
    EndpointName,
    UnitName,
    check_application_name,
    check_model_name,
    is_unit_name,
    natural,
)
from coordinator.domain.relation import find_pair
from coordinator.domain.settings import SETTINGS, parse_duration_s, setting
from coordinator.domain.status import Status, most_severe
from coordinator.errors import BadRequest, Refused

# --- names -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "web", "web2", "my-app", "a1-b2c", "x-1a", "a" * 63])
def test_application_names(name: str) -> None:
    assert check_application_name(name) == name
    assert str(UnitName.parse(f"{name}/10")) == f"{name}/10"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Web", "unexpected uppercase character"),
        ("web-1", "unexpected number(s) found after last hyphen"),
        ("my_app", "unexpected character _"),
        ("a/b", "unexpected character /"),
        ("a b", "unexpected character  "),
        ("1web", "a name starts with a letter and every part between hyphens has one"),
        ("-web", "a name starts with a letter and every part between hyphens has one"),
        ("web-", "a name starts with a letter and every part between hyphens has one"),
        ("", "a name starts with a letter and every part between hyphens has one"),
        ("wéb", "unexpected character é"),
    ],
)
def test_names_that_applications_may_not_have(name: str, why: str) -> None:
    with pytest.raises(BadRequest) as refused:
        check_application_name(name)
    assert refused.value.what == f'invalid application name "{name}", {why}'


@pytest.mark.parametrize(
    "text", ["web", "web/", "web/x", "web/-1", "web/01", "/0", "Web/0", "web/0/0", " web/0", "web/0\n"]
)
def test_texts_that_are_no_unit(text: str) -> None:
    assert not is_unit_name(text)
    with pytest.raises(BadRequest):
        UnitName.parse(text)


@given(numbers=st.lists(st.integers(0, 300)))
def test_units_sort_by_number_not_by_text(numbers: list[int]) -> None:
    names = [UnitName("web", number) for number in numbers]
    assert sorted(names) == sorted(names, key=lambda name: natural(str(name)))
    assert [name.number for name in sorted(names)] == sorted(numbers)


@pytest.mark.parametrize("name", ["m", "my-model", "2fast", "a" * 63])
def test_model_names(name: str) -> None:
    assert check_model_name(name) == name


@pytest.mark.parametrize("name", ["", "M", "a_b", "-a", "a-", "a" * 64, "a/b", "a\n"])
def test_names_that_models_may_not_have(name: str) -> None:
    with pytest.raises(BadRequest, match="is not a valid name"):
        check_model_name(name)


def test_endpoints_are_an_application_and_perhaps_an_endpoint_of_it() -> None:
    assert EndpointName.parse("web") == EndpointName("web")
    assert EndpointName.parse("web:db") == EndpointName("web", "db")
    with pytest.raises(BadRequest, match='endpoint "web:" not valid'):
        EndpointName.parse("web:")


# --- options ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        ("string", "x", "x"), ("string", "", ""), ("string", "1", "1"),
        ("int", "80", 80), ("int", "-1", -1), ("int", 80, 80),
        ("float", "1.5", 1.5), ("float", 1, 1.0), ("float", "1e3", 1000.0),
        ("boolean", "true", True), ("boolean", "False", False), ("boolean", "1", True), ("boolean", True, True),
        ("secret", "secret:9m4e2mr0ui3e8a215n4g", "secret:9m4e2mr0ui3e8a215n4g"),
    ],
)  # fmt: skip
def test_values_take_the_type_of_their_option(kind: str, given: Any, value: Any) -> None:
    found = parse_value(Option(name="a", type=kind), given)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("kind", "given", "text"),
    [
        ("int", "x", 'option "a" expected int, got "x"'),
        ("int", "1.5", 'option "a" expected int, got "1.5"'),
        ("int", True, 'option "a" expected int, got True'),
        ("int", 1.5, 'option "a" expected int, got 1.5'),
        ("float", "x", 'option "a" expected float, got "x"'),
        ("float", [], 'option "a" expected float, got []'),
        ("boolean", "maybe", 'option "a" expected boolean, got "maybe"'),
        ("boolean", 7, 'option "a" expected boolean, got 7'),
        ("string", 5, 'option "a" expected string, got 5'),
        ("string", None, 'option "a" expected string, got None'),
        ("secret", "9m4e2mr0ui3e8a215n4g", 'option "a" expected secret, got "9m4e2mr0ui3e8a215n4g"'),
    ],
)
def test_values_of_another_type_are_refused_with_the_text_that_people_know(
    kind: str, given: Any, text: str
) -> None:
    with pytest.raises(Refused) as refused:
        parse_value(Option(name="a", type=kind), given)
    assert refused.value.what == text


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1e999"])
def test_a_number_without_a_place_in_json_is_no_float(text: str) -> None:
    with pytest.raises(Refused, match="expected float"):
        parse_value(Option(name="a", type="float"), text)


def test_a_new_charm_keeps_what_it_still_knows_and_a_charm_sees_defaults() -> None:
    meta = charm(options=[Option(name="a", type="int", default=1), Option(name="b", type="string")])
    assert carry_over(meta, {"a": 5, "b": True, "c": "x"}) == {"a": 5}
    assert effective(meta, {"b": "x"}) == {"a": 1, "b": "x"}


# --- settings --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"), [("1h", 3600), ("5m", 300), ("1m30s", 90), ("500ms", 0.5), ("1.5h", 5400), (" 2s ", 2)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", " ", "5", "m", "1s1m", "-1s", "1d", "five"])
def test_texts_that_are_no_duration(text: str) -> None:
    with pytest.raises(Refused, match="is not a duration"):
        parse_duration_s(text)


def test_settings_have_defaults_that_pass_their_own_check() -> None:
    for name, known in SETTINGS.items():
        assert known.parse(known.default) == known.default, name
        assert setting({}, name) == known.default
    assert setting({"http-proxy": "x"}, "http-proxy") == "x"


# --- endpoints that fit ----------------------------------------------------------------------------------------

TWICE = charm("twice", requires={"first": "sql", "second": "sql"})
BOTH = charm("both", provides={"out": "sql"}, requires={"in": "sql"})
AGENT = charm("agent", requires={"host": "juju-info"})


@pytest.mark.parametrize(
    ("left", "left_charm", "right", "right_charm", "ends"),
    [
        pytest.param("web", WEB, "db", DB, "web:db db:clients", id="the only pair"),
        pytest.param("db", DB, "web", WEB, "web:db db:clients", id="the requirer comes first"),
        pytest.param("t:second", TWICE, "db", DB, "t:second db:clients", id="named"),
        pytest.param("b:in", BOTH, "c", BOTH, "b:in c:out", id="one side named decides"),
        pytest.param("agent", AGENT, "db", DB, "agent:host db:juju-info", id="what everybody offers"),
        pytest.param(
            "db:juju-info", DB, "agent", AGENT, "agent:host db:juju-info", id="what everybody offers, named"
        ),
    ],
)
def test_two_endpoints_that_fit(left: str, left_charm: Any, right: str, right_charm: Any, ends: str) -> None:
    pair = find_pair(EndpointName.parse(left), left_charm, EndpointName.parse(right), right_charm)
    assert " ".join(f"{app}:{endpoint.name}" for app, endpoint in pair) == ends


@pytest.mark.parametrize(
    ("left", "left_charm", "right", "right_charm", "what", "why"),
    [
        pytest.param(
            "t", TWICE, "db", DB,
            'ambiguous relation: "t db" could refer to "t:first db:clients"; "t:second db:clients"', "",
            id="two fit",
        ),
        pytest.param(
            "b", BOTH, "c", BOTH, 'ambiguous relation: "b c" could refer to "b:in c:out"; "b:out c:in"', "",
            id="both ways fit",
        ),
        pytest.param(
            "web", WEB, "t", TWICE, "no relations found",
            "no endpoint of web and t share an interface with opposite roles", id="none fits",
        ),
        pytest.param(
            "web:x", WEB, "db", DB, "no relations found",
            'application "web" has no "x" relation; it has cluster, db', id="no such endpoint",
        ),
        pytest.param(
            "web:cluster", WEB, "web2:cluster", WEB, "no relations found",
            "no endpoint of web:cluster and web2:cluster share an interface with opposite roles", id="peers",
        ),
    ],
)  # fmt: skip
def test_endpoints_that_do_not_fit(
    left: str, left_charm: Any, right: str, right_charm: Any, what: str, why: str
) -> None:
    with pytest.raises(Refused) as refused:
        find_pair(EndpointName.parse(left), left_charm, EndpointName.parse(right), right_charm)
    assert (refused.value.what, refused.value.why) == (what, why)


# --- statuses and lives ----------------------------------------------------------------------------------------


def test_the_most_severe_status_stands_for_all_and_the_first_of_equals() -> None:
    words = ["unknown", "active", "waiting", "blocked", "maintenance"]
    assert most_severe(map(Status, words)) == Status("blocked")
    assert most_severe([Status("active", "one"), Status("active", "two")]) == Status("active", "one")
    assert most_severe([]) is None


def test_the_same_status_again_keeps_its_moment() -> None:
    before = Status("active", "x", "then")
    assert before.moved_to("active", "x", "now") is before
    assert before.moved_to("active", "y", "now") == Status("active", "y", "now")


def test_a_life_never_goes_back() -> None:
    order = list(Life)
    for life, steps in LIFE_STEPS.items():
        assert all(order.index(step) > order.index(life) for step in steps)
