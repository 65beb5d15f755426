"""Run generated charms from state to state with one of the two libraries, and print what came out.

Run as ``python differ_contexts.py SEED COUNT`` with the library in PYTHONPATH: one line of JSON for each case, the
same cases for the same seed.  A case is a charm that does something in each handler, a state, and some events in a
row, each from the state that the one before left.  Told are what the steps of the charm gave or raised, the events
that were emitted, what the context recorded, and the state.  Words of errors and of log lines are left out.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import logging
import random
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

# The released library asks it for more than ours has.
sys.modules["ops_tracing"] = None  # type: ignore[assignment]

import ops  # noqa: E402
from ops import pebble, testing  # noqa: E402

META = {
    "name": "web",
    "requires": {"db": {"interface": "sql"}, "host": {"interface": "juju-info", "scope": "container"}},
    "peers": {"ring": {"interface": "ring"}},
    "containers": {"app": {}},
    "storage": {"data": {"type": "filesystem", "multiple": {"range": "0-"}}},
    "extra-bindings": {"admin": None},
}
CONFIG = {"options": {"port": {"type": "int", "default": 80}, "name": {"type": "string"}}}
ACTIONS = {"go": {"params": {"where": {"type": "string"}}}}

CHECK = {"override": "replace", "level": "alive", "threshold": 3, "exec": {"command": "x"}}
BASE = {"services": {"s": {"override": "replace", "command": "x", "startup": "enabled"}}, "checks": {"up": CHECK}}
TOP = {"services": {"s": {"override": "merge", "command": "y"}, "t": {"override": "replace", "command": "z"}}}
MOMENT = datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)


# --- what handlers do ----------------------------------------------------------------------------------------


def bags(self: Any) -> Any:
    found: dict[str, Any] = {}
    for endpoint in sorted(self.model.relations):
        for relation in self.model.relations[endpoint]:
            for owner in sorted(relation.data, key=lambda owner: owner.name):
                try:
                    found[f"{endpoint} {relation.id} {owner.name}"] = dict(relation.data[owner])
                except ops.ModelError as error:
                    found[f"{endpoint} {relation.id} {owner.name}"] = type(error).__name__
    return found


def relation(self: Any, endpoint: str = "db") -> Any:
    return sorted(self.model.relations[endpoint], key=lambda each: each.id)[0]


def info(secret: Any) -> Any:
    found = secret.get_info()
    return [found.label, found.revision, str(found.expires), str(found.rotation), found.description]


def new_secret(self: Any) -> Any:
    self.unit.add_secret({"key": "n"}, label="new", expire=MOMENT, description="d", rotate=ops.SecretRotate.DAILY)


def grant_and_revoke(self: Any) -> Any:
    secret = self.model.get_secret(label="own")
    secret.grant(relation(self))
    secret.revoke(relation(self))


def executed(self: Any, *command: str) -> Any:
    return self.unit.get_container("app").exec(list(command)).wait_output()


STEPS: dict[str, Callable[[Any, Any], Any]] = {
    "bags": lambda self, event: bags(self),
    "units": lambda self, event: {
        name: sorted(unit.name for each in relations for unit in each.units)
        for name, relations in self.model.relations.items()
    },
    "write unit": lambda self, event: relation(self).data[self.unit].update({"k": "v", "egress-subnets": ""}),
    "write app": lambda self, event: relation(self).data[self.app].update({"k": "v"}),
    "write peers": lambda self, event: relation(self, "ring").data[self.app].update({"p": "q"}),
    "write theirs": lambda self, event: relation(self).data[relation(self).app].update({"k": "v"}),
    "write no text": lambda self, event: relation(self).data[self.unit].update({"k": 1}),
    "options": lambda self, event: dict(self.config),
    "leads": lambda self, event: self.unit.is_leader(),
    "planned": lambda self, event: self.app.planned_units(),
    "status": lambda self, event: [self.unit.status.name, self.unit.status.message],
    "app status": lambda self, event: [self.app.status.name, self.app.status.message],
    "set status": lambda self, event: setattr(self.unit, "status", ops.ActiveStatus(event.handle.kind)),
    "set app status": lambda self, event: setattr(self.app, "status", ops.BlockedStatus("x")),
    "set unknown": lambda self, event: setattr(self.unit, "status", ops.UnknownStatus()),
    "version": lambda self, event: self.unit.set_workload_version("1.2"),
    "set ports": lambda self, event: self.unit.set_ports(80, ops.Port("udp", 53)),
    "open": lambda self, event: self.unit.open_port("icmp"),
    "close": lambda self, event: self.unit.close_port("tcp", 22),
    "ports": lambda self, event: sorted(map(str, self.unit.opened_ports())),
    "network": lambda self, event: str(self.model.get_binding("admin").network.bind_address),
    "host network": lambda self, event: str(self.model.get_binding("host").network.bind_address),
    "no network": lambda self, event: str(self.model.get_binding("nowhere").network.bind_address),
    "count": lambda self, event: self.stored.seen.append(event.handle.kind),
    "seen": lambda self, event: list(self.stored.seen),
    "defer": lambda self, event: event.defer(),
    "emit": lambda self, event: self.on.poked.emit(event.handle.kind),
    "own secret": lambda self, event: self.model.get_secret(label="own").get_content(),
    "own info": lambda self, event: info(self.model.get_secret(label="own")),
    "set secret": lambda self, event: self.model.get_secret(label="own").set_content({"key": "2"}),
    "set info": lambda self, event: self.model.get_secret(label="own").set_info(description="changed"),
    "grant": lambda self, event: self.model.get_secret(label="own").grant(relation(self)),
    "revoke": lambda self, event: grant_and_revoke(self),
    "remove": lambda self, event: self.model.get_secret(label="own").remove_all_revisions(),
    "remove one": lambda self, event: self.model.get_secret(label="own").remove_revision(1),
    "new secret": lambda self, event: new_secret(self),
    "their secret": lambda self, event: self.model.get_secret(label="theirs").get_content(),
    "peek": lambda self, event: self.model.get_secret(label="theirs").peek_content(),
    "refresh": lambda self, event: self.model.get_secret(label="theirs").get_content(refresh=True),
    "set theirs": lambda self, event: self.model.get_secret(label="theirs").set_content({"key": "2"}),
    "storages": lambda self, event: sorted(each.index for each in self.model.storages["data"]),
    "request": lambda self, event: self.model.storages.request("data", 2),
    "connected": lambda self, event: self.unit.get_container("app").can_connect(),
    "push": lambda self, event: self.unit.get_container("app").push("/a/b", "text", make_dirs=True),
    "pull": lambda self, event: self.unit.get_container("app").pull("/a/b").read(),
    "files": lambda self, event: [each.path for each in self.unit.get_container("app").list_files("/a")],
    "add layer": lambda self, event: self.unit.get_container("app").add_layer("top", TOP, combine=True),
    "replan": lambda self, event: self.unit.get_container("app").replan(),
    "stop": lambda self, event: self.unit.get_container("app").stop("s"),
    "services": lambda self, event: sorted(
        (name, each.is_running()) for name, each in self.unit.get_container("app").get_services().items()
    ),
    "plan": lambda self, event: self.unit.get_container("app").get_plan().to_dict(),
    "exec": lambda self, event: executed(self, "ls", "-l"),
    "exec fails": lambda self, event: executed(self, "false"),
    "exec unknown": lambda self, event: executed(self, "what"),
    "results": lambda self, event: event.set_results({"a": {"b": 1}, "c": True}),
    "bad results": lambda self, event: event.set_results({"Not": "x"}),
    "fail": lambda self, event: event.fail("because"),
    "params": lambda self, event: dict(event.params),
    "raise": lambda self, event: 1 / 0,
}
"""What a handler may do.  What a step returns or raises is told; only "raise" gets out of the charm."""


class Poked(ops.EventBase):
    def __init__(self, handle: ops.Handle, by: str = "") -> None:
        super().__init__(handle)
        self.by = by

    def snapshot(self) -> dict[str, Any]:
        return {"by": self.by}

    def restore(self, snapshot: dict[str, Any]) -> None:
        self.by = snapshot["by"]


class Events(ops.CharmEvents):
    poked = ops.EventSource(Poked)


class Web(ops.CharmBase):
    on = Events()  # type: ignore[assignment]
    stored = ops.StoredState()
    script: Mapping[str, list[str]]
    told: list[Any]

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        self.stored.set_default(seen=[])
        for name in sorted(self.on.events()):
            event = getattr(self.on, name)
            if not issubclass(event.event_type, ops.LifecycleEvent):
                framework.observe(event, self._on_event)
        if "collect" in self.script:
            framework.observe(self.on.collect_unit_status, self._on_collect)

    def _on_event(self, event: ops.EventBase) -> None:
        kind = event.handle.kind
        self.told.append([kind, about(event)])
        for step in self.script.get(kind, self.script.get("", [])):
            if isinstance(event, Poked) and step in ("emit", "defer"):
                continue
            if step == "raise":
                raise ZeroDivisionError
            try:
                self.told.append([step, STEPS[step](self, event)])
            except Exception as error:
                # Ours is the one of production, which is a kind of the other.
                known = ops.ModelError if isinstance(error, ops.InvalidStatusError) else type(error)
                self.told.append([step, "raised", known.__name__])

    def _on_collect(self, event: ops.CollectStatusEvent) -> None:
        event.add_status(ops.WaitingStatus("collected"))


def about(event: Any) -> Any:
    if isinstance(event, ops.RelationEvent):
        departing = getattr(event, "departing_unit", None)
        found = [each and each.name for each in (event.app, event.unit, departing)]
        return [event.relation.name, event.relation.active, *found]
    if isinstance(event, ops.StorageEvent):
        return [event.storage.name, event.storage.index]
    if isinstance(event, ops.SecretEvent):
        return [event.secret.label, getattr(event, "revision", None)]
    if isinstance(event, Poked):
        return event.by
    return None


# --- what surrounds them -------------------------------------------------------------------------------------


def a_state(r: random.Random) -> testing.State:
    app = testing.Container(
        "app",
        can_connect=r.random() < 0.7,
        layers={"base": pebble.Layer(BASE)},  # type: ignore[arg-type]
        service_statuses={"s": pebble.ServiceStatus.ACTIVE} if r.random() < 0.3 else {},
        check_infos={testing.CheckInfo("up", level=pebble.CheckLevel.ALIVE)},
        execs={testing.Exec(["ls"], stdout="out"), testing.Exec(["false"], return_code=1, stderr="no")},
        notices=[testing.Notice("a.example/x", id="7")],
    )
    db = [
        testing.Relation(
            "db",
            id=number,
            remote_app_name="pg",
            remote_app_data={"n": "1"} if r.random() < 0.5 else {},
            local_app_data={"k": "old"} if r.random() < 0.3 else {},
            remote_units_data={unit: {"host": str(unit)} for unit in range(r.randint(1, 3))},
        )
        for number in range(1, r.randint(1, 2) + 1)
    ]
    ring = testing.PeerRelation("ring", id=8, peers_data={3: {"a": "b"}} if r.random() < 0.5 else {})
    host = testing.SubordinateRelation("host", id=9, remote_app_name="vm", remote_unit_id=2)
    own = testing.Secret(
        {"key": "1"}, id="secret:cvq0ngbtk6u1qqd6j1f0", label="own", owner=r.choice(["unit", "app"]), expire=MOMENT
    )
    theirs = testing.Secret(
        {"key": "1"}, latest_content={"key": "9"}, id="secret:cvq0ngbtk6u1qqd6j1f1", label="theirs"
    )
    return testing.State(
        leader=r.random() < 0.5,
        config=r.choice([{}, {"port": 8080}, {"name": "n"}]),
        relations=[*db, ring, host],
        containers=[app],
        storages=[testing.Storage("data", index=number) for number in range(r.randint(1, 2))],
        secrets=[own, theirs],
        opened_ports=[testing.TCPPort(22)] if r.random() < 0.5 else [],
        planned_units=r.randint(1, 4),
        unit_status=r.choice([testing.UnknownStatus(), testing.BlockedStatus("b"), testing.ErrorStatus("e")]),
        workload_version=r.choice(["", "1.0"]),
        model=testing.Model("m", uuid="11111111-2222-4333-8444-555555555555"),
    )


def an_event(r: random.Random, state: testing.State) -> Any:
    """Return an event about what is in *state*; some do not fit."""
    on = testing.CharmEvents()
    relations = sorted(state.relations, key=lambda each: each.id)
    made: list[Callable[[], Any]] = [
        *(lambda name=name: getattr(on, name)() for name in ("start", "config_changed", "update_status", "stop")),
        *(
            lambda name=name: getattr(on, f"relation_{name}")(r.choice(relations))
            for name in ("created", "joined", "changed", "departed", "broken")
        ),
        lambda: on.action("go", params=r.choice([{}, {"where": "x"}, {"what": 1}])),
        lambda: on.storage_attached(min(state.storages, key=lambda each: each.index)),
        lambda: on.pebble_ready(state.get_container("app")),
        lambda: on.pebble_custom_notice(state.get_container("app"), state.get_container("app").notices[0]),
        lambda: on.secret_changed(state.get_secret(label="theirs")),
        lambda: on.secret_remove(state.get_secret(label="own"), revision=1),
        lambda: on.collect_unit_status(),
    ]
    return r.choice(made)()


def a_script(r: random.Random) -> dict[str, list[str]]:
    names = [name for name in STEPS if name != "raise" or r.random() < 0.5]
    kinds = ["", "", "start", "config_changed", "db_relation_changed", "go_action", "poked", "collect"]
    return {r.choice(kinds): r.choices(names, k=r.randint(1, 6)) for _ in range(r.randint(1, 3))}


# --- what came out -------------------------------------------------------------------------------------------


def shown(state: testing.State) -> Any:
    """Return a state in plain values, without what each library keeps for itself."""
    relations = sorted(state.relations, key=lambda each: each.id)
    container = state.get_container("app")
    return {
        "relations": [[each.id, each.local_unit_data, each.local_app_data] for each in relations],
        "secrets": sorted(
            [
                *(each.label, each.owner, each.tracked_content, each.latest_content, str(each.expire)),
                *(each.description, str(each.rotate)),
                {str(key): sorted(names) for key, names in each.remote_grants.items() if names},
            ]
            for each in state.secrets
        ),
        "container": [
            container.can_connect,
            # The released library lets a layer that was combined show through in others.
            sorted(container.layers),
            container.plan.to_dict(),
            {name: each.value for name, each in container.service_statuses.items()},
        ],
        "ports": sorted(str((each.protocol, each.port)) for each in state.opened_ports),
        "statuses": [[each.name, each.message] for each in (state.unit_status, state.app_status)],
        "version": state.workload_version,
        # Ours begins with the oldest, and gives each a number of its own over all runs.
        "deferred": sorted(
            [each.handle_path.partition("[")[0], each.owner, each.observer, facts(each.snapshot_data)]
            for each in state.deferred
        ),
        "stored": sorted(
            [each.owner_path, each.name, each.content] for each in state.stored_states if each.owner_path
        ),
    }


def facts(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in snapshot.items() if name != "storage_location"}


def recorded(ctx: testing.Context) -> Any:
    return {
        "emitted": [[type(each).__name__, each.handle.kind] for each in ctx.emitted_events],
        "statuses": [
            [[each.name, each.message] for each in history]
            for history in (ctx.unit_status_history, ctx.app_status_history)
        ],
        "versions": ctx.workload_version_history,
        "action": [ctx.action_results, ctx.action_logs],
        "removed": ctx.removed_secret_revisions,
        # Ours counts all requests, the released one has the last of them.
        "requested": sorted(ctx.requested_storages),
        "executed": [each.command for each in ctx.exec_history.get("app", [])],
    }


def a_case(r: random.Random) -> Any:
    script, told = a_script(r), []
    web = type("Web", (Web,), {"script": script, "told": told})
    ctx = testing.Context(
        web,
        meta=META,
        config=CONFIG,
        actions=ACTIONS,
        capture_deferred_events=r.random() < 0.5,
        capture_framework_events=r.random() < 0.3,
        juju_version=r.choice(["3.6.14", "3.3.0", "3.1.7"]),
    )
    state, ends = a_state(r), []
    for _ in range(r.randint(1, 4)):
        # Ours begins with the oldest; so that the next run is the same for both, some order that both have.
        waiting = sorted(state.deferred, key=lambda each: each.handle_path.partition("["))
        state = dataclasses.replace(state, deferred=waiting)
        try:
            state = ctx.run(an_event(r, state), state)
            ends.append("ended")
        except testing.ActionFailed as failed:
            state = failed.state or state
            ends.append(["failed", failed.message])
        except Exception as error:
            ends.append([type(error).__name__, type(error.__cause__).__name__])
    return {"script": script, "told": told, "ends": ends, "state": shown(state), "recorded": recorded(ctx)}


def main() -> None:
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    seed, count = map(int, sys.argv[1:3])
    for number in range(count):
        case = a_case(random.Random(f"{seed} {number}"))
        print(json.dumps(case, sort_keys=True, default=lambda value: f"<{type(value).__name__}>"))


if __name__ == "__main__":
    main()
