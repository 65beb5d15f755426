"""Tables, JSON, YAML, ports and moments as people read them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from coordinator.cli import times
from coordinator.cli.render import Cell, in_order, message, ports, status_cell, table, to_json, to_yaml

CET = timezone(timedelta(hours=1))


def test_a_table_pads_with_two_blanks_and_has_none_at_the_end():
    assert table(("App", "Scale", "Message"), [("a", "1", ""), ("longer", "10/12", "ok")], right=("Scale",)) == (
        "App     Scale  Message\n"
        "a           1\n"
        "longer  10/12  ok\n"
    )  # fmt: skip


def test_colours_do_not_move_columns():
    rows = [(status_cell("active"), Cell("x", "cyan")), ("b", "")]
    assert table(("S", "T"), rows, colour=True) == (
        "\x1b[1mS\x1b[0m       \x1b[1mT\x1b[0m\n"
        "\x1b[32mactive\x1b[0m  \x1b[36mx\x1b[0m\n"
        "b\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ([], ""),
        (["80/tcp", "443/tcp"], "80,443/tcp"),
        (["443/tcp", "80/tcp", "53/udp", "53/tcp"], "53,80,443/tcp 53/udp"),
        (["8000-8005/tcp"], "8000-8005/tcp"),
        (["8000-8005/tcp", "8003-8010/tcp", "8011/tcp"], "8000-8011/tcp"),
        (["icmp", "80/tcp"], "80/tcp icmp"),
    ],
)
def test_ports_are_grouped_by_protocol_and_merged(ranges, expected):
    assert ports(ranges) == expected


def test_messages_are_cut_to_120_characters():
    assert message("x" * 120) == "x" * 120
    assert message("x" * 121) == "x" * 117 + "..."
    assert message("two\nlines") == "two lines"


def test_names_sort_as_people_count():
    assert in_order(["web/10", "web/2", "db/0"]) == ["db/0", "web/2", "web/10"]


def test_json_is_one_line_in_the_order_given():
    assert to_json({"b": [1, {}], "a": "ü"}) == '{"b":[1,{}],"a":"ü"}\n'


def test_an_empty_name_in_yaml_is_a_key_like_others():
    assert to_yaml({"": "alpha", "db": {"": 1}}) == "'': alpha\ndb:\n  '': 1\n"


def test_yaml_is_in_block_style_in_the_order_given():
    shared = {"x": 1}
    tree = {"b": {"list": ["1", 2]}, "a": "ü", "text": "one\ntwo\n", "same": [shared, shared]}
    assert to_yaml(tree) == ("b:\n  list:\n  - '1'\n  - 2\na: ü\ntext: |\n  one\n  two\nsame:\n- x: 1\n- x: 1\n")
    assert to_yaml("4.0.1") == "4.0.1\n"


def test_moments_read_as_in_status():
    text = "2025-03-07T08:15:02.123Z"

    assert times.since(text, utc=False, zone=CET) == "07 Mar 2025 09:15:02+01:00"
    assert times.since(text, utc=False, zone=timezone.utc) == "07 Mar 2025 08:15:02Z"
    assert times.since(text, utc=True, zone=CET) == "2025-03-07 08:15:02Z"
    assert times.clock(text, utc=False, zone=CET) == "09:15:02+01:00"
    assert times.clock(text, utc=True) == "08:15:02Z"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (1, "just now"),
        (59, "59 seconds ago"),
        (60, "1 minute ago"),
        (179, "2 minutes ago"),
        (3600, "1 hour ago"),
        (7200, "2 hours ago"),
        (86400, "2025-03-07"),
    ],
)
def test_ages_are_said_in_words(seconds, expected):
    moment = datetime(2025, 3, 7, 8, 0, tzinfo=timezone.utc)
    assert times.age(moment.isoformat(), moment + timedelta(seconds=seconds)) == expected


def test_what_never_was_has_no_age():
    assert times.age(None, datetime.now(timezone.utc)) == "never connected"
