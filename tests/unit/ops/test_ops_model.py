"""Status, leadership, configuration, ports, storage, networks and errors of the model."""

from __future__ import annotations

import ipaddress
import json
import sys
import time

import pytest

import ops
from ops import _status
from ops._security import user_id

# --- statuses ---


def test_statuses_are_equal_by_class_and_message():
    assert ops.ActiveStatus("a") == ops.ActiveStatus("a") != ops.ActiveStatus("b")
    assert ops.ActiveStatus() != ops.WaitingStatus()
    assert repr(ops.BlockedStatus("why")) == "BlockedStatus('why')"
    assert repr(ops.UnknownStatus()) == "UnknownStatus()"
    with pytest.raises(TypeError):
        hash(ops.ActiveStatus())


@pytest.mark.parametrize("name", ["active", "blocked", "maintenance", "waiting", "error"])
def test_a_status_can_be_made_by_name(name):
    status = ops.StatusBase.from_name(name, "why")
    assert (status.name, status.message) == (name, "why")


def test_an_unknown_status_has_no_message_and_other_names_are_no_status():
    assert ops.StatusBase.from_name("unknown", "why") == ops.UnknownStatus()
    with pytest.raises(KeyError):
        ops.StatusBase.from_name("happy", "")


def test_the_base_of_statuses_is_none_and_others_need_a_name():
    with pytest.raises(TypeError):
        ops.StatusBase()
    with pytest.raises(TypeError):

        class Nameless(ops.StatusBase):
            name = 7  # type: ignore[assignment]


def test_our_status_is_asked_for_once_and_is_then_what_was_set(tools, model):
    tools.answers["status-get --include-data --format=json --application=false"] = {
        "status": "waiting",
        "message": "for you",
    }
    assert model.unit.status == ops.WaitingStatus("for you")
    model.unit.status = ops.ActiveStatus()
    assert model.unit.status == ops.ActiveStatus()
    assert tools.of("status-get", "status-set") == [
        "status-get --include-data --format=json --application=false",
        "status-set --application=False active -- ",
    ]


def test_the_status_of_others_is_unknown_and_cannot_be_set(tools, model):
    unit, app = model.get_unit("sql/0"), model.get_app("sql")
    assert unit.status == ops.UnknownStatus() == app.status
    for entity in (unit, app):
        with pytest.raises(RuntimeError, match="remote"):
            entity.status = ops.ActiveStatus()
    assert tools.calls == []


def test_the_status_of_the_application_is_for_its_leader(tools, model):
    with pytest.raises(RuntimeError, match="non-leader"):
        _ = model.app.status
    with pytest.raises(RuntimeError, match="non-leader"):
        model.app.status = ops.ActiveStatus()
    assert [json.loads(text)["type"] for level, text in tools.log if level == "TRACE"] == ["security"] * 2


def test_a_leader_reads_and_sets_it(tools, model):
    tools.answers["is-leader --format=json"] = True
    tools.answers["status-get --include-data --format=json --application=true"] = {
        "application-status": {"status": "active", "message": "", "units": {}}
    }
    assert model.app.status == ops.ActiveStatus()
    model.app.status = ops.BlockedStatus("stop")
    assert tools.calls[-1] == "status-set --application=True blocked -- stop"


def test_who_may_not_set_a_status_is_told_so_before_which_status_it_is(tools, model):
    with pytest.raises(RuntimeError, match="leader"):
        model.app.status = ops.UnknownStatus()
    (text,) = [text for _, text in tools.log]
    assert (json.loads(text)["event"], json.loads(text)["level"]) == ("authz_fail:status-set", "CRITICAL")
    with pytest.raises(RuntimeError, match="remote"):
        model.get_unit("other/0").status = ops.UnknownStatus()


@pytest.mark.parametrize("status", [ops.UnknownStatus(), ops.ErrorStatus("no"), "active", None])
def test_what_a_charm_cannot_set_is_refused_before_any_command(tools, model, status):
    with pytest.raises(ops.InvalidStatusError):
        model.unit.status = status
    assert tools.calls == []


def test_the_message_of_a_status_is_text(model):
    with pytest.raises(TypeError):
        model.unit.status = ops.ActiveStatus(7)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        pytest.param([ops.ActiveStatus(), ops.WaitingStatus("w")], "waiting -- w", id="waiting beats active"),
        pytest.param(
            [ops.WaitingStatus("w"), ops.MaintenanceStatus("m")], "maintenance -- m", id="maintenance next"
        ),
        pytest.param(
            [ops.MaintenanceStatus("m"), ops.BlockedStatus("b")], "blocked -- b", id="blocked is the worst"
        ),
        pytest.param([ops.BlockedStatus("1"), ops.BlockedStatus("2")], "blocked -- 1", id="the first of equals"),
        pytest.param([], None, id="nothing added, nothing set"),
    ],
)
def test_the_most_serious_collected_status_is_set(stage, added, expected):
    class Charm(ops.CharmBase):
        def __init__(self, framework):
            super().__init__(framework)
            framework.observe(self.on.collect_unit_status, self._on_collect)

        def _on_collect(self, event):
            for status in added:
                event.add_status(status)

    stage.play(Charm)
    wanted = [] if expected is None else [f"status-set --application=False {expected}"]
    assert stage.tools.of("status-set") == wanted


def test_errors_outrank_everything_when_statuses_are_compared():
    names = ["unknown", "active", "waiting", "maintenance", "blocked", "error"]
    assert sorted(names, key=_status.StatusBase._priority) == names


def test_only_statuses_that_can_be_set_are_collected(stage):
    class Charm(ops.CharmBase):
        def __init__(self, framework):
            super().__init__(framework)
            framework.observe(self.on.collect_unit_status, self._on_collect)

        def _on_collect(self, event):
            with pytest.raises(TypeError):
                event.add_status("active")
            with pytest.raises(ops.InvalidStatusError):
                event.add_status(ops.ErrorStatus())
            stage.seen.append("refused")

    stage.play(Charm)
    assert stage.seen == ["refused"]


# --- leadership ---


def test_leadership_is_asked_for_again_after_half_a_minute(tools, model, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    for passed, asked in [(0, 1), (29, 1), (2, 2), (30, 2), (1, 3)]:
        now[0] += passed
        assert model.unit.is_leader() is False
        assert len(tools.of("is-leader")) == asked


def test_a_failed_question_is_not_remembered(tools, model):
    tools.fail("is-leader --format=json", "ERROR leadership status unknown")
    with pytest.raises(ops.ModelError, match="leadership status unknown"):
        model.unit.is_leader()
    tools.answers["is-leader --format=json"] = True
    assert model.unit.is_leader()


def test_whether_others_lead_is_not_known(model):
    with pytest.raises(RuntimeError):
        model.get_unit("sql/0").is_leader()


# --- configuration, version, units, cloud ---


def test_configuration_is_read_once(tools, model):
    tools.answers["config-get --format=json"] = {"a": 1}
    assert model.config["a"] == 1
    assert model.config.get("unset") is None
    assert dict(model.config) == {"a": 1}
    assert len(tools.of("config-get")) == 1


def test_units_that_go_away_are_not_planned(tools, model):
    states = {"sample/0": "active", "sample/1": "waiting", "sample/2": "dying"}
    tools.answers["goal-state --format=json"] = {
        "units": {name: {"status": each} for name, each in states.items()}
    }
    assert model.app.planned_units() == 2
    with pytest.raises(RuntimeError):
        model.get_app("sql").planned_units()


def test_the_version_of_the_workload_is_text(tools, model):
    model.unit.set_workload_version("1.2")
    assert tools.calls == ["application-version-set -- 1.2"]
    with pytest.raises(TypeError):
        model.unit.set_workload_version(1.2)


def test_a_resource_is_fetched_once_if_the_metadata_has_it(tools, model):
    tools.answers["resource-get blob"] = "/somewhere/blob.bin"
    assert str(model.resources.fetch("blob")) == "/somewhere/blob.bin" == str(model.resources.fetch("blob"))
    assert len(tools.calls) == 1
    with pytest.raises(NameError):
        model.resources.fetch("other")


def test_the_cloud_is_known_with_its_credential(tools, model):
    tools.answers["credential-get --format=json"] = {
        "type": "lxd",
        "name": "localhost",
        "cacertificates": ["c"],
        "credential": {"auth-type": "certificate", "attrs": {"a": "b"}, "redacted": ["r"]},
    }
    spec = model.get_cloud_spec()
    assert (spec.type, spec.name, spec.region, spec.ca_certificates) == ("lxd", "localhost", None, ["c"])
    assert spec.credential == ops.CloudCredential("certificate", {"a": "b"}, ["r"])


def test_a_reboot_at_once_ends_the_process_and_is_told_to_the_watch(tools, model):
    model.unit.reboot()
    with pytest.raises(SystemExit):
        model.unit.reboot(now=True)
    assert tools.calls == ["juju-reboot", "juju-reboot --now"]
    assert [f'"sys_restart:{user_id()}"' in text for level, text in tools.log if level == "TRACE"] == [True, True]


def test_a_pod_is_for_the_leader(tools, model):
    with pytest.raises(ops.ModelError):
        model.pod.set_spec({})
    tools.answers["is-leader --format=json"] = True
    model.unit._backend._leader_check_time = None
    model.pod.set_spec({"a": 1}, {"b": 2})
    assert tools.calls[-1].startswith("pod-spec-set --file ")
    assert "--k8s-resources" in tools.calls[-1]


# --- ports ---


def test_ports_are_set_by_closing_first(tools, model):
    tools.answers["opened-ports --format=json"] = ["80/tcp", "53/udp", "icmp"]
    model.unit.set_ports(80, ops.Port("udp", 54))
    assert tools.calls[0] == "opened-ports --format=json"
    assert sorted(tools.calls[1:3]) == ["close-port 53/udp", "close-port icmp"]
    assert tools.calls[3:] == ["open-port 54/udp"]


def test_odd_entries_of_opened_ports_warn(tools, model, caplog):
    tools.answers["opened-ports --format=json"] = ["8000-8010/tcp", "9/sctp", "7"]
    assert model.unit.opened_ports() == {ops.Port("tcp", 8000), ops.Port("tcp", 7)}
    assert len(caplog.records) == 2


def test_protocols_are_lower_case_and_icmp_has_no_port(tools, model):
    model.unit.open_port("TCP", 80)  # type: ignore[arg-type]
    model.unit.close_port("icmp")
    assert tools.calls == ["open-port 80/tcp", "close-port icmp"]


# --- storage ---


def test_storage_instances_are_listed_and_located_when_needed(tools, model):
    tools.answers["storage-list --format=json disk"] = ["disk/0", "disk/4"]
    tools.answers["storage-get --format=json -s disk/4"] = {"kind": "filesystem", "location": "/d"}
    _, second = model.storages["disk"]
    assert (second.name, second.index, second.full_id) == ("disk", 4, "disk/4")
    assert str(second.location) == "/d" == str(second.location)
    assert len(tools.calls) == 2
    with pytest.raises(KeyError, match="disk"):
        model.storages["tape"]


def test_storage_that_could_not_be_listed_is_asked_for_again(tools, model):
    tools.fail("storage-list --format=json disk", "ERROR no answer in time")
    for _ in range(2):
        with pytest.raises(ops.ModelError, match="no answer in time"):
            model.storages["disk"]
    tools.answers["storage-list --format=json disk"] = ["disk/0"]
    assert [each.index for each in model.storages["disk"]] == [0]


def test_storage_can_be_requested_by_number(tools, model):
    model.storages.request("disk", 2)
    assert tools.calls == ["storage-add disk=2"]
    with pytest.raises(ops.ModelError):
        model.storages.request("tape")
    for count in ("2", True, 1.0):
        with pytest.raises(TypeError):
            model.storages.request("disk", count)  # type: ignore[arg-type]


# --- networks ---

NETWORK = {
    "bind-addresses": [
        {
            "interface-name": "eth0",
            "addresses": [{"value": "10.0.0.5", "cidr": "10.0.0.0/24"}, {"address": "::1"}],
        },
        {"interface-name": "", "addresses": [{"value": "host.name", "cidr": ""}, {"value": ""}]},
    ],
    "ingress-addresses": ["10.0.0.5", "host.name"],
    "egress-subnets": ["10.0.0.5/32"],
}


def test_a_network_has_one_interface_for_each_address(tools, model):
    tools.answers["network-get --format=json db"] = NETWORK
    network = model.get_binding("db").network
    assert [(each.name, str(each.address), str(each.subnet)) for each in network.interfaces] == [
        ("eth0", "10.0.0.5", "10.0.0.0/24"),
        ("eth0", "::1", "::1/128"),
        ("", "host.name", "None"),
        ("", "None", "None"),
    ]
    assert network.bind_address == ipaddress.ip_address("10.0.0.5") == network.ingress_address
    assert network.ingress_addresses[1] == "host.name"
    assert network.egress_subnets == [ipaddress.ip_network("10.0.0.5/32")]


def test_an_empty_network_has_no_addresses():
    network = ops.Network({})
    assert (network.bind_address, network.ingress_address, network.egress_subnets) == (None, None, [])


def test_a_relation_has_a_network_of_its_own_until_it_is_gone(tools, model):
    tools.relate("db", 1, {"sql/0": {}}, app="sql")
    tools.fail("network-get --format=json -r 1 db", "ERROR relation not found")
    tools.answers["network-get --format=json db"] = NETWORK
    relation = model.get_relation("db")
    assert model.get_binding(relation) is model.get_binding(relation)
    assert str(model.get_binding(relation).network.bind_address) == "10.0.0.5"
    with pytest.raises(ops.ModelError):
        model.get_binding(7)
    with pytest.raises(NotImplementedError):
        list(model._bindings)


# --- from failures of commands to exceptions ---


@pytest.mark.parametrize(
    ("line", "stderr", "leads", "kind"),
    [
        ("relation-list --format=json -r db:1", "ERROR relation not found", False, ops.RelationNotFoundError),
        ("relation-list --format=json -r db:1", "ERROR Relation 1 Not Found", False, ops.RelationNotFoundError),
        ("relation-list --format=json -r db:1", "ERROR permission denied", False, ops.RelationNotFoundError),
        ("relation-list --format=json -r db:1", "ERROR out of memory", False, ops.ModelError),
        ("relation-get --format=json -r db:1 --app - sample", "ERROR permission denied", False, ops.ModelError),
        (
            "relation-get --format=json -r db:1 --app - sample",
            "ERROR permission denied",
            True,
            ops.RelationNotFoundError,
        ),
        (
            "relation-get --format=json -r cluster:1 --app - sample",
            "ERROR permission denied",
            False,
            ops.RelationNotFoundError,
        ),
        ("relation-set -r db:1 --app --file -", "ERROR permission denied", False, ops.ModelError),
        ("secret-get --format=json secret:a", 'ERROR secret "a" not found', False, ops.SecretNotFoundError),
        ("config-get --format=json", "ERROR relation not found", False, ops.ModelError),
    ],
)
def test_a_failing_command_becomes_the_exception_that_fits(tools, backend, line, stderr, leads, kind):
    tools.fail(line, stderr)
    tools.answers["is-leader --format=json"] = leads
    backend.is_leader()
    backend.peer_endpoints = frozenset({"cluster"})
    tool, reference = line.split()[0], line.partition("-r ")[2].split()[:1]
    endpoint = reference[0].partition(":")[0] if reference else None
    calls = {
        "relation-list": lambda: backend.relation_list(1, endpoint),
        "relation-get": lambda: backend.relation_get(1, "sample", True, endpoint),
        "relation-set": lambda: backend.relation_set(1, {"a": "b"}, True, endpoint),
        "secret-get": lambda: backend.secret_get(id="secret:a"),
        "config-get": backend.config_get,
    }
    with pytest.raises(ops.ModelError) as caught:
        calls[tool]()
    assert type(caught.value) is kind
    assert str(caught.value) == (stderr if kind is ops.ModelError else "")
    assert isinstance(caught.value.__cause__, ops.hookcmds.Error)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exceptions have no notes")
def test_an_exception_says_what_was_being_done_when(tools):
    from ops_stage import context

    backend = ops.model._ModelBackend(juju_context=context(JUJU_HOOK_NAME="start"))
    tools.fail("action-set password=hidden", "ERROR not running an action")
    notes = []
    for running, deferred in [
        ("start", False),
        ("config_changed", False),
        ("config_changed", True),
        ("__init__", False),
    ]:
        backend._hook_is_running, backend._event_is_deferred = running, deferred
        with pytest.raises(ops.ModelError) as caught:
            backend.action_set({"password": "hidden"})
        notes += caught.value.__notes__
    assert notes == [
        "while running 'action-set password=<hidden>' in start",
        "while running 'action-set password=<hidden>' in start, handling the event config_changed",
        "while running 'action-set password=<hidden>' in start, handling the deferred event config_changed",
        "while running 'action-set password=<hidden>' in start, constructing the charm",
    ]


def test_denied_access_is_told_to_the_watch(tools, backend):
    tools.fail("secret-grant --relation 1 secret:a", "ERROR permission denied")
    with pytest.raises(ops.ModelError):
        backend.secret_grant("secret:a", 1)
    ((level, text),) = tools.log
    line = json.loads(text)
    assert level == "TRACE"
    assert (line["type"], line["event"]) == ("security", "authz_fail:secret-grant")
    assert line["appid"] == "11111111-2222-4333-8444-555555555555-sample/0"


@pytest.mark.parametrize(
    ("metrics", "labels"),
    [
        ({"1a": 1}, {}),
        ({"a-": 1}, {}),
        ({"a": -1}, {}),
        ({"a": float("nan")}, {}),
        ({"a": 1}, {"l": "x,y"}),
        ({"a": 1}, {"l": ""}),
    ],
)
def test_metrics_that_the_controller_would_refuse_are_refused(backend, metrics, labels):
    with pytest.raises(ops.ModelError):
        backend.add_metrics(metrics, labels)


def test_metrics_have_names_values_and_labels(tools, backend):
    backend.add_metrics({"users": 7, "load-1": 0.5}, {"where": "here"})
    assert tools.calls == ["add-metric --labels where=here users=7 load-1=0.5"]
