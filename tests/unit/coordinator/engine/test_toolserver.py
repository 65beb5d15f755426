"""Hook commands as processes: what a script in a hook really gets, through the socket and back.

Each test starts a handful of processes.  Nothing sleeps; whoever waits, waits for an event.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from build import entered, memory, relation, relation_hook, stored, unit, world

from coordinator.domain.unit_state import HookKind
from coordinator.engine.effects import Effects
from coordinator.engine.tools import COMMANDS, Call, HookContext, LogLine
from coordinator.errors import Refused
from coordinator.worker import toolfiles, toolserver
from coordinator.worker.toolclient import pack, unpack
from coordinator.worker.toolfiles import CLIENT_FILE, NATIVE, install_tools
from coordinator.worker.toolserver import ToolContext, ToolServer

RELATED = relation(
    in_scope=True, units={unit("db/0"): 5}, bags={"db/0": stored({"host": "h0"}), "web/0": stored({})}
)
CONTEXT = HookContext(
    world=world(relations={7: RELATED}),
    memory=memory(relations={7: entered(db_0=5)}),
    hook=relation_hook(HookKind.RELATION_CHANGED, "db/0"),
)


@pytest.fixture(scope="module", params=["cc", None], ids=["native", "python"])
def tools(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tools")
    client = install_tools(directory, sys.executable, compiler=request.param)
    if request.param is not None and client != NATIVE:
        pytest.skip(client)
    return directory


@pytest.fixture
def server() -> Iterator[ToolServer]:
    with ToolServer() as server:
        yield server


class Shell:
    """Runs scripts as a hook of *opened* would; gives (exit code, stdout, stderr)."""

    def __init__(self, server: ToolServer, opened: ToolContext, tools: Path, cwd: Path) -> None:
        self.cwd = cwd
        self.environment = {
            "PATH": f"{tools}:/usr/bin:/bin",
            "JUJU_CONTEXT_ID": opened.id,
            "JUJU_AGENT_SOCKET_ADDRESS": server.address,
        }

    def __call__(self, script: str, stdin: bytes = b"", **environment: str) -> tuple[int, str, str]:
        done = subprocess.run(
            ["/bin/bash", "-c", script],
            input=stdin,
            capture_output=True,
            cwd=self.cwd,
            env={**self.environment, **environment},
            check=False,
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def opened(server: ToolServer) -> ToolContext:
    return server.open(CONTEXT)


@pytest.fixture
def shell(server: ToolServer, opened: ToolContext, tools: Path, tmp_path: Path) -> Shell:
    return Shell(server, opened, tools, tmp_path)


# --- from a script and back ------------------------------------------------------------------------------


def test_a_script_reads_writes_and_reads_back(shell, opened):
    script = "relation-get host; relation-set a=1 b=; relation-get --format=json - web/0"
    assert shell(script) == (0, 'h0\n{"a":"1"}\n', "")
    assert opened.effects == Effects(bags={(7, unit("web/0")): {"a": "1", "b": None}})


def test_exit_code_and_error_come_through(shell):
    code, stdout, stderr = shell("relation-list -r 99")
    assert (code, stdout) == (2, "")
    assert stderr == 'ERROR invalid value "99" for option -r: relation not found\n'


def test_stdin_is_left_alone_by_a_command_that_does_not_need_it(shell):
    script = "while read -r key; do relation-get host; echo $key; done"
    assert shell(script, stdin=b"one\ntwo\n") == (0, "h0\none\nh0\ntwo\n", "")


def test_stdin_and_files_are_read_by_the_caller_where_it_stands(shell, opened, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "data.yaml").write_text("b: 2\n")
    assert shell("relation-set --file -; cd sub; relation-set --file data.yaml", stdin=b'{"a": "1"}') == (
        0,
        "",
        "",
    )
    assert opened.effects.bags == {(7, unit("web/0")): {"a": "1", "b": "2"}}


def test_a_file_that_cannot_be_read_changes_nothing(shell, opened):
    text = "ERROR cannot read nowhere.yaml: No such file or directory\n"
    assert shell("relation-set a=1 --file nowhere.yaml") == (1, "", text)
    assert opened.effects == Effects()


def test_output_goes_to_a_file_of_the_caller(shell, tmp_path):
    assert shell("relation-get -o out host") == (0, "", "")
    assert (tmp_path / "out").read_text() == "h0\n"
    assert shell("relation-get -o no/out host") == (
        1,
        "",
        "ERROR cannot write no/out: No such file or directory\n",
    )


def test_arguments_may_hold_anything_and_arrive_as_they_were(shell, opened):
    value = "a b\n\"c\" 'd' $e ключ"
    assert shell('relation-set "value=$VALUE"', VALUE=value)[0] == 0
    assert opened.effects.bags == {(7, unit("web/0")): {"value": value}}
    assert shell("relation-get value web/0") == (0, f"{value}\n", "")
    code, _, stderr = shell("status-set active $'\\xff'")
    assert (code, stderr) == (2, 'ERROR argument "\N{REPLACEMENT CHARACTER}" is not UTF-8\n')


def test_a_reader_that_has_seen_enough_is_no_trouble(shell):
    code, stdout, stderr = shell("relation-get --help | head -n 1; exit ${PIPESTATUS[1]}")
    assert (code, stdout, stderr) == (0, "Usage: relation-get [options] [KEY|-] [UNIT|APPLICATION]\n", "")


@pytest.mark.parametrize(
    ("environment", "error"),
    [
        ({"JUJU_CONTEXT_ID": ""}, "ERROR JUJU_CONTEXT_ID not set\n"),
        ({"JUJU_AGENT_SOCKET_ADDRESS": ""}, "ERROR JUJU_AGENT_SOCKET_ADDRESS not set\n"),
        ({"JUJU_CONTEXT_ID": "guess"}, 'ERROR wrong context ID; got "guess"\n'),
        (
            {"JUJU_AGENT_SOCKET_ADDRESS": "/nowhere"},
            "ERROR cannot talk to the agent at /nowhere: No such file or directory\n",
        ),
    ],
    ids=lambda value: next(iter(value.items()))[0] if isinstance(value, dict) else "",
)
def test_outside_of_its_hook_a_command_fails(shell, environment, error):
    assert shell("is-leader", **environment) == (1, "", error)


def test_a_process_that_outlives_its_hook_is_refused(shell, opened):
    assert shell("is-leader")[0] == 0
    assert opened.close() == Effects()
    assert shell("is-leader") == (1, "", f'ERROR wrong context ID; got "{opened.id}"\n')


def test_commands_may_be_called_at_the_same_time(shell, opened):
    script = "for n in 1 2 3 4 5 6; do relation-set k$n=$n & done; wait"
    assert shell(script) == (0, "", "")
    assert opened.effects.bags == {(7, unit("web/0")): {f"k{n}": str(n) for n in range(1, 7)}}


def test_input_has_a_limit(shell, monkeypatch):
    monkeypatch.setattr(toolserver, "INPUT_BYTES_MAX", 1_000)
    text = "ERROR cannot read stdin: it has more than 1000 bytes, the limit\n"
    assert shell("relation-set --file -", stdin=b"a" * 1_001) == (1, "", text)
    assert shell("relation-set --file -", stdin=b"a: " + b"a" * 997) == (0, "", "")


# --- what the worker hears -------------------------------------------------------------------------------


def call(opened: ToolContext, name: str, *argv: str) -> int | None:
    said = opened.call(Call(name=name, argv=argv))
    return said.exit_code if said is not None else None


def test_logs_are_told_at_once_and_effects_after_each_change(server):
    logs: list[LogLine] = []
    effects: list[Effects] = []
    opened = server.open(CONTEXT, on_logs=logs.extend, on_effects=effects.append)
    for name, *argv in (("juju-log", "hi"), ("is-leader",), ("relation-set", "a=1"), ("relation-set", "b=2")):
        assert call(opened, name, *argv) == 0
    assert logs == [LogLine(level="INFO", message="db:7: hi", module="unit.web/0.juju-log")]
    assert [sorted(told.bags[7, unit("web/0")]) for told in effects] == [["a"], ["a", "b"]]


def test_a_worker_that_cannot_take_an_effect_fails_the_command(server):
    def refuse(effects: Effects) -> None:
        raise Refused("no room")

    opened = server.open(CONTEXT, on_effects=refuse)
    said = opened.call(Call(name="relation-set", argv=("a=1",)))
    assert said is not None
    assert (said.exit_code, opened.effects) == (1, Effects())
    assert said.stderr.startswith(b"ERROR cannot carry out relation-set: Refused(")


def test_a_context_can_be_closed_by_what_it_tells(server):
    opened = server.open(CONTEXT, on_effects=lambda effects: opened.close())
    assert call(opened, "juju-reboot", "--now") == 0
    assert call(opened, "is-leader") is None


def test_contexts_of_one_server_do_not_see_each_other(server):
    one, other = server.open(CONTEXT), server.open(CONTEXT)
    assert one.id != other.id
    assert call(one, "relation-set", "a=1") == 0
    assert other.effects == Effects()


# --- the socket ------------------------------------------------------------------------------------------


def spoken(server: ToolServer, data: bytes) -> list[bytes]:
    """Send raw bytes and return the fields of the answer."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(server.address)
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: client.recv(65_536), b""))
    return unpack(answer[4:])


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (pack([]), b"the call cannot be understood: it is not a call"),
        (pack([b"call", b"x", b"y", b"3", b"a"]), b"the call cannot be understood: its arguments do not fit"),
        (pack([b"call", b"x", b"y", b"z"]), b"the call cannot be understood: invalid literal"),
        (b"\0\0\0\5\0\0\0\x09x", b"the call cannot be understood: a field is longer"),
        (b"\xff\xff\xff\xff", b"the call has 4294967295 bytes, the limit is "),
        (pack([b"call", b"x", b"is-leader", b"0"]), b'wrong context ID; got "x"'),
    ],
    ids=["empty", "count", "number", "length", "too large", "context"],
)
def test_a_malformed_call_gets_an_answer(server, data, error):
    kind, code, stdout, stderr = spoken(server, data)
    assert (kind, code, stdout) == (b"answer", b"1", b"")
    assert stderr.startswith(b"ERROR " + error)


def test_a_client_that_goes_away_or_is_slow_is_let_go(server, opened, monkeypatch):
    monkeypatch.setattr(toolserver, "CLIENT_S_MAX", 0.05)
    with socket.socket(socket.AF_UNIX) as slow:
        slow.settimeout(10)
        slow.connect(server.address)
        slow.sendall(b"\0\0")
        assert slow.recv(1) == b""
    assert spoken(server, b"\0\0") == []


def test_the_socket_belongs_to_this_user_alone(server):
    path = Path(server.address)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600


def test_closing_ends_everything_even_a_client_in_the_middle():
    server = ToolServer()
    opened = server.open(CONTEXT)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(server.address)
        client.sendall(b"\0\0\0")
        server.close()
        assert client.recv(1) == b""
    assert call(opened, "is-leader") is None
    assert not Path(server.address).parent.exists()
    assert [thread for thread in threading.enumerate() if thread.name.startswith("tool-")] == []
    server.close()


def test_a_socket_left_by_a_dead_worker_is_replaced(tmp_path):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with ToolServer(path) as server:
        assert spoken(server, pack([b"call", b"x", b"is-leader", b"0"]))[1] == b"1"
    assert not path.exists()


def test_a_path_that_is_too_long_is_refused(tmp_path):
    with pytest.raises(Refused, match="at most 107 bytes"):
        ToolServer(tmp_path / ("x" * 108))


# --- the commands in the search path ---------------------------------------------------------------------


def test_every_command_is_installed_and_old_ones_are_removed(tmp_path):
    (tmp_path / "payload-register").symlink_to(CLIENT_FILE)
    (tmp_path / "other").write_text("kept")
    install_tools(tmp_path, sys.executable)
    assert {path.name for path in tmp_path.iterdir()} == {*COMMANDS, CLIENT_FILE, "other"}


def test_installing_again_touches_nothing(tmp_path):
    install_tools(tmp_path, sys.executable)
    before = {path.name: path.lstat().st_ino for path in tmp_path.iterdir()}
    install_tools(tmp_path, sys.executable)
    assert {path.name: path.lstat().st_ino for path in tmp_path.iterdir()} == before


def test_without_a_compiler_that_works_the_client_is_that_in_python(tmp_path):
    assert install_tools(tmp_path, sys.executable, compiler="no-such-compiler") != NATIVE
    assert (tmp_path / CLIENT_FILE).read_text().startswith("#!")
    assert "cannot be compiled" in install_tools(tmp_path, sys.executable, compiler="false")


def test_a_client_that_was_compiled_in_advance_needs_no_compiler(tmp_path, monkeypatch):
    monkeypatch.setattr(toolfiles, "PREBUILT", tmp_path / "prebuilt")
    try:
        toolfiles.prebuild()
    except FileNotFoundError:
        pytest.skip("there is no compiler on this machine")
    assert install_tools(tmp_path / "tools", sys.executable, compiler="no-such-compiler") == NATIVE


def test_several_processes_may_install_at_once(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(install_tools, tmp_path, sys.executable) for _ in range(8)]:
            done.result()
    assert {path.name for path in tmp_path.iterdir()} == {*COMMANDS, CLIENT_FILE}


@pytest.mark.parametrize("name", ["with a space", "x" * 130], ids=["space", "long"])
def test_an_interpreter_that_a_script_cannot_name_works_too(server, opened, tmp_path, name):
    odd = tmp_path / name
    odd.mkdir()
    (odd / "python").symlink_to(os.path.realpath(sys.executable))
    install_tools(tmp_path / "tools", str(odd / "python"), compiler=None)
    shell = Shell(server, opened, tmp_path / "tools", tmp_path)
    assert shell("relation-get host 'db/0'; is-leader --help | head -n 1") == (
        0,
        "h0\nUsage: is-leader [options]\n",
        "",
    )
