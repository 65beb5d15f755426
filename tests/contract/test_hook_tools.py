"""Both ends of the hook commands: what `ops` asks is what `engine.tools` answers, no process between.

`ops` and `coordinator` never import each other.  Here the door that all of `ops` goes through leads straight
into `answer`; charms written with our `ops` live through whole stories, with their effects and stored state
in the one write of each hook.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from build import DB, WEB, Story, entered, leading, memory, relation, relation_hook, stored, unit, world

import ops
from coordinator.domain.charm import CharmMeta, StorageMeta
from coordinator.domain.status import Status
from coordinator.domain.unit_state import HookKind
from coordinator.engine.effects import Effects, Reboot
from coordinator.engine.hookenv import hook_environment
from coordinator.engine.tools import COMMANDS, STDIN, Call, HookContext, LogLine, answer, needs
from ops import _backend, _dispatch, _tools

DB_0, WEB_0 = unit("db/0"), unit("web/0")


class EngineDoor:
    """Carries out hook commands in this process, as the worker and its client would together."""

    def __init__(self, context: HookContext) -> None:
        self.context = context
        self.logs: list[LogLine] = []

    def call(self, tool: str, arguments: Sequence[str], stdin: str | None) -> _backend.Reply:
        if tool not in COMMANDS:
            raise FileNotFoundError(tool)
        wanted = needs(tool, arguments)
        # A command that reads what nobody gave it would hang in earnest.
        assert (STDIN in wanted) <= (stdin is not None), f"{tool} {arguments} waits for input"
        files = {path: Path(path).read_bytes() for path in wanted if path != STDIN}
        given = stdin.encode() if stdin is not None and STDIN in wanted else None
        said = answer(self.context, Call(name=tool, argv=tuple(arguments), stdin=given, files=files))
        self.context = self.context.with_effects(said.effects)
        self.logs += said.logs
        return _backend.Reply(said.exit_code, said.stdout.decode(), said.stderr.decode())

    def has(self, tool: str) -> bool:
        return tool in COMMANDS


def environment(context: HookContext, charm_dir: Path) -> dict[str, str]:
    return hook_environment(
        context.world,
        context.hook,
        charm_dir=str(charm_dir),
        tools_dir="/nowhere",
        agent_path="",
        socket="/nowhere",
        context_id="x",
    )


@contextmanager
def only(variables: Mapping[str, str]) -> Iterator[None]:
    """Give this process exactly these variables for a while."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


# --- the model's needs, one by one -----------------------------------------------------------------------


def context(*, leads: bool = False) -> HookContext:
    bags = {
        "db/0": stored({"host": "h0"}),
        "db": stored({"version": "14"}),
        "web/0": stored({"mine": "1"}),
        "web": stored({}),
    }
    related = relation(in_scope=True, units={DB_0: 5}, apps={"db": 4}, bags=bags)
    seen = (leading if leads else world)(relations={7: related}, state={"a": "1"})
    hook = relation_hook(HookKind.RELATION_CHANGED, "db/0")
    return HookContext(world=seen, memory=memory(relations={7: entered(db_0=5)}), hook=hook)


@contextmanager
def backend(context: HookContext) -> Iterator[tuple[_tools._ModelBackend, EngineDoor]]:
    door = EngineDoor(context)
    with only(environment(context, Path("/charm"))), _backend.through(door):
        yield _tools._ModelBackend(), door


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (lambda b: b.relation_ids("db"), [7]),
        (lambda b: b.relation_ids("cluster"), []),
        (lambda b: b.relation_list(7, "db"), ["db/0"]),
        (lambda b: b.relation_remote_app_name(7, "db"), "db"),
        (lambda b: b.relation_remote_app_name(99, "db"), None),
        (lambda b: b.relation_get(7, "db/0", False, "db"), {"host": "h0"}),
        (lambda b: b.relation_get(7, "db", True, "db"), {"version": "14"}),
        (lambda b: b.relation_get(7, "web/0", False), {"mine": "1"}),
        (lambda b: b.relation_model_get(7, "db"), {"uuid": world().model_uuid}),
        (lambda b: b.config_get(), {}),
        (lambda b: b.is_leader(), True),
        (
            lambda b: b.status_get(),
            {"status": "waiting", "message": "waiting for machine", "status-data": {}},
        ),
        (lambda b: b.status_get(is_app=True)["status"], "waiting"),
        (lambda b: b.planned_units(), 1),
        (lambda b: b.network_get("db")["ingress-addresses"], ["10.0.0.1"]),
        (lambda b: b.network_get("db", 99)["ingress-addresses"], ["10.0.0.1"]),
        (lambda b: b.opened_ports(), []),
    ],
)
def test_ops_reads(ask, expected):
    with backend(context(leads=True)) as (asking, door):
        assert ask(asking) == expected
        assert door.context.effects == Effects()


OWN, OURS = (7, WEB_0), (7, "web")


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (
            lambda b: b.relation_set(7, {"a": "1", "mine": ""}, False, "db"),
            {"bags": {OWN: {"a": "1", "mine": None}}},
        ),
        (lambda b: b.relation_set(7, {"a": "ä\n"}, True, "db"), {"bags": {OURS: {"a": "ä\n"}}}),
        (lambda b: b.status_set("blocked", "-no"), {"status": Status("blocked", "-no")}),
        (lambda b: b.status_set("active", is_app=True), {"application_status": Status("active")}),
        (lambda b: b.application_version_set("1.2"), {"version": "1.2"}),
        (lambda b: b.open_port("tcp", 80), {"ports": {"": ("80/tcp",)}}),
        (lambda b: b.open_port("icmp"), {"ports": {"": ("icmp",)}}),
        (lambda b: b.reboot(), {"reboot": Reboot.AFTER}),
    ],
)
def test_ops_writes(write, expected):
    with backend(context(leads=True)) as (asking, door):
        write(asking)
        assert door.context.effects == Effects(**expected)


def test_ops_logs():
    with backend(context()) as (asking, door):
        asking.juju_log("WARNING", "--watch out")
        assert door.logs == [LogLine(level="WARNING", message="db:7: --watch out", module="unit.web/0.juju-log")]


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda b: b.relation_list(99, "db"), ops.RelationNotFoundError),
        (lambda b: b.relation_get(99, "db/0", False, "db"), ops.RelationNotFoundError),
        (lambda b: b.relation_set(99, {"a": "1"}, False, "db"), ops.RelationNotFoundError),
        (lambda b: b.relation_list(7, "cluster"), ops.RelationNotFoundError),
        (lambda b: b.relation_set(7, {"a": "1"}, True, "db"), ops.ModelError),
        (lambda b: b.relation_get(7, "web", True, "db"), ops.ModelError),
        (lambda b: b.relation_get(7, "db/9", False, "db"), ops.ModelError),
        (lambda b: b.status_set("active", is_app=True), ops.ModelError),
        (lambda b: b.network_get("nothing"), ops.ModelError),
        (lambda b: b.resource_get("nothing"), ops.ModelError),
        (lambda b: b.credential_get(), ops.ModelError),
        (lambda b: b.action_get(), ops.ModelError),
    ],
)
def test_ops_tells_errors_apart(ask, error):
    with backend(context()) as (asking, door):
        with pytest.raises(ops.ModelError) as raised:
            ask(asking)
        assert type(raised.value) is error
        assert door.context.effects == Effects()


# --- charms in stories -----------------------------------------------------------------------------------


class CharmStory(Story):
    """A story whose charms are written with `ops`; an application without one here does nothing."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root
        self.classes: dict[str, type[ops.CharmBase]] = {}
        self.logs: list[LogLine] = []

    def write(self, app: str, meta: CharmMeta, charm: type[ops.CharmBase], units: int = 1) -> None:
        directory = self.root / app
        directory.mkdir()
        (directory / "metadata.yaml").write_text(json.dumps(metadata(meta)))
        self.classes[app] = charm
        self.deploy(app, meta, units)

    def play(self, context: HookContext) -> tuple[Effects, bool]:
        app = context.world.unit.app
        if app not in self.classes:
            return super().play(context)
        door = EngineDoor(context)
        with only(environment(context, self.root / app)), _backend.through(door), undisturbed():
            try:
                _dispatch.run_charm(fresh(self.classes[app]))
                succeeded = True
            except Refusal:
                succeeded = False
        self.logs += door.logs
        return door.context.effects, succeeded


class Refusal(Exception):
    """What a charm of these tests raises when it shall fail."""


@contextmanager
def undisturbed() -> Iterator[None]:
    """Put back what a run of a charm changes in this process."""
    root = logging.getLogger()
    before = sys.excepthook, list(root.handlers), root.level, warnings.showwarning
    try:
        yield
    finally:
        sys.excepthook, root.handlers[:], root.level, warnings.showwarning = before


def fresh(charm: type[ops.CharmBase]) -> type[ops.CharmBase]:
    """Return a copy of *charm* with events of its own: constructing one adds events to its class."""
    events = type("Events", (type(charm.on),), {})()
    return type(charm.__name__, (charm,), {"on": events})


def metadata(meta: CharmMeta) -> dict[str, Any]:
    found: dict[str, Any] = {"name": meta.name}
    for endpoint in meta.endpoints:
        found.setdefault(endpoint.role.value, {})[endpoint.name] = {"interface": endpoint.interface}
    return found


class Database(ops.CharmBase):
    """Publishes where it is, and counts whom it has met."""

    stored = ops.StoredState()

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        self.stored.set_default(met=0)
        framework.observe(self.on.clients_relation_joined, self._joined)
        framework.observe(self.on.start, self._start)

    def _start(self, event: ops.StartEvent) -> None:
        self.unit.set_ports(5432)
        self.unit.set_workload_version("14")
        self.unit.status = ops.ActiveStatus()

    def _joined(self, event: ops.RelationJoinedEvent) -> None:
        self.stored.met += 1  # type: ignore[operator]
        address = self.model.get_binding("clients").network.bind_address  # type: ignore[union-attr]
        event.relation.data[self.unit]["host"] = str(address)
        if self.unit.is_leader():
            event.relation.data[self.app]["met"] = str(self.stored.met)


class Client(ops.CharmBase):
    """Waits, by deferring, until it has been told where the database is."""

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        framework.observe(self.on.start, self._ready)
        framework.observe(self.on.db_relation_changed, self._changed)
        framework.observe(self.on.db_relation_broken, self._broken)

    def _ready(self, event: ops.EventBase) -> None:
        relation = self.model.get_relation("db")
        hosts = [relation.data[unit].get("host") for unit in relation.units] if relation else []
        if not any(hosts):
            self.unit.status = ops.WaitingStatus("for the database")
            event.defer()
        else:
            self.unit.status = ops.ActiveStatus(f"using {hosts[0]}")

    def _changed(self, event: ops.RelationChangedEvent) -> None:
        logging.getLogger("client").info("changed by %s", (event.unit or event.app).name)

    def _broken(self, event: ops.RelationBrokenEvent) -> None:
        self.unit.status = ops.BlockedStatus("without database")


@pytest.fixture
def told(tmp_path: Path) -> CharmStory:
    return CharmStory(tmp_path)


def status(story: Story, name: str) -> tuple[str, str]:
    workload = story.look(name)[1].status.workload
    return workload.current, workload.message


def test_two_charms_meet_and_part(told):
    told.write("db", DB, Database)
    told.write("web", WEB, Client)
    told.run_all()
    assert status(told, "db/0") == ("active", "")
    assert status(told, "web/0") == ("waiting", "for the database")
    seen = told.look("db/0")[1]
    assert (seen.status.version, seen.status.ports) == ("14", {"": ("5432/tcp",)})

    number = told.relate("web:db", "db:clients")
    told.run_all()
    assert status(told, "web/0") == ("active", "using 10.0.2.1")
    assert told.look("web/0")[1].relations[number].bag("db") == {"met": "1"}
    assert f"db:{number}: changed by db/0" in [line.message for line in told.logs]

    told.remove_relation(number)
    told.run_all()
    assert status(told, "web/0") == ("blocked", "without database")


def test_deferred_events_and_stored_state_are_in_the_store(told):
    told.write("db", DB, Database)
    told.write("web", WEB, Client)
    told.relate("web:db", "db:clients")
    told.run("web/0")
    waiting = told.look("web/0")[1].state
    assert any("start" in text for text in waiting.values())
    told.run_all()
    assert any('"met": 1' in text for text in told.look("db/0")[1].state.values())
    assert not list(told.root.rglob(".unit-state.db"))


def test_a_charm_that_fails_leaves_nothing_but_its_status(told):
    class Failing(Database):
        def _joined(self, event: ops.RelationJoinedEvent) -> None:
            super()._joined(event)
            self.unit.status = ops.MaintenanceStatus("half way")
            raise Refusal

    told.write("db", DB, Failing)
    told.deploy("web", WEB)
    number = told.relate("web:db", "db:clients")
    told.run_all()
    seen = told.look("db/0")[1]
    assert told.look("db/0")[0].unit.failed is not None
    assert status(told, "db/0") == ("maintenance", "half way")
    assert "host" not in seen.relations[number].bag(DB_0)
    assert not any('"met": 1' in text for text in seen.state.values())

    told.classes["db"] = Database
    told.now_s += 1_000
    told.run_all()
    seen = told.look("db/0")[1]
    assert (seen.relations[number].bag(DB_0)["host"], seen.relations[number].bag("db")) == (
        "10.0.2.1",
        {"met": "1"},
    )


def test_every_hook_of_a_life_can_be_run_by_ops(told):
    told.write("db", DB, Database)
    data = StorageMeta(name="data", type="filesystem")
    told.write("web", replace(WEB, storage={"data": data}), Client, units=2)
    told.relate("web:db", "db:clients")
    told.run_all()
    told.configure("web", color="red")
    told.lead("web/1")
    told.refresh("web", WEB)
    told.step("web/0", update_status_due=True)
    told.run_all()
    told.remove_application("web")
    told.run_all()
    assert told.units() == ["db/0"]
    kinds = {hook.kind for who, hook in told.hooks if who.startswith("web/")}
    of_secrets = {kind for kind in HookKind if kind.value.startswith("secret-")}
    assert kinds >= set(HookKind) - of_secrets - {HookKind.UPDATE_STATUS}
