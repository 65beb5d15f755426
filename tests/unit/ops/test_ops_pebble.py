"""The client of Pebble against a pretend server on a real socket; and its values."""

from __future__ import annotations

import datetime
import io
import json
import os
import queue
import random
import signal
import socket
import threading
import warnings

import pytest
from ops_pebble_server import STARTED, change, pretend_pebble

from ops import pebble as p

UTC = datetime.timezone.utc
HOUR = datetime.timedelta(hours=1)
MOMENT = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def server():
    with pretend_pebble() as server:
        yield server


@pytest.fixture
def client(server):
    return p.Client(server.socket_path)


# --- requests ---

CHECK = {"name": "up", "level": "alive", "status": "up", "threshold": 3, "change-id": "7", "startup": "enabled"}
NOTICE = {
    "id": "1",
    "user-id": None,
    "type": "custom",
    "key": "a.b/c",
    "first-occurred": STARTED,
    "last-occurred": STARTED,
    "last-repeated": STARTED,
    "occurrences": 2,
    "expire-after": "168h0m0s",
}

# What is called, the request, its query, its body, the answer, and what becomes of that.
REQUESTS = [
    (lambda c: c.get_system_info().version, "GET /v1/system-info", "", None, {"version": "1.2"}, "1.2"),
    (lambda c: c.get_warnings(), "GET /v1/warnings", "select=pending", None, None, []),
    (
        lambda c: c.ack_warnings(MOMENT),
        "POST /v1/warnings",
        "",
        {"action": "okay", "timestamp": "2026-01-02T03:04:05+00:00"},
        2,
        2,
    ),
    (
        lambda c: [each.id for each in c.get_changes(p.ChangeState.ALL, "web")],
        "GET /v1/changes",
        "select=all&for=web",
        None,
        [change("5")],
        ["5"],
    ),
    (lambda c: c.get_change(p.ChangeID("5")).ready, "GET /v1/changes/5", "", None, change("5"), True),
    (
        lambda c: c.abort_change(p.ChangeID("5")).id,
        "POST /v1/changes/5",
        "",
        {"action": "abort"},
        change("5"),
        "5",
    ),
    (
        lambda c: c.start_services(iter(["a", "b"]), timeout=0),
        "POST /v1/services",
        "",
        {"action": "start", "services": ["a", "b"]},
        {"change": "5"},
        "5",
    ),
    (
        lambda c: c.replan_services(timeout=0),
        "POST /v1/services",
        "",
        {"action": "replan", "services": []},
        {"change": "5"},
        "5",
    ),
    (
        lambda c: c.get_services(["a", "b"])[0].is_running(),
        "GET /v1/services",
        "names=a%2Cb",
        None,
        [{"name": "a", "startup": "enabled", "current": "active"}],
        True,
    ),
    (
        lambda c: c.send_signal(signal.SIGHUP, ["a"]),
        "POST /v1/signals",
        "",
        {"signal": "SIGHUP", "services": ["a"]},
        True,
        None,
    ),
    (
        lambda c: c.add_layer("l", {"summary": "s"}, combine=True),
        "POST /v1/layers",
        "",
        {"action": "add", "combine": True, "label": "l", "format": "yaml", "layer": "summary: s\n"},
        True,
        None,
    ),
    (
        lambda c: c.get_plan().services["a"].command,
        "GET /v1/plan",
        "format=yaml",
        None,
        "services: {a: {command: x}}",
        "x",
    ),
    (
        lambda c: c.list_files("/d", pattern="*.t", itself=True)[0].permissions,
        "GET /v1/files",
        "action=list&path=%2Fd&pattern=%2A.t&itself=true",
        None,
        [{"path": "/d", "name": "d", "type": "directory", "permissions": "755", "last-modified": STARTED}],
        0o755,
    ),
    (
        lambda c: c.make_dir("/d", make_parents=True, permissions=0o7, user_id=0, group="g"),
        "POST /v1/files",
        "",
        {
            "action": "make-dirs",
            "dirs": [{"path": "/d", "make-parents": True, "permissions": "007", "user-id": 0, "group": "g"}],
        },
        [{"path": "/d"}],
        None,
    ),
    (
        lambda c: c.remove_path("/d", recursive=True),
        "POST /v1/files",
        "",
        {"action": "remove", "paths": [{"path": "/d", "recursive": True}]},
        [{"path": "/d"}],
        None,
    ),
    (
        lambda c: c.get_checks(p.CheckLevel.ALIVE, ["up", "too"])[0].change_id,
        "GET /v1/checks",
        "level=alive&names=up&names=too",
        None,
        [CHECK],
        "7",
    ),
    (
        lambda c: c.stop_checks(["up"]),
        "POST /v1/checks",
        "",
        {"action": "stop", "checks": ["up"]},
        {"changed": None},
        [],
    ),
    (
        lambda c: c.notify(
            p.NoticeType.CUSTOM, "a.b/c", data={"k": "v"}, repeat_after=datetime.timedelta(hours=1)
        ),
        "POST /v1/notices",
        "",
        {"action": "add", "type": "custom", "key": "a.b/c", "data": {"k": "v"}, "repeat-after": "3600.000s"},
        {"id": "9"},
        "9",
    ),
    (
        lambda c: c.get_notice("1").expire_after,
        "GET /v1/notices/1",
        "",
        None,
        NOTICE,
        datetime.timedelta(days=7),
    ),
    (
        lambda c: len(c.get_notices(users=p.NoticesUsers.ALL, types=[p.NoticeType.CUSTOM, "new"], keys=["k"])),
        "GET /v1/notices",
        "users=all&types=custom&types=new&keys=k",
        None,
        [NOTICE],
        1,
    ),
    (
        lambda c: c.get_identities()["a"].local.user_id,
        "GET /v1/identities",
        "",
        None,
        {"a": {"access": "admin", "local": {"user-id": 7}}},
        7,
    ),
    (
        lambda c: c.replace_identities({"a": p.Identity(p.IdentityAccess.READ, p.LocalIdentity(7)), "b": None}),
        "POST /v1/identities",
        "",
        {"action": "replace", "identities": {"a": {"access": "read", "local": {"user-id": 7}}, "b": None}},
        None,
        None,
    ),
    (
        lambda c: c.remove_identities(["a"]),
        "POST /v1/identities",
        "",
        {"action": "remove", "identities": {"a": None}},
        None,
        None,
    ),
]


@pytest.mark.parametrize(
    ("call", "line", "query", "body", "answer", "expected"), REQUESTS, ids=[each[1] for each in REQUESTS]
)
def test_a_method_makes_this_request(server, client, call, line, query, body, answer, expected):
    server.answers[line] = answer
    assert call(client) == expected
    assert server.requests == [(line, query, body)]


def test_a_refusal_has_what_the_server_says(server, client):
    server.answers["GET /v1/plan"] = (400, {"message": "no plan today"})
    with pytest.raises(p.APIError) as caught:
        client.get_plan()
    error = caught.value
    assert (error.code, error.status, error.message) == (400, "Bad Request", "no plan today")
    assert error.body == {"result": {"message": "no plan today"}}


def test_a_missing_socket_is_a_connection_error_with_a_hint(tmp_path):
    client = p.Client(str(tmp_path / "none"))
    with pytest.raises(p.ConnectionError, match="container restarted"):
        client.get_system_info()
    assert not issubclass(p.ConnectionError, ConnectionError)
    assert issubclass(p.TimeoutError, TimeoutError)


def test_a_server_that_is_silent_is_a_timeout(tmp_path):
    path = os.path.relpath(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(path)
        silent.listen()
        with pytest.raises(p.TimeoutError, match=r"0\.01 seconds"):
            p.Client(path, timeout=0.01).get_system_info()


def test_an_answer_that_is_no_json_is_a_protocol_error(server, client):
    server.answers["GET /v1/plan"] = b"--BOUNDARY--"
    with pytest.raises(p.ProtocolError, match="Content-Type"):
        client.get_plan()


def test_an_answer_that_is_cut_short_is_a_connection_error(tmp_path):
    path = os.path.relpath(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def answer():
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
                )

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(p.ConnectionError):
            p.Client(path).get_system_info()
        thread.join()


@pytest.mark.parametrize("services", ["web", 7, [7]])
def test_names_of_services_are_several_texts(client, services):
    with pytest.raises(TypeError):
        client.start_services(services)


def test_a_client_needs_a_path_and_loads_http_late(client):
    with pytest.raises(TypeError):
        p.Client(7)  # type: ignore[arg-type]
    assert client._transport is None
    assert client.opener is client.opener


# --- changes ---


def test_starting_waits_for_the_change_in_slices(server, client):
    asked = []

    def wait(query, body):
        asked.append(query)
        return (504, {"message": "not yet"}) if len(asked) < 3 else change()

    server.answers["POST /v1/services"] = {"change": "1"}
    server.answers["GET /v1/changes/1/wait"] = wait
    assert client.start_services(["a"]) == "1"
    assert asked == ["timeout=4.000s"] * 3


def test_a_change_with_an_error_tells_the_logs_of_its_tasks(server, client):
    failed = change(err="cannot start")
    failed["tasks"][0]["log"] = ["line 1", "line 2"]
    server.answers["POST /v1/services"] = {"change": "1"}
    server.answers["GET /v1/changes/1/wait"] = failed
    with pytest.raises(p.ChangeError) as caught:
        client.restart_services(["a"])
    assert caught.value.err == "cannot start"
    assert "line 1\nline 2" in str(caught.value)


def test_a_server_that_cannot_wait_is_asked_again_and_again(server, client):
    states = iter([change(ready=False), change(ready=False), change()])
    server.answers["GET /v1/changes/1"] = lambda query, body: next(states)
    assert client.wait_change(p.ChangeID("1"), delay=0).ready


def test_waiting_ends_in_time(server, client):
    server.answers["GET /v1/changes/1/wait"] = (504, {"message": "not yet"})
    with pytest.raises(p.TimeoutError, match="change 1"):
        client.wait_change(p.ChangeID("1"), timeout=0.02)


# --- files ---


def form(content: bytes, result: dict) -> bytes:
    answer = json.dumps({"result": [result]}).encode()
    return (
        b'--BOUNDARY\r\nContent-Disposition: form-data; name="files"; filename="/f"\r\n\r\n'
        + content
        + b'\r\n--BOUNDARY\r\nContent-Disposition: form-data; name="response"\r\n\r\n'
        + answer
        + b"\r\n--BOUNDARY--\r\n"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"plain\r\ntext\n",
        b"\r\n--BOUNDAR",
        b"\r\n" * 70_000,
        random.Random(1).randbytes(200_000),
    ],
    ids=["empty", "newlines", "nearly a boundary", "many line ends", "bytes"],
)
def test_a_file_is_pulled_as_it_is(server, client, content):
    server.answers["GET /v1/files"] = form(content, {"path": "/f"})
    with client.pull("/f", encoding=None) as file:
        assert file.read() == content
    assert server.requests[0][1] == "action=read&path=%2Ff"


def test_text_is_decoded_without_touching_ends_of_lines(server, client):
    server.answers["GET /v1/files"] = form("ä\r\n".encode(), {"path": "/f"})
    with client.pull("/f") as file:
        assert file.read() == "ä\r\n"


def test_a_file_that_cannot_be_read_is_a_path_error(server, client):
    error = {"kind": "not-found", "message": "no /f"}
    server.answers["GET /v1/files"] = form(b"", {"path": "/f", "error": error})
    with pytest.raises(p.PathError) as caught:
        client.pull("/f")
    assert (caught.value.kind, caught.value.message, str(caught.value)) == (
        "not-found",
        "no /f",
        "not-found - no /f",
    )


@pytest.mark.parametrize("answer", [b"", b"--BOUNDARY", b"--BOUNDARY\r\nno head", b"--BOUNDARY--", b"--BOUNDARYx"])
def test_a_form_that_is_cut_is_a_protocol_error(server, client, answer):
    server.answers["GET /v1/files"] = answer
    with pytest.raises(p.ProtocolError):
        client.pull("/f")


@pytest.mark.parametrize(
    ("source", "sent"),
    [
        pytest.param("ä", "ä".encode("latin-1"), id="text"),
        pytest.param(b"\x00\xff", b"\x00\xff", id="bytes"),
        pytest.param(io.StringIO("ä" * 3), "äää".encode("latin-1"), id="a text stream"),
        pytest.param(io.BytesIO(b"x" * 100_000), b"x" * 100_000, id="a large binary stream"),
    ],
)
def test_a_file_is_pushed_in_a_form(server, client, source, sent):
    server.answers["POST /v1/files"] = [{"path": '/a "b"'}]
    client.push('/a "b"', source, encoding="latin-1", make_dirs=True, permissions=0o640, user="u")
    ((_, _, body),) = server.requests
    request, file = body.split(b"\r\n--")[:2]
    assert json.loads(request.split(b"\r\n\r\n")[1]) == {
        "action": "write",
        "files": [{"path": '/a "b"', "make-dirs": True, "permissions": "640", "user": "u"}],
    }
    head, _, content = file.partition(b"\r\n\r\n")
    assert b'filename="/a \\"b\\""' in head
    assert content == sent


def test_a_file_that_cannot_be_written_is_a_path_error(server, client):
    server.answers["POST /v1/files"] = [{"path": "/f", "error": {"kind": "permission-denied", "message": "no"}}]
    for write in (lambda: client.push("/f", ""), lambda: client.make_dir("/f"), lambda: client.remove_path("/f")):
        with pytest.raises(p.PathError, match="permission-denied"):
            write()


# --- programs ---


@pytest.fixture
def program(server):
    """A program that says what it reads, in upper case, and ends with status 0."""
    ended = threading.Event()

    def stdio(stream):
        stream.ping()
        stream.send(stream.receive_all().upper())
        stream.end()
        ended.set()

    def stderr(stream):
        stream.send(b"a warning")
        stream.end()

    def wait(query, body):
        ended.wait(timeout=10)
        return change(exit_code=program.exit_code)

    server.answers["POST /v1/exec"] = {"change": "1", "result": {"task-id": "t1"}}
    server.answers["GET /v1/changes/1/wait"] = wait
    server.streams.update(control=lambda stream: stream.receive(), stdio=stdio, stderr=stderr)
    program = type("Program", (), {"exit_code": 0})()
    return program


def test_output_is_collected(server, client, program):
    process = client.exec(["up", "now"], stdin="text ä", timeout=5, working_dir="/w", environment={"A": "b"})
    assert process.stdin is None
    assert process.wait_output() == ("TEXT ä", "a warning"), "bytes are upper case in ASCII only"
    assert server.requests[0][2] == {
        "command": ["up", "now"],
        "service-context": None,
        "environment": {"A": "b"},
        "working-dir": "/w",
        "timeout": "5.000s",
        "user-id": None,
        "user": None,
        "group-id": None,
        "group": None,
        "split-stderr": True,
    }


def test_streams_are_offered_where_none_are_given(client, program):
    process = client.exec(["up"])
    process.stdin.write("a\r\n")
    process.stdin.write("b" * 100_000)
    process.stdin.close()
    assert process.stdout.read() == "A\r\n" + "B" * 100_000
    assert process.stderr.read() == "a warning"
    process.wait()


def test_given_streams_are_served(client, program):
    out, err = io.BytesIO(), io.BytesIO()
    process = client.exec(["up"], stdin=io.BytesIO(b"x" * 70_000), stdout=out, stderr=err, encoding=None)
    assert (process.stdin, process.stdout, process.stderr) == (None, None, None)
    with pytest.raises(TypeError):
        process.wait_output()
    process.wait()
    assert (out.getvalue(), err.getvalue()) == (b"X" * 70_000, b"a warning")


def test_errors_may_go_where_the_output_goes(client, program):
    process = client.exec(["up"], stdin="a", combine_stderr=True)
    assert process.stderr is None
    assert process.wait_output() == ("A", None)


def test_a_status_other_than_0_is_an_error_with_the_output(client, program):
    program.exit_code = 3
    with pytest.raises(p.ExecError) as caught:
        client.exec(["up"], stdin="x" * 2000).wait_output()
    assert (caught.value.exit_code, caught.value.stdout, caught.value.stderr) == (3, "X" * 2000, "a warning")
    assert "[truncated]" in str(caught.value)
    assert "X" * 1025 not in str(caught.value)


def test_waiting_alone_collects_nothing(client, program):
    program.exit_code = 3
    with pytest.raises(p.ExecError) as caught:
        client.exec(["up"], stdin="a", stdout=io.StringIO(), stderr=io.StringIO()).wait()
    assert (caught.value.stdout, caught.value.stderr) == (None, None)


def test_a_program_that_ends_does_not_wait_for_input_that_never_comes(server, client, program):
    server.answers["GET /v1/changes/1/wait"] = change(exit_code=0)
    server.streams["stdio"] = lambda stream: stream.end()
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb"):
        assert client.exec(["true"], stdin=source, encoding=None).wait_output() == (b"", b"a warning")


def test_a_program_that_runs_too_long_ends_with_the_connections(server, client, program):
    server.answers["GET /v1/changes/1/wait"] = change(err="timed out after 1s")
    server.streams["stdio"] = lambda stream: (stream.end(), stream.receive())
    with pytest.raises(p.ChangeError, match="timed out"):
        client.exec(["sleep"], stdin="", timeout=1).wait_output()


def test_a_signal_goes_through_the_control_stream(server, client, program):
    received: queue.SimpleQueue[str] = queue.SimpleQueue()
    server.streams["control"] = lambda stream: [received.put(stream.receive()) for _ in range(2)]
    process = client.exec(["up"], stdin="")
    process.send_signal(signal.SIGTERM)
    process.send_signal("SIGHUP")
    process.wait_output()
    names = [json.loads(received.get(timeout=10))["signal"]["name"] for _ in range(2)]
    assert names == ["SIGTERM", "SIGHUP"]


def test_a_program_that_cannot_be_started_says_why(server, client, program):
    del server.streams["stderr"]
    server.answers["GET /v1/changes/1/wait"] = change(err="no such directory")
    with pytest.raises(p.ChangeError, match="no such directory"):
        client.exec(["up"])
    server.answers["POST /v1/exec"] = (400, {"message": "not found"})
    with pytest.raises(p.APIError):
        client.exec(["up"])


def test_a_process_that_nobody_waits_for_warns(client, program):
    process = client.exec(["up"], stdin="")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        process.__del__()
    assert [each.category for each in caught] == [ResourceWarning]
    process.wait_output()


@pytest.mark.parametrize(
    ("command", "more", "error"),
    [
        ("ls", {}, TypeError),
        ([7], {}, TypeError),
        ([], {}, ValueError),
        (["ls"], {"stdin": "text", "encoding": None}, ValueError),
        (["ls"], {"stdin": b"bytes"}, ValueError),
        (["ls"], {"stderr": io.StringIO(), "combine_stderr": True}, ValueError),
    ],
)
def test_arguments_of_a_program_have_to_fit(client, command, more, error):
    with pytest.raises(error):
        client.exec(command, **more)
