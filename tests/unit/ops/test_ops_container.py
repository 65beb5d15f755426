"""Workload containers: names and rules in front of the client, and copying of directories."""

from __future__ import annotations

import io
import json
import pathlib
from types import SimpleNamespace

import pytest
from ops_stage import context

import ops
from ops import pebble
from ops._security import user_id
from ops._transfer import destination


class Client:
    """A client that remembers calls, and answers from a table."""

    def __init__(self):
        self.calls = []
        self.answers = {}

    def __getattr__(self, name):
        def call(*args, **kwargs):
            self.calls.append((name, args, {key: value for key, value in kwargs.items() if value is not None}))
            answer = self.answers.get(name)
            if isinstance(answer, Exception):
                raise answer
            return answer(*args, **kwargs) if callable(answer) else answer

        return call


@pytest.fixture
def client():
    return Client()


@pytest.fixture
def container(backend, client):
    return ops.Container("app", backend, client)


def api_error(code):
    return pebble.APIError({}, code, "status", "message")


def test_containers_are_those_of_the_metadata_and_made_when_asked_for(model):
    assert set(model.unit.containers) == {"app"}
    container = model.unit.get_container("app")
    assert container is model.unit.containers["app"]
    assert container.pebble.socket_path == "/charm/containers/app/pebble.socket"
    with pytest.raises(KeyError):
        model.unit.containers["other"]
    with pytest.raises(ops.ModelError, match="other"):
        model.unit.get_container("other")
    with pytest.raises(RuntimeError):
        _ = model.get_unit("sample/1").containers


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (pebble.SystemInfo("1"), True),
        (pebble.ConnectionError("no"), False),
        (FileNotFoundError(), False),
        (api_error(500), False),
    ],
)
def test_whether_pebble_answers(container, client, answer, expected):
    client.answers["get_system_info"] = answer
    assert container.can_connect() is expected


def test_other_problems_of_asking_are_not_hidden(container, client):
    client.answers["get_system_info"] = pebble.TimeoutError("slow")
    with pytest.raises(TimeoutError):
        container.can_connect()


@pytest.mark.parametrize("method", ["start", "stop", "restart", "start_checks", "stop_checks"])
def test_names_are_needed(container, method):
    with pytest.raises(TypeError, match="at least 1"):
        getattr(container, method)()


def test_a_signal_needs_somebody_to_get_it(container):
    with pytest.raises(TypeError):
        container.send_signal("SIGHUP")


def test_services_are_started_and_stopped_by_the_client(container, client):
    container.autostart()
    container.replan()
    container.start("a", "b")
    container.stop("a")
    container.send_signal(1, "a")
    container.add_layer("l", {}, combine=True)
    assert [(name, args) for name, args, _ in client.calls] == [
        ("autostart_services", ()),
        ("replan_services", ()),
        ("start_services", (("a", "b"),)),
        ("stop_services", (("a",),)),
        ("send_signal", (1, ("a",))),
        ("add_layer", ("l", {})),
    ]


def test_a_server_that_cannot_restart_is_told_to_stop_and_start(container, client):
    active, inactive = pebble.ServiceStatus.ACTIVE, pebble.ServiceStatus.INACTIVE
    client.answers["restart_services"] = api_error(400)
    client.answers["get_services"] = [
        pebble.ServiceInfo("a", "enabled", active),
        pebble.ServiceInfo("b", "enabled", inactive),
    ]
    container.restart("a", "b")
    assert [(name, args) for name, args, _ in client.calls[2:]] == [
        ("stop_services", (("a",),)),
        ("start_services", (("a", "b"),)),
    ]
    client.answers["restart_services"] = api_error(500)
    with pytest.raises(pebble.APIError):
        container.restart("a")


def test_services_checks_and_notices_are_found_by_name(container, client):
    client.answers["get_services"] = [pebble.ServiceInfo("a", "enabled", "active")]
    client.answers["get_checks"] = [pebble.CheckInfo("up", None, "up")]
    assert container.get_service("a").name == "a"
    assert list(container.get_services()) == ["a"]
    assert container.get_check("up").name == "up"
    assert len(container.get_checks("up", level=pebble.CheckLevel.READY)) == 1
    client.answers.update(get_services=[], get_checks=[], get_notice=api_error(404))
    for find in (
        lambda: container.get_service("a"),
        lambda: container.get_check("up"),
        lambda: container.get_notice("1"),
    ):
        with pytest.raises(ops.ModelError, match="not found"):
            find()


def test_a_check_that_is_stopped_is_told_to_the_watch(container, client, tools):
    client.answers["stop_checks"] = ["up"]
    assert container.stop_checks("up", "other") == ["up"]
    ((level, text),) = tools.log
    assert (level, json.loads(text)["event"]) == ("TRACE", f"sys_monitor_disabled:{user_id()},up")


def test_what_is_known_of_a_notice_and_a_check_needs_no_question(container, client):
    notice = ops.LazyNotice(container, "1", "custom", "k")
    check = ops.LazyCheckInfo(container, "up")
    assert (notice.id, notice.type, notice.key, check.name) == ("1", pebble.NoticeType.CUSTOM, "k", "up")
    assert ops.LazyNotice(container, "1", "new", "k").type == "new"
    assert client.calls == []
    client.answers["get_notice"] = SimpleNamespace(occurrences=3, last_data={})
    client.answers["get_checks"] = [pebble.CheckInfo("up", None, "up", failures=2)]
    assert (notice.occurrences, notice.last_data, check.failures, check.threshold) == (3, {}, 2, 0)
    assert [name for name, _, _ in client.calls] == ["get_notice", "get_checks"]
    with pytest.raises(AttributeError):
        _ = notice.nonsense


@pytest.mark.parametrize(("code", "kind"), [(404, None), (500, pebble.APIError)])
def test_what_is_not_there_is_no_error_when_asked_about(container, client, code, kind):
    client.answers["list_files"] = api_error(code)
    for ask in (container.exists, container.isdir):
        if kind:
            with pytest.raises(kind):
                ask("/f")
        else:
            assert ask("/f") is False


def test_a_service_context_needs_a_controller_that_knows_it(client):
    backend = ops.model._ModelBackend(juju_context=context(JUJU_VERSION="3.1.5"))
    with pytest.raises(RuntimeError, match="service_context"):
        ops.Container("app", backend, client).exec(["ls"], service_context="web")
    assert client.calls == []


def test_exec_passes_paths_as_text(container, client):
    container.exec(["ls"], working_dir=pathlib.PurePosixPath("/w"), service_context="web")
    ((name, args, kwargs),) = client.calls
    assert (name, args, kwargs["working_dir"], kwargs["service_context"]) == ("exec", (["ls"],), "/w", "web")


# --- copying directories ---


@pytest.mark.parametrize(
    ("file", "source", "expected"),
    [
        ("/src/a", "/src/a", "/dst/a"),
        ("/src/d/a", "/src/d", "/dst/d/a"),
        ("/src/d/a", "/src/d/*", "/dst/a"),
        ("/a", "/*", "/dst/a"),
        ("rel/a", "rel", "/dst/rel/a"),
    ],
)
def test_where_a_copied_file_lands(file, source, expected):
    assert str(destination(pathlib.PurePosixPath(file), source, "/dst")) == expected


class Files(Client):
    """A client with a file system: contents by path, and directories that exist."""

    def __init__(self):
        super().__init__()
        self.files: dict[str, bytes] = {}
        self.dirs: set[str] = set()

    def push(self, path, source, **kwargs):
        if path.endswith("forbidden"):
            raise pebble.PathError("permission-denied", path)
        self.files[path] = source.read()
        self.calls.append((path, kwargs["permissions"]))

    def make_dir(self, path, **kwargs):
        self.dirs.add(path)

    def pull(self, path, encoding):
        if path.endswith("forbidden"):
            raise pebble.PathError("permission-denied", path)
        return io.BytesIO(self.files[path])

    def list_files(self, path, *, pattern=None, itself=False):
        if itself:
            return [self._info(path)]
        below = {*self.files, *self.dirs}
        return [self._info(each) for each in below if str(pathlib.PurePosixPath(each).parent) == path]

    def _info(self, path):
        kind = "directory" if path in self.dirs else "file"
        if path not in self.dirs and path not in self.files:
            raise api_error(404)
        return SimpleNamespace(path=path, name=path.rpartition("/")[2], type=pebble.FileType(kind))


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    (root / "sub" / "empty").mkdir(parents=True)
    (root / "a").write_text("A")
    (root / "sub" / "b").write_text("B")
    (root / "sub" / "b").chmod(0o640)
    return root


def test_a_tree_is_pushed_with_modes_and_empty_directories(backend, tree):
    files = Files()
    container = ops.Container("app", backend, files)  # type: ignore[arg-type]
    container.push_path(tree, "/dst")
    assert files.files == {"/dst/tree/a": b"A", "/dst/tree/sub/b": b"B"}
    assert files.dirs == {"/dst/tree/sub/empty"}
    assert ("/dst/tree/sub/b", 0o640) in files.calls
    files.files.clear()
    container.push_path([f"{tree}/*", tree / "a"], "/dst")
    assert set(files.files) == {"/dst/a", "/dst/sub/b"}


def test_a_tree_is_pulled_with_empty_directories(backend, tmp_path):
    files = Files()
    files.dirs |= {"/src", "/src/sub", "/src/empty"}
    files.files.update({"/src/a": b"A", "/src/sub/b": b"B"})
    container = ops.Container("app", backend, files)  # type: ignore[arg-type]
    container.pull_path("/src", tmp_path)
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert found == {"src", "src/a", "src/sub", "src/sub/b", "src/empty"}
    container.pull_path("/src/*", tmp_path / "flat")
    assert (tmp_path / "flat" / "sub" / "b").read_bytes() == b"B"


def test_what_cannot_be_copied_is_told_at_the_end(backend, tree, tmp_path):
    files = Files()
    (tree / "forbidden").write_text("")
    container = ops.Container("app", backend, files)  # type: ignore[arg-type]
    with pytest.raises(ops.MultiPushPullError) as caught:
        container.push_path([tree, tmp_path / "missing"], "/dst")
    assert [path for path, _ in caught.value.errors] == [str(tree / "forbidden"), str(tmp_path / "missing")]
    assert "/dst/tree/sub/b" in files.files
    assert "2 errors" in str(caught.value)
    files.dirs.add("/src")
    files.files.update({"/src/forbidden": b"", "/src/fine": b"x"})
    with pytest.raises(ops.MultiPushPullError):
        container.pull_path("/src", tmp_path / "out")
    assert (tmp_path / "out" / "src" / "fine").exists()
