"""The command line of each hook command, and what its answer becomes."""

from __future__ import annotations

import datetime
import pathlib

import pytest

import ops
from ops import hookcmds as h

UTC = datetime.timezone.utc

# What is called, the command line, and the JSON that goes to its input if any.
LINES = [
    (lambda: h.action_fail(), "action-fail", None),
    (lambda: h.action_fail("why"), "action-fail -- why", None),
    (lambda: h.action_log("text"), "action-log -- text", None),
    (lambda: h.action_set({"a": {"b": 1, "c": "x"}, "d": True}), "action-set a.b=1 a.c=x d=True", None),
    (lambda: h.app_version_set("1.2"), "application-version-set -- 1.2", None),
    (lambda: h.juju_log("text", level="DEBUG"), None, None),
    (lambda: h.juju_reboot(), "juju-reboot", None),
    (lambda: h.juju_reboot(now=True), "juju-reboot --now", None),
    (lambda: h.open_port("tcp", 80), "open-port 80/tcp", None),
    (lambda: h.open_port(port=80), "open-port 80", None),
    (lambda: h.open_port("icmp"), "open-port icmp", None),
    (
        lambda: h.open_port("udp", 80, to_port=90, endpoints=["a", "b"]),
        "open-port --endpoints a,b 80-90/udp",
        None,
    ),
    (lambda: h.close_port("tcp", 80, endpoints=["a", "b"]), "close-port --endpoints a,b 80/tcp", None),
    (lambda: h.relation_set({"k": "v"}, 1, endpoint="db"), "relation-set -r db:1 --file -", {"k": "v"}),
    (lambda: h.relation_set({"k": ""}, app=True), "relation-set --app --file -", {"k": ""}),
    (lambda: h.secret_grant("secret:a", 1), "secret-grant --relation 1 secret:a", None),
    (lambda: h.secret_grant("secret:a", 1, unit="b/0"), "secret-grant --relation 1 --unit b/0 secret:a", None),
    (lambda: h.secret_remove("secret:a"), "secret-remove secret:a", None),
    (lambda: h.secret_remove("secret:a", revision=2), "secret-remove secret:a --revision 2", None),
    (lambda: h.secret_revoke("secret:a", relation_id=1), "secret-revoke --relation 1 secret:a", None),
    (lambda: h.secret_revoke("secret:a", relation_id=None, app="b"), "secret-revoke --app b secret:a", None),
    (lambda: h.secret_set("secret:a", label="l"), "secret-set --label l --owner application secret:a", None),
    (
        lambda: h.secret_set("secret:a", content={"key": "v"}, owner="unit"),
        "secret-set --owner unit secret:a key=v",
        None,
    ),
    (lambda: h.state_delete("k"), "state-delete k", None),
    (lambda: h.state_set({"k": "v"}), "state-set --file -", {"k": "v"}),
    (lambda: h.status_set("active"), "status-set --application=False active", None),
    (lambda: h.status_set("blocked", "why", app=True), "status-set --application=True blocked -- why", None),
    (lambda: h.storage_add({"disk": 2, "tape": 1}), "storage-add disk=2 tape=1", None),
]


@pytest.mark.parametrize(("call", "line", "stdin"), LINES, ids=[str(line) for _, line, _ in LINES])
def test_a_function_runs_this_command(tools, call, line, stdin):
    call()
    assert tools.calls == ([line] if line else [])
    assert tools.inputs == ([] if stdin is None else [stdin])


# What is called, the command line, what it prints, and what becomes of that.
ANSWERS = [
    (lambda: h.action_get(), "action-get --format=json", {"a": 1}, {"a": 1}),
    (lambda: h.action_get("a"), "action-get --format=json a", 1, 1),
    (lambda: h.config_get(), "config-get --format=json", {"a": 1}, {"a": 1}),
    (lambda: h.config_get("a"), "config-get --format=json a", 1.5, 1.5),
    (
        lambda: h.credential_get(),
        "credential-get --format=json",
        {"type": "t", "name": "n", "credential": {"auth-type": "a", "attrs": {"k": "v"}}},
        h.CloudSpec(type="t", name="n", credential=h.CloudCredential(auth_type="a", attributes={"k": "v"})),
    ),
    (
        lambda: h.goal_state(),
        "goal-state --format=json",
        {"units": {"a/0": {"status": "active", "since": "2026-01-02 03:04:05Z"}}, "relations": {"db": {}}},
        h.GoalState(
            units={"a/0": h.Goal(status="active", since=datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))},
            relations={"db": {}},
        ),
    ),
    (lambda: h.is_leader(), "is-leader --format=json", True, True),
    (
        lambda: h.network_get("db", relation_id=1),
        "network-get --format=json -r 1 db",
        {"bind-addresses": [{"interface-name": "e", "mac-address": "m", "addresses": [{"value": "1.2.3.4"}]}]},
        h.Network(
            bind_addresses=[
                h.BindAddress(
                    mac_address="m",
                    interface_name="e",
                    addresses=[h.Address(hostname="", value="1.2.3.4", cidr="")],
                )
            ],
            egress_subnets=[],
            ingress_addresses=[],
        ),
    ),
    (
        lambda: h.opened_ports(),
        "opened-ports --format=json",
        ["icmp", "80", "80/tcp", "80-90/udp"],
        [h.Port("icmp"), h.Port("tcp", 80), h.Port("tcp", 80), h.Port("udp", 80, 90)],
    ),
    (
        lambda: h.opened_ports(endpoints=True),
        "opened-ports --endpoints --format=json",
        ["80/tcp (a, b)", "icmp (*)"],
        [h.Port("tcp", 80, endpoints=["a", "b"]), h.Port("icmp", endpoints=["*"])],
    ),
    (lambda: h.relation_get(1, unit="a/0"), "relation-get --format=json -r 1 - a/0", {"k": "v"}, {"k": "v"}),
    (lambda: h.relation_get(1, key="k", unit="a/0"), "relation-get --format=json -r 1 k a/0", '"v"', "v"),
    (lambda: h.relation_get(key="k"), "relation-get --format=json k", '"v"', "v"),
    (
        lambda: h.relation_get(1, endpoint="db", unit="a", app=True),
        "relation-get --format=json -r db:1 --app - a",
        {},
        {},
    ),
    (lambda: h.relation_ids("db"), "relation-ids db --format=json", ["db:1"], ["db:1"]),
    (lambda: h.relation_list(1), "relation-list --format=json -r 1", ["a/0"], ["a/0"]),
    (lambda: h.relation_list(app=True), "relation-list --format=json --app", '"a"', "a"),
    (
        lambda: h.relation_model_get(1, endpoint="db"),
        "relation-model-get --format=json -r db:1",
        {"uuid": "u"},
        h.RelationModel(uuid="u"),
    ),
    (lambda: h.resource_get("blob"), "resource-get blob", "/a/b\n", pathlib.Path("/a/b")),
    (
        lambda: h.secret_add({"key": "v"}, label="l", expire="24h"),
        "secret-add --label l --expire 24h --owner application key=v",
        "secret:a\n",
        "secret:a",
    ),
    (lambda: h.secret_get(id="secret:a"), "secret-get --format=json secret:a", {"k": "v"}, {"k": "v"}),
    (lambda: h.secret_get(label="l", peek=True), "secret-get --format=json --label l --peek", {}, {}),
    (lambda: h.secret_get(id="a", refresh=True), "secret-get --format=json a --refresh", {}, {}),
    (lambda: h.secret_ids(), "secret-ids --format=json", "null", []),
    (
        lambda: h.secret_info_get(id="a"),
        "secret-info-get --format=json a",
        {"a": {"revision": 2, "rotation": "daily", "expiry": "2026-01-02T03:04:05.1234567Z"}},
        h.SecretInfo(
            id="a",
            revision=2,
            rotation="daily",
            expiry=datetime.datetime(2026, 1, 2, 3, 4, 5, 123457, tzinfo=UTC),
        ),
    ),
    (lambda: h.state_get(None), "state-get --format=json", "null", {}),
    (lambda: h.state_get("k"), "state-get --format=json k", '"v"', "v"),
    (
        lambda: h.status_get(),
        "status-get --include-data --format=json --application=false",
        {"status": "active", "message": "m", "status-data": {"a": 1}},
        h.UnitStatus(status="active", message="m", status_data={"a": 1}),
    ),
    (
        lambda: h.status_get(app=True),
        "status-get --include-data --format=json --application=true",
        {"application-status": {"status": "active", "units": {"a/0": {"status": "waiting"}}}},
        h.AppStatus(
            status="active", status_data={}, units={"a/0": h.UnitStatus(status="waiting", status_data={})}
        ),
    ),
    (
        lambda: h.storage_get("disk/0"),
        "storage-get --format=json -s disk/0",
        {"kind": "filesystem", "location": "/d"},
        h.Storage(kind="filesystem", location=pathlib.Path("/d")),
    ),
    (lambda: h.storage_list("disk"), "storage-list --format=json disk", ["disk/0"], ["disk/0"]),
    (lambda: h.storage_list(), "storage-list --format=json", "null", []),
]


@pytest.mark.parametrize(("call", "line", "answer", "expected"), ANSWERS, ids=[line for _, line, _, _ in ANSWERS])
def test_an_answer_becomes_a_value(tools, call, line, answer, expected):
    tools.answers[line] = answer
    assert call() == expected
    assert tools.calls == [line]


def test_a_failure_is_an_error_that_says_why_and_hides_what_is_private(tools):
    tools.fail("action-set password=geheim", "ERROR not running an action\n", 2)
    with pytest.raises(h.Error) as caught:
        h.action_set({"password": "geheim"})
    error = caught.value
    assert (error.returncode, error.cmd, error.stdout) == (2, ["action-set", "password=<hidden>"], "")
    assert error.stderr == "ERROR not running an action\n"
    assert "ERROR not running an action" in str(error)
    assert "geheim" not in f"{error} {error!r}"


def test_files_with_secrets_are_gone_when_the_command_is_over(tools, tmp_path, monkeypatch):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    h.secret_set("secret:a", content={"key": "value"})
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_said_on_a_command_line_is_refused():
    with pytest.raises(ValueError, match="None stands for all keys"):
        h.relation_get(key="-")
    with pytest.raises(TypeError):
        h.open_port()


def test_a_command_that_does_not_exist_is_a_missing_file(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(FileNotFoundError):
        h.is_leader()


def test_types_say_where_they_are_documented():
    assert repr(h.Port) == "<class 'ops.hookcmds.Port'>"
    assert ops.hookcmds.Error.__module__ == "ops.hookcmds"
    with pytest.raises(AttributeError):
        _ = h.Nothing
