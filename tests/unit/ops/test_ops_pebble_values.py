"""Layers, plans, and what else Pebble is told and answers."""

from __future__ import annotations

import datetime

import pytest

from ops import _times
from ops import pebble as p

LAYER = {
    "summary": "s",
    "services": {"web": {"override": "replace", "command": "run", "environment": {"A": "b"}, "user-id": 7}},
    "checks": {"up": {"override": "merge", "level": "alive", "http": {"url": "http://x"}, "startup": "enabled"}},
    "log-targets": {"loki": {"override": "merge", "type": "loki", "location": "http://l", "services": ["all"]}},
}
UTC = datetime.timezone.utc


def test_a_layer_is_the_same_from_mapping_and_yaml():
    layer = p.Layer(LAYER)
    assert layer.to_dict() == LAYER
    assert p.Layer(layer.to_yaml()) == layer == LAYER
    assert str(layer) == layer.to_yaml()
    assert layer.services["web"].user_id == 7
    assert layer.checks["up"].level is p.CheckLevel.ALIVE
    assert layer.log_targets["loki"].services == ["all"]
    assert repr(layer).startswith("Layer({")


def test_what_is_missing_is_empty_and_what_is_empty_is_left_out():
    assert p.Layer().to_dict() == {} == p.Plan("").to_dict()
    assert p.Service("a").command == ""
    assert p.Service("a", {"user-id": 0, "command": ""}).to_dict() == {}
    assert p.Check("a", {"threshold": 0, "tcp": {"port": 1}}).to_dict() == {"tcp": {"port": 1}}


def test_a_plan_has_what_layers_have_but_no_words():
    plan = p.Plan({key: value for key, value in LAYER.items() if key != "summary"})
    assert plan == {key: value for key, value in LAYER.items() if key != "summary"}
    assert plan == p.Plan(plan.to_yaml()) != p.Plan()
    assert set(plan.services) == {"web"}
    assert set(plan.checks) == {"up"}
    assert set(plan.log_targets) == {"loki"}


def test_entries_are_equal_to_their_mappings():
    service = p.Service("a", {"command": "x"})
    assert service == {"command": "x"} != p.Service("a")
    assert service == p.Service("b", {"command": "x"})
    assert service != 7
    with pytest.raises(TypeError):
        hash(service)


def test_merging_adds_up_what_adds_up_and_replaces_the_rest():
    service = p.Service("a", {"command": "x", "after": ["b"], "environment": {"A": "1", "B": "2"}})
    service._merge(p.Service("a", {"after": ["c"], "environment": {"B": "3"}, "user": "u"}))
    assert service == {"command": "x", "after": ["b", "c"], "environment": {"A": "1", "B": "3"}, "user": "u"}
    check = p.Check("a", {"startup": "disabled", "http": {"url": "u", "headers": {"a": "1"}}, "threshold": 3})
    check._merge(p.Check("a", {"http": {"url": "v", "headers": {"b": "2"}}, "period": "1s"}))
    assert check == {
        "startup": "disabled",
        "http": {"url": "v", "headers": {"a": "1", "b": "2"}},
        "threshold": 3,
        "period": "1s",
    }
    target = p.LogTarget("a", {"services": ["x"], "labels": {"a": "1"}, "location": "l"})
    target._merge(p.LogTarget("a", {"services": ["-x"], "labels": {"b": "2"}}))
    assert target == {"services": ["x", "-x"], "labels": {"a": "1", "b": "2"}, "location": "l"}


def test_words_of_newer_servers_stay_texts_except_where_they_would_mislead():
    info = p.ServiceInfo.from_dict({"name": "a", "startup": "sometimes", "current": "resting"})
    assert (info.startup, info.current, info.is_running()) == ("sometimes", "resting", False)
    assert p.Check("a", {"level": "critical"}).level == "critical"
    with pytest.raises(ValueError):
        p.Check("a", {"startup": "sometimes"})  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    ("answer", "status", "startup"),
    [
        ({"status": "up"}, p.CheckStatus.UP, p.CheckStartup.ENABLED),
        ({"status": "up", "startup": "disabled"}, p.CheckStatus.INACTIVE, p.CheckStartup.DISABLED),
        ({"status": "down", "startup": "", "change-id": "1"}, p.CheckStatus.DOWN, p.CheckStartup.UNSET),
        ({"status": "odd"}, "odd", p.CheckStartup.ENABLED),
    ],
)
def test_a_check_without_a_change_is_inactive_where_checks_can_be_stopped(answer, status, startup):
    info = p.CheckInfo.from_dict({"name": "a", "threshold": 3, **answer})
    assert (info.status, info.startup, info.level) == (status, startup, p.CheckLevel.UNSET)


def test_whether_a_check_has_run_is_known_if_successes_are_counted():
    info = {"name": "a", "threshold": 3, "status": "up"}
    assert not p.CheckInfo.from_dict({**info, "successes": 0}).has_run
    assert p.CheckInfo.from_dict({**info, "successes": 1}).has_run
    with pytest.raises(NotImplementedError):
        _ = p.CheckInfo.from_dict(info).has_run


def test_identities_hide_passwords_in_their_text():
    identity = p.Identity.from_dict({"access": "metrics", "basic": {"password": "geheim"}})
    assert identity.access is p.IdentityAccess.METRICS
    assert str(identity.access) == "metrics" == identity.access
    assert "geheim" not in str(identity.basic)
    assert "geheim" in repr(identity.basic)
    assert identity.to_dict() == {"access": "metrics", "basic": {"password": "geheim"}}
    with pytest.raises(ValueError):
        p.Identity("admin")


def test_identifiers_are_texts_with_a_name():
    assert (p.ChangeID("1"), repr(p.ChangeID("1")), repr(p.TaskID("2"))) == ("1", "ChangeID('1')", "TaskID('2')")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02T03:04:05Z", datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02 03:04:05.5Z", datetime.datetime(2026, 1, 2, 3, 4, 5, 500_000, tzinfo=UTC)),
        ("2026-01-02T03:04:05.1234567Z", datetime.datetime(2026, 1, 2, 3, 4, 5, 123_457, tzinfo=UTC)),
        ("2026-01-02T03:04:05.9999999Z", datetime.datetime(2026, 1, 2, 3, 4, 5, 999_999, tzinfo=UTC)),
        ("2026-01-02T03:04:05+01:30", datetime.datetime(2026, 1, 2, 1, 34, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05-01:00", datetime.datetime(2026, 1, 2, 4, 4, 5, tzinfo=UTC)),
    ],
)
def test_times_have_any_number_of_digits(text, expected):
    assert _times.parse_time(text) == expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("1h30m", 5400),
        ("1.5s", 1.5),
        ("-2m", -120),
        ("100ms", 0.1),
        ("7us", 7e-6),
        ("7µs", 7e-6),
        (".5s", 0.5),
    ],
)
def test_durations_are_in_the_notation_of_go(text, seconds):
    assert _times.parse_duration(text).total_seconds() == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "1x", "1h 2m", "--1s", "1s2"])
def test_other_texts_are_no_durations(text):
    with pytest.raises(ValueError):
        _times.parse_duration(text)


@pytest.mark.parametrize("text", ["", "2026-01-02", "2026-01-02T03:04:05", "now"])
def test_other_texts_are_no_times(text):
    with pytest.raises(ValueError):
        _times.parse_time(text)
