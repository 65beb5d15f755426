"""Parts of a state: what constructors accept, refuse and copy; equality, copies, and how they are shown."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import inspect
import pickle
import types

import pytest

import ops
from ops import testing
from ops.pebble import CheckLevel, CheckStartup, CheckStatus, Layer, ServiceStatus
from ops.testing import errors
from ops.testing._parts import port_from_text
from ops.testing._relation_parts import DEFAULT_JUJU_DATABAG, _next_relation_id

WEB = Layer({"services": {"web": {"override": "replace", "command": "run"}}})

#: One of each part, as a test writes it, and how it is shown.
SHOWN = {
    "Address(value='10.0.0.1', hostname='', cidr='')": testing.Address("10.0.0.1"),
    "Network('db')": testing.Network("db"),
    "Network('db', ingress_addresses=['10.0.0.1'])": testing.Network("db", ingress_addresses=("10.0.0.1",)),
    "Model('m', uuid='u', type='lxd')": testing.Model("m", uuid="u", type="lxd"),
    "CloudSpec('lxd', region='here')": testing.CloudSpec("lxd", region="here"),
    "CloudCredential(auth_type='key', redacted=['k'])": testing.CloudCredential(auth_type="key", redacted=["k"]),
    "TCPPort(80)": testing.TCPPort(80),
    "UDPPort(53)": testing.UDPPort(53),
    "ICMPPort()": testing.ICMPPort(),
    "Storage('data', index=3)": testing.Storage("data", index=3),
    "Resource(name='r', path='/r')": testing.Resource(name="r", path="/r"),
    "Secret({'k': 'v'}, id='secret:x')": testing.Secret({"k": "v"}, id="secret:x"),
    "Secret({'k': 'v'}, latest_content={'k': 'w'}, id='secret:x', owner='app')": testing.Secret(
        {"k": "v"}, latest_content={"k": "w"}, id="secret:x", owner="app"
    ),
    "StoredState(owner_path='Web', content={'n': 1})": testing.StoredState(owner_path="Web", content={"n": 1}),
    "DeferredEvent('Web/on/start[1]', 'Web', '_on')": testing.DeferredEvent("Web/on/start[1]", "Web", "_on"),
    "JujuLogLine(level='INFO', message='m')": testing.JujuLogLine("INFO", "m"),
    "ActiveStatus('up')": testing.ActiveStatus("up"),
    "UnknownStatus()": testing.UnknownStatus(),
    "Relation('db', id=7)": testing.Relation("db", id=7),
    "Relation('db', 'sql', id=7, remote_units_data={})": testing.Relation("db", "sql", id=7, remote_units_data={}),
    "PeerRelation('peers', id=8, peers_data={1: {'a': 'b'}})": testing.PeerRelation(
        "peers", id=8, peers_data={1: {"a": "b"}}
    ),
    "SubordinateRelation('logs', id=9, remote_unit_id=4)": testing.SubordinateRelation(
        "logs", id=9, remote_unit_id=4
    ),
    "Mount(location='/a', source='/b')": testing.Mount(location="/a", source="/b"),
    "Exec(('ls', '-l'), stdout='a')": testing.Exec(["ls", "-l"], stdout="a"),
    "Notice('example.com/n', id='1')": testing.Notice("example.com/n", id="1"),
    "CheckInfo('up', level=CheckLevel.READY, change_id=ChangeID('5'))": testing.CheckInfo(
        "up", level="ready", change_id=ops.pebble.ChangeID("5")
    ),
    "Container('web', can_connect=True)": testing.Container("web", can_connect=True),
}


@pytest.mark.parametrize(("text", "part"), SHOWN.items(), ids=[text.partition("(")[0] for text in SHOWN])
def test_a_part_is_shown_as_it_is_written(text, part):
    assert repr(part) == text
    names = {**vars(testing), "CheckLevel": CheckLevel, "ChangeID": ops.pebble.ChangeID}
    again = eval(text, names)
    if not isinstance(part, (testing.Exec, testing.Notice)):  # each of these is unique
        assert again == part


@pytest.mark.parametrize("part", SHOWN.values(), ids=SHOWN)
def test_a_part_survives_copying_pickling_and_replacing(part):
    assert copy.deepcopy(part) == part
    assert copy.copy(part) == part
    assert pickle.loads(pickle.dumps(part)) == part
    if not isinstance(part, ops.StatusBase):
        assert dataclasses.replace(part) == part


@pytest.mark.parametrize("part", SHOWN.values(), ids=SHOWN)
def test_a_part_cannot_be_changed(part):
    for field in dataclasses.fields(part):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(part, field.name, None)


@pytest.mark.parametrize("part", SHOWN.values(), ids=SHOWN)
def test_the_fields_are_the_arguments(part):
    taken = [name for name in inspect.signature(type(part)).parameters if not name.startswith("_")]
    fields = [field.name for field in dataclasses.fields(part) if not field.name.startswith("_")]
    if isinstance(part, ops.StatusBase):
        fields.remove("name")
        if isinstance(part, testing.UnknownStatus):
            fields.remove("message")
    assert taken == fields


REFUSED = {
    "a text for a list of addresses": lambda: testing.Network("db", ingress_addresses="10.0.0.1"),
    "a text for a list of subnets": lambda: testing.Network("db", egress_subnets="10.0.0.0/8"),
    "a text for a list of attributes": lambda: testing.CloudCredential(auth_type="x", redacted="k"),
    "a text for a list of certificates": lambda: testing.CloudSpec("x", ca_certificates="c"),
    "a text for a list of grants": lambda: testing.Secret({"k": "v"}, remote_grants={1: "web"}),
    "a text for a command": lambda: testing.Exec("ls -l"),
    "a port below the first": lambda: testing.TCPPort(0),
    "a port above the last": lambda: testing.UDPPort(65536),
    "a number for ICMP": lambda: testing.ICMPPort(1),
    "a storage called with an underscore": lambda: testing.Storage("my_data"),
    "a storage part without letters": lambda: testing.Storage("data-1"),
    "a container in upper case": lambda: testing.Container("Web"),
    "a container of 64 letters": lambda: testing.Container("a" * 64),
    "an endpoint that begins with a digit": lambda: testing.Relation("0db"),
    "an endpoint that ends with a hyphen": lambda: testing.PeerRelation("db-"),
    "an endpoint with two hyphens": lambda: testing.SubordinateRelation("d--b"),
    "an empty secret": lambda: testing.Secret({}),
    "an empty new revision": lambda: testing.Secret({"k": "v"}, latest_content={}),
    "a number in a secret": lambda: testing.Secret({"k": 1}),
    "a text as a secret": lambda: testing.Secret("k"),
    "a number in a databag": lambda: testing.Relation("db", local_app_data={"port": 80}),
    "a number as a key": lambda: testing.Relation("db", local_unit_data={1: "a"}),
    "None as a databag": lambda: testing.Relation("db", remote_app_data=None),
    "a list of databags": lambda: testing.Relation("db", remote_units_data=[{}]),
    "a number in a unit's databag": lambda: testing.Relation("db", remote_units_data={0: {"a": 1}}),
    "a number in a peer's databag": lambda: testing.PeerRelation("db", peers_data={1: {"a": 1}}),
    "a number in a principal's databag": lambda: testing.SubordinateRelation("db", remote_unit_data={"a": 1}),
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_what_is_invalid_by_itself_is_refused(make):
    with pytest.raises(errors.StateValidationError):
        make()


@pytest.mark.parametrize(
    ("name", "make"),
    [
        *(("store-a1", testing.Storage), ("s", testing.Storage), ("s0", testing.Storage)),
        *(("0", testing.Container), ("a" * 63, testing.Container), ("w0rk-l0ad-2", testing.Container)),
        *(("receive_ca-cert", testing.Relation), ("a1-b2", testing.PeerRelation)),
    ],
)
def test_names_that_the_controller_allows(name, make):
    make(name)


@pytest.mark.parametrize("kind", [testing.Port, testing.RelationBase])
def test_a_base_class_is_not_a_part(kind):
    with pytest.raises(RuntimeError, match="base class"):
        kind("db")


def test_positional_arguments_are_few():
    for make in (
        lambda: testing.Address("a", "b"),
        lambda: testing.Network("a", [], []),
        lambda: testing.Relation("a", "b", 1),
        lambda: testing.Container("a", True),
        lambda: testing.Resource("a"),
        lambda: testing.Model("a", "b"),
        lambda: testing.Secret({"k": "v"}, {"k": "w"}),
        lambda: testing.State({}),
    ):
        with pytest.raises(TypeError):
            make()


COPIED = {
    "relation": (lambda it: testing.Relation("db", remote_app_data=it), "remote_app_data", {"a": "b"}),
    "secret": (lambda it: testing.Secret(it), "tracked_content", {"a": "b"}),
    "stored state": (lambda it: testing.StoredState(content=it), "content", {"a": "b"}),
    "layers": (lambda it: testing.Container("w", layers=it), "layers", {"a": WEB}),
    "addresses": (lambda it: testing.BindAddress(it), "addresses", [testing.Address("a")]),
    "notices": (lambda it: testing.Container("w", notices=it), "notices", [testing.Notice("a.b/c")]),
    "options": (lambda it: testing.State(config=it), "config", {"a": 1}),
    "deferred": (
        lambda it: testing.State(deferred=it),
        "deferred",
        [testing.DeferredEvent("A/on/x[1]", "A", "x")],
    ),
}


@pytest.mark.parametrize(("make", "field", "content"), COPIED.values(), ids=COPIED)
def test_what_a_test_changes_later_does_not_reach_a_part(make, field, content):
    part, before = make(content), copy.copy(content)
    content.clear()
    assert getattr(part, field) == before


def test_databags_of_units_are_copied_one_by_one():
    bags = {0: {"a": "b"}}
    relation = testing.Relation("db", remote_units_data=bags)
    bags[0]["a"] = "c"
    assert relation.remote_units_data == {0: {"a": "b"}}


def test_any_mapping_may_be_a_databag():
    bag = types.MappingProxyType({"a": "b"})
    assert testing.Relation("db", local_app_data=bag).local_app_data == {"a": "b"}


def test_a_unit_enters_with_its_addresses():
    assert testing.Relation("db").local_unit_data == DEFAULT_JUJU_DATABAG
    assert testing.Relation("db").remote_units_data == {0: DEFAULT_JUJU_DATABAG}
    assert testing.SubordinateRelation("db").remote_unit_data == DEFAULT_JUJU_DATABAG
    assert testing.PeerRelation("db").peers_data == {}
    assert testing.Relation("a").local_unit_data is not testing.Relation("b").local_unit_data


def test_relations_are_numbered_and_hashed_by_number():
    expected = _next_relation_id(update=False)
    first, second = testing.Relation("a"), testing.PeerRelation("b")
    assert (first.id, second.id) == (expected, expected + 1)
    assert hash(testing.Relation("a", id=5)) == hash(testing.PeerRelation("b", id=5)) == hash(5)
    assert testing.Relation("a", id=5) != testing.Relation("a", id=5, limit=2)
    with pytest.raises(AttributeError, match=r"use \.id"):
        first.relation_id  # noqa: B018


def test_a_subordinate_names_its_principal():
    relation = testing.SubordinateRelation("logs", remote_app_name="web", remote_unit_id=3)
    assert relation.remote_unit_name == "web/3"


def test_ports_are_equal_to_those_of_ops_and_not_across_protocols():
    assert testing.TCPPort(80) == ops.Port("tcp", 80)
    assert {testing.TCPPort(80)} == {ops.Port("tcp", 80)}
    assert testing.TCPPort(80) != testing.UDPPort(80)
    assert testing.TCPPort(80) != "80/tcp"
    assert [port_from_text(text) for text in ("80/tcp", "53/udp", "icmp")] == [
        testing.TCPPort(80),
        testing.UDPPort(53),
        testing.ICMPPort(),
    ]


def test_storages_are_equal_to_those_of_ops():
    mine, its = testing.Storage("data", index=1), ops.Storage("data", 1, None)  # type: ignore[arg-type]
    assert mine == its
    assert its == mine
    assert mine != testing.Storage("data", index=2)
    assert testing.Storage("a").index != testing.Storage("a").index


@pytest.mark.parametrize("id", ["secret:abc", "abc", "secret://uuid/abc"])
def test_a_secret_is_found_by_any_form_of_its_id(id):
    state = testing.State(secrets={testing.Secret({"k": "v"}, id="secret:abc", label="l")})
    assert state.get_secret(id=id).label == "l"
    assert state.get_secret(id=id, label="l").label == "l"
    with pytest.raises(KeyError):
        state.get_secret(id=id, label="m")


STATUSES = ["ActiveStatus", "BlockedStatus", "MaintenanceStatus", "WaitingStatus", "ErrorStatus"]


@pytest.mark.parametrize("name", STATUSES)
def test_statuses_are_those_of_ops_but_frozen(name):
    mine, its = getattr(testing, name)("m"), getattr(ops, name)("m")
    assert mine == its
    assert its == mine
    assert mine != getattr(ops, name)("n")
    assert isinstance(mine, getattr(ops, name))
    assert hash(mine) == hash(getattr(testing, name)("m"))
    assert mine.from_ops(its) == mine
    assert type(mine.from_ops(its)) is type(mine)
    assert type(mine._to_ops()) is type(its)
    assert dataclasses.asdict(mine) == {"name": its.name, "message": "m"}
    with pytest.raises(dataclasses.FrozenInstanceError):
        mine.message = "n"


def test_statuses_of_different_kinds_differ():
    assert testing.ActiveStatus("m") != testing.BlockedStatus("m")
    assert testing.ActiveStatus("m") != ops.BlockedStatus("m")
    assert testing.UnknownStatus() == ops.UnknownStatus()
    with pytest.warns(UserWarning, match="no message"):
        assert testing.ActiveStatus.from_status_name("unknown", "m") == testing.UnknownStatus()
    with pytest.raises(KeyError):
        testing.ActiveStatus.from_status_name("foo")  # type: ignore[arg-type]


def test_charms_still_get_the_statuses_of_ops():
    assert type(ops.StatusBase.from_name("active", "m")) is ops.ActiveStatus


def test_values_become_those_of_ops():
    credential = testing.CloudCredential(auth_type="key", attributes={"a": "b"})
    spec = testing.CloudSpec("lxd", credential=credential)
    assert credential._to_ops() == ops.CloudCredential("key", {"a": "b"}, [])
    assert spec._to_ops() == ops.CloudSpec(type="lxd", name="localhost", credential=credential._to_ops())
    notice = testing.Notice("a.b/c", id="4", last_data={"k": "v"})
    assert (notice._to_ops().id, notice._to_ops().key, notice._to_ops().last_data) == ("4", "a.b/c", {"k": "v"})
    assert testing.CheckInfo("up", failures=2)._to_ops().failures == 2


# --- containers ---


def layer(**services: dict[str, str]) -> Layer:
    return Layer({"services": services})  # type: ignore[typeddict-item]


def test_the_plan_merges_layers_in_their_order_and_sorts_names():
    container = testing.Container(
        "web",
        layers={
            "low": layer(
                web={"override": "replace", "command": "old", "startup": "enabled"},
                db={"override": "replace", "command": "db"},
            ),
            "high": layer(
                web={"override": "merge", "command": "new"},
                db={"override": "replace", "summary": "another"},
            ),
        },
    )
    assert container.plan.to_dict() == {
        "services": {
            "db": {"override": "replace", "summary": "another"},
            "web": {"override": "merge", "command": "new", "startup": "enabled"},
        }
    }
    assert list(container.plan.services) == ["db", "web"]
    # Neither the layers nor a plan that was read before change with it.
    assert container.layers["low"].services["web"].command == "old"
    container.plan.services["web"].command = "other"
    assert container.plan.services["web"].command == "new"


def test_services_are_those_of_the_plan():
    container = testing.Container(
        "web",
        layers={"base": layer(a={"command": "a", "startup": "enabled"}, b={"command": "b"})},
        service_statuses={"b": ServiceStatus.ACTIVE, "gone": ServiceStatus.ACTIVE},
    )
    assert {name: (info.startup.value, info.current.value) for name, info in container.services.items()} == {
        "a": ("enabled", "inactive"),
        "b": ("disabled", "active"),
    }


def test_check_infos_have_changes():
    up, idle = testing.CheckInfo("a"), testing.CheckInfo("b", status=CheckStatus.INACTIVE)
    assert up.change_id
    assert idle.change_id == ""
    assert testing.CheckInfo("a").change_id != up.change_id
    assert (up.startup, up.threshold, up.level) == (CheckStartup.ENABLED, 3, None)
    with pytest.raises(ValueError, match="foo"):
        testing.CheckInfo("a", level="foo")
    container = testing.Container("web", check_infos=[up, idle])
    assert container.get_check_info("b") is idle
    with pytest.raises(KeyError):
        container.get_check_info("c")


def test_notices_happen_now_unless_said_otherwise():
    then = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
    notice = testing.Notice("a.b/c", first_occurred=then)
    assert notice.first_occurred == then
    assert notice.last_occurred == notice.last_repeated > then
    assert notice.id != testing.Notice("a.b/c").id


def test_a_container_shows_its_files_through_the_context(tmp_path):
    class Context:
        def _container_root(self, name):
            return tmp_path / name

        def _storage_root(self, name, index):
            return tmp_path / name / str(index)

    assert testing.Container("web").get_filesystem(Context()) == tmp_path / "web"  # type: ignore[arg-type]
    assert testing.Storage("data", index=2).get_filesystem(Context()) == tmp_path / "data" / "2"  # type: ignore


def test_a_rock_brings_a_layer(tmp_path):
    path = tmp_path / "rockcraft.yaml"
    path.write_text(
        "name: web\nsummary: A rock\ndescription: More\nparts: {}\n"
        "services: {web: {override: replace, command: run}}\n"
        "checks: {up: {override: merge, level: ready, tcp: {port: 80}}}\n"
    )
    found = testing.layer_from_rockcraft(path)
    assert found.summary == "A rock"
    assert "More" in found.description
    assert str(path) in found.description
    assert found.services["web"].command == "run"
    assert found.checks["up"].level is CheckLevel.READY
