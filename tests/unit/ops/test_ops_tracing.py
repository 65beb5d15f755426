"""The interface of tracing: what it refuses, and that it records nothing."""

from __future__ import annotations

import pytest

import ops
import ops_tracing

METADATA = {
    "name": "sample",
    "requires": {
        "tracing": {"interface": "tracing"},
        "certificates": {"interface": "certificate_transfer"},
        "db": {"interface": "sql"},
    },
    "provides": {"offered": {"interface": "tracing"}},
}


@pytest.fixture
def charm(backend: ops.model._ModelBackend, tmp_path):
    meta = ops.CharmMeta(METADATA)
    framework = ops.Framework(ops.storage.SQLiteStorage(":memory:"), tmp_path, meta, ops.Model(meta, backend))
    yield type("Charm", (ops.CharmBase,), {"on": type("Events", (ops.CharmEvents,), {})()})(framework)
    framework.close()


def test_a_charm_may_ask_for_tracing_and_nothing_comes_of_it(charm, tools):
    tracing = ops_tracing.Tracing(charm, "tracing", ca_relation_name="certificates")
    assert (tracing.charm, tracing.tracing_relation_name) == (charm, "tracing")
    assert (tracing.ca_relation_name, tracing.ca_data) == ("certificates", None)
    ops_tracing.set_destination("https://collector/v1/traces", "certificates as PEM")
    ops_tracing.set_destination(None, None)
    assert tools.calls == []


@pytest.mark.parametrize(
    ("endpoint", "more", "why"),
    [
        ("nowhere", {}, "no endpoint 'nowhere'"),
        ("offered", {}, "requires, not provides"),
        ("db", {}, "has to be tracing, not sql"),
        ("tracing", {"ca_relation_name": "db"}, "has to be certificate_transfer, not sql"),
        ("tracing", {"ca_relation_name": "certificates", "ca_data": "x"}, "not from both"),
    ],
)
def test_what_cannot_work_is_refused_when_the_charm_is_constructed(charm, endpoint, more, why):
    with pytest.raises(ValueError, match=why):
        ops_tracing.Tracing(charm, endpoint, **more)


def test_traces_go_over_http():
    with pytest.raises(ValueError, match="'ftp://collector'"):
        ops_tracing.set_destination("ftp://collector", None)


def test_the_package_gives_it_a_second_name():
    assert ops.tracing is ops_tracing
