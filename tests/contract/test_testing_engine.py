"""`ops.testing` and the coordinator are the same to a charm: stories are lived through in both, hook by hook.

A story is a model in memory that the coordinator's engine decides about.  Each hook of web/0 is run twice: with
`engine.tools` behind the door of `ops`, and as a `Context.run` from a state with the same surroundings.  What the
charm saw, what it wrote, what it keeps and what it said must be equal.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from build import Story, charm, memory, settled, stored, unit, world
from hypothesis import given, settings
from hypothesis import strategies as st
from test_hook_tools import CharmStory, EngineDoor, fresh, metadata

import ops
from coordinator.domain.charm import Option, StorageMeta
from coordinator.domain.status import Status, most_severe
from coordinator.domain.storage import Storage
from coordinator.domain.unit_state import Hook, HookKind
from coordinator.engine.effects import Effects, merged
from coordinator.engine.tools import HookContext
from ops import _backend, testing
from ops.testing._events import _Event

WEB = charm(
    "web",
    requires={"db": "sql", "log": "syslog"},
    peers={"ring": "web-peer"},
    options=[Option(name="color", type="string", default="blue"), Option(name="size", type="int")],
)
DB = charm("db", provides={"clients": "sql"})
CONFIG = {"options": {"color": {"type": "string", "default": "blue"}, "size": {"type": "int"}}}

# --- a charm that does what a story says -----------------------------------------------------------------


def every_bag(self: ops.CharmBase) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for endpoint, relations in self.model.relations.items():
        for relation in relations:
            for owner, bag in relation.data.items():
                try:
                    found[f"{endpoint} {owner.name}"] = dict(bag)
                except ops.ModelError as error:
                    found[f"{endpoint} {owner.name}"] = {"error": type(error).__name__}
    return found


def write(whose: str, **entries: str) -> Callable[[Any, Any], None]:
    def do(self: ops.CharmBase, event: ops.EventBase) -> None:
        for relations in self.model.relations.values():
            for relation in relations:
                owner = {"unit": self.unit, "app": self.app, "theirs": relation.app}[whose]
                relation.data[owner].update(entries)

    return do


def set_status(whose: str, status: ops.StatusBase) -> Callable[[Any, Any], None]:
    return lambda self, event: setattr(getattr(self, whose), "status", status)


STEPS: dict[str, Callable[[Any, Any], Any]] = {
    "leads": lambda self, event: self.unit.is_leader(),
    "names": lambda self, event: (self.app.name, self.unit.name, self.model.name),
    "options": lambda self, event: dict(self.config),
    "bags": lambda self, event: every_bag(self),
    "units": lambda self, event: {
        endpoint: [(each.app.name, sorted(one.name for one in each.units), each.active) for each in relations]
        for endpoint, relations in self.model.relations.items()
    },
    "write unit": write("unit", host="10.0.0.1", odd="ä\n-x"),
    "erase unit": write("unit", host="", never=""),
    "write app": write("app", name="n"),
    "erase app": write("app", name=""),
    "write theirs": write("theirs", no="way"),
    "unit status": lambda self, event: (self.unit.status.name, self.unit.status.message),
    "app status": lambda self, event: (self.app.status.name, self.app.status.message),
    "set unit status": set_status("unit", ops.ActiveStatus("up --and running")),
    "set waiting": set_status("unit", ops.WaitingStatus("for it")),
    "set app status": set_status("app", ops.BlockedStatus("no")),
    "ports": lambda self, event: sorted(map(str, self.unit.opened_ports())),
    "set ports": lambda self, event: self.unit.set_ports(80, ops.Port("udp", 53)),
    "open": lambda self, event: self.unit.open_port("icmp"),
    "close": lambda self, event: self.unit.close_port("tcp", 80),
    "version": lambda self, event: self.unit.set_workload_version("2.0"),
    "count": lambda self, event: self.stored.seen.append(event.handle.kind),
    "seen": lambda self, event: list(self.stored.seen),
    "defer": lambda self, event: event.defer(),
    "emit": lambda self, event: self.on.poked.emit(event.handle.kind),
    "elsewhere": lambda self, event: self.model.get_relation("db", 999).units,
    "no endpoint": lambda self, event: self.model.get_relation("nowhere"),
    "fail": lambda self, event: fail(),
}
"""What a handler may do.  What a step returns or raises is compared."""


class Refusal(Exception):
    """What a charm raises that is meant to fail."""


def fail() -> None:
    raise Refusal


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


class Scripted(ops.CharmBase):
    """Does the steps of `script`, and writes to `told` what came of them."""

    on = Events()  # type: ignore[assignment]
    stored = ops.StoredState()
    script: Mapping[str, list[str]]
    told: list[Any]

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        self.stored.set_default(seen=[])
        for event in self.on.events().values():
            if not issubclass(event.event_type, ops.LifecycleEvent):
                framework.observe(event, self._on_event)
        framework.observe(self.on.collect_unit_status, self._on_collect)

    def _on_event(self, event: ops.EventBase) -> None:
        kind = event.handle.kind
        self.told.append((kind, about(event)))
        for step in self.script.get(kind, self.script.get("", [])):
            if step in ("defer", "emit") and isinstance(event, Poked):
                continue
            try:
                self.told.append((step, STEPS[step](self, event)))
            except (ops.ModelError, RuntimeError, KeyError) as error:
                self.told.append((step, type(error).__name__))

    def _on_collect(self, event: ops.CollectStatusEvent) -> None:
        if "collect" in self.script:
            event.add_status(ops.MaintenanceStatus("collected"))


def about(event: ops.EventBase) -> Any:
    if isinstance(event, Poked):
        return event.by
    if not isinstance(event, ops.RelationEvent):
        return None
    departing = event.departing_unit if isinstance(event, ops.RelationDepartedEvent) else None
    return [
        event.relation.name,
        event.relation.id,
        event.relation.active,
        sorted(each.name for each in event.relation.units),
        *(each and each.name for each in (event.app, event.unit, departing)),
    ]


def scripted(script: Mapping[str, list[str]], told: list[Any]) -> type[Scripted]:
    return type("Scripted", (Scripted,), {"script": script, "told": told, "__qualname__": "Scripted"})


# --- from the coordinator's surroundings to a state ------------------------------------------------------


class Surroundings(NamedTuple):
    """What `ops.testing` needs to run the same hook."""

    event: _Event
    state: testing.State


def surroundings(context: HookContext, kept: testing.State) -> Surroundings:
    """Return the event and the state of a hook; *kept* has what the charm keeps between its runs."""
    hook, world = context.hook, context.world
    assert hook is not None
    numbers = {*context.memory.relations, *([hook.relation] if hook.relation is not None else [])}
    relations = {number: relation_part(context, number) for number in sorted(numbers)}
    if hook.kind is not HookKind.RELATION_BROKEN:
        relations = {
            number: each
            for number, each in relations.items()
            if each.endpoint == hook.endpoint or f"{each.endpoint}:{number}" in context.relation_ids(each.endpoint)
        }
    workload, application = world.status.workload, application_status(context)
    state = testing.State(
        leader=world.is_leader,
        config=dict(world.config),
        relations=relations.values(),
        opened_ports=[port(text) for text in context.ports().get("", ())],
        unit_status=status(workload.current, workload.message),
        app_status=status(application.current, application.message),
        workload_version=world.status.version or "",
        deferred=kept.deferred,
        stored_states=kept.stored_states,
        model=testing.Model(world.model, uuid=world.model_uuid, type="lxd"),
    )
    return Surroundings(event(hook, relations), state)


def application_status(context: HookContext) -> Status:
    """Return what was set, or else the worst of all units."""
    world = context.world
    goals = {world.unit: world.status.workload, **{name: goal.status for name, goal in world.goals.items()}}
    return world.application_status or most_severe(
        [each for name, each in goals.items() if name.app == world.unit.app]
    )


def relation_part(context: HookContext, number: int) -> testing.RelationBase:
    relation = context.find_relation(number)
    assert relation is not None
    hook = context.hook
    assert hook is not None
    units = {*context.members(number)}
    if hook.kind is HookKind.RELATION_DEPARTED and hook.relation == number and hook.remote_unit is not None:
        units.add(hook.remote_unit)
    bags = {each.number: context.bag(relation, each) for each in units}
    ours = {
        "local_unit_data": context.bag(relation, context.world.unit),
        "local_app_data": context.bag(relation, context.world.unit.app),
    }
    if relation.is_peer:
        return testing.PeerRelation(relation.endpoint, id=number, peers_data=bags, **ours)
    return testing.Relation(
        relation.endpoint,
        id=number,
        remote_app_name=relation.remote_app,
        remote_app_data=context.bag(relation, relation.remote_app),
        remote_units_data=bags,
        **ours,
    )


def event(hook: Hook, relations: Mapping[int, testing.RelationBase]) -> _Event:
    if hook.relation is None:
        return _Event(hook.kind.value.replace("-", "_"))
    return _Event(
        f"{hook.endpoint}_{hook.kind.value.replace('-', '_')}",
        relation=relations[hook.relation],
        relation_remote_unit_id=hook.remote_unit.number if hook.remote_unit else None,
        relation_of_app=hook.kind is HookKind.RELATION_CHANGED and hook.remote_unit is None,
        relation_unit_is_gone=hook.kind is HookKind.RELATION_DEPARTED,
        relation_is_left=hook.departing is not None and hook.departing != hook.remote_unit,
    )


def port(text: str) -> testing.Port:
    numbers, slash, protocol = text.partition("/")
    kinds = {"tcp": testing.TCPPort, "udp": testing.UDPPort}
    return kinds[protocol](int(numbers)) if slash else testing.ICMPPort()


def status(name: str, message: str) -> Any:
    return testing.UnknownStatus() if name == "unknown" else ops.StatusBase.from_name(name, message)


# --- what was left behind, in one form -------------------------------------------------------------------


def left_in_engine(context: HookContext, effects: Effects) -> dict[str, Any]:
    after, world = context.with_effects(effects), context.world
    stored = {key: yaml.unsafe_load(text) for key, text in after.state().items()}
    notices = [list(each) for each in stored.pop("#notices#", None) or []]
    stored.pop("StoredStateData[_stored]", None)
    shown = effects.status or world.status.workload
    application = effects.application_status or application_status(context)
    return {
        "bags": {
            (number, owner): merged(context.bag(relation, owner), effects.bags.get((number, owner), {}))
            for number, relation in world.relations.items()
            if context.find_relation(number) is not None
            for owner in (world.unit, world.unit.app)
        },
        "ports": sorted(after.ports().get("", ())),
        "status": (shown.current, shown.message),
        "application": (application.current, application.message),
        "version": effects.version if effects.version is not None else world.status.version or "",
        "waiting": notices,
        "kept": {key: value for key, value in stored.items() if key.endswith("StoredStateData[stored]")},
    }


def left_in_state(state: testing.State, web: ops.Unit | Any) -> dict[str, Any]:
    owners = {web: "local_unit_data", web.app: "local_app_data"}
    return {
        "bags": {
            (each.id, owner): dict(getattr(each, name))
            for each in state.relations
            for owner, name in owners.items()
        },
        "ports": sorted(
            each.protocol if each.port is None else f"{each.port}/{each.protocol}" for each in state.opened_ports
        ),
        "status": (state.unit_status.name, state.unit_status.message),
        "application": (state.app_status.name, state.app_status.message),
        "version": state.workload_version,
        "waiting": [[each.handle_path, each.owner, each.observer] for each in state.deferred],
        "kept": {
            f"{each.owner_path}/StoredStateData[{each.name}]": dict(each.content)
            for each in state.stored_states
            if each.owner_path is not None
        },
    }


# --- stories that are lived through twice ----------------------------------------------------------------


class TwiceStory(CharmStory):
    """Runs each hook of web/0 in the engine and in `ops.testing`, and compares."""

    def __init__(self, root: Path, script: Mapping[str, list[str]]) -> None:
        super().__init__(root)
        self.kept = testing.State()
        self.hooks_compared: list[str] = []
        self.told: list[Any] = []
        self.script = script
        self.deploy("db", DB, 2)
        self.on("db", "clients-relation-created", "relation-set host=h", "is-leader")
        self.on("db/0", "clients-relation-created", "relation-set --app name=d")
        self.run_all()
        self.write("web", WEB, scripted(script, self.told), units=2)
        self.context = testing.Context(
            scripted(script, []), meta=metadata(WEB), config=CONFIG, juju_version="3.6.14"
        )
        (root / "web" / "config.yaml").write_text(json.dumps(CONFIG))

    def play(self, context: HookContext) -> tuple[Effects, bool]:
        if context.world.unit != unit("web/0"):
            return super().play(context) if context.world.unit.app != "web" else Story.play(self, context)
        self.told.clear()
        try:
            effects, succeeded = super().play(context)
        except Refusal:
            effects, succeeded = Effects(), False
        theirs = list(self.told)
        told: list[Any] = []
        self.context._charm_spec = dataclasses.replace(
            self.context._charm_spec, charm_type=fresh(scripted(self.script, told))
        )
        given = surroundings(context, self.kept)
        try:
            after = self.context.run(given.event, given.state)
            ran = True
        except testing.errors.UncaughtCharmError as error:
            if not isinstance(error.__cause__, Refusal):
                raise
            after, ran = given.state, False
        where = f"{context.hook and context.hook.name}"
        assert (ran, told) == (succeeded, theirs), where
        if succeeded:
            here, there = left_in_state(after, context.world.unit), left_in_engine(context, effects)
            here["bags"] = {key: value for key, value in here["bags"].items() if key in there["bags"]}
            assert here == there, where
            self.kept = after
        self.hooks_compared.append(where)
        return effects, succeeded


def live(story: TwiceStory, *, leader: int = 0) -> None:
    """A life with everything that the coordinator tells a unit."""
    story.lead(f"web/{leader}")
    number = story.relate("web:db", "db:clients")
    story.run_all()
    story.configure("web", color="red", size=3)
    story.run_all()
    story.step("web/0", update_status_due=True)
    story.refresh("web", WEB)
    story.run_all()
    story.add_unit("db/2")
    story.run_all()
    story.remove_unit("db/2")
    story.run_all()
    story.remove_relation(number)
    story.run_all()
    story.relate("web:db", "db:clients")
    story.run_all()
    story.remove_unit("web/0")
    story.run_all()


EVERY_HOOK = {
    *("install", "leader-elected", "config-changed", "start", "update-status", "upgrade-charm", "stop", "remove"),
    *(f"db-relation-{each}" for each in ("created", "joined", "changed", "departed", "broken")),
    *(f"ring-relation-{each}" for each in ("created", "joined", "changed", "departed")),
}

SCRIPTS = {
    "reads": {"": ["leads", "names", "options", "bags", "units", "unit status", "app status", "ports", "seen"]},
    "writes": {"": ["write unit", "write app", "write theirs", "bags", "version", "set ports", "open", "ports"]},
    "erases": {
        "": ["erase unit", "erase app", "bags", "close", "ports"],
        "db_relation_created": ["write unit", "write app"],
        "start": ["set ports", "write unit"],
    },
    "statuses": {"": ["set unit status", "set app status", "unit status", "app status"]},
    "collects": {"collect": [], "": ["unit status", "set waiting"]},
    "keeps": {"": ["count", "seen"]},
    "waits": {"": ["count", "defer", "bags"], "stop": ["seen"], "remove": ["units"]},
    "waits once": {"install": ["defer", "count"], "": ["seen"]},
    "emits": {"": ["emit", "count"], "poked": ["bags", "count"]},
    "errs": {"": ["elsewhere", "no endpoint", "write theirs", "app status"]},
}


@pytest.mark.parametrize("leader", [0, 1])
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_a_life_is_the_same_in_both(tmp_path, script, leader):
    story = TwiceStory(tmp_path, script)
    live(story, leader=leader)
    expected = EVERY_HOOK if leader == 0 else {*EVERY_HOOK, "leader-settings-changed"} - {"leader-elected"}
    assert {*story.hooks_compared} >= expected


def test_a_hook_that_fails_leaves_nothing_in_both(tmp_path):
    script = {"db_relation_joined": ["write unit", "set unit status", "count", "fail"], "": ["bags", "seen"]}
    story = TwiceStory(tmp_path, script)
    story.relate("web:db", "db:clients")
    story.run_all()
    assert story.look("web/0")[0].unit.failed is not None
    script["db_relation_joined"].remove("fail")
    story.now_s += 1_000
    story.run_all()
    assert story.look("web/0")[0].unit.failed is None
    assert story.hooks_compared.count("db-relation-joined") > 1


KINDS = ["install", "start", "config_changed", "leader_elected", "update_status", "poked", "stop"]
KINDS += [f"{name}_relation_{each}" for name in ("db", "ring") for each in ("created", "changed", "departed")]
STEP = st.sampled_from([name for name in STEPS if name != "fail"])


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    script=st.dictionaries(st.sampled_from([*KINDS, ""]), st.lists(STEP, max_size=5), max_size=5),
    leader=st.sampled_from([0, 1]),
)
def test_generated_charms_live_the_same_in_both(tmp_path_factory, script, leader):
    live(TwiceStory(tmp_path_factory.mktemp("story"), script), leader=leader)


# --- commands that stories do not need -------------------------------------------------------------------


class Asking(ops.CharmBase):
    """Asks one hook command in each of its hooks."""

    line = ""
    said: list[tuple[int, str]]

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        framework.observe(self.on["data"].storage_attached, self._ask)
        framework.observe(self.on["data"].storage_detaching, self._ask)
        framework.observe(self.on.start, self._ask)

    def _ask(self, event: ops.EventBase) -> None:
        self.said.append(told(_backend.call(*command_line(self.line))))


def command_line(line: str) -> tuple[str, list[str]]:
    name, *arguments = line.split()
    return name, arguments


def told(reply: _backend.Reply) -> tuple[int, str]:
    """Return the code and what was said, with the places of this run left out."""
    text = reply.stdout or reply.stderr.splitlines()[0].removeprefix("ERROR ")
    return reply.returncode, re.sub(r"/[^\"]*/(?=data/|\d)", "/…/", text).strip().replace(" ", "")


@pytest.mark.parametrize("about", [HookKind.STORAGE_ATTACHED, HookKind.STORAGE_DETACHING, HookKind.START])
@pytest.mark.parametrize(
    "line",
    [
        "storage-get --format=json kind",
        "storage-get --format=json",
        "storage-get --format=json -s data/1 kind",
        "storage-get --format=json -s data/7",
        "storage-get --format=json -s data/0 size",
        "storage-list --format=json",
    ],
)
def test_storage_is_told_alike_in_every_hook(about, line):
    storage = {
        f"data/{number}": stored(Storage(name="data", number=number, pool="rootfs", size_mb=1, created=""))
        for number in (0, 1)
    }
    hook = Hook(kind=about, storage=None if about is HookKind.START else "data/1")
    known = memory(unit=settled(storage={"data/0": 0, "data/1": 0}))
    meta = charm("web", storage={"data": StorageMeta(name="data", type="filesystem", count_max=None)})
    engine = HookContext(world=world(charm=meta, storage=storage), memory=known, hook=hook)

    said: list[tuple[int, str]] = []
    kind = type("Asking", (Asking,), {"line": line, "said": said})
    declared = {"name": "web", "storage": {"data": {"type": "filesystem", "multiple": {"range": "0-"}}}}
    context = testing.Context(kind, meta=declared)
    parts = [testing.Storage("data", index=number) for number in (0, 1)]
    event = context.on.start() if hook.storage is None else _Event(hook.name.replace("-", "_"), storage=parts[1])
    context.run(event, testing.State(storages=parts))
    assert said == [told(EngineDoor(engine).call(*command_line(line), None))]


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_a_harness_tells_which_storage_a_hook_is_about():
    said: list[tuple[int, str]] = []
    kind = type("Asking", (Asking,), {"line": "storage-get --format=json location", "said": said})
    harness = testing.Harness(kind, meta="{name: web, storage: {data: {type: filesystem, multiple: {range: 0-}}}}")
    harness.begin()
    _, last = harness.add_storage("data", 2, attach=True)
    harness.detach_storage(last)
    harness.charm.on.start.emit()
    harness.cleanup()
    assert [text.rpartition("/")[2] for _, text in said[:3]] == ['0"', '1"', '1"']
    assert said[3] == (2, "nostorageinstancespecified")


# --- the order of a life ---------------------------------------------------------------------------------


def order_of_coordinator(root: Path, *, leader: bool, related: bool) -> list[tuple[str, str | None]]:
    """Return hooks and remote units of web/0, whose life the coordinator decides about."""
    story = CharmStory(root)
    story.deploy("db", DB, 2)
    story.on("db", "clients-relation-created", "relation-set host=h")
    story.on("db/0", "clients-relation-created", "relation-set --app name=d")
    story.deploy("web", WEB, 2 if not leader else 1, leader=0 if leader else 1)
    if related:
        story.relate("web:db", "db:clients")
    for name in ("db/0", "db/1", *(() if leader else ("web/1",)), "web/0"):
        story.run(name)
    story.step("web/0", update_status_due=True)
    story.refresh("web", WEB)
    story.run("web/0")
    story.remove_unit("web/0")
    story.run("web/0")
    return [
        (hook.name, str(hook.remote_unit) if hook.remote_unit else None)
        for who, hook in story.hooks
        if who == "web/0"
    ]


@pytest.mark.parametrize("related", [True, False])
@pytest.mark.parametrize("leader", [True, False])
def test_a_life_in_one_call_has_the_order_of_the_coordinator(tmp_path, leader, related):
    ring = testing.PeerRelation("ring", peers_data={} if leader else {1: {}})
    db = testing.Relation(
        "db",
        remote_app_name="db",
        remote_app_data={"name": "d"},
        remote_units_data={0: {"host": "h"}, 1: {"host": "h"}},
    )
    ctx = testing.Context(scripted({}, told := []), meta=metadata(WEB), config=CONFIG)
    life = ctx.run_life(testing.State(leader=leader, relations={ring, db} if related else {ring}))
    hooks = [step.event for step in life]
    units = [facts[5] if facts else None for _, facts in told]
    assert list(zip(hooks, units, strict=True)) == order_of_coordinator(tmp_path, leader=leader, related=related)
