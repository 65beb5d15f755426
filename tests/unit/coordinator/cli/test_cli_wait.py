"""Conditions on a status."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.cli.wait import DEFAULTS, facts_of, is_met, not_idle, parse_query, signature
from coordinator.errors import BadRequest


def status(**web0: Any) -> dict[str, Any]:
    unit = {
        "workload-status": {"current": "active"},
        "juju-status": {"current": "idle"},
        "leader": True,
        "machine": "0",
        **web0,
    }
    return {
        "model": {"name": "demo", "model-status": {"current": "available"}},
        "machines": {"0": {"juju-status": {"current": "started"}, "machine-status": {"current": "running"}}},
        "applications": {
            "web": {
                "charm": "local:web-0",
                "exposed": False,
                "application-status": {"current": "active", "message": "ok"},
                "units": {"web/0": unit},
            }
        },
        "relations": [{"provider": "db:db", "requirer": "web:db", "status": "joined"}],
    }


@pytest.mark.parametrize(
    ("kind", "name", "query", "expected"),
    [
        ("application", "web", DEFAULTS["application"], True),
        ("application", "web", "status=active", True),
        ("application", "web", "status=active, units>=2", False),
        ("application", "web", "units == 1 && exposed==false && message!=''", True),
        ("application", "db", DEFAULTS["application"], False),
        ("unit", "web/0", DEFAULTS["unit"], True),
        ("unit", "web/0", "agent-status==\"executing\"", False),
        ("unit", "web/0", "leader==true && machine-id=='0'", True),
        ("machine", "0", DEFAULTS["machine"], True),
        ("machine", "1", DEFAULTS["machine"], False),
        ("model", "demo", DEFAULTS["model"], True),
        ("model", "demo", "applications<1", False),
    ],
)  # fmt: skip
def test_a_query_holds_or_not(kind, name, query, expected):
    assert is_met(parse_query(query, kind), facts_of(status(), kind, name)) is expected


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("", "cannot understand the query ''"),
        ("status", "cannot understand the query 'status'"),
        ("status==active || life==dead", "cannot understand the query"),
        ("colour==red", 'an application has no "colour"'),
        ("status>active", "cannot compare status > active"),
        ("units==many", "cannot compare units == many"),
        ("exposed==1", "cannot compare exposed == 1"),
    ],
)
def test_what_is_no_query_is_refused(query, text):
    with pytest.raises(BadRequest) as refusal:
        parse_query(query, "application")
    assert str(refusal.value).startswith(text)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"juju-status": {"current": "executing", "message": "running install hook"}},
         "web/0 is executing (running install hook)"),
        ({"juju-status": {"current": "lost"}}, "web/0 is lost"),
        ({"juju-status": {"current": "idle", "life": "dying"}}, "web/0 is dying"),
        ({"workload-status": {"current": "error", "message": 'hook failed: "install"'}},
         'web/0: hook failed: "install"'),
        ({"workload-status": {"current": "blocked"}}, None),
        ({"upgrading-from": "local:web"}, "web/0 is upgrading"),
        ({"subordinates": {"spy/0": {"workload-status": {"current": "active"},
                                     "juju-status": {"current": "allocating"}}}}, "spy/0 is allocating"),
    ],
)  # fmt: skip
def test_a_model_is_idle_when_no_unit_has_anything_to_do(change, reason):
    assert not_idle(status(**change)) == ([reason] if reason else [])


def test_what_is_being_removed_is_not_idle():
    ending = status()
    ending["applications"]["web"]["life"] = "dying"
    ending["relations"][0]["status"] = "removing"

    assert not_idle(ending) == ["web is dying", "relation db:db web:db is removing"]


def test_a_move_shows_in_the_signature():
    assert signature(status()) == signature(status())
    assert signature(status()) != signature(status(leader=False))
