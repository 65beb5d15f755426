"""Build parts of states, plans, events and whole scenes with one of the two libraries, and print what came out.

Run as ``python differ_states.py SEED COUNT`` with the library in PYTHONPATH: one line of JSON for each case, the
same cases for the same seed.  What the libraries write in their own words, like the text of an error, is left out.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import random
import sys
import warnings
from collections.abc import Callable
from typing import Any

import ops
from ops import testing


def check(state: testing.State, event: Any, spec: tuple[Any, Any, Any], version: str, unit: int) -> None:
    """Ask the library whether all this fits together, without running anything."""
    try:
        from scenario._consistency_checker import check_consistency
        from scenario.state import _CharmSpec as Spec
    except ImportError:
        from ops.testing._charm_spec import CharmSpec as Spec
        from ops.testing._consistency import check_consistency
    meta, actions, config = spec
    check_consistency(state, event, Spec(Web, meta, actions=actions, config=config), version, unit)


class Web(ops.CharmBase):
    def _on_event(self, event: ops.EventBase) -> None: ...


on = testing.CharmEvents()


# --- parts ---------------------------------------------------------------------------------------------------


def a_text(r: random.Random) -> str:
    return "".join(r.choices("aab0-_B", k=r.randint(0, 4)))


def a_bag(r: random.Random) -> dict[str, Any]:
    return {a_text(r): r.choice(["x", "", "y", 1]) if r.random() < 0.3 else "x" for _ in range(r.randint(0, 2))}


PARTS: dict[str, Callable[[random.Random], Any]] = {
    "relation": lambda r: testing.Relation(
        a_text(r), id=5, local_app_data=a_bag(r), remote_units_data={r.randint(0, 2): a_bag(r)}
    ),
    "peers": lambda r: testing.PeerRelation(a_text(r), id=5, peers_data={1: a_bag(r)}),
    "subordinate": lambda r: testing.SubordinateRelation(
        a_text(r), id=5, remote_unit_data=a_bag(r), remote_unit_id=r.randint(0, 2)
    ),
    "storage": lambda r: testing.Storage(a_text(r), index=1),
    "container": lambda r: testing.Container(a_text(r), can_connect=r.random() < 0.5),
    "action": lambda r: on.action(a_text(r), id="1").action,
    "tcp": lambda r: testing.TCPPort(r.choice([-1, 0, 1, 80, 65535, 65536])),
    "icmp": lambda r: testing.ICMPPort(*r.choice([(), (0,), (80,)])),
    "secret": lambda r: testing.Secret(a_bag(r), id="secret:x", latest_content=r.choice([None, a_bag(r)])),
    "network": lambda r: testing.Network(a_text(r), ingress_addresses=r.choice([("a", "b"), "ab", []])),
    "check": lambda r: testing.CheckInfo(
        "c", level=r.choice([None, "", "alive", "ready", "x"]), change_id=ops.pebble.ChangeID("1")
    ),
    "stored": lambda r: testing.StoredState(a_text(r), owner_path=r.choice([None, "Web"]), content={"a": 1}),
}


def a_part(r: random.Random) -> Any:
    name = r.choice(sorted(PARTS))
    return [name, outcome(lambda: plain(PARTS[name](r)))]


# --- containers ----------------------------------------------------------------------------------------------


def a_service(r: random.Random) -> dict[str, Any]:
    service: dict[str, Any] = {"override": r.choice(["replace", "merge"]), "command": r.choice(["a", "b"])}
    if r.random() < 0.5:
        service["startup"] = r.choice(["enabled", "disabled"])
    if r.random() < 0.5:
        service["environment"] = {r.choice("AB"): r.choice("xy")}
    if r.random() < 0.3:
        service["after"] = [r.choice("pq")]
    return service


def a_check(r: random.Random) -> dict[str, Any]:
    check: dict[str, Any] = {"override": r.choice(["replace", "merge"]), "exec": {"command": r.choice(["a", "b"])}}
    if r.random() < 0.5:
        check["threshold"] = r.randint(1, 5)
    # Where a check says nothing about its level, ours keeps the one below, as Pebble does; the other drops it.
    check["level"] = r.choice(["alive", "ready"])
    return check


def a_plan(r: random.Random) -> Any:
    layers = {
        label: ops.pebble.Layer(
            {  # type: ignore[arg-type]
                "services": {name: a_service(r) for name in r.sample("vwx", r.randint(0, 2))},
                "checks": {name: a_check(r) for name in r.sample("vwx", r.randint(0, 2))},
            }
        )
        for label in r.sample(["one", "two", "three"], r.randint(0, 3))
    }
    statuses = {name: r.choice(list(ops.pebble.ServiceStatus)) for name in r.sample("vwx", 1)}
    container = testing.Container("web", layers=layers, service_statuses=statuses)
    services = {name: [str(info.startup), str(info.current)] for name, info in sorted(container.services.items())}
    return [container.plan.to_dict(), services]


# --- events --------------------------------------------------------------------------------------------------


def a_deferred_event(r: random.Random) -> Any:
    relation = testing.Relation("my-db", id=3, remote_app_name="pg")
    secret = testing.Secret({"k": "v"}, id="secret:x", label=r.choice([None, "l"]), owner=r.choice([None, "app"]))
    container = testing.Container("web-app")
    events: list[Callable[[], Any]] = [
        lambda: on.start(),
        lambda: on.relation_created(relation),
        lambda: on.relation_joined(relation, remote_unit=r.randint(0, 3)),
        lambda: on.relation_changed(relation, remote_unit=r.randint(0, 3)),
        lambda: on.relation_departed(relation, remote_unit=2, departing_unit=r.randint(1, 3)),
        lambda: on.relation_broken(relation),
        lambda: on.pebble_ready(container),
        lambda: on.pebble_custom_notice(container, testing.Notice("a.b/c", id="4")),
        lambda: on.pebble_check_failed(container, testing.CheckInfo("up")),
        lambda: on.storage_attached(testing.Storage("data", index=2)),
        lambda: on.secret_changed(secret),
        lambda: on.secret_rotate(secret),
        lambda: on.secret_expired(secret, revision=4),
        lambda: on.secret_remove(secret, revision=4),
        lambda: on.action("do-it", {"a": 1}, id="8"),
    ]
    event = r.choice(events)
    return outcome(lambda: plain(event().deferred(Web._on_event, event_id=r.randint(1, 5))))


# --- whole scenes --------------------------------------------------------------------------------------------

OPTIONS = {"s": ("string", "a"), "i": ("int", 1), "f": ("float", 1.5), "b": ("boolean", True)}
SECRET_OPTION = ("secret", "secret:" + "a1" * 10)
PARAMETERS = {"string": "a", "integer": 1, "number": 1.5, "boolean": True, "array": [1], "object": {"a": 1}}


def a_scene(r: random.Random) -> Any:
    """Make up a charm, a state and an event that often fit, and sometimes do not."""

    def wrong(chance: float = 0.03) -> bool:
        return r.random() < chance

    meta: dict[str, Any] = {
        "name": "web",
        "requires": {"db": {"interface": "x"}},
        "provides": {"sub": {"interface": "x", "scope": "container"}},
        "peers": {"p": {"interface": "x"}},
        "containers": {} if wrong() else {"w": {}},
        "storage": {"st": {"type": "filesystem"}},
        "resources": {} if wrong() else {"r": {"type": "file"}},
        "extra-bindings": {"db" if wrong() else "xb": None},
    }
    if wrong():
        meta["requires"]["p"] = {"interface": "x"}
    kinds = {name: kind for name, (kind, _) in OPTIONS.items()} | {"k": "secret"}
    config = {
        "options": {name: {} if wrong() else {"type": "odd" if wrong() else kind} for name, kind in kinds.items()}
    }
    kind = r.choice(sorted(PARAMETERS))
    actions = {"a": {"params": {"x": {"type": kind}}}, "b": None}

    relations: list[Any] = []
    if r.random() < 0.7:
        units = r.choice([{0: {}}, {0: {}}, {0: {}, 1: {}}, {}])
        relations.append(testing.Relation("dc" if wrong() else "db", id=1, remote_units_data=units))
    if r.random() < 0.4:
        relations.append(testing.PeerRelation("p", id=1 if wrong() else 2, peers_data={0 if wrong() else 7: {}}))
    if r.random() < 0.4:
        kind_of_sub = testing.Relation if wrong() else testing.SubordinateRelation
        relations.append(kind_of_sub("sub", id=3))
    notice, info = testing.Notice("a.b/c", id="1"), testing.CheckInfo("k", level=r.choice(["", None]), threshold=3)
    check_body: dict[str, Any] = {"override": "replace", "exec": {"command": "x"}}
    if wrong(0.1):
        check_body |= r.choice([{"level": "ready"}, {"threshold": 5}, {"startup": "disabled"}])
    container = testing.Container(
        "w",
        can_connect=r.random() < 0.5,
        layers={} if wrong() else {"l": ops.pebble.Layer({"checks": {"k": check_body}})},  # type: ignore[typeddict-item]
        notices=[] if wrong() else [notice],
        check_infos=[] if wrong() else [info],
    )
    storage, secret = testing.Storage("st", index=1), testing.Secret({"a": "b"}, id="secret:x")
    values = {name: value for name, (_, value) in {**OPTIONS, "k": SECRET_OPTION}.items()}
    state = testing.State(
        relations=relations,
        containers=[] if wrong() else [container],
        storages=[testing.Storage("ts", index=1)] if wrong() else [] if wrong() else [storage],
        secrets=[] if wrong() else [secret],
        resources=[testing.Resource(name="q" if wrong() else "r", path="/x")],
        networks=[testing.Network("sub" if wrong() else r.choice(["db", "p", "juju-info"]))],
        config={
            name: r.choice(["a", 1, None]) if wrong(0.1) else values[name] for name in r.sample(sorted(values), 2)
        },
        model=testing.Model("m", uuid="u", cloud_spec=testing.CloudSpec("k8s") if wrong(0.1) else None),
        stored_states=[testing.StoredState(content={"a": object() if wrong() else 1})],
    )
    relation = r.choice(relations or [testing.Relation("db", id=9)])
    if wrong():
        relation = dataclasses.replace(relation, local_app_data={"other": "x"})
    value = r.choice(list(PARAMETERS.values())) if wrong(0.2) else PARAMETERS[kind]
    event = r.choice(
        [
            on.start(),
            on.relation_created(relation),
            on.relation_changed(relation),
            on.relation_changed(relation, remote_unit=0),
            on.relation_departed(relation),
            on.relation_broken(relation),
            on.pebble_ready(container),
            on.pebble_custom_notice(container, notice),
            on.pebble_check_failed(container, info),
            on.storage_attached(storage),
            on.secret_changed(secret),
            on.action("c" if wrong() else "a", {"y" if wrong() else "x": value}),
            on.action("b"),
        ]
    )
    version = r.choice(["3.6.14", "3.6.9", "3.4", "3.3.1"])
    return outcome(lambda: check(state, event, (meta, actions, config), version, 0))


# --- comparing -----------------------------------------------------------------------------------------------


def outcome(make: Callable[[], Any]) -> Any:
    """Return what *make* returns, or the kind of its error."""
    try:
        return make()
    except Exception as error:
        return f"{type(error).__name__} raised"


def plain(value: Any) -> Any:
    """Return *value* as JSON can have it, with all public fields."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (field.name for field in dataclasses.fields(value) if not field.name.startswith("_"))
        return {type(value).__name__.lstrip("_"): {name: plain(getattr(value, name)) for name in fields}}
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, map(plain, value)))
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


KINDS = {"part": a_part, "plan": a_plan, "deferred event": a_deferred_event, "scene": a_scene}


def main(seed: int, count: int) -> None:
    """Print *count* cases of each kind."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    for kind, make in KINDS.items():
        for number in range(count):
            print(json.dumps([kind, number, make(random.Random(f"{seed} {kind} {number}"))], sort_keys=True))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
