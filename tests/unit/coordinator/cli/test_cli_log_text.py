"""Which log lines are shown, and how they read."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest

from coordinator.cli.log_text import Filter, Style, is_entity

LINE = {
    "at_s": 1_741_335_304.5,
    "entity": "unit-web-app-0",
    "level": "WARNING",
    "module": "unit.web-app/0.juju-log",
    "message": "db:3: hello",
}
CET = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("entity", "name", "expected"),
    [
        ("unit-web-0", "web/0", True),
        ("unit-web-0", "unit-web-0", True),
        ("unit-web-0", "web", True),
        ("unit-web-0", "web/*", True),
        ("unit-web-0", "unit-*", True),
        ("unit-web-10", "web/1", False),
        ("unit-web-app-0", "web", False),
        ("unit-web-app-0", "web-app", True),
        ("machine-0", "0", True),
        ("machine-0", "machine-0", True),
        ("machine-10", "0", False),
        ("machine-0", "machine", False),
    ],
)
def test_entities_are_known_by_several_names(entity, name, expected):
    assert is_entity(entity, name) is expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(), True),
        (Filter(level="WARNING"), True),
        (Filter(level="ERROR"), False),
        (Filter(include=("db", "web-app/0")), True),
        (Filter(include=("db",)), False),
        (Filter(exclude=("web-app",)), False),
        (Filter(include_module=("unit",)), True),
        (Filter(include_module=("unit.web-app",)), True),
        (Filter(include_module=("unit.web",)), False),
        (Filter(exclude_module=("unit.web-app/0",)), False),
        (Filter(include=("web-app",), level="ERROR"), False),
    ],
)
def test_filters_of_several_kinds_must_all_agree(wanted, expected):
    assert wanted.wants(LINE) is expected


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        (Style(zone=CET), "unit-web-app-0: 09:15:04 WARNING unit.web-app/0.juju-log db:3: hello\n"),
        (Style(zone=CET, date=True, ms=True),
         "unit-web-app-0: 2025-03-07 09:15:04.500 WARNING unit.web-app/0.juju-log db:3: hello\n"),
        (Style(utc=True), "unit-web-app-0: 08:15:04 WARNING unit.web-app/0.juju-log db:3: hello\n"),
        (Style(utc=True, colour=True),
         "unit-web-app-0: 08:15:04 \x1b[33mWARNING\x1b[0m unit.web-app/0.juju-log db:3: hello\n"),
        (Style(as_json=True),
         '{"timestamp":"2025-03-07T08:15:04.500Z","entity":"unit-web-app-0","level":"WARNING",'
         '"module":"unit.web-app/0.juju-log","message":"db:3: hello"}\n'),
    ],
)  # fmt: skip
def test_a_line_reads(style, expected):
    assert style.text(LINE) == expected
