"""The pretended Pebble: plans, services, checks, notices, files and commands."""

from __future__ import annotations

import datetime
import inspect
import io
import os
import pathlib
from unittest import mock

import pytest

from ops import pebble
from ops.testing._container_parts import CheckInfo, Container, Exec, Mount, Notice
from ops.testing._pebble import PretendPebble, _TestingPebbleClient
from ops.testing._pebble_exec import ExecArgs, ExecResult, Handlers, Mocks
from ops.testing._pebble_state import container_from_pebble, pebble_from_container

ON, OFF = pebble.ServiceStatus.ACTIVE, pebble.ServiceStatus.INACTIVE
UP, IDLE = pebble.CheckStatus.UP, pebble.CheckStatus.INACTIVE

LAYER: pebble.LayerDict = {
    "services": {
        "web": {"override": "replace", "command": "web", "startup": "enabled", "after": ["db"]},
        "job": {"override": "replace", "command": "job", "environment": {"A": "1", "B": "2"}, "user": "u"},
    },
    "checks": {
        "up": {"override": "replace", "level": "alive", "threshold": 5, "exec": {"command": "x"}},
        "late": {"override": "replace", "startup": "disabled", "exec": {"command": "x"}},
    },
}


@pytest.fixture
def handlers() -> Handlers:
    return Handlers()


@pytest.fixture
def state(handlers, tmp_path) -> PretendPebble:
    state = PretendPebble("app", lambda: tmp_path, handlers)
    state.can_connect = True
    return state


@pytest.fixture
def client(state) -> _TestingPebbleClient:
    return _TestingPebbleClient(state)


@pytest.fixture
def files(client) -> _TestingPebbleClient:
    client.make_dir("/d")
    client.push("/d/f", "text")
    return client


def public_methods(cls: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(value)
        for name, value in inspect.getmembers(cls, inspect.isfunction)
        if not name.startswith("_")
    }


def test_it_has_every_method_of_the_real_client_with_the_same_arguments():
    def arguments(signature):
        return [(each.name, each.kind, each.default) for each in signature.parameters.values()]

    real, pretended = public_methods(pebble.Client), public_methods(_TestingPebbleClient)
    assert real.keys() == pretended.keys()
    assert {name: arguments(each) for name, each in real.items()} == {
        name: arguments(each) for name, each in pretended.items()
    }


# --- connection ---

CALLS = {
    "get_system_info": (),
    "get_change": ("1",),
    "autostart_services": (),
    "replan_services": (),
    "start_services": (["web"],),
    "stop_services": (["web"],),
    "restart_services": (["web"],),
    "get_services": (),
    "send_signal": ("SIGHUP", ["web"]),
    "add_layer": ("x", {}),
    "pull": ("/x",),
    "push": ("/x", "y"),
    "list_files": ("/",),
    "make_dir": ("/x",),
    "remove_path": ("/x",),
    "start_checks": (["up"],),
    "stop_checks": (["up"],),
}


@pytest.mark.parametrize(("programs", "also"), [(Handlers(), {"exec", "get_plan"}), (Mocks("app", ()), set())])
def test_without_connection_nearly_nothing_works(programs, also, tmp_path):
    client = _TestingPebbleClient(PretendPebble("app", lambda: tmp_path, programs))
    for name in (*CALLS, *also):
        with pytest.raises(pebble.ConnectionError, match=r"Cannot connect to Pebble.*'app'"):
            getattr(client, name)(*{"exec": (["x"],)}.get(name, CALLS.get(name, ())))
    assert client.get_checks() == client.get_notices() == []
    assert client.get_notice(client.notify(pebble.NoticeType.CUSTOM, "a.b/c")).occurrences == 1


def test_no_directory_is_made_before_somebody_looks_at_files():
    root = mock.Mock(side_effect=AssertionError)
    state = PretendPebble("app", root, Handlers(), [("/m", mock.Mock())])
    state.can_connect = True
    client = _TestingPebbleClient(state)
    client.add_layer("base", LAYER)
    client.replan_services()
    root.assert_not_called()


@pytest.mark.parametrize(
    "call", ["get_warnings", "get_changes", "get_identities", "ack_warnings", "abort_change", "wait_change"]
)
def test_what_is_not_pretended_says_so(client, call):
    arguments = (mock.ANY,) if call in ("ack_warnings", "abort_change", "wait_change") else ()
    with pytest.raises(NotImplementedError, match=call):
        getattr(client, call)(*arguments)


# --- plan and services ---


def test_layers_are_merged_in_the_order_in_which_they_were_added(client):
    client.add_layer("z", LAYER)
    client.add_layer("a", {"services": {"web": {"override": "merge", "command": "new", "after": ["x"]}}})
    client.add_layer("b", {"services": {"job": {"override": "replace", "command": "other"}}})
    plan = client.get_plan()
    assert plan.services["web"] == {**LAYER["services"]["web"], "override": "merge", "command": "new"} | {
        "after": ["db", "x"]
    }
    assert plan.services["job"] == {"override": "replace", "command": "other"}
    assert list(plan.services) == ["job", "web"]


def test_what_a_charm_holds_of_a_plan_or_layer_is_its_own(client):
    layer = pebble.Layer(LAYER)
    client.add_layer("base", layer)
    client.add_layer("base", {"services": {"web": {"override": "merge", "after": ["x"]}}}, combine=True)
    layer.services["web"].command = "changed"
    client.get_plan().services["web"].after.append("changed")
    assert client.get_plan().services["web"].after == ["db", "x"]
    assert client.get_plan().services["web"].command == "web"
    assert LAYER["services"]["web"]["after"] == ["db"]


@pytest.mark.parametrize(
    ("layer", "combine", "problem"),
    [
        ({}, False, "already exists"),
        ({"services": {"new": {"command": "x"}}}, True, 'define "override".*service "new"'),
        ({"checks": {"up": {"override": "odd"}}}, True, 'define "override".*check "up"'),
    ],
)
def test_a_layer_that_cannot_be_added_changes_nothing(client, layer, combine, problem):
    client.add_layer("base", LAYER)
    with pytest.raises(RuntimeError, match=problem):
        client.add_layer("base", layer, combine=combine)
    assert client.get_plan() == LAYER


@pytest.mark.parametrize(("label", "layer"), [(3, {}), ("x", 3), ("x", None)])
def test_a_layer_is_text_mapping_or_layer(client, label, layer):
    with pytest.raises(TypeError):
        client.add_layer(label, layer)


def test_services_run_as_they_are_told(client):
    client.add_layer("base", LAYER)

    def current():
        return {info.name: info.current for info in client.get_services()}

    assert current() == {"job": OFF, "web": OFF}
    client.autostart_services()
    assert current() == {"job": OFF, "web": ON}
    change = client.get_change(client.start_services(["job"]))
    assert (change.kind, change.summary, change.ready) == ("start", 'Start service "job"', True)
    client.stop_services(["job", "web"])
    assert current() == {"job": OFF, "web": OFF}
    client.replan_services()
    client.restart_services(["job"])
    assert current() == {"job": ON, "web": ON}
    assert [info.name for info in client.get_services(["web", "unknown", "web"])] == ["web"]
    assert [info.startup.value for info in client.get_services()] == ["disabled", "enabled"]


@pytest.mark.parametrize("doing", ["start", "stop", "restart"])
def test_all_services_have_to_be_known(client, doing):
    client.add_layer("base", LAYER)
    client.start_services(["job"])
    call = getattr(client, f"{doing}_services")
    with pytest.raises(pebble.APIError, match=f"cannot {doing} services: service no does not exist") as caught:
        call(["job", "no"])
    assert (caught.value.code, caught.value.status) == (400, "Bad Request")
    with pytest.raises(pebble.APIError, match=f"must specify services for {doing}"):
        call([])
    with pytest.raises(TypeError):
        call("job")
    assert [info.current for info in client.get_services()] == [ON, OFF]


def test_signals_need_a_service_that_runs_and_a_name_that_exists(client):
    client.add_layer("base", LAYER)
    client.start_services(["web"])
    client.send_signal("SIGINT", ["web"])
    client.send_signal(2, ["web"])
    for sig, services, problem in [
        ("SIGINT", ["web", "job"], '"job": service is not running'),
        ("SIGODD", ["web"], 'invalid signal name "SIGODD"'),
    ]:
        with pytest.raises(pebble.APIError, match=problem) as caught:
            client.send_signal(sig, services)
        assert caught.value.code == 500
    with pytest.raises(TypeError):
        client.send_signal("SIGINT", [])


# --- checks ---


def test_checks_start_with_their_layer_unless_they_are_disabled(client):
    client.add_layer("base", LAYER)
    late, up = client.get_checks()
    assert (up.status, up.threshold, up.level, up.has_run) == (UP, 5, pebble.CheckLevel.ALIVE, False)
    assert (late.status, late.threshold, late.change_id) == (IDLE, 3, None)
    assert client.get_change(up.change_id).kind == "perform-check"
    assert client.get_checks(level=pebble.CheckLevel.ALIVE) == client.get_checks(names=["up", "no"]) == [up]


def test_checks_are_stopped_and_started(client):
    client.add_layer("base", LAYER)
    change_id = client.get_checks(names=["up"])[0].change_id
    assert client.start_checks(["up", "late"]) == ["late"]
    assert client.stop_checks(["up", "late"]) == ["up", "late"]
    assert [info.status for info in client.get_checks()] == [IDLE, IDLE]
    assert client.get_change(change_id).status == "Abort"
    client.replan_services()
    assert [info.status for info in client.get_checks()] == [IDLE, UP]
    assert client.get_checks(names=["up"])[0].change_id != change_id
    for call in (client.start_checks, client.stop_checks):
        with pytest.raises(pebble.APIError, match='cannot find check with name "no"') as caught:
            call(["up", "no"])
        assert caught.value.code == 404


def test_a_later_layer_tells_checks_something_new(client):
    client.add_layer("base", LAYER)
    before = client.get_checks(names=["up"])[0]
    client.add_layer("more", {"checks": {"up": {"override": "merge", "level": "ready", "startup": "enabled"}}})
    after = client.get_checks(names=["up"])[0]
    expected = (pebble.CheckLevel.READY, pebble.CheckStartup.ENABLED, 5)
    assert (after.level, after.startup, after.threshold) == expected
    assert (after.status, after.change_id) == (before.status, before.change_id)
    assert before.level is pebble.CheckLevel.ALIVE, "infos are not changed under whoever holds them"


def test_a_layer_starts_again_the_checks_that_it_has(client):
    client.add_layer("base", LAYER)
    client.stop_checks(["up"])
    client.add_layer("other", {"services": {}})
    assert client.get_checks(names=["up"])[0].status is IDLE
    client.add_layer(
        "more", {"checks": {"up": {"override": "merge", "period": "1s"}, "late": {"override": "merge"}}}
    )
    assert [info.status for info in client.get_checks()] == [IDLE, UP]


def test_an_unknown_change_is_not_found(client):
    with pytest.raises(pebble.APIError, match='cannot find change with id "77"'):
        client.get_change("77")


# --- notices ---


def test_a_notice_counts_how_often_it_happened(state, client):
    id = client.notify(pebble.NoticeType.CUSTOM, "a.b/c", data={"x": "y"})
    other = client.notify(pebble.NoticeType.CUSTOM, "a.b/d")
    assert client.notify(pebble.NoticeType.CUSTOM, "a.b/c") == id != other
    notice = client.get_notice(id)
    assert (notice.occurrences, notice.last_data, notice.expire_after.days) == (2, {}, 7)
    assert notice.first_occurred < notice.last_occurred == notice.last_repeated
    assert [each.id for each in client.get_notices()] == [other, id]
    with pytest.raises(pebble.APIError, match='"no"') as caught:
        client.get_notice("no")
    assert caught.value.code == 404


def test_a_notice_is_told_again_only_after_a_while(state):
    day = datetime.timedelta(days=1)
    _, first = state.notify(pebble.NoticeType.CUSTOM, "a.b/c", repeat_after=day)
    id, second = state.notify(pebble.NoticeType.CUSTOM, "a.b/c", repeat_after=day)
    assert (first, second) == (True, False)
    assert state.notices[id].last_repeated == state.notices[id].first_occurred < state.notices[id].last_occurred
    assert state.notify(pebble.NoticeType.CUSTOM, "a.b/c") == (id, True)


def test_a_notice_that_expired_is_a_new_one(state):
    long_ago = datetime.datetime.now(tz=datetime.timezone.utc) - datetime.timedelta(days=9)
    moments, week = (long_ago, long_ago, long_ago), datetime.timedelta(days=7)
    state.notices["4"] = pebble.Notice("4", 0, pebble.NoticeType.CUSTOM, "a.b/c", *moments, 3, {}, week, week)
    id, told = state.notify("custom", "a.b/c", repeat_after=datetime.timedelta(days=30))
    assert told
    assert list(state.notices) == [id]
    assert state.notices[id].occurrences == 1


def test_notices_can_be_picked(state, client):
    for id, user, type, key in [
        ("1", 0, "custom", "a"),
        ("2", 1000, pebble.NoticeType.CUSTOM, "b"),
        ("3", None, "new", "c"),
    ]:
        now = datetime.datetime.now(tz=datetime.timezone.utc)
        state.notices[id] = pebble.Notice(id, user, type, key, now, now, now, 1)

    def ids(**arguments):
        return [each.id for each in client.get_notices(**arguments)]

    assert ids() == ["1", "3"]
    assert ids(users=pebble.NoticesUsers.ALL) == ["1", "2", "3"]
    assert ids(user_id=1000) == ["2", "3"]
    assert ids(types=[pebble.NoticeType.CUSTOM]) == ids(types=["custom"]) == ["1"]
    assert ids(keys=["a", "b", "c"], types=["new"]) == ["3"]
    assert ids(keys=[], types=[]) == ["1", "3"]
    with pytest.raises(pebble.APIError, match="cannot use both"):
        ids(users=pebble.NoticesUsers.ALL, user_id=3)


# --- files ---


@pytest.mark.parametrize(
    ("source", "encoding", "stored"),
    [
        ("ä\r\n", "utf-8", "ä\r\n".encode()),
        ("日本語", "sjis", "日本語".encode("sjis")),
        (b"\0\xff", "utf-8", b"\0\xff"),
        (io.BytesIO(b"\0\xff" * 100_000), "utf-8", b"\0\xff" * 100_000),
        (io.StringIO("é"), "latin-1", b"\xe9"),
    ],
)
def test_what_is_pushed_is_there_and_can_be_pulled(client, tmp_path, source, encoding, stored):
    client.push("/f", source, encoding=encoding)
    assert (tmp_path / "f").read_bytes() == stored
    assert client.pull("/f", encoding=None).read() == stored
    if isinstance(source, str):
        assert client.pull("/f", encoding=encoding).read() == source


def test_what_was_pulled_stays_as_it_was(files):
    with files.pull("/d/f") as pulled:
        files.push("/d/f", "new")
        assert pulled.read() == "text"


def test_permissions_are_kept_and_owners_ignored(client):
    client.push("/a", "", permissions=0o620, user="nobody-at-all", group_id=77)
    client.push("/b", "")
    client.make_dir("/c", permissions=0o700, user_id=4)
    client.make_dir("/d/e", make_parents=True)
    assert [each.permissions for each in client.list_files("/")] == [0o620, 0o644, 0o700, 0o755]


@pytest.mark.parametrize("permissions", [0o1000, -1])
@pytest.mark.parametrize(("call", "arguments"), [("push", ("/x", "")), ("make_dir", ("/x",))])
def test_permissions_have_three_digits(client, call, arguments, permissions):
    with pytest.raises(pebble.PathError, match="permissions not within"):
        getattr(client, call)(*arguments, permissions=permissions)


def test_a_directory_lists_its_content_and_itself(files):
    files.push("/d/g.txt", "ab")
    assert [each.path for each in files.list_files("/d/")] == ["/d/f", "/d/g.txt"]
    (one,) = files.list_files("/d", pattern="*.txt")
    assert (one.name, one.type, one.size) == ("g.txt", pebble.FileType.FILE, 2)
    assert one.last_modified.tzinfo is not None
    (itself,) = files.list_files("/d", itself=True)
    assert (itself.path, itself.type, itself.size) == ("/d", pebble.FileType.DIRECTORY, None)
    (root,) = files.list_files("/", itself=True)
    assert (root.path, root.name) == ("/", "/")


FAILURES = [
    ("pull", ("/no",), "not-found"),
    ("pull", ("/d",), "generic-file-error"),
    ("pull", ("d/f",), "generic-file-error"),
    ("push", ("/no/f", "x"), "not-found"),
    ("push", ("/d/f/x", "x"), "generic-file-error"),
    ("push", ("/d", "x"), "generic-file-error"),
    ("push", ("f", "x"), "generic-file-error"),
    ("list_files", ("d",), "generic-file-error"),
    ("make_dir", ("/d",), "generic-file-error"),
    ("make_dir", ("/no/x",), "not-found"),
    ("make_dir", ("/d/f/x",), "generic-file-error"),
    ("make_dir", ("x",), "generic-file-error"),
    ("remove_path", ("/no",), "not-found"),
    ("remove_path", ("/d",), "generic-file-error"),
    ("remove_path", ("d",), "generic-file-error"),
]


@pytest.mark.parametrize(("call", "arguments", "kind"), FAILURES, ids=lambda each: str(each))
def test_what_cannot_be_done_with_files_says_why(files, call, arguments, kind):
    with pytest.raises(pebble.PathError) as caught:
        getattr(files, call)(*arguments)
    assert caught.value.kind == kind
    assert arguments[0] in caught.value.message


def test_parents_are_made_only_on_request(files):
    files.push("/x/y/z", "1", make_dirs=True)
    files.make_dir("/x/v/w", make_parents=True)
    files.make_dir("/x/v/w", make_parents=True)
    assert [each.name for each in files.list_files("/x")] == ["v", "y"]
    for call in (
        lambda: files.push("/d/f/x/y", "1", make_dirs=True),
        lambda: files.make_dir("/d/f/x/y", make_parents=True),
    ):
        with pytest.raises(pebble.PathError) as caught:
            call()
        assert caught.value.kind == "generic-file-error"


def test_nothing_at_a_path_is_an_answer_of_the_server(client):
    with pytest.raises(pebble.APIError) as caught:
        client.list_files("/no/")
    assert (caught.value.code, str(caught.value)) == (404, "stat /no/: no such file or directory")


def test_files_are_removed(files, tmp_path):
    (tmp_path / "link").symlink_to("/nowhere")
    files.remove_path("/link")
    files.make_dir("/empty")
    files.remove_path("/empty")
    files.remove_path("/d", recursive=True)
    files.remove_path("/d", recursive=True)
    assert files.list_files("/") == []


def test_no_path_leads_out_of_the_container(client, tmp_path):
    client.push("/../../x/../y", "inside")
    assert os.listdir(tmp_path) == ["y"]


def test_mounts_are_seen_while_they_are_there(tmp_path, handlers):
    root, storage = tmp_path / "root", tmp_path / "storage"
    storage.mkdir()
    state = PretendPebble("app", lambda: (root.mkdir(), root)[1], handlers, [("/mnt/data", lambda: storage)])
    state.can_connect = True
    client = _TestingPebbleClient(state)
    client.push("/mnt/data/f", "1")
    assert (storage / "f").read_text() == "1"
    assert client.list_files("/mnt")[0].type is pebble.FileType.DIRECTORY
    for recursive in (False, True):
        with pytest.raises(pebble.PathError, match="mounted"):
            client.remove_path("/mnt/data", recursive=recursive)
    state.files.unmount("/mnt/data")
    state.files.unmount("/mnt/data")
    assert client.list_files("/mnt") == []
    state.files.mount("/mnt/data", lambda: storage)
    state.files.mount("/mnt/data", lambda: storage)
    assert client.pull("/mnt/data/f").read() == "1"


# --- commands ---


def test_the_longest_prefix_answers(client, handlers):
    for prefix, result in [(["a", "b"], "ab"), ([], "any"), (["a"], b"a"), (["a", "b"], "new")]:
        handlers.register(prefix, None, result)
    outputs = [client.exec(command).wait_output() for command in (["a", "b", "c"], ["a", "c"], ["x"])]
    assert outputs == [("new", ""), ("a", ""), ("any", "")]


def test_a_command_without_handler_is_an_error_of_the_server(client):
    with pytest.raises(pebble.APIError, match="handle_exec") as caught:
        client.exec(["ls"])
    assert caught.value.code == 500


@pytest.mark.parametrize(("handler", "result"), [(None, None), (lambda args: None, 1), (None, 1.5), (None, [])])
def test_a_handler_is_a_function_or_a_result(handlers, handler, result):
    with pytest.raises(TypeError):
        handlers.register(["x"], handler, result)


def test_a_handler_sees_what_the_charm_gave(client, handlers):
    seen: list[ExecArgs] = []
    handlers.register([], seen.append, None)
    client.exec(
        ["x", "1"], environment={"A": "b"}, working_dir=pathlib.PurePosixPath("/w"), stdin=io.StringIO("in")
    )
    assert seen == [ExecArgs(["x", "1"], {"A": "b"}, "/w", None, None, None, None, None, "in", "utf-8", False)]


def test_a_service_lends_its_context(client, handlers):
    seen: list[ExecArgs] = []
    handlers.register([], seen.append, None)
    client.add_layer("base", LAYER)
    client.exec(["x"], service_context="job", environment={"B": "3"}).wait()
    assert (seen[0].environment, seen[0].user, seen[0].working_dir) == ({"A": "1", "B": "3"}, "u", None)
    with pytest.raises(pebble.APIError, match='"no" not found'):
        client.exec(["x"], service_context="no")


def test_a_status_other_than_0_is_an_error_of_waiting(client, handlers):
    handlers.register([], None, ExecResult(3, "out", "err"))
    with pytest.raises(pebble.ExecError) as caught:
        client.exec(["x"]).wait_output()
    assert (caught.value.exit_code, caught.value.stdout, caught.value.stderr) == (3, "out", "err")
    with pytest.raises(pebble.ExecError) as caught:
        client.exec(["x"]).wait()
    assert (caught.value.stdout, caught.value.stderr) == (None, None)


def test_output_goes_where_the_charm_wants_it(client, handlers):
    handlers.register([], None, ExecResult(0, b"out\r\n", b"err"))
    out, err = io.StringIO(newline=""), io.BytesIO()
    process = client.exec(["x"], stdout=out)
    assert (out.getvalue(), process.stdout, process.stderr.read()) == ("out\r\n", None, "err")
    with pytest.raises(TypeError, match="stdout"):
        process.wait_output()
    process = client.exec(["x"], stderr=err, encoding=None)
    assert (process.wait_output(), err.getvalue()) == ((b"out\r\n", None), b"err")
    assert isinstance(process, pebble.ExecProcess)


def test_what_a_handler_must_not_do(client, handlers):
    handlers.register(["text"], None, "text")
    handlers.register(["odd"], lambda args: 5, None)
    handlers.register(["err"], None, ExecResult(stderr="x"))
    for call, error in [
        (lambda: client.exec(["text"], encoding=None), ValueError),
        (lambda: client.exec(["odd"]), TypeError),
        (lambda: client.exec(["err"], combine_stderr=True), ValueError),
    ]:
        with pytest.raises(error):
            call()


def test_what_a_charm_must_not_do(client, handlers):
    handlers.register([], None, 0)
    for call, error in [
        (lambda: client.exec("ls"), TypeError),
        (lambda: client.exec([]), ValueError),
        (lambda: client.exec(["x"], stdin=b"x"), ValueError),
        (lambda: client.exec(["x"], stderr=io.StringIO(), combine_stderr=True), ValueError),
    ]:
        with pytest.raises(error):
            call()


def test_a_command_times_out_if_the_charm_limits_it(client, handlers):
    def slow(args):
        raise TimeoutError

    handlers.register([], slow, None)
    process = client.exec(["x"], timeout=1.5)
    for wait in (process.wait, process.wait_output):
        with pytest.raises(pebble.TimeoutError, match=r"1\.5"):
            wait()
    with pytest.raises(RuntimeError, match="without timeout"):
        client.exec(["x"])


def test_a_process_that_has_ended_takes_no_signals(client, handlers):
    handlers.register([], None, 0)
    with pytest.raises(BrokenPipeError):
        client.exec(["x"]).send_signal("SIGINT")


# --- containers of a state ---


def in_state(container: Container, tmp_path: pathlib.Path) -> tuple[PretendPebble, _TestingPebbleClient]:
    state = pebble_from_container(container, lambda: tmp_path)
    return state, _TestingPebbleClient(state)


def test_a_state_answers_commands(tmp_path):
    container = Container(
        "app", execs={Exec(["ls"], stdout="ö", stderr="e"), Exec(["ls", "-l"], return_code=2, stdout="long")}
    )
    state, client = in_state(container, tmp_path)
    assert client.exec(["ls", "x"]).wait_output() == ("ö", "e")
    assert client.exec(["ls"], encoding=None).wait_output() == ("ö".encode(), b"e")
    with pytest.raises(pebble.ExecError, match="exit code 2"):
        client.exec(["ls", "-l"], service_context="ignored").wait()
    with pytest.raises(pebble.ExecError) as caught:
        client.exec(["rm"])
    assert (caught.value.exit_code, caught.value.stdout) == (127, "")
    assert "Container('app', execs=" in caught.value.stderr
    assert [args.command for args in state.executed] == [["ls", "x"], ["ls"], ["ls", "-l"]]


def test_what_a_charm_writes_to_a_process_is_recorded_when_it_waits(tmp_path):
    state, client = in_state(Container("app", execs={Exec([])}), tmp_path)
    process = client.exec(["x"])
    process.stdin.write("written")
    assert state.executed[0].stdin is None
    process.stdin.close()
    process.wait()
    assert state.executed[0].stdin == "written"


def test_a_container_that_is_left_alone_stays_the_same(tmp_path):
    container = Container(
        "app",
        layers={"base": pebble.Layer(LAYER)},
        check_infos={CheckInfo("up", level="alive", startup=pebble.CheckStartup.UNSET, threshold=5)},
        notices=[Notice("a.b/c")],
        execs={Exec([])},
    )
    state, client = in_state(container, tmp_path)
    client.get_plan(), client.get_checks(), client.get_notices(), client.exec(["x"]).wait()
    assert container_from_pebble(container, state) is container


def test_what_a_charm_changes_is_in_the_container_afterwards(tmp_path):
    base = pebble.Layer(LAYER)
    down = CheckInfo("up", level="alive", startup=pebble.CheckStartup.UNSET, threshold=5, failures=9, status=IDLE)
    container = Container(
        "app", can_connect=True, layers={"base": base}, check_infos={down}, notices=[Notice("a.b/c")]
    )
    state, client = in_state(container, tmp_path)
    client.add_layer("base", {"services": {"web": {"override": "merge", "command": "new"}}}, combine=True)
    client.autostart_services()
    client.notify(pebble.NoticeType.CUSTOM, "new.x/y")
    after = container_from_pebble(container, state)
    assert after.plan.services["web"].command == "new"
    assert after.services["web"].current is ON
    assert [notice.key for notice in after.notices] == ["a.b/c", "new.x/y"]
    assert after.notices[0] is container.notices[0]
    assert after.get_check_info("up") is down
    assert after.get_check_info("late").status is IDLE
    assert base == LAYER
    assert container.service_statuses == {}
    assert {info.name for info in container.check_infos} == {"up"}


def test_a_container_mounts_directories_and_files(tmp_path):
    (tmp_path / "file").write_text("content")
    (tmp_path / "root").mkdir()
    mounts = {
        "a": Mount(location="/etc/app.conf", source=tmp_path / "file"),
        "b": Mount(location="/data", source=str(tmp_path)),
    }
    container = Container("app", can_connect=True, mounts=mounts)
    _, client = in_state(container, tmp_path / "root")
    assert client.pull("/etc/app.conf").read() == client.pull("/data/file").read() == "content"


def test_a_mounted_file_can_be_removed_from_the_container_and_stays_where_it_came_from(tmp_path):
    (tmp_path / "file").write_text("content")
    (tmp_path / "root").mkdir()
    container = Container(
        "app", can_connect=True, mounts={"a": Mount(location="/a.key", source=tmp_path / "file")}
    )
    _, client = in_state(container, tmp_path / "root")
    client.remove_path("/a.key")
    assert client.list_files("/") == []
    client.push("/a.key", "of the charm")
    assert (tmp_path / "file").read_text() == "content"


def test_a_base_plan_is_below_all_layers(tmp_path):
    container = Container("app", _base_plan={"services": {"b": {"command": "z"}}})
    _, client = in_state(container, tmp_path)
    assert client.get_plan() == {"services": {"b": {"command": "z"}}}
