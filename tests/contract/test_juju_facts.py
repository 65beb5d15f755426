"""Facts that charms rely on, each with its source: this is where behaviour copied from Juju is pinned.

The source is in the docstring of each test: a section of spec/hook-tools.md ("tools") or of
spec/unit-lifecycle.md ("life"), and who relies on it.  Whoever wants to change one of these changes what
existing charms see.  Details of each command are in tests/unit/coordinator/engine/.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml
from build import DB, WEB, Story, command, entered, leading, memory, relation, relation_hook, stored, unit, world

from coordinator import ANNOUNCED_VERSION
from coordinator.domain.charm import Option
from coordinator.domain.names import UnitName, check_application_name, check_model_name
from coordinator.domain.unit import Resolved
from coordinator.domain.unit_state import Hook, HookKind
from coordinator.engine.hookenv import hook_environment
from coordinator.engine.operation import Blocked
from coordinator.engine.tools import COMMANDS, HookContext, needs
from coordinator.engine.world import Goal
from coordinator.errors import CoordinatorError

DB_0 = unit("db/0")
BAGS = {
    "db/0": stored({"host": "h0", "private-address": "10.0.0.7", "egress-subnets": "10.0.0.7/32"}),
    "db": stored({"version": "14"}),
    "web/0": stored({"private-address": "10.0.0.1"}),
}
CHARM = replace(
    WEB, options=(Option(name="color", type="string", default="red"), Option(name="count", type="int", default=3))
)


def context(hook: Hook | None = None, *, leads: bool = False) -> HookContext:
    """web/0 in a relation with db/0, in a relation-changed of it unless told otherwise."""
    related = relation(in_scope=True, units={DB_0: 5}, apps={"db": 4}, bags=BAGS)
    seen = (leading if leads else world)(relations={7: related}, charm=CHARM, state={"a": "1"})
    seen = replace(seen, goals={unit("web/0"): Goal(status=seen.status.workload)})
    hook = hook or relation_hook(HookKind.RELATION_CHANGED, "db/0")
    return HookContext(world=seen, memory=memory(relations={7: entered(db_0=5)}), hook=hook)


def related() -> tuple[Story, int]:
    told = Story()
    told.deploy("web", WEB)
    told.deploy("db", DB)
    told.run_all()
    number = told.relate("web:db", "db:clients")
    return told, number


# --- the order of hooks ----------------------------------------------------------------------------------


def test_the_order_of_a_set_up():
    """life 5.1 and 17.1 rule 3: every framework sets up in this order."""
    told = Story()
    told.deploy("web", WEB, 2)
    told.run_all()
    set_up = ["install", "cluster-relation-created", "leader-elected", "config-changed", "start"]
    assert [text for who, text in told.events if who == "web/0"][:5] == set_up
    set_up[2] = "leader-settings-changed"
    assert [text for who, text in told.events if who == "web/1"][:5] == set_up


def test_application_data_is_told_before_the_first_joined():
    """life 7.3 step 5: charms read the other application's data in joined."""
    told, _ = related()
    told.on("db", "clients-relation-created", "relation-set --app version=14")
    told.run("db/0")
    assert told.run("web/0") == [
        "db-relation-created",
        "db-relation-changed db",
        "db-relation-joined db/0",
        "db-relation-changed db/0",
    ]


def test_changed_follows_its_joined_even_without_data():
    """life 17.1 rule 4: charms put their set-up into changed."""
    told, _ = related()
    told.run("db/0")
    assert told.run("web/0")[-2:] == ["db-relation-joined db/0", "db-relation-changed db/0"]


def test_departed_comes_before_broken_before_stop_before_remove():
    """life 14.2 and 17.1 rule 5."""
    told, _ = related()
    told.run_all()
    told.remove_unit("web/0")
    assert told.run("web/0") == ["db-relation-departed db/0", "db-relation-broken", "stop", "remove"]


def test_peers_are_left_last_and_never_broken():
    """life 7.8 and 17.1 rule 6: broken handlers of other relations still see the peers."""
    told = Story()
    told.deploy("web", WEB, 2)
    told.deploy("db", DB)
    told.relate("web:db", "db:clients")
    told.run_all()
    told.remove_unit("web/1")
    events = told.run("web/1")
    assert events.index("db-relation-broken") < events.index("cluster-relation-departed web/0")
    assert "cluster-relation-broken" not in events


def test_the_departing_unit_is_the_one_that_goes_away():
    """life 14.2, tools 1.4: `ops` takes JUJU_DEPARTING_UNIT for "am I the one who leaves?"."""
    told = Story()
    told.deploy("web", WEB)
    told.deploy("db", DB, 2)
    told.relate("web:db", "db:clients")
    told.run_all()
    told.remove_unit("db/1")
    told.run_all()
    departing = {(who, str(hook.departing)) for who, hook in told.hooks if hook.departing is not None}
    assert departing == {("db/1", "db/1"), ("web/0", "db/1")}


def test_an_upgrade_always_leads_to_config_changed():
    """life 5.6 and 6.2: charms render their configuration there, whatever the values are."""
    told = Story()
    told.deploy("web", WEB)
    told.run_all()
    told.refresh("web", WEB)
    assert told.run("web/0") == ["upgrade-charm", "config-changed"]


def test_equal_writes_are_invisible():
    """life 7.1 and 17.1 rule 11: charms write the same data in every hook."""
    told, number = related()
    told.on("db", "config-changed", f"relation-set -r {number} ready=yes")
    told.run_all()
    for size in (1, 2):
        told.configure("db", size=size)
        events = told.run_all()
    assert events == {"db/0": ["config-changed"]}


def test_the_leader_hears_of_its_own_application_data_between_peers():
    """life 7.5: peers and the leader alike get relation-changed, without a remote unit."""
    told = Story()
    told.deploy("web", WEB)
    told.on("web", "start", "relation-set -r cluster:0 --app key=1")
    assert told.run("web/0")[-1] == "cluster-relation-changed web"


def test_a_relation_begins_with_the_addresses_of_each_unit():
    """life 7.1, tools 7.3: charm-helpers reads private-address of every remote unit."""
    told, number = related()
    told.on("web", "db-relation-joined", "relation-get private-address")
    told.run_all()
    assert told.printed == ["10.0.2.1"]
    bag = told.look("web/0")[1].relations[number].bag(DB_0)
    assert set(bag) == {"private-address", "ingress-address", "egress-subnets"}


def test_a_departed_unit_can_still_be_read_by_name():
    """life 7.6: `ops` reads the data of the unit of a departed event."""
    told, number = related()
    told.on("web", "db-relation-departed", "relation-list", "relation-get private-address db/0")
    told.run_all()
    told.remove_relation(number)
    told.run_all()
    assert told.printed == ["10.0.2.1"]


def test_in_broken_the_relation_is_not_listed_but_can_be_named():
    """tools 6 relation-ids, life 7.6: `ops` hides the broken relation from its model."""
    told, number = related()
    told.on("web", "db-relation-broken", "relation-ids db", f"relation-list --app -r db:{number}")
    told.run_all()
    told.remove_relation(number)
    told.run_all()
    assert told.printed == ["db"]


def test_after_start_a_charm_that_said_nothing_is_unknown():
    """life 6.3 and tools 6 status-set."""
    told = Story()
    told.deploy("web", WEB)
    told.deploy("db", DB)
    told.on("db", "install", "status-set maintenance busy")
    told.run_all()
    assert told.look("web/0")[1].status.workload.current == "unknown"
    assert told.look("db/0")[1].status.workload.current == "maintenance"


# --- failure ---------------------------------------------------------------------------------------------


def test_a_failed_hook_withholds_everything_but_statuses():
    """tools 4, life 9: the statuses of a failed hook stay, all else is dropped; nothing else runs."""
    told, number = related()
    told.run_all()
    told.failing.add(("db/0", "config-changed"))
    told.on("db", "config-changed", f"relation-set -r {number} a=1", "open-port 80", "status-set blocked no")
    told.configure("db", size=1)
    assert told.run_all() == {"db/0": ["config-changed"]}
    told.refresh("db", DB)
    assert isinstance(told.step("db/0"), Blocked)
    seen = told.look("db/0")[1]
    assert "a" not in seen.relations[number].bag(DB_0)
    assert (seen.status.workload.current, seen.status.ports) == ("blocked", {})


def test_no_retry_counts_as_success_without_running():
    """life 9.5: `resolved --no-retry`."""
    told = Story()
    told.deploy("web", WEB)
    told.failing.add(("web/0", "install"))
    assert told.run("web/0") == ["install"]
    told.resolve("web/0", Resolved.SKIP)
    assert told.run("web/0")[0] == "cluster-relation-created"


# --- the environment -------------------------------------------------------------------------------------

ALWAYS = {
    "JUJU_DISPATCH_PATH",
    "JUJU_HOOK_NAME",
    "JUJU_MODEL_NAME",
    "JUJU_MODEL_UUID",
    "JUJU_UNIT_NAME",
    "JUJU_VERSION",
}
RELATION = {"JUJU_RELATION", "JUJU_RELATION_ID", "JUJU_REMOTE_APP"}


@pytest.mark.parametrize(
    ("hook", "required"),
    [
        (Hook(kind=HookKind.INSTALL), ALWAYS),
        (relation_hook(HookKind.RELATION_CREATED), ALWAYS | RELATION),
        (relation_hook(HookKind.RELATION_JOINED, "db/0"), ALWAYS | RELATION | {"JUJU_REMOTE_UNIT"}),
        (relation_hook(HookKind.RELATION_CHANGED), ALWAYS | RELATION | {"JUJU_REMOTE_UNIT"}),
        (
            relation_hook(HookKind.RELATION_DEPARTED, "db/0", departing=DB_0),
            ALWAYS | RELATION | {"JUJU_REMOTE_UNIT", "JUJU_DEPARTING_UNIT"},
        ),
        (relation_hook(HookKind.RELATION_BROKEN), ALWAYS | RELATION),
    ],
    ids=lambda value: value.name if isinstance(value, Hook) else "",
)
def test_ops_finds_the_variables_it_requires(hook, required):
    """tools 1.4: `ops` refuses to start when one is absent; empty is allowed."""
    found = environment(hook)
    assert required <= set(found)


def test_variables_that_must_be_there_and_empty():
    """tools 1.4, life 17.1 rule 12: charm-helpers tells empty from absent."""
    changed = environment(relation_hook(HookKind.RELATION_CHANGED))
    outside = environment(None)
    assert changed["JUJU_REMOTE_UNIT"] == changed["JUJU_PRINCIPAL_UNIT"] == outside["JUJU_HOOK_NAME"] == ""
    assert "JUJU_DISPATCH_PATH" not in outside


def test_nothing_of_a_login_is_in_the_environment():
    """tools 1.4: charms that need HOME set it themselves."""
    assert {"HOME", "USER", "SHELL", "LOGNAME"}.isdisjoint(environment(None))


def test_the_announced_version_turns_every_feature_on():
    """tools 7.1: below 3.6.4 `ops` switches features off; 4.x would promise that leader-get is gone."""
    assert (3, 6, 4) <= tuple(map(int, ANNOUNCED_VERSION.split("."))) < (4, 0, 0)
    assert environment(None)["JUJU_VERSION"] == ANNOUNCED_VERSION


def environment(hook: Hook | None) -> dict[str, str]:
    return hook_environment(
        world(), hook, charm_dir="/c", tools_dir="/t", agent_path="/bin", socket="/s", context_id="x"
    )


# --- how libraries call the commands ---------------------------------------------------------------------

ADDRESS = {"hostname": "", "value": "10.0.0.1", "cidr": ""}
NETWORK = {
    "bind-addresses": [{"mac-address": "", "interface-name": "", "addresses": [ADDRESS]}],
    "egress-subnets": ["10.0.0.1/32"],
    "ingress-addresses": ["10.0.0.1"],
}
WAITING = {"status": "waiting", "message": "waiting for machine", "status-data": {}}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("relation-ids db --format=json", ["db:7"]),
        ("relation-ids nothing --format=json", []),
        ("relation-list --format=json -r db:7", ["db/0"]),
        ("relation-list --format=json -r 7", ["db/0"]),
        ("relation-list --format=json -r db:7 --app", "db"),
        ("relation-get --format=json -r db:7 - db/0", BAGS["db/0"].value),
        ("relation-get --format=json -r db:7 --app - db", {"version": "14"}),
        ("relation-model-get --format=json -r db:7", {"uuid": world().model_uuid}),
        ("config-get --format=json", {"color": "red", "count": 3}),
        ("is-leader --format=json", False),
        ("status-get --include-data --format=json --application=false", WAITING),
        ("network-get db --format=json", NETWORK),
        ("network-get db --format=json -r 7", NETWORK),
        ("goal-state --format=json", {"units": {"web/0": {"status": "waiting"}}, "relations": ...}),
        ("opened-ports --format=json", []),
        ("state-get a", 1),
    ],
)
def test_ops_can_read_what_it_asks_for(line, expected):
    """tools 7.1: the command lines of upstream `ops`, and the types it parses."""
    said = command(context(), line)
    assert (said.exit_code, said.stderr) == (0, b"")
    found = json.loads(said.stdout)
    if isinstance(expected, dict) and expected.get("relations") is ...:
        expected = {**expected, "relations": found["relations"]}
    assert found == expected


@pytest.mark.parametrize(
    "line",
    [
        "relation-set -r db:7 --file -",
        "relation-set -r db:7 --app --file -",
        "status-set --application=False active -- -message",
        "status-set --application=True active -- ",
        "application-version-set -- 1.2",
        "juju-log --log-level WARNING -- -message",
        "open-port 80/tcp",
        "close-port 80/tcp",
        "open-port icmp",
        "state-set --file -",
        "state-delete a",
        "juju-reboot",
    ],
)
def test_ops_can_write_what_it_wants(line):
    """tools 7.1: the command lines of upstream `ops`; success prints nothing at all."""
    said = command(context(leads=True), line, stdin='{"a": "1", "b": ""}')
    assert (said.exit_code, said.stdout, said.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("relation-get --format=json -r db:7 - db/0", BAGS["db/0"].value),
        ("relation-ids --format=json db", ["db:7"]),
        ("relation-list --format=json -r db:7", ["db/0"]),
        ("config-get --all --format=json", {"color": "red", "count": 3}),
        ("unit-get --format=json private-address", "10.0.0.1"),
        ("leader-get --format=json -", {}),
        ("leader-get --format=json key", None),
        ("status-get --format=json --include-data", WAITING),
        ("network-get --primary-address db", "10.0.0.1"),
        ("network-get db --format yaml -r 7", ...),
    ],
)
def test_charm_helpers_can_read_what_it_asks_for(line, expected):
    """tools 7.3: charm-helpers and the reactive framework; standard error must be empty, it is merged in."""
    said = command(context(), line)
    assert (said.exit_code, said.stderr) == (0, b"")
    found = yaml.safe_load(said.stdout)
    assert found == expected if expected is not ... else found["ingress-addresses"] == ["10.0.0.1"]


def test_charm_helpers_finds_the_file_option_of_relation_set():
    """tools 3.1: it runs `relation-set --help` and looks for the text on standard output."""
    said = command(context(), "relation-set --help")
    assert said.exit_code == 0
    assert b"--file" in said.stdout


def test_charm_helpers_deletes_with_a_yaml_null():
    """tools 3.4: it writes None through a YAML dump."""
    document = yaml.safe_dump({"gone": None, "kept": "1"})
    said = command(context(), "relation-set -r db:7 --file settings", settings=document)
    assert said.effects.bags == {(7, unit("web/0")): {"gone": None, "kept": "1"}}


def test_charm_helpers_takes_exit_code_2_for_no_data():
    """tools 3.1: its relation_get maps exactly this code to None."""
    assert command(context(), "relation-get --format=json -r db:99 - db/0").exit_code == 2


def test_a_shell_script_can_loop_over_relations():
    """tools 7.2: one word per line, nothing for an empty list, values as they are."""
    outside = context(Hook(kind=HookKind.CONFIG_CHANGED))
    assert command(outside, "relation-ids db").stdout == b"db:7\n"
    assert command(outside, "relation-list -r db:7").stdout == b"db/0\n"
    assert command(outside, "relation-get -r db:7 host db/0").stdout == b"h0\n"
    assert command(outside, "relation-ids none").stdout == b""
    assert command(outside, "relation-get -r db:7 none db/0").stdout == b""


@pytest.mark.parametrize(("leads", "word"), [(True, b"True\n"), (False, b"False\n")])
def test_is_leader_succeeds_either_way(leads, word):
    """tools 7.2: `if is-leader` is a frequent mistake; the right idiom compares the word."""
    said = command(context(leads=leads), "is-leader")
    assert (said.exit_code, said.stdout) == (0, word)


def test_only_commands_that_are_told_to_read_stdin():
    """tools 2: loops like `while read x; do relation-get ...; done` depend on it."""
    lines = {"relation-set": ["--file", "-"], "state-set": ["--file", "-"]}
    for name in COMMANDS:
        assert needs(name, ["-", "a=b"]) == ()
        assert needs(name, lines.get(name, [])) == (("-",) if name in lines else ())


def test_legacy_commands_are_absent_rather_than_failing():
    """tools 7.3: a missing program is "not available" to charm-helpers, a failing one is a failed hook."""
    absent = {"payload-register", "payload-unregister", "payload-status-set", "add-metric", "k8s-spec-set"}
    assert absent.isdisjoint(COMMANDS)


# --- texts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ("relation-get -r db:99 - db/0", 2, "relation not found"),
        ("relation-list -r db:99", 2, "relation not found"),
        ("relation-set -r db:99 a=1", 2, "relation not found"),
        ("network-get db -r 99", 2, "relation not found"),
        ("relation-set -r db:7 --app a=1", 1, "cannot write relation settings"),
        ("relation-get -r db:7 --app - web", 1, "permission denied"),
        ("leader-set a=1", 1, "not the leader"),
        ("status-set --application active", 1, "this unit is not the leader"),
        ("status-get --application", 1, "this unit is not the leader"),
        ("action-get", 1, "not running an action"),
        ("resource-get x", 1, "could not download resource"),
        ("credential-get", 1, "cannot access cloud credentials"),
        ("relation-get --nope", 2, "option provided but not defined: --nope"),
    ],
)
def test_texts_that_clients_look_for(line, code, text):
    """tools 5 and 8: exit codes and substrings that `ops` and charm-helpers match on."""
    said = command(context(), line)
    assert (said.exit_code, said.stdout) == (code, b"")
    assert said.stderr.startswith(b"ERROR ")
    assert text in said.stderr.decode()


def test_no_network_is_recognised_by_its_text():
    """tools 8: charm-helpers raises NoNetworkBinding for exactly this."""
    nowhere = replace(context(), world=replace(context().world, addresses=()))
    assert b'no network config found for binding "db"' in command(nowhere, "network-get db").stderr


# --- names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["web", "my-app", "app2", "a1-b2c"])
def test_an_application_can_be_called(name):
    """life 15.1: lower-case letters, digits, hyphens; a letter in each part between hyphens."""
    assert check_application_name(name) == name
    assert UnitName.parse(f"{name}/10") == UnitName(name, 10)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Web", 'invalid application name "Web", unexpected uppercase character'),
        ("web-1", 'invalid application name "web-1", unexpected number(s) found after last hyphen'),
        ("we_b", 'invalid application name "we_b", unexpected character _'),
    ],
)
def test_an_application_cannot_be_called(name, text):
    """life 15.1: clients match on these texts."""
    with pytest.raises(CoordinatorError) as refusal:
        check_application_name(name)
    assert str(refusal.value).startswith(text)


def test_a_model_cannot_be_called():
    """life 15.12: the text is the one of `add-model`."""
    with pytest.raises(
        CoordinatorError, match="model names may only contain lowercase letters, digits and hyphens"
    ):
        check_model_name("My_Model")
