"""One contract for whoever carries out hook commands: every door of `ops` gives charms the same.

The doors: commands in PATH that are processes, the memory of `ops.testing`, `engine.tools` without any process,
and a worker's commands, with its socket or a channel between.  Behind the first is a small controller of the
tests' own; all show the same surroundings: web/0, which leads its application, in relation 7 with db/0.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from test_hook_tools import EngineDoor, context, environment, fresh, only, undisturbed

import ops
from coordinator.engine.tools.ahead import answers_ahead
from coordinator.worker.channel import HookChannel
from coordinator.worker.toolfiles import install_tools
from coordinator.worker.toolserver import ToolServer
from ops import _backend, _dispatch, _door, _tools, _warm, hookcmds
from ops.testing._backend import MemoryDoor
from ops.testing._world import RelationRecord, StatusRecord, World

HELPERS = Path(__file__).parents[1] / "unit" / "ops"
if str(HELPERS) not in sys.path:
    sys.path.append(str(HELPERS))

import ops_pretend  # noqa: E402


class Opened(NamedTuple):
    """A door, and what the controller behind it has logged."""

    door: _backend.Door
    log: Callable[[], list[tuple[str, str]]]


def in_memory(tmp_path: Path, stack: ExitStack) -> Opened:
    """What `ops.testing` pretends."""
    pretended = World(
        unit_name="web/0",
        endpoints=frozenset({"db", "cluster"}),
        leader=True,
        relations={
            7: RelationRecord(
                id=7,
                endpoint="db",
                app="db",
                units=["db/0"],
                bags={"db/0": {"host": "h0"}, "db": {"version": "14"}, "web/0": {"mine": "1"}, "web": {}},
            )
        },
        unit_status=StatusRecord("waiting", "waiting for machine"),
        app_status=StatusRecord("waiting", "waiting for machine"),
        state={"a": "1"},
        running="db-relation-changed",
    )
    return Opened(MemoryDoor(pretended), lambda: [(line.level, line.message) for line in pretended.log])


def by_processes(tmp_path: Path, stack: ExitStack) -> Opened:
    model, commands = tmp_path / "model.json", tmp_path / "bin"
    model.write_text(json.dumps(ops_pretend.model()))
    commands.mkdir()
    for name in ops_pretend.COMMANDS:
        script = commands / name
        script.write_text(f'#!/bin/sh\nexec {sys.executable} -IS {ops_pretend.__file__} "$0" "$@"\n')
        script.chmod(0o755)
    os.environ |= {"PATH": f"{commands}:/usr/bin:/bin", "PRETEND_MODEL": str(model)}
    return Opened(_backend.CommandDoor(), lambda: [(*line,) for line in json.loads(model.read_text())["log"]])


def in_the_engine(tmp_path: Path, stack: ExitStack) -> Opened:
    door = EngineDoor(context(leads=True))
    return Opened(door, lambda: [(line.level, line.message.partition(": ")[2]) for line in door.logs])


def through_a_worker(tmp_path: Path, stack: ExitStack) -> Opened:
    commands = tmp_path / "bin"
    commands.mkdir()
    install_tools(commands, sys.executable)
    server = stack.enter_context(ToolServer())
    lines: list[Any] = []
    opened = stack.enter_context(server.open(context(leads=True), on_logs=lines.extend))
    os.environ |= {
        "PATH": f"{commands}:/usr/bin:/bin",
        "JUJU_AGENT_SOCKET_ADDRESS": server.address,
        "JUJU_CONTEXT_ID": opened.id,
    }
    door = _backend.CommandDoor()
    return Opened(door, lambda: [(line.level, line.message.partition(": ")[2]) for line in lines])


def through_a_channel(tmp_path: Path, stack: ExitStack) -> Opened:
    """As a hook that was forked talks to its worker."""
    server = stack.enter_context(ToolServer())
    lines: list[Any] = []
    opened = stack.enter_context(server.open(context(leads=True), on_logs=lines.extend))
    install_tools(tmp_path / "bin", sys.executable)
    os.environ["PATH"] = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    charms_end, workers_end = socket.socketpair()
    for end in (charms_end, workers_end):
        stack.callback(end.close)
    channel = HookChannel(workers_end, opened)
    answering = threading.Thread(target=answer_until_closed, args=(channel,))
    answering.start()
    stack.callback(answering.join)
    stack.callback(charms_end.shutdown, socket.SHUT_RDWR)
    channel.begin(answers_ahead(opened.context))
    door = _door.WorkerDoor(_warm.Channel(charms_end))

    def log() -> list[tuple[str, str]]:
        door.call("goal-state", ["--format=json"], None)  # what was only told before is there after an answer
        return [(line.level, line.message.partition(": ")[2]) for line in lines]

    return Opened(door, log)


def answer_until_closed(channel: HookChannel) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(channel, selectors.EVENT_READ)
        while channel.take():
            selector.select()


DOORS = [in_memory, by_processes, in_the_engine, through_a_worker, through_a_channel]


@pytest.fixture(params=DOORS, ids=lambda each: each.__name__)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    with ExitStack() as stack:
        stack.enter_context(only(environment(context(leads=True), tmp_path)))
        found = request.param(tmp_path, stack)
        stack.enter_context(_backend.through(found.door))
        yield found


@pytest.fixture
def asking(opened: Opened) -> _tools._ModelBackend:
    return _tools._ModelBackend()


# --- what a door promises --------------------------------------------------------------------------------


def test_a_command_that_fails_is_an_answer_with_its_words(opened):
    reply = opened.door.call("relation-get", ["--format=json", "-r", "db:99", "-", "db/0"], None)
    assert reply.returncode != 0
    assert reply.stdout == ""
    assert "not found" in reply.stderr


def test_what_is_no_command_is_not_found(opened):
    assert opened.door.has("config-get")
    assert not opened.door.has("no-such-command")
    with pytest.raises(FileNotFoundError):
        opened.door.call("no-such-command", [], None)


@pytest.mark.parametrize(
    "text", ["", "-", "--x=1", "a\nb\n", "ä ☃ \U0001f600", "'\"$(x)\\", "x" * 65_000], ids=len
)
def test_input_and_arguments_arrive_as_they_were(opened, text):
    assert opened.door.call("state-set", ["--file", "-"], json.dumps({"k": text, "-k": "1"})).returncode == 0
    assert json.loads(opened.door.call("state-get", ["--format=json"], None).stdout) == {
        "a": "1",
        "k": text,
        "-k": "1",
    }
    assert opened.door.call("status-set", ["active", "--", text], None).returncode == 0
    told = opened.door.call("status-get", ["--include-data", "--format=json", "--application=false"], None)
    assert json.loads(told.stdout)["message"] == text


def test_a_success_says_nothing_to_stderr(opened):
    for call in (
        ("config-get", ["--format=json"], None),
        ("state-set", ["--file", "-"], "{}"),
        ("open-port", ["80/tcp"], None),
    ):
        reply = opened.door.call(*call)
        assert (reply.returncode, reply.stderr) == (0, "")


# --- what the model needs --------------------------------------------------------------------------------


def test_everything_a_charm_reads_has_the_same_form(asking):
    assert asking.config_get() == {}
    assert asking.is_leader() is True
    assert asking.relation_ids("db") == [7]
    assert asking.relation_ids("cluster") == []
    assert asking.relation_list(7, "db") == ["db/0"]
    assert hookcmds.relation_list(7, endpoint="db", app=True) == "db"
    assert asking.relation_get(7, "db/0", False, "db") == {"host": "h0"}
    assert asking.relation_get(7, "db", True, "db") == {"version": "14"}
    assert asking.relation_get(7, "web", True, "db") == {}
    assert hookcmds.relation_get(7, key="host", unit="db/0") == "h0"
    assert hookcmds.relation_get(7, key="nothing", unit="db/0") in ("", None)
    assert asking.status_get() == {"status": "waiting", "message": "waiting for machine", "status-data": {}}
    assert asking.status_get(is_app=True)["status"] == "waiting"
    assert asking.opened_ports() == []
    assert hookcmds.state_get(None) == {"a": "1"}
    assert hookcmds.state_get("nothing") == ""


def test_what_a_charm_writes_it_reads_back(asking):
    asking.relation_set(7, {"a": "1", "mine": "", "text": "ä\n"}, False, "db")
    asking.relation_set(7, {"b": "2"}, True, "db")
    assert asking.relation_get(7, "web/0", False, "db") == {"a": "1", "text": "ä\n"}
    assert asking.relation_get(7, "web", True, "db") == {"b": "2"}
    asking.status_set("blocked", "-no", is_app=True)
    assert asking.status_get(is_app=True)["message"] == "-no"
    asking.open_port("tcp", 80)
    asking.open_port("icmp")
    asking.close_port("tcp", 80)
    assert asking.opened_ports() == ["icmp"]
    hookcmds.state_set({"b": ""})
    hookcmds.state_delete("a")
    hookcmds.state_delete("nothing")
    assert hookcmds.state_get(None) == {"b": ""}
    asking.application_version_set("--1.2")


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda b: b.relation_list(99, "db"), ops.RelationNotFoundError),
        (lambda b: b.relation_get(99, "db/0", False, "db"), ops.RelationNotFoundError),
        (lambda b: b.relation_set(99, {"a": "1"}, False, "db"), ops.RelationNotFoundError),
        (lambda b: b.relation_get(7, "db/9", False, "db"), ops.ModelError),
    ],
)
def test_a_failure_is_the_same_error(asking, ask, error):
    with pytest.raises(ops.ModelError) as raised:
        ask(asking)
    assert type(raised.value) is error


def test_a_relation_that_is_gone_has_no_application(asking):
    assert asking.relation_remote_app_name(99, "db") is None


# --- whole runs ------------------------------------------------------------------------------------------


class Counter(ops.CharmBase):
    """Keeps something from one run to the next, in both ways there are."""

    stored = ops.StoredState()

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        self.stored.set_default(seen=[])
        framework.observe(self.on.db_relation_changed, self._changed)

    def _changed(self, event: ops.RelationChangedEvent) -> None:
        self.stored.seen.append((event.unit.name, event.relation.data[event.unit]["host"]))
        event.relation.data[self.unit]["seen"] = str(len(self.stored.seen))
        self.unit.status = ops.ActiveStatus(f"seen {len(self.stored.seen)}")
        if len(self.stored.seen) < 3:
            event.defer()
        ops.log.logging.getLogger("counter").warning("--seen %s", len(self.stored.seen))


def test_runs_of_a_charm_leave_the_same_behind(opened, tmp_path):
    (tmp_path / "metadata.yaml").write_text(json.dumps({"name": "web", "requires": {"db": {"interface": "sql"}}}))
    for _ in range(2):
        with undisturbed():
            _dispatch.run_charm(fresh(Counter))
    # One event of the second run equals the one that waits, so it is skipped.
    asking = _tools._ModelBackend()
    assert asking.relation_get(7, "web/0", False)["seen"] == "2"
    assert asking.status_get()["message"] == "seen 2"
    assert [text for level, text in opened.log() if level == "WARNING"] == ["--seen 1", "--seen 2"]
    assert hookcmds.state_get(None) == {
        "a": "1",
        "Counter/StoredStateData[stored]": (
            "seen:\n- !!python/tuple\n  - db/0\n  - h0\n- !!python/tuple\n  - db/0\n  - h0\n"
        ),
        "Counter/on/db_relation_changed[1]": (
            '{"relation_name": "db", "relation_id": 7, "app_name": "db", "unit_name": "db/0"}'
        ),
        "#notices#": ("- !!python/tuple\n  - Counter/on/db_relation_changed[1]\n  - Counter\n  - _changed\n"),
        "StoredStateData[_stored]": '{"event_count": 10}',
    }
    assert not (tmp_path / ".unit-state.db").exists()
