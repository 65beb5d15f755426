"""What a charm finds in a state, what it may change there, and where the controller would refuse."""

from __future__ import annotations

import dataclasses
import datetime

import pytest
from testing_charms import context

import ops
from ops import pebble, testing


def run(do, state=None, event="start", **options) -> testing.State:
    """Run a charm that does *do* and return the state afterwards."""
    ctx = context(lambda self, _: do(self), **options)
    return ctx.run(getattr(ctx.on, event)(), state or testing.State())


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """Failed assertions within the charm are those of the test."""
    monkeypatch.setenv("SCENARIO_BARE_CHARM_ERRORS", "true")


# --- configuration, leadership, the application ---


def test_options_have_their_defaults_until_they_are_set():
    seen = []
    for config in ({}, {"port": 8080}, {"name": "n"}):
        out = run(lambda self: seen.append(dict(self.config)), testing.State(config=config))
        assert out.config == config, "defaults are for the charm, not for the state"
    assert seen == [{"port": 80}, {"port": 8080}, {"port": 80, "name": "n"}]


@pytest.mark.parametrize("leader", [True, False])
def test_only_a_leader_acts_for_the_application(leader):
    def act(self):
        assert self.unit.is_leader() is leader
        if leader:
            self.app.status = ops.ActiveStatus("led")
            return
        with pytest.raises(RuntimeError):
            self.app.status = ops.ActiveStatus("led")
        with pytest.raises(RuntimeError):
            _ = self.app.status

    assert run(act, testing.State(leader=leader)).app_status.message == ("led" if leader else "")


@pytest.mark.parametrize("planned", [0, 1, 4])
def test_how_many_units_there_will_be(planned):
    seen = []
    run(lambda self: seen.append(self.app.planned_units()), testing.State(planned_units=planned))
    assert seen == [planned]


def test_ports_are_opened_and_closed():
    def set_ports(self):
        assert self.unit.opened_ports() == {ops.Port("tcp", 22), ops.Port("icmp", None)}
        self.unit.set_ports(80, ops.Port("udp", 53))
        self.unit.open_port("tcp", 443)

    out = run(set_ports, testing.State(opened_ports={testing.TCPPort(22), testing.ICMPPort()}))
    assert out.opened_ports == {testing.TCPPort(80), testing.TCPPort(443), testing.UDPPort(53)}


def test_credentials_need_trust():
    spec = testing.CloudSpec("ec2", credential=testing.CloudCredential(auth_type="key", attributes={"id": "x"}))
    state = testing.State(model=testing.Model(type="lxd", cloud_spec=spec))

    def read(self):
        found = self.model.get_cloud_spec()
        assert (found.type, found.credential.auth_type, found.credential.attributes) == ("ec2", "key", {"id": "x"})

    run(read, state, app_trusted=True)
    with pytest.raises(ops.ModelError):
        run(read, state)


# --- relations ---


@pytest.mark.parametrize("leader", [True, False])
def test_data_of_a_relation(leader):
    db = testing.Relation(
        "db",
        remote_app_name="pg",
        local_app_data={"own": "app"},
        local_unit_data={"own": "unit"},
        remote_app_data={"their": "app"},
        remote_units_data={1: {"their": "1"}, 0: {"their": "0"}},
    )

    def use(self):
        relation = self.model.get_relation("db")
        assert relation.app.name == "pg"
        assert {unit.name for unit in relation.units} == {"pg/0", "pg/1"}
        assert relation.data[relation.app] == {"their": "app"}
        assert [relation.data[self.model.get_unit(f"pg/{number}")]["their"] for number in (0, 1)] == ["0", "1"]
        relation.data[self.unit].update({"own": "changed", "new": "n"})
        with pytest.raises(ops.RelationDataError):
            relation.data[relation.app]["their"] = "no"
        if leader:
            relation.data[self.app]["own"] = ""
        else:
            with pytest.raises(ops.RelationDataAccessError):
                relation.data[self.app]["own"] = "no"
            with pytest.raises(ops.RelationDataAccessError):
                dict(relation.data[self.app])

    after = run(use, testing.State(leader=leader, relations={db})).get_relation(db)
    assert after.local_unit_data == {"own": "changed", "new": "n"}
    assert after.local_app_data == ({} if leader else {"own": "app"})
    assert after.remote_app_data == {"their": "app"}
    assert after.remote_units_data == {1: {"their": "1"}, 0: {"their": "0"}}


def test_peers_and_principals_are_found():
    ring = testing.PeerRelation("ring", peers_data={1: {"a": "b"}}, local_app_data={"secret": "s"})
    host = testing.SubordinateRelation("host", remote_app_name="vm", remote_unit_id=3)

    def look(self):
        peers = self.model.get_relation("ring")
        assert [unit.name for unit in peers.units] == ["web/1"]
        assert peers.app is self.app
        assert dict(peers.data[self.app]) == {"secret": "s"}, "peers read it, also when they do not lead"
        (principal,) = self.model.get_relation("host").units
        assert principal.name == "vm/3"

    run(look, testing.State(relations={ring, host}))


def test_a_relation_that_breaks_is_on_the_event_only():
    db, other = testing.Relation("db"), testing.Relation("db")
    seen = []

    def look(self, event):
        seen.append((event.relation.id, event.relation.active, [each.id for each in self.model.relations["db"]]))

    ctx = context(look)
    ctx.run(ctx.on.relation_broken(db), testing.State(relations={db, other}))
    assert seen == [(db.id, False, [other.id])]


def test_a_relation_knows_the_model_on_the_other_side():
    uuid = "99999999-2222-4333-8444-555555555555"
    near, far = testing.Relation("db"), testing.Relation("site", remote_model_uuid=uuid)
    state = testing.State(relations={near, far})
    seen = {}

    def look(self):
        for name in ("db", "site"):
            seen[name] = self.model.get_relation(name).remote_model.uuid

    run(look, state)
    assert seen == {"db": state.model.uuid, "site": uuid}
    with pytest.raises(ops.ModelError, match="not supported"):
        run(look, state, juju_version="3.6.1")


# --- secrets ---


def test_a_secret_of_somebody_else_is_tracked_until_it_is_refreshed():
    secret = testing.Secret({"key": "1"}, latest_content={"key": "2"}, label="mine")

    def read(self):
        found = self.model.get_secret(label="mine")
        assert found.get_content() == {"key": "1"}
        assert found.peek_content() == {"key": "2"}
        if self.unit.is_leader():
            assert found.get_content(refresh=True) == {"key": "2"}
        with pytest.raises(ops.SecretNotFoundError):
            found.get_info()

    assert run(read, testing.State(secrets={secret})).get_secret(label="mine").tracked_content == {"key": "1"}
    after = run(read, testing.State(leader=True, secrets={secret})).get_secret(id=secret.id)
    assert after.tracked_content == after.latest_content == {"key": "2"}


def test_a_secret_that_is_not_there_is_not_found():
    def look(self):
        for wanted in ({"id": "secret:cvq0ngbtk6u1qqd6j1f0"}, {"label": "no"}):
            with pytest.raises(ops.SecretNotFoundError):
                self.model.get_secret(**wanted)

    run(look)


def test_a_label_is_given_with_the_identifier():
    secret = testing.Secret({"key": "1"})
    after = run(lambda self: self.model.get_secret(id=secret.id, label="called"), testing.State(secrets={secret}))
    assert after.get_secret(label="called").id == secret.id


AWARE = datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)


@pytest.mark.parametrize("moment", [AWARE, AWARE.replace(tzinfo=None)], ids=["with zone", "without"])
def test_a_charm_makes_and_manages_its_own(moment):
    db = testing.Relation("db", remote_app_name="pg")

    def manage(self):
        secret = self.unit.add_secret(
            {"key": "1"}, label="own", description="d", expire=moment, rotate=ops.SecretRotate.DAILY
        )
        secret.set_content({"key": "2"})
        secret.grant(self.model.get_relation("db"))
        secret.grant(self.model.get_relation("db"), unit=self.model.get_unit("pg/0"))
        secret.revoke(self.model.get_relation("db"))
        info = secret.get_info()
        assert (info.label, info.revision, info.expires, info.rotation) == (
            "own",
            2,
            moment,
            ops.SecretRotate.DAILY,
        )
        secret.set_info(label="renamed")
        assert secret.get_info().expires == moment

    out = run(manage, testing.State(relations={db}))
    (secret,) = out.secrets
    assert (secret.owner, secret.label, secret.description, secret.expire) == ("unit", "renamed", "d", moment)
    assert secret.rotate == ops.SecretRotate.DAILY
    assert secret.latest_content == {"key": "2"}
    assert secret.remote_grants == {db.id: {"pg/0"}}

    def remove(self):
        self.model.get_secret(label="renamed").remove_all_revisions()

    assert run(remove, out).secrets == frozenset()


def test_a_charm_cannot_remove_a_revision_that_is_read():
    secret = testing.Secret({"key": "1"}, owner="unit", label="own")

    def remove(self):
        found = self.model.get_secret(label="own")
        found.set_content({"key": "2"})
        for revision, name in ((1, "tracked"), (2, "latest")):
            with pytest.raises(ValueError, match=name):
                found.remove_revision(revision)

    run(remove, testing.State(secrets={secret}))


def test_only_a_leader_manages_secrets_of_the_application():
    secret = testing.Secret({"key": "1"}, owner="app", label="own")

    def change(self):
        found = self.model.get_secret(label="own")
        assert found.get_content() == {"key": "1"}
        found.set_content({"key": "2"})

    with pytest.raises(ops.ModelError, match="permission denied"):
        run(change, testing.State(secrets={secret}))
    out = run(change, testing.State(secrets={secret}, leader=True))
    assert out.get_secret(label="own").latest_content == {"key": "2"}


@pytest.mark.parametrize(
    ("version", "content"), [("3.1.6", "2"), ("3.1.7", "1"), ("3.3.0", "2"), ("3.3.1", "1"), ("3.6.14", "1")]
)
def test_owners_see_their_new_revision_as_the_version_of_the_controller_has_it(version, content):
    secret = testing.Secret({"key": "1"}, latest_content={"key": "2"}, owner="unit", label="own")
    seen = []
    run(
        lambda self: seen.append(self.model.get_secret(label="own").get_content()["key"]),
        testing.State(secrets={secret}),
        juju_version=version,
    )
    assert seen == [content]


# --- storage, resources, networks ---


def test_storage_is_a_directory_that_test_and_charm_share():
    one, other = testing.Storage("data"), testing.Storage("data")

    def use(self):
        locations = [storage.location for storage in self.model.storages["data"]]
        assert [(path / "from-test").read_text() for path in locations] == ["0", "1"]
        (locations[0] / "from-charm").write_text("hello")

    ctx = context(lambda self, _: use(self))
    for number, storage in enumerate((one, other)):
        (storage.get_filesystem(ctx) / "from-test").write_text(str(number))
    out = ctx.run(ctx.on.start(), testing.State(storages={one, other}))
    assert (one.get_filesystem(ctx) / "from-charm").read_text() == "hello"
    assert out.storages == {one, other}
    where = one.get_filesystem(ctx)
    ctx.close()
    assert not where.exists()


def test_a_storage_event_has_its_instance():
    data = testing.Storage("data")
    seen = []
    ctx = context(
        lambda self, event: seen.append((event.storage.name, event.storage.index, event.storage.location))
    )
    ctx.run(ctx.on.storage_attached(data), testing.State(storages={data}))
    assert seen == [("data", data.index, data.get_filesystem(ctx))]


def test_a_resource_is_where_the_state_says(tmp_path):
    def fetch(self):
        assert self.model.resources.fetch("image") == tmp_path

    run(fetch, testing.State(resources={testing.Resource(name="image", path=tmp_path)}))
    with pytest.raises(RuntimeError, match=r"add Resource\(name='image'"):
        run(fetch)


def test_networks_are_those_of_the_state_or_a_default():
    admin = testing.Network(
        "admin",
        [testing.BindAddress([testing.Address("10.9.0.1", hostname="h", cidr="10.9.0.0/16")], interface_name="e")],
    )
    db = testing.Relation("db")
    host = testing.SubordinateRelation("host")

    def look(self):
        found = self.model.get_binding("admin").network
        (interface,) = found.interfaces
        assert (interface.name, str(interface.address), str(interface.subnet)) == ("e", "10.9.0.1", "10.9.0.0/16")
        for binding in ("db", "juju-info", self.model.get_relation("db")):
            assert str(self.model.get_binding(binding).network.bind_address) == "192.0.2.0"
        for binding in ("nowhere", self.model.get_relation("host")):
            with pytest.raises(ops.RelationNotFoundError):
                _ = self.model.get_binding(binding).network

    run(look, testing.State(networks={admin}, relations={db, host}))


# --- containers ---


def test_a_container_that_cannot_be_reached_says_so():
    def use(self):
        container = self.unit.get_container("app")
        assert not container.can_connect()
        for attempt in (
            lambda: container.get_services(),
            lambda: container.replan(),
            lambda: container.add_layer("x", {}),
            lambda: container.push("/f", ""),
            lambda: container.list_files("/"),
        ):
            with pytest.raises(pebble.ConnectionError):
                attempt()

    run(use, testing.State(containers={testing.Container("app")}))


def test_a_container_that_the_state_has_not_is_named():
    with pytest.raises(RuntimeError, match=r"add Container\('app'\) to State\(containers"):
        run(lambda self: self.unit.get_container("app").can_connect())


def test_services_and_layers_change_in_the_state():
    layer = pebble.Layer({"services": {"s": {"override": "replace", "command": "x", "startup": "enabled"}}})
    app = testing.Container("app", can_connect=True, layers={"base": layer})

    def use(self):
        container = self.unit.get_container("app")
        container.add_layer("top", {"services": {"s": {"override": "merge", "command": "y"}}}, combine=True)
        container.replan()
        assert container.get_service("s").is_running()

    out = run(use, testing.State(containers={app, testing.Container("side")})).get_container("app")
    assert list(out.layers) == ["base", "top"]
    assert out.plan.services["s"].command == "y"
    assert out.service_statuses == {"s": pebble.ServiceStatus.ACTIVE}
    assert app.service_statuses == {}


def test_files_are_real_and_mounts_are_the_tests_own(tmp_path):
    (tmp_path / "given").write_text("by the test")
    app = testing.Container("app", can_connect=True, mounts={"m": testing.Mount(location="/mnt", source=tmp_path)})

    def use(self):
        container = self.unit.get_container("app")
        assert container.pull("/mnt/given").read() == "by the test"
        container.push("/mnt/deep/er", "through", make_dirs=True)
        container.push("/etc/app.conf", "port: 80", make_dirs=True)

    ctx = context(lambda self, _: use(self))
    ctx.run(ctx.on.start(), testing.State(containers={app}))
    assert (tmp_path / "deep" / "er").read_text() == "through"
    assert (app.get_filesystem(ctx) / "etc" / "app.conf").read_text() == "port: 80"

    ctx = context(lambda self, _: None)
    (app.get_filesystem(ctx) / "left").write_text("over")
    ctx.run(ctx.on.start(), testing.State(containers={app}))
    assert not (app.get_filesystem(ctx) / "left").exists(), "each run begins with what the state says"
    assert any("non-empty" in line.message for line in ctx.juju_log)
    assert (tmp_path / "given").exists()


def test_commands_are_answered_by_the_test():
    app = testing.Container(
        "app",
        can_connect=True,
        execs={testing.Exec(["db"], stdout="any"), testing.Exec(["db", "dump"], return_code=3, stderr="full")},
    )

    def use(self):
        container = self.unit.get_container("app")
        assert container.exec(["db", "list"]).wait_output() == ("any", "")
        with pytest.raises(pebble.ExecError) as caught:
            container.exec(["db", "dump", "-v"]).wait_output()
        assert (caught.value.exit_code, caught.value.stderr) == (3, "full")
        with pytest.raises(pebble.ExecError) as caught:
            container.exec(["rm"])
        assert caught.value.exit_code == 127

    run(use, testing.State(containers={app}))


# --- what waits, and what is stored ---


def test_an_event_that_waits_comes_with_what_it_was_about():
    db = testing.Relation("db", remote_app_name="pg", remote_units_data={4: {}})
    seen = []
    ctx = context(lambda self, event: seen.append((type(event).__name__, getattr(event, "unit", None))))
    handler = ctx._charm_spec.charm_type._on_event
    waiting = ctx.on.relation_changed(db).deferred(handler)
    ctx.run(ctx.on.start(), testing.State(relations={db}, deferred=[waiting]))
    ((kind, unit), (then, _)) = seen
    assert (kind, unit.name, then) == ("RelationChangedEvent", "pg/4", "StartEvent")


def test_events_that_wait_are_in_the_order_in_which_they_will_come():
    ctx = context(lambda self, event: event.defer())
    state = testing.State()
    for name in ("install", "start", "config_changed"):
        state = ctx.run(getattr(ctx.on, name)(), state)
        ctx.emitted_events.clear()
    assert [event.name for event in state.deferred] == ["install", "start", "config_changed"]
    assert len({event.handle_path for event in state.deferred}) == 3


def test_new_events_do_not_take_the_place_of_those_that_wait():
    ctx = context(lambda self, event: event.defer())
    handler = ctx._charm_spec.charm_type._on_event
    waiting = [ctx.on.start().deferred(handler, event_id=number) for number in (3, 9)]
    out = ctx.run(ctx.on.start(), testing.State(deferred=waiting))
    paths = [event.handle_path for event in out.deferred]
    assert paths[:2] == ["Web/on/start[3]", "Web/on/start[9]"]
    assert len(set(paths)) == len(paths)


def test_stored_state_is_what_the_test_gives():
    class Web(ops.CharmBase):
        stored = ops.StoredState()

        def __init__(self, framework):
            super().__init__(framework)
            self.stored.set_default(count=0, names=[])
            self.stored.count += 1
            self.stored.names.append("n")

    ctx = testing.Context(Web, meta={"name": "web"})
    given = testing.StoredState("stored", owner_path="Web", content={"count": 41, "names": ["m"]})
    out = ctx.run(ctx.on.start(), testing.State(stored_states={given}))
    assert out.get_stored_state("stored", owner_path="Web").content == {"count": 42, "names": ["m", "n"]}
    assert given.content == {"count": 41, "names": ["m"]}
    fresh = ctx.run(ctx.on.start(), testing.State())
    assert fresh.get_stored_state("stored", owner_path="Web").content == {"count": 1, "names": ["n"]}


def test_a_state_may_be_changed_and_used_again():
    out = run(lambda self: self.unit.set_ports(80), testing.State(leader=True))
    again = run(lambda self: self.unit.close_port("tcp", 80), dataclasses.replace(out, leader=False))
    assert (again.leader, again.opened_ports) == (False, frozenset())
