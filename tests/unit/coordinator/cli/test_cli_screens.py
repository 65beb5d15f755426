"""Smaller screens, compared whole: models, history, units with less data; and what stderr says when."""

from __future__ import annotations

import io
from datetime import datetime, timedelta, timezone

import pytest

from coordinator.cli import console as console_module
from coordinator.cli import model_text
from coordinator.cli.cmd_history import history_table
from coordinator.cli.cmd_show_unit import narrowed
from coordinator.cli.console import Console, wants_colour
from coordinator.cli.constraints import words_of

NOW = datetime(2025, 3, 7, 8, 15, tzinfo=timezone.utc)


def model(name: str, **more) -> dict:
    return {
        "name": f"admin/{name}", "short-name": name, "model-uuid": f"uuid-{name}", "owner": "admin",
        "controller-name": "api", "cloud": "coordinator", "type": "local", "access": "admin",
        "status": {"current": "available", "since": (NOW - timedelta(minutes=2)).isoformat()},
        "units": 0, "applications": 0, "machines": 0, "cores": 0, **more,
    }  # fmt: skip


def test_models_leave_out_what_no_model_has():
    models = [model_text.for_people(model(name), "home", NOW) for name in ("m10", "m2")]

    assert model_text.table_of(models, "m2", with_uuid=False, colour=False) == (
        "Controller: home\n\n"
        "Model  Cloud/Region  Type   Status     Units  Access  Last connection\n"
        "m2*    coordinator   local  available      0  admin   just now\n"
        "m10    coordinator   local  available      0  admin   just now\n"
    )


def test_models_with_machines_and_uuids():
    models = [model_text.for_people(model("m", machines=2, cores=8, units=12), "", NOW)]

    assert model_text.table_of(models, None, with_uuid=True, colour=False) == (
        "Controller: api\n\n"
        "Model  UUID    Cloud/Region  Type   Status     Machines  Cores  Units  Access  Last connection\n"
        "m      uuid-m  coordinator   local  available         2      8     12  admin   just now\n"
    )


def test_a_model_for_programs():
    users = {"bob": {"display-name": "bob", "access": "read", "last-connection": "just now"}}
    given = model("m", users=users, **{"machine-details": {"0": {"cores": 2}}})
    seen = model_text.details(model_text.for_people(given, "home", NOW))["m"]

    assert seen["users"] == users
    assert seen["machines"] == {"0": {"cores": 2}}
    assert seen["status"] == {"current": "available", "since": "2 minutes ago"}
    assert not {"units", "cores", "machine-details"} & set(seen)


def test_constraints_are_shown_as_they_are_typed():
    assert words_of({}) == ""
    assert words_of(
        {"arch": "amd64", "mem": 2048, "cores": 2, "tags": ["a", "b"], "allocate-public-ip": True}
    ) == ("arch=amd64 mem=2048M cores=2 tags=a,b allocate-public-ip=true\n")


def test_history_shows_a_cause_by_what_it_did():
    entries = [
        {
            "revision": 8,
            "at": "2025-03-07T08:15:02.000Z",
            "by": "user admin",
            "did": "config a=1",
            "why": None,
        },
        {
            "revision": 12,
            "at": "2025-03-07T08:15:03.000Z",
            "by": "unit web/0",
            "did": "config-changed",
            "why": 8,
            "because": "user admin: config a=1",
        },
        {"revision": 13, "at": "2025-03-07T08:15:04.000Z", "by": "unit web/1", "did": "start", "why": 3},
    ]
    assert history_table(entries, utc=True) == (
        "Revision  When                  Who         What            Because of\n"
        "       8  2025-03-07 08:15:02Z  user admin  config a=1\n"
        "      12  2025-03-07 08:15:03Z  unit web/0  config-changed  8 user admin: config a=1\n"
        "      13  2025-03-07 08:15:04Z  unit web/1  start           3\n"
    )


def relation(endpoint: str, *units: str) -> dict:
    return {
        "endpoint": endpoint,
        "application-data": {"k": "v"},
        "local-unit": {"in-scope": True, "data": {}},
        "related-units": {unit: {"in-scope": True, "data": {}} for unit in units},
    }


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ((False, None, None), [relation("db", "db/0", "db/1"), relation("ring", "web/1")]),
        ((False, "db", None), [relation("db", "db/0", "db/1")]),
        ((False, None, "db/1"), [relation("db", "db/1")]),
        ((True, "ring", None), [{"endpoint": "ring", "application-data": {"k": "v"}}]),
        ((False, "nope", None), None),
    ],
)
def test_a_unit_with_only_the_relation_data_that_was_asked_for(asked, expected):
    tree = {"life": "alive", "relation-info": [relation("db", "db/0", "db/1"), relation("ring", "web/1")]}
    rest = {"life": "alive"}

    assert narrowed(tree, *asked) == (rest if expected is None else {**rest, "relation-info": expected})


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "flags", "expected"),
    [
        (Terminal(), {}, {}, True),
        (io.StringIO(), {}, {}, False),
        (io.StringIO(), {}, {"color": True}, True),
        (Terminal(), {}, {"no_color": True}, False),
        (Terminal(), {"NO_COLOR": "1"}, {}, False),
        (Terminal(), {"NO_COLOR": ""}, {}, True),
        (Terminal(), {"TERM": "dumb"}, {}, False),
        (Terminal(), {"NO_COLOR": "1"}, {"color": True}, True),
    ],
)
def test_colour_is_for_terminals_that_want_it(stream, environ, flags, expected):
    assert wants_colour(stream, environ, **flags) is expected


@pytest.fixture
def patient(monkeypatch):
    monkeypatch.setattr(console_module, "QUIET_FOR_S", 0)


@pytest.mark.usefixtures("patient")
def test_progress_is_one_line_on_a_terminal_that_goes_away():
    stream = Terminal()
    console = Console(stream)

    console.progress("one")
    console.progress("two")
    console.info("done")

    assert stream.getvalue() == "\r\x1b[Kone\r\x1b[Ktwo\r\x1b[Kdone\n"


@pytest.mark.usefixtures("patient")
def test_progress_elsewhere_is_a_line_per_news_and_quiet_means_none():
    stream = io.StringIO()
    console = Console(stream)
    for text in ("one", "one", "two"):
        console.progress(text)
    console.quiet = True
    console.progress("three")
    console.info("four")
    console.warn("careful")

    assert stream.getvalue() == "one\ntwo\nWARNING careful\n"


def test_what_takes_a_moment_shows_no_progress():
    stream = io.StringIO()
    Console(stream).progress("one")
    assert stream.getvalue() == ""
