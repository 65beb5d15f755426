"""What cannot be so with a real controller is refused before the charm runs: all of it, with what to change."""

from __future__ import annotations

import dataclasses
import logging

import pytest

import ops
from ops import testing
from ops.pebble import CheckLevel, CheckStartup, Layer
from ops.testing import errors
from ops.testing._charm_spec import CharmSpec
from ops.testing._consistency import check_consistency
from ops.testing._events import _Event

on = testing.CharmEvents()
replace = dataclasses.replace


class Web(ops.CharmBase): ...


META = {
    "name": "web",
    "requires": {"my-db": {"interface": "sql"}, "host": {"interface": "any", "scope": "container"}},
    "peers": {"peers": {"interface": "friend"}},
    "containers": {"web": {}},
    "storage": {"data": {"type": "filesystem"}},
    "resources": {"image": {"type": "file"}},
    "extra-bindings": {"admin": None},
}
ACTIONS = {
    "do": {
        "params": {"text": {"type": "string"}, "number": {"type": "integer"}, "any": {"type": ["string", "null"]}}
    },
    "odd": {"params": {"untyped": {}, "strange": {"type": "zabazaba"}}},
    "plain": None,
}
OPTIONS = {
    "name": {"type": "string"},
    "count": {"type": "int"},
    "ratio": {"type": "float"},
    "debug": {"type": "boolean"},
    "key": {"type": "secret"},
    "untyped": {},
    "empty": None,
    "strange": {"type": "zabazaba"},
}
SPEC = CharmSpec(Web, META, ACTIONS, {"options": OPTIONS})

DB = testing.Relation("my-db", id=1_000_001)
ALONE = testing.Relation("my-db", id=1_000_002, remote_units_data={})
NOTICE = testing.Notice("a.b/c", id="1")
CHECK = testing.CheckInfo("up")
LAYER = Layer({"checks": {"up": {"override": "replace", "exec": {"command": "x"}}}})
STRICT = Layer(
    {
        "checks": {
            "up": {
                "override": "replace",
                "level": "ready",
                "threshold": 9,
                "startup": "disabled",
                "tcp": {"port": 1},
            }
        }
    }
)
CONTAINER = testing.Container("web", can_connect=True, layers={"a": LAYER}, notices=[NOTICE], check_infos=[CHECK])
TWICE = testing.Container("web", can_connect=True, execs=[testing.Exec(["ls"]), testing.Exec(["ls"])])
DATA = testing.Storage("data", index=1)
SECRET = testing.Secret({"k": "v"}, id="secret:x")


def check(
    event: _Event | None = None, spec: CharmSpec = SPEC, version: str = "3.6.14", unit: int = 0, **state
) -> None:
    check_consistency(testing.State(**state), event or on.start(), spec, version, unit)


def with_checks(layer: Layer, **info) -> testing.Container:
    return testing.Container("web", layers={"a": layer}, check_infos=[testing.CheckInfo("up", **info)])


#: What is fine.
CONSISTENT = {
    "nothing at all": {},
    "a relation of each kind": {
        "relations": {DB, testing.PeerRelation("peers"), testing.SubordinateRelation("host")}
    },
    "a relation event": {"event": on.relation_changed(DB), "relations": {DB}},
    "a remote unit that is chosen": {"event": on.relation_changed(ALONE, remote_unit=0), "relations": {ALONE}},
    "a relation without units is created": {"event": on.relation_created(ALONE), "relations": {ALONE}},
    "a relation without units is broken": {"event": on.relation_broken(ALONE), "relations": {ALONE}},
    "an equal relation": {"event": on.relation_changed(replace(DB)), "relations": {DB}},
    "peers other than oneself": {"relations": {testing.PeerRelation("peers", peers_data={0: {}})}, "unit": 1},
    "a workload event": {"event": on.pebble_ready(CONTAINER), "containers": {CONTAINER}},
    "a notice": {"event": on.pebble_custom_notice(CONTAINER, NOTICE), "containers": {CONTAINER}},
    "a check": {"event": on.pebble_check_failed(CONTAINER, CHECK), "containers": {CONTAINER}},
    "a check that found more by now": {
        "event": on.pebble_check_failed(CONTAINER, replace(CHECK, failures=3)),
        "containers": {CONTAINER},
    },
    "a check with Pebble's defaults": {"containers": {with_checks(LAYER, level=CheckLevel.UNSET)}},
    "a check as in the plan": {
        "containers": {with_checks(STRICT, level="ready", threshold=9, startup=CheckStartup.DISABLED)}
    },
    "two commands": {
        "containers": {testing.Container("web", execs=[testing.Exec(["ls"]), testing.Exec(["ls", "-l"])])}
    },
    "a storage event": {"event": on.storage_attached(DATA), "storages": {DATA}},
    "two storages of one name": {"storages": {DATA, testing.Storage("data", index=2)}},
    "a resource": {"resources": {testing.Resource(name="image", path="/x")}},
    "networks": {"networks": {testing.Network(name) for name in ("my-db", "peers", "admin", "juju-info")}},
    "a secret": {"event": on.secret_changed(SECRET), "secrets": {SECRET}, "version": "3.0"},
    "a version of one number": {"secrets": {SECRET}, "version": "3"},
    "a version of the future": {"secrets": {SECRET}, "version": "100"},
    "options of all types": {
        "config": {"name": "a", "count": 1, "ratio": 1.0, "debug": True, "key": "secret:" + "a1" * 10}
    },
    "a flag for a number": {"config": {"count": True}},
    "an action": {"event": on.action("do", {"text": "a", "number": 1, "any": None})},
    "an action without parameters": {"event": on.action("plain")},
    "a type that nobody uses": {"event": on.action("do", {})},
    "the cloud of a machine model": {
        "model": testing.Model(type="lxd", cloud_spec=testing.CloudSpec("lxd")),
        "version": "3.6.9",
    },
    "the cloud of a Kubernetes model": {
        "model": testing.Model(cloud_spec=testing.CloudSpec("k8s")),
        "version": "3.6.10",
    },
    "stored states": {
        "stored_states": {
            testing.StoredState(content={"a": {1, 2}, "b": (b"x", None)}),
            testing.StoredState("other"),
            testing.StoredState(owner_path="Web"),
        }
    },
    "an event that is not the controller's": {"event": _Event("ready")},
}


@pytest.mark.parametrize("given", CONSISTENT.values(), ids=CONSISTENT)
def test_what_fits_together_is_accepted(given):
    check(**given)


#: What is not, and what has to be in the text.
INCONSISTENT = {
    # the state
    "an endpoint that is not declared": ({"relations": {testing.Relation("cache")}}, ["'cache'", "my-db, peers"]),
    "a plain relation between peers": ({"relations": {testing.Relation("peers")}}, ["PeerRelation('peers'"]),
    "a plain relation in a container": ({"relations": {testing.Relation("host")}}, ["SubordinateRelation('host'"]),
    "peers in a container": ({"relations": {testing.PeerRelation("host")}}, ["SubordinateRelation('host'"]),
    "a subordinate over the network": (
        {"relations": {testing.SubordinateRelation("my-db")}},
        ["Relation('my-db'"],
    ),
    "one id twice": ({"relations": {DB, replace(DB, limit=2)}}, ["id 1000001"]),
    "oneself among the peers": (
        {"relations": {testing.PeerRelation("peers", peers_data={7: {}})}, "unit": 7},
        ["unit 7", "local_unit_data"],
    ),
    "a container that is not declared": ({"containers": {testing.Container("db")}}, ["'db'", "declared: web"]),
    "a container twice": ({"containers": {CONTAINER, testing.Container("web")}}, ["several containers 'web'"]),
    "a command twice": (
        {"event": on.pebble_ready(TWICE), "containers": {TWICE}},
        ["Exec for ['ls']"],
    ),
    "a check that is not planned": (
        {"containers": {testing.Container("web", check_infos=[CHECK])}},
        ["CheckInfo('up')", "no such check"],
    ),
    "a check of another level": (
        {"containers": {with_checks(STRICT, threshold=9, startup=CheckStartup.DISABLED)}},
        ["level", "CheckLevel.READY"],
    ),
    "a check with another threshold": (
        {"containers": {with_checks(STRICT, level="ready", startup=CheckStartup.DISABLED)}},
        ["threshold 3", "threshold=9"],
    ),
    "a check that starts otherwise": (
        {"containers": {with_checks(STRICT, level="ready", threshold=9)}},
        ["startup", "CheckStartup.DISABLED"],
    ),
    "a storage that is not declared": ({"storages": {testing.Storage("logs")}}, ["'logs'", "declared: data"]),
    "a resource that is not declared": ({"resources": {testing.Resource(name="x", path="/")}}, ["'x'", "image"]),
    "a network of nothing": ({"networks": {testing.Network("x")}}, ["'x'", "admin, juju-info, my-db, peers"]),
    "a network inside of a container": ({"networks": {testing.Network("host")}}, ["'host'", "scope: container"]),
    "a network twice": (
        {"networks": {testing.Network("admin"), testing.Network("admin", ingress_addresses=["1.2.3.4"])}},
        ["several networks for 'admin'"],
    ),
    "secrets before there were any": ({"secrets": {SECRET}, "version": "2.9.42"}, ["3.0", "juju_version"]),
    "a cloud before it was told": (
        {"model": testing.Model(cloud_spec=testing.CloudSpec("k8s")), "version": "3.6.9"},
        ["3.6.10"],
    ),
    "a stored state twice": (
        {"stored_states": {testing.StoredState(), testing.StoredState(content={"a": 1})}},
        ["several StoredState('_stored'"],
    ),
    "an object in a stored state": (
        {"stored_states": {testing.StoredState(content={"a": SECRET})}},
        ["'_stored'", "cannot be kept"],
    ),
    # options
    "an option that is not declared": ({"config": {"colour": "red"}}, ["'colour'", "declared: count, debug"]),
    "a number for a text": ({"config": {"name": 1}}, ["'name'", "type string"]),
    "a text for a number": ({"config": {"count": "1"}}, ["'count'", "type int"]),
    "a whole number for a fraction": ({"config": {"ratio": 1}}, ["'ratio'", "type float"]),
    "a text for a flag": ({"config": {"debug": "yes"}}, ["'debug'", "type boolean"]),
    "no value": ({"config": {"count": None}}, ["'count'", "None"]),
    "an option without type": ({"config": {"untyped": 1}}, ["'untyped'", "no type"]),
    "an option without anything": ({"config": {"empty": 1}}, ["'empty'", "no type"]),
    "an option of unknown type": ({"config": {"strange": 1}}, ["'strange'", "zabazaba"]),
    "a number for a secret": ({"config": {"key": 1}}, ["'key'", "type secret"]),
    "an id of a secret without its prefix": ({"config": {"key": "a1" * 10}}, ["'key'", "secret:"]),
    "a short id of a secret": ({"config": {"key": "secret:abc"}}, ["'key'"]),
    "a secret option before there were any": ({"config": {"key": "secret:x"}, "version": "3.3"}, ["3.4"]),
    # events
    "a relation event about nothing": ({"event": _Event("my-db_relation_changed")}, ["ctx.on.relation_changed"]),
    "a relation that is not there": ({"event": on.relation_created(DB)}, ["not in the state", "relations="]),
    "a relation that has changed": (
        {"event": on.relation_created(DB), "relations": {replace(DB, remote_app_data={"a": "b"})}},
        ["the very same relation", "remote_app_data['a']: '' → 'b'"],
    ),
    "an endpoint of another name": (
        {"event": _Event("x_relation_changed", relation=DB), "relations": {DB}},
        ["'my-db'"],
    ),
    "an endpoint with underscores": (
        {"event": _Event("my_db_relation_changed", relation=DB), "relations": {DB}},
        ["'my_db'", "'my-db'"],
    ),
    "nobody on the other side": ({"event": on.relation_joined(ALONE), "relations": {ALONE}}, ["remote_unit"]),
    "a storage event about nothing": ({"event": _Event("data_storage_attached")}, ["ctx.on.storage_attached"]),
    "a storage that is not there": ({"event": on.storage_attached(DATA)}, ["not in the state", "storages="]),
    "a secret event about nothing": ({"event": _Event("secret_changed")}, ["ctx.on.secret_changed"]),
    "a secret that is not there": ({"event": on.secret_changed(SECRET)}, ["not in the state", "secrets="]),
    "a secret that has changed": (
        {"event": on.secret_changed(SECRET), "secrets": {replace(SECRET, label="l")}},
        ["label: None → 'l'"],
    ),
    "a workload event about nothing": ({"event": _Event("web_pebble_ready")}, ["ctx.on.pebble_ready"]),
    "a container that is not there": ({"event": on.pebble_ready(CONTAINER)}, ["not in the state", "containers="]),
    "a notice that is not there": (
        {"event": on.pebble_custom_notice(CONTAINER, testing.Notice("a.b/d")), "containers": {CONTAINER}},
        ["'a.b/d'", "notices=[notice]"],
    ),
    "no notice": (
        {"event": _Event("web_pebble_custom_notice", container=CONTAINER), "containers": {CONTAINER}},
        ["has none"],
    ),
    "a check that is not there": (
        {"event": on.pebble_check_failed(CONTAINER, testing.CheckInfo("down")), "containers": {CONTAINER}},
        ["'down'", "check_infos=[check_info]"],
    ),
    "an action event about nothing": ({"event": _Event("do_action")}, ["ctx.on.action('do')"]),
    "an action event made of an event": (
        {"event": _Event("do_action", action=on.action("do"))},
        ["ctx.on.action"],
    ),  # type: ignore[arg-type]
    "an action of another name": ({"event": _Event("x_action", action=on.action("do").action)}, ["'x'", "'do'"]),
    "an action that is not declared": ({"event": on.action("undo")}, ["'undo'", "declared: do, odd, plain"]),
    "a parameter that is not declared": ({"event": on.action("do", {"x": 1})}, ["'x'", "any, number, text"]),
    "a parameter of an action without any": ({"event": on.action("plain", {"x": 1})}, ["'x'", "declared: none"]),
    "a parameter of another type": ({"event": on.action("do", {"text": 1})}, ["'text'", "type string", "1 (int)"]),
    "a fraction for a whole number": ({"event": on.action("do", {"number": 1.5})}, ["'number'", "type integer"]),
    "neither of two types": ({"event": on.action("do", {"any": 1})}, ["string or null"]),
    "a parameter without type": ({"event": on.action("odd")}, ["'untyped'", "no type"]),
    "a parameter of unknown type": ({"event": on.action("odd", {"strange": 1})}, ["'strange'", "zabazaba"]),
}


@pytest.mark.parametrize(("given", "texts"), INCONSISTENT.values(), ids=INCONSISTENT)
def test_what_cannot_be_is_refused_with_what_to_change(given, texts):
    with pytest.raises(errors.InconsistentScenarioError) as caught:
        check(**given)
    for text in ("Inconsistent scenario", *texts):
        assert text in str(caught.value)


@pytest.mark.parametrize(
    ("meta", "text"),
    [
        (
            {"requires": {"a": {"interface": "x"}}, "provides": {"a": {"interface": "x"}}},
            "endpoint 'a' more than once",
        ),
        ({"requires": {"a": {"interface": "x"}}, "extra-bindings": {"a": None}}, "'a' in `extra-bindings`"),
    ],
)
def test_metadata_that_contradicts_itself_is_refused(meta, text):
    with pytest.raises(errors.InconsistentScenarioError, match=text):
        check(spec=CharmSpec(Web, {"name": "web", **meta}))


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("string", "a", 1),
        ("boolean", True, "a"),
        ("integer", 4, 1.5),
        ("number", 2.5, "a"),
        ("array", [1], 1.5),
        ("object", {"a": 1}, [1]),
    ],
)
def test_parameters_have_the_types_of_json(kind, good, bad):
    spec = CharmSpec(Web, META, {"do": {"params": {"it": {"type": kind}}}})
    check(on.action("do", {"it": good}), spec)
    with pytest.raises(errors.InconsistentScenarioError, match=kind):
        check(on.action("do", {"it": bad}), spec)


def test_everything_is_said_at_once():
    with pytest.raises(errors.InconsistentScenarioError) as caught:
        check(
            on.relation_changed(testing.Relation("cache", remote_units_data={})),
            relations={testing.Relation("peers"), testing.Relation("other")},
            containers={testing.Container("db")},
            config={"name": 1, "colour": "red"},
            secrets={SECRET},
            version="2.9",
        )
    heading, *problems = str(caught.value).splitlines()
    assert heading == "Inconsistent scenario, 9 problems:"
    assert [problem.split()[0] for problem in problems] == [f"{number}." for number in range(1, 10)]


def test_one_problem_is_one_line():
    with pytest.raises(errors.InconsistentScenarioError) as caught:
        check(config={"colour": "red"})
    assert str(caught.value) == (
        "Inconsistent scenario: the state sets the option 'colour', which the charm does not declare: add it to "
        "config.yaml (or `config` of charmcraft.yaml), or take it out of the state "
        "(declared: count, debug, empty, key, name, ratio, strange, untyped)"
    )


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"event": _Event("ready")}, "ready is no event of the controller"),
        ({"relations": {testing.PeerRelation("my-db")}}, "make it Relation('my-db', …)"),
        ({"containers": {TWICE}}, "Exec for ['ls']"),
        (
            {"event": on.pebble_ready(testing.Container("web")), "containers": {testing.Container("web")}},
            "can_connect=True",
        ),
        (
            {
                "event": on.action("do"),
                "spec": CharmSpec(Web, META, {"do": {"params": {"a": {"type": "zabazaba"}}}}),
            },
            "unknown type 'zabazaba'",
        ),
    ],
)
def test_what_is_hardly_meant_is_logged(caplog, given, text):
    with caplog.at_level(logging.WARNING):
        check(**given)
    assert text in caplog.text


def test_what_fits_together_is_not_logged(caplog):
    check(on.relation_changed(DB), relations={DB}, containers={CONTAINER})
    assert not caplog.records


def test_a_context_refuses_before_the_charm_runs(monkeypatch):
    class Bomb(ops.CharmBase):
        def __init__(self, framework):
            raise AssertionError("the charm ran")

    ctx = testing.Context(Bomb, meta=META)
    with pytest.raises(errors.InconsistentScenarioError):
        ctx.run(ctx.on.start(), testing.State(config={"a": 1}))
    monkeypatch.setenv("SCENARIO_SKIP_CONSISTENCY_CHECKS", "1")
    with pytest.raises(errors.UncaughtCharmError, match="the charm ran"):
        ctx.run(ctx.on.start(), testing.State(config={"a": 1}))
