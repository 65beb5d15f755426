"""Hook commands one by one: what they take, print, refuse and leave behind."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml
from build import (
    CREATED,
    charm,
    command,
    entered,
    leading,
    memory,
    peers,
    relation,
    relation_hook,
    stored,
    unit,
    world,
)

from coordinator.domain.charm import Option
from coordinator.domain.life import Life
from coordinator.domain.network import Address, Interface
from coordinator.domain.relation import BAG_BYTES_MAX, Scope
from coordinator.domain.status import Status, UnitStatus
from coordinator.domain.unit import Unit
from coordinator.domain.unit_state import Hook, HookKind
from coordinator.engine.effects import Effects, Reboot
from coordinator.engine.tools import COMMANDS, Answer, HookContext
from coordinator.engine.tools.context import HOOK_BYTES_MAX, STATE_BYTES_MAX
from coordinator.engine.world import Goal

WEB_0, DB_0, DB_1 = unit("web/0"), unit("db/0"), unit("db/1")
ADDRESSES = {"egress-subnets": "10.0.0.1/32", "ingress-address": "10.0.0.1", "private-address": "10.0.0.1"}
CONFIG_CHANGED = Hook(kind=HookKind.CONFIG_CHANGED)
CREATED_HOOK = relation_hook(HookKind.RELATION_CREATED)
JOINED, CHANGED = (
    relation_hook(HookKind.RELATION_JOINED, "db/1"),
    relation_hook(HookKind.RELATION_CHANGED, "db/0"),
)
DEPARTED, BROKEN = (
    relation_hook(HookKind.RELATION_DEPARTED, "db/0"),
    relation_hook(HookKind.RELATION_BROKEN),
)

BAGS = {
    "web/0": stored({**ADDRESSES, "mine": "1"}),
    "web": stored({"ours": "2"}),
    "db/0": stored({"host": "h0", "note": "two\nlines"}),
    "db/1": stored({}),
    "db": stored({"version": "14"}),
}


def context(hook: Hook | None = CONFIG_CHANGED, *, leads: bool = False, **more) -> HookContext:
    """web/0 inside relation 7 with db/0, and in its peer relation 3 with web/1."""
    related = relation(in_scope=True, units={DB_0: 5, DB_1: 6}, apps={"db": 4}, bags=BAGS)
    ours = peers(
        in_scope=True,
        units={unit("web/1"): 5},
        bags={"web": stored({"shared": "x"}), "web/1": stored({"peer": "y"}), "web/0": stored({})},
    )
    given = {"relations": {7: related, 3: ours}, **more}
    seen = (leading if leads else world)(**given)
    known = memory(relations={7: entered(db_0=5), 3: entered("cluster", web_1=5)})
    return HookContext(world=seen, memory=known, hook=hook)


def printed(answer: Answer) -> object:
    """The JSON that a successful call printed."""
    assert (answer.exit_code, answer.stderr) == (0, b"")
    return json.loads(answer.stdout)


def refused(answer: Answer) -> tuple[int, str]:
    """Exit code and first line of a call that failed; it changed nothing."""
    assert answer.stdout == b""
    assert answer.stderr.startswith(b"ERROR ")
    return answer.exit_code, answer.stderr.decode().removeprefix("ERROR ").splitlines()[0]


# --- relation-ids, relation-list -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hook", "line", "expected"),
    [
        (CONFIG_CHANGED, "relation-ids db", ["db:7"]),
        (CONFIG_CHANGED, "relation-ids nothing", []),
        (CHANGED, "relation-ids", ["db:7"]),
        (BROKEN, "relation-ids db", []),
        (BROKEN, "relation-ids cluster", ["cluster:3"]),
    ],
)
def test_relation_ids(hook, line, expected):
    assert printed(command(context(hook), f"{line} --format=json")) == expected


def test_relation_ids_are_sorted_by_text():
    relations = {number: relation(number) for number in (2, 10, 9)}
    known = memory(relations={number: entered() for number in relations})
    told = HookContext(world=world(relations=relations), memory=known, hook=CONFIG_CHANGED)
    assert command(told, "relation-ids db").stdout == b"db:10\ndb:2\ndb:9\n"


def test_a_relation_is_not_known_before_its_created_hook():
    told = replace(context(), memory=memory())
    assert printed(command(told, "relation-ids db --format=json")) == []
    text = 'invalid value "db:7" for option -r: relation not found'
    assert refused(command(told, "relation-list -r db:7")) == (2, text)


def test_in_its_created_hook_a_relation_is_known_and_the_own_bag_has_the_addresses():
    told = HookContext(world=world(relations={7: relation()}), memory=memory(), hook=CREATED_HOOK)
    assert printed(command(told, "relation-ids --format=json")) == ["db:7"]
    assert printed(command(told, "relation-list --format=json")) == []
    assert printed(command(told, "relation-get --format=json - web/0")) == ADDRESSES


@pytest.mark.parametrize(
    ("life", "hook", "members", "expected"),
    [
        (Life.DYING, CONFIG_CHANGED, {"db_0": 5}, ["db:7"]),
        (Life.DYING, CONFIG_CHANGED, {}, []),
        (Life.DYING, DEPARTED, {"db_0": 5}, ["db:7"]),
        (Life.ALIVE, CONFIG_CHANGED, {}, ["db:7"]),
    ],
    ids=["dying with members", "broken is due", "its last departed", "alive and alone"],
)
def test_a_dying_relation_is_listed_until_its_broken_is_due(life, hook, members, expected):
    seen = world(relations={7: relation(life=life)})
    told = HookContext(world=seen, memory=memory(relations={7: entered(**members)}), hook=hook)
    assert printed(command(told, "relation-ids db --format=json")) == expected


@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        (CONFIG_CHANGED, ["db/0"]),
        (JOINED, ["db/0", "db/1"]),
        (CHANGED, ["db/0"]),
        (DEPARTED, []),
        (BROKEN, []),
    ],
    ids=lambda value: value.name if isinstance(value, Hook) else "",
)
def test_relation_list_has_who_the_charm_was_told_of(hook, expected):
    assert printed(command(context(hook), "relation-list -r db:7 --format json")) == expected


def test_relation_list_of_peers_leaves_out_the_unit_itself():
    assert command(context(), "relation-list -r cluster:3").stdout == b"web/1\n"


@pytest.mark.parametrize(("line", "app"), [("-r 7", "db"), ("-r cluster:3", "web")])
def test_relation_list_names_the_other_application(line, app):
    assert command(context(), f"relation-list --app {line}").stdout == f"{app}\n".encode()


# --- the relation argument -------------------------------------------------------------------------------


@pytest.mark.parametrize("spelled", ["-r 7", "-r db:7", "-r=7", "-rdb:7", "--relation 7", "--relation=db:7"])
def test_a_relation_can_be_spelled(spelled):
    assert command(context(), f"relation-list {spelled}").stdout == b"db/0\n"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("-r x", 'invalid value "x" for option -r: invalid relation id'),
        ("-r db:", 'invalid value "db:" for option -r: invalid relation id'),
        ("-r 99", 'invalid value "99" for option -r: relation not found'),
        ("-r clients:7", 'invalid value "clients:7" for option -r: relation not found'),
        ("--relation 99", 'invalid value "99" for option --relation: relation not found'),
        (
            "-r 99999999999999999999999",
            'invalid value "99999999999999999999999" for option -r: relation not found',
        ),
        ("", "no relation id specified"),
    ],
)
def test_a_relation_cannot_be_spelled(line, text):
    for name in ("relation-list", "relation-get", "relation-set", "relation-model-get"):
        assert refused(command(context(), f"{name} {line}")) == (2, text)


def test_the_running_relation_hook_is_the_default():
    assert command(context(CHANGED), "relation-list").stdout == b"db/0\n"


# --- relation-get ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hook", "line", "expected"),
    [
        (CHANGED, "relation-get", {"host": "h0", "note": "two\nlines"}),
        (CHANGED, "relation-get -", {"host": "h0", "note": "two\nlines"}),
        (CHANGED, "relation-get host", "h0"),
        (CHANGED, "relation-get nothing", None),
        (CHANGED, "relation-get --app", {"version": "14"}),
        (CHANGED, "relation-get - db/1", {}),
        (CHANGED, "relation-get --app - db/1", {"version": "14"}),
        (relation_hook(HookKind.RELATION_CHANGED), "relation-get", {"version": "14"}),
        (CONFIG_CHANGED, "relation-get -r 7 version db --app", "14"),
        (CONFIG_CHANGED, "relation-get -r db:7 mine web/0", "1"),
        (CONFIG_CHANGED, "relation-get -r 3 --app - web", {"shared": "x"}),
        (CONFIG_CHANGED, "relation-get -r 3 - web/1", {"peer": "y"}),
        (DEPARTED, "relation-get host db/0", "h0"),
        (BROKEN, "relation-get host db/0", "h0"),
        (BROKEN, "relation-get", {"version": "14"}),
    ],
)
def test_relation_get(hook, line, expected):
    assert printed(command(context(hook), f"{line} --format=json")) == expected


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ("relation-get -r 7", 2, "no unit or application specified"),
        ("relation-get -r 7 --app", 2, "no unit or application specified"),
        ("relation-get -r 7 - db", 2, 'expected unit name, got application name "db"'),
        ("relation-get -r 7 - db/x", 2, 'invalid unit name "db/x"'),
        ("relation-get -r 7 a b c", 2, 'unrecognized args: ["c"]'),
        ("relation-get -r 7 --app - web", 1, "permission denied: web/0 may not read web in db:7"),
        ("relation-get -r 7 - web/1", 1, "permission denied: web/0 may not read web/1 in db:7"),
        ("relation-get -r 7 - other/0", 1, "permission denied: web/0 may not read other/0 in db:7"),
        ("relation-get -r 7 --app - other", 1, "permission denied: web/0 may not read other in db:7"),
        (
            "relation-get -r 7 - db/9",
            1,
            'cannot read settings for unit "db/9" in relation "db:7": unit "db/9": settings not found',
        ),
    ],
)
def test_relation_get_refuses(line, code, text):
    assert refused(command(context(), line)) == (code, text)


def test_the_leader_reads_the_bag_of_its_own_application():
    assert printed(command(context(leads=True), "relation-get -r 7 --app - web --format=json")) == {"ours": "2"}


def test_a_relation_that_vanished_reads_as_empty():
    told = replace(context(DEPARTED), world=world())
    assert printed(command(told, "relation-get --format=json - db/0")) == {}
    assert printed(command(told, "relation-get --format=json --app")) == {}
    assert command(told, "relation-list --app").stdout == b"db\n"
    assert command(told, "relation-set a=1").exit_code == 0


def test_in_container_scope_only_the_neighbour_is_visible():
    related = relation(scope=Scope.CONTAINER, units={DB_0: 5}, bags=BAGS)
    told = context(relations={7: related})
    assert command(told, "relation-get -r 7 host db/0").stdout == b"h0\n"
    assert refused(command(told, "relation-get -r 7 host db/1"))[0] == 1


# --- relation-set ----------------------------------------------------------------------------------------


def test_relation_set_is_read_back_in_the_same_hook():
    told = context(leads=True)
    for line in ("relation-set -r 7 a=1 mine=", "relation-set -r 7 --app b=2", "relation-set -r 7 a=3 c=x=y"):
        told = told.with_effects(command(told, line).effects)
    assert told.effects.bags == {(7, WEB_0): {"a": "3", "mine": None, "c": "x=y"}, (7, "web"): {"b": "2"}}
    assert printed(command(told, "relation-get -r 7 - web/0 --format=json")) == {**ADDRESSES, "a": "3", "c": "x=y"}
    assert printed(command(told, "relation-get -r 7 --app - web --format=json")) == {"ours": "2", "b": "2"}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ('{"a": "1", "b": ""}', {"a": "1", "b": None}),
        ("a: 1\nb: null\nc: ~\nd:\ne: 'null'\n", {"a": "1", "b": None, "c": None, "d": None, "e": "null"}),
        ('{"a": 1.50, "b": true, "c": null}', {"a": "1.50", "b": "true", "c": None}),
        ("a: 2024-01-01\nb: 0x10\nc: yes\n", {"a": "2024-01-01", "b": "0x10", "c": "yes"}),
        ("a: ' padded '\nb: |\n  two\n  lines\n", {"a": " padded ", "b": "two\nlines\n"}),
        ("{a: 1, b: 2}", {"a": "1", "b": "2"}),
        ("ключ: значение\n", {"ключ": "значение"}),
        ("", {}),
        ("--- {}\n", {}),
    ],
)
def test_relation_set_reads_a_document(document, expected):
    effects = command(context(), "relation-set -r 7 --file -", stdin=document).effects
    assert effects.bags == ({(7, WEB_0): expected} if expected else {})


def test_pairs_on_the_command_line_beat_the_file_and_are_trimmed():
    effects = command(context(), "relation-set -r 7 --file f 'a = 9 '", f="a: 1\nb: 2\n").effects
    assert effects.bags == {(7, WEB_0): {"a": "9", "b": "2"}}


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("a: {b: 1}", "its values are not plain text"),
        ("a: [1]", "its values are not plain text"),
        ('{"a": {"b": 1}}', 'the value of "a" is not plain text'),
        ("a: &x 1\nb: *x", "its values are not plain text"),
        ("- a\n- b\n", "it is not a mapping"),
        ("just text", "it is not a mapping"),
        ('{"": "1"}', "it has an empty key"),
        ("a: 'open", "it is neither YAML nor JSON: found unexpected end of stream"),
        ('{"a": "\\ud800"}', "it is not UTF-8"),
        ("[" * 900, "it is not a mapping"),
    ],
)
def test_relation_set_refuses_a_document(document, why):
    answer = command(context(), "relation-set -r 7 --file -", stdin=document)
    assert refused(answer) == (1, f"cannot read stdin: {why}")
    assert answer.effects == Effects()


def test_relation_set_refuses_a_bottomless_document_at_once():
    """Some versions of libyaml have a limit of their own, and say it in their own words."""
    code, text = refused(command(context(), "relation-set -r 7 --file -", stdin="[" * 100_000))
    assert (code, text.startswith("cannot read stdin: it is n")) == (1, True)


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ("relation-set -r 7 a", 2, 'expected "key=value", got "a"'),
        ("relation-set -r 7 =a", 2, 'expected "key=value", got "=a"'),
        ("relation-set -r 7 a=1 a=2", 2, 'key "a" specified more than once'),
        ("relation-set -r 7 --app a=1", 1, "cannot write relation settings: web/0 is not the leader"),
        ("relation-set -r 7 --file f", 1, "cannot read f: its content did not come with the call"),
    ],
)
def test_relation_set_refuses(line, code, text):
    assert refused(command(context(), line)) == (code, text)


def test_relation_set_without_arguments_does_nothing():
    assert command(context(), "relation-set -r 7").effects == Effects()


def test_a_bag_that_grows_too_large_is_refused_at_once():
    half = "x" * (BAG_BYTES_MAX // 2)
    told = context()
    told = told.with_effects(command(told, "relation-set -r 7 --file -", stdin=f"a: {half}").effects)
    answer = command(told, "relation-set -r 7 --file -", stdin=f"b: {half}")
    code, text = refused(answer)
    assert (code, str(BAG_BYTES_MAX) in text) == (1, True)
    assert text.startswith("relation data of web/0 in db:7 would be too large: it would have ")
    assert answer.effects == told.effects


def test_everything_a_hook_writes_must_fit_into_one_transaction():
    told = context(leads=True)
    large = "x" * (BAG_BYTES_MAX - 1_000)
    for line in ("relation-set -r 7", "relation-set -r 7 --app", "relation-set -r 3"):
        answer = command(told, f"{line} --file -", stdin=f"a: {large}")
        told = told.with_effects(answer.effects)
    code, text = refused(answer)
    assert (code, f"the limit is {HOOK_BYTES_MAX}" in text) == (1, True)


def test_the_old_format_flag_is_accepted_with_a_remark():
    answer = command(context(), "relation-set -r 7 --format json a=1")
    assert (answer.exit_code, answer.stdout) == (0, b"")
    assert answer.stderr == b'--format flag deprecated for command "relation-set"\n'


def test_the_model_of_a_relation_is_the_units_own():
    told = context()
    answer = command(told, "relation-model-get -r 7 --format=json")
    assert printed(answer) == {"uuid": told.world.model_uuid}


# --- config-get ------------------------------------------------------------------------------------------

OPTIONS = (
    Option(name="color", type="string", default="red"),
    Option(name="count", type="int"),
    Option(name="rate", type="float", default=0.5),
    Option(name="wide", type="boolean", default=False),
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("config-get", {"color": "blue", "rate": 0.5, "wide": False}),
        ("config-get --all", {"color": "blue", "count": None, "rate": 0.5, "wide": False}),
        ("config-get -a", {"color": "blue", "count": None, "rate": 0.5, "wide": False}),
        ("config-get color", "blue"),
        ("config-get wide", False),
        ("config-get count", None),
        ("config-get unknown", None),
    ],
)
def test_config_get(line, expected):
    told = context(charm=charm(options=OPTIONS), config={"color": "blue", "removed": "x"})
    assert printed(command(told, f"{line} --format=json")) == expected


def test_config_get_refuses_a_key_together_with_all():
    text = 'cannot use argument --all together with key "a"'
    assert refused(command(context(), "config-get --all a")) == (2, text)


# --- leadership ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("leads", "smart", "quoted"), [(True, b"True\n", b"true\n"), (False, b"False\n", b"false\n")]
)
def test_is_leader(leads, smart, quoted):
    told = context(leads=leads)
    assert command(told, "is-leader") == Answer(stdout=smart, effects=Effects())
    assert command(told, "is-leader --format json").stdout == quoted


def test_leader_settings_are_read_back():
    told = context(leads=True, leader_settings={"a": "1", "b": "2"})
    told = told.with_effects(command(told, "leader-set a= c=3").effects)
    assert told.effects.leader_settings == {"a": None, "c": "3"}
    for line in ("leader-get", "leader-get -"):
        assert printed(command(told, f"{line} --format=json")) == {"b": "2", "c": "3"}
    assert command(told, "leader-get c").stdout == b"3\n"
    assert printed(command(told, "leader-get a --format=json")) is None


def test_leader_settings_are_written_by_the_leader_only():
    text = "cannot write leadership settings: cannot write settings: not the leader"
    assert refused(command(context(), "leader-set a=1")) == (1, text)
    assert refused(command(context(), "leader-get a=1")) == (2, 'invalid key "a=1"')


# --- status ----------------------------------------------------------------------------------------------

ACTIVE = UnitStatus(workload=Status("active", "up", CREATED))
SHOWN = {"status": "active", "message": "up", "status-data": {}}


def test_status_get_of_the_unit():
    told = context(status=ACTIVE)
    assert command(told, "status-get").stdout == b"active\n"
    assert printed(command(told, "status-get --format=json")) == {"status": "active"}
    assert printed(command(told, "status-get --include-data --format=json --application=false")) == SHOWN
    assert yaml.safe_load(command(told, "status-get --include-data").stdout) == SHOWN


def test_status_set_is_read_back():
    told = context(status=ACTIVE)
    told = told.with_effects(command(told, "status-set --application=False blocked -- '-no db'").effects)
    assert told.effects.status == Status("blocked", "-no db")
    assert printed(command(told, "status-get --include-data --format=json")) == {
        "status": "blocked",
        "message": "-no db",
        "status-data": {},
    }


def test_status_of_the_application_is_worked_out_from_its_units():
    goals = {unit("web/1"): Goal(status=Status("blocked", "no db")), DB_0: Goal(status=Status("error"))}
    told = context(leads=True, status=ACTIVE, goals=goals)
    blocked = {"status": "blocked", "message": "no db", "status-data": {}}
    assert command(told, "status-get --application").stdout == b"blocked\n"
    assert printed(command(told, "status-get --application=true --include-data --format=json")) == {
        "application-status": {**blocked, "units": {"web/0": SHOWN, "web/1": blocked}}
    }


def test_status_of_the_application_is_what_the_leader_set():
    told = context(leads=True, application_status=Status("waiting", "", CREATED))
    assert command(told, "status-get --application").stdout == b"waiting\n"
    told = told.with_effects(command(told, "status-set --application active fine").effects)
    assert told.effects.application_status == Status("active", "fine")
    assert command(told, "status-get --application").stdout == b"active\n"


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ("status-set", 2, "invalid args, require <status> [message]"),
        (
            "status-set error x",
            2,
            'invalid status "error", expected one of [maintenance blocked waiting active]',
        ),
        ("status-set active a b c", 2, 'unrecognized args: ["b" "c"]'),
        ("status-set --application active", 1, "setting application status: this unit is not the leader"),
        ("status-get --application", 1, "finding application status: this unit is not the leader"),
        ("application-version-set", 2, "no version specified"),
        ("application-version-set 1 2", 2, 'unrecognized args: ["2"]'),
    ],
)
def test_status_commands_refuse(line, code, text):
    assert refused(command(context(), line)) == (code, text)


@pytest.mark.parametrize(("line", "version"), [("-- 1.2", "1.2"), ("''", ""), ("'v 2'", "v 2")])
def test_application_version_set(line, version):
    assert command(context(), f"application-version-set {line}").effects.version == version


# --- network ---------------------------------------------------------------------------------------------


def test_network_get_tells_everything():
    answer = command(context(addresses=("10.0.0.1", "fd00::1", "127.0.0.1")), "network-get db --format=json")
    shown = [{"hostname": "", "value": value, "cidr": ""} for value in ("10.0.0.1", "fd00::1")]
    assert printed(answer) == {
        "bind-addresses": [{"mac-address": "", "interface-name": "", "addresses": shown}],
        "egress-subnets": ["10.0.0.1/32"],
        "ingress-addresses": ["10.0.0.1"],
    }


def test_network_get_tells_interfaces_and_subnets_the_private_one_first():
    eth0 = Interface(
        name="eth0", mac="02:00:00:00:00:01", addresses=(Address(value="10.0.0.1", cidr="10.0.0.0/24"),)
    )
    back = Interface(name="back", addresses=(Address(value="172.16.0.1", cidr="172.16.0.0/16"),))
    seen = context(
        addresses=("172.16.0.1", "10.0.0.1", "203.0.113.7"),
        interfaces=(eth0, back),
        settings={"egress-subnets": "198.51.100.0/24"},
    )
    told = printed(command(seen, "network-get db --format=json"))
    assert [each["interface-name"] for each in told["bind-addresses"]] == ["back", "eth0", ""]
    assert told["bind-addresses"][1]["addresses"] == [{"hostname": "", "value": "10.0.0.1", "cidr": "10.0.0.0/24"}]
    assert told["bind-addresses"][1]["mac-address"] == "02:00:00:00:00:01"
    assert told["bind-addresses"][2]["addresses"][0]["value"] == "203.0.113.7"
    assert told["ingress-addresses"] == ["172.16.0.1"]
    assert told["egress-subnets"] == ["198.51.100.0/24"]


def test_network_get_in_yaml_has_the_old_names_too():
    answer = command(context(), "network-get db --format yaml")
    interface = yaml.safe_load(answer.stdout)["bind-addresses"][0]
    assert (interface["interfacename"], interface["macaddress"]) == ("", "")
    assert interface["addresses"][0]["address"] == "10.0.0.1"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("network-get db --bind-address", "10.0.0.1"),
        ("network-get db --ingress-address -r 7", "10.0.0.1"),
        ("network-get cluster --egress-subnets", ["10.0.0.1/32"]),
        ("network-get --primary-address db", "10.0.0.1"),
        ("network-get juju-info --bind-address", "10.0.0.1"),
        ("network-get public --bind-address", "10.0.0.1"),
        (
            "network-get db --bind-address --egress-subnets",
            {"bind-address": "10.0.0.1", "egress-subnets": ["10.0.0.1/32"]},
        ),
        ("unit-get private-address", "10.0.0.1"),
        ("unit-get public-address", "8.8.8.8"),
    ],
)
def test_addresses(line, expected):
    told = context(
        charm=charm(requires={"db": "sql"}, peers={"cluster": "web-peer"}, extra_bindings=("public",)),
        addresses=("10.0.0.1", "8.8.8.8"),
    )
    assert printed(command(told, f"{line} --format=json")) == expected


def test_a_machine_that_has_only_loopback_uses_it():
    told = context(addresses=("127.0.0.1",))
    assert command(told, "network-get db --bind-address").stdout == b"127.0.0.1\n"


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ("network-get", 2, "no arguments specified"),
        ("network-get ''", 2, "no binding name specified"),
        ("network-get x", 1, 'cannot get network of "x": undefined for unit charm: endpoint "x" not valid'),
        ("network-get db -r 99", 2, 'invalid value "99" for option -r: relation not found'),
        (
            "network-get db --primary-address --bind-address",
            1,
            "--primary-address must be the only flag specified",
        ),
        ("unit-get", 2, "no setting specified"),
        ("unit-get x", 2, 'unknown setting "x"'),
    ],
)
def test_network_commands_refuse(line, code, text):
    assert refused(command(context(), line)) == (code, text)


def test_without_addresses_there_is_no_network():
    told = context(addresses=())
    text = 'no network config found for binding "db": machine 0 has told no address yet'
    assert refused(command(told, "network-get db")) == (1, text)
    assert refused(command(told, "unit-get private-address"))[0] == 1


# --- ports -----------------------------------------------------------------------------------------------


def ports(told: HookContext, *lines: str) -> HookContext:
    for line in lines:
        answer = command(told, line)
        assert answer.exit_code == 0, answer.stderr
        told = told.with_effects(answer.effects)
    return told


def test_ports_are_opened_closed_and_listed():
    told = ports(context(), "open-port 80/TCP", "open-port 443", "open-port 8000-8010/udp", "open-port icmp")
    told = ports(told, "open-port 80", "close-port 443/tcp", "close-port 9999")
    assert command(told, "opened-ports").stdout == b"icmp\n80/tcp\n8000-8010/udp\n"
    assert told.effects.ports == {"": ("80/tcp", "8000-8010/udp", "icmp")}


def test_ports_are_opened_for_endpoints():
    told = ports(
        context(), "open-port 80 --endpoints db,cluster", "open-port 443", "close-port 443 --endpoints db"
    )
    assert command(told, "opened-ports --endpoints").stdout == b"80/tcp (cluster, db)\n443/tcp (cluster)\n"
    told = ports(told, "open-port 80")
    assert printed(command(told, "opened-ports --endpoints --format=json")) == ["80/tcp (*)", "443/tcp (cluster)"]


def test_open_and_close_in_one_hook_cancel_out():
    told = ports(context(status=UnitStatus(ports={"": ("80/tcp",)})), "close-port 80", "open-port 80")
    assert told.effects.ports == {"": ("80/tcp",)}


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("open-port", "no port or range specified"),
        ("open-port x", 'invalid port "x": not a number'),
        ("open-port 1-2-3", 'invalid port range "1-2-3"'),
        ("open-port 9-8", "invalid port range 9-8/tcp"),
        ("open-port 0-70000", "port range bounds must be between 0 and 65535, got 0-70000"),
        ("open-port 80/sctp", 'invalid protocol "sctp", expected "tcp", "udp", or "icmp"'),
        ("close-port 80/icmp", 'protocol "icmp" doesn\'t support any ports; got "80"'),
    ],
)
def test_a_port_cannot_be_spelled(line, text):
    assert refused(command(context(), line)) == (2, text)


@pytest.mark.parametrize(
    ("before", "line", "text"),
    [
        (
            [],
            "open-port 80-90",
            'cannot open 80-90/tcp (unit "web/0"): port range conflicts with 85/tcp (unit "db/0")',
        ),
        ([], "open-port 85", 'cannot open 85/tcp (unit "web/0"): port range conflicts with 85/tcp (unit "db/0")'),
        (
            [],
            "open-port 7000-7001/udp",
            'cannot open 7000-7001/udp (unit "web/0"): port range conflicts with 7000/udp (unit "web/0")',
        ),
        (
            ["open-port 1000-1010"],
            "open-port 1005",
            'cannot open 1005/tcp (unit "web/0"): port range conflicts with 1000-1010/tcp (unit "web/0")'
            " requested earlier",
        ),
        (
            ["open-port 1000-1010"],
            "close-port 1005",
            'cannot close 1005/tcp (unit "web/0"): port range conflicts with 1000-1010/tcp (unit "web/0")'
            " requested earlier",
        ),
        ([], "open-port 80 --endpoints nope", 'cannot change ports: endpoint "nope" not found'),
    ],
)
def test_ports_conflict(before, line, text):
    status = UnitStatus(ports={"": ("7000/udp",)})
    told = context(status=status, machine_ports={DB_0: {"": ("85/tcp", "icmp")}})
    assert refused(command(ports(told, *before), line)) == (1, text)


def test_other_protocols_and_ping_do_not_conflict():
    told = context(machine_ports={DB_0: {"": ("85/tcp", "icmp")}})
    assert ports(told, "open-port 85/udp", "open-port icmp").effects.ports == {"": ("85/udp", "icmp")}


# --- state -----------------------------------------------------------------------------------------------


def test_state_is_read_back():
    told = context(state={"a": "1", "b": "2"})
    for line in ("state-set c=3 d=", "state-delete a", "state-delete missing", "state-delete"):
        told = told.with_effects(command(told, line).effects)
    assert printed(command(told, "state-get --format=json")) == {"b": "2", "c": "3", "d": ""}
    assert command(told, "state-get c").stdout == b"3\n"
    assert printed(command(told, "state-get a --format=json")) == ""
    assert command(told, "state-get a").stdout == b""
    assert refused(command(told, "state-get a --strict")) == (1, '"a" not found')


def test_no_state_is_an_empty_map():
    assert command(context(), "state-get --format=json").stdout == b"{}\n"


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (f"{'k' * 257}: v", "max allowed key length (256) exceeded"),
        (f"k: {'v' * 65_537}", "max allowed value length (65536) exceeded"),
    ],
)
def test_state_has_limits(document, text):
    assert refused(command(context(), "state-set --file -", stdin=document))[1].startswith(text)
    longest = f"{'k' * 256}: {'v' * 65_536}"
    assert command(context(), "state-set --file -", stdin=longest).exit_code == 0


def test_all_of_the_state_has_a_limit():
    told = context(state={str(number): "v" * 65_536 for number in range(15)})
    code, text = refused(command(told, "state-set --file -", stdin=f"x: {'v' * 65_536}"))
    assert (code, f"the limit is {STATE_BYTES_MAX}" in text) == (1, True)


# --- the others ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hook", "line", "expected"),
    [
        (CONFIG_CHANGED, "juju-log hello", [("INFO", "hello")]),
        (CONFIG_CHANGED, "juju-log --log-level warning -- two words", [("WARNING", "two words")]),
        (CONFIG_CHANGED, "juju-log -l ERROR 'a\nb'", [("ERROR", "a\nb")]),
        (CONFIG_CHANGED, "juju-log --debug x", [("DEBUG", "x")]),
        (CHANGED, "juju-log hello", [("INFO", "db:7: hello")]),
        (
            CONFIG_CHANGED,
            "juju-log -l LOUD x",
            [("WARNING", 'unknown log level "LOUD" for juju-log; INFO is used'), ("INFO", "x")],
        ),
    ],
)
def test_juju_log(hook, line, expected):
    answer = command(context(hook), line)
    assert (answer.exit_code, answer.stdout, answer.stderr) == (0, b"", b"")
    assert [(said.level, said.message) for said in answer.logs] == expected
    assert {said.module for said in answer.logs} == {"unit.web/0.juju-log"}


def test_juju_log_needs_a_message():
    assert refused(command(context(), "juju-log -l INFO")) == (2, "no message specified")


@pytest.mark.parametrize(("line", "when"), [("juju-reboot", Reboot.AFTER), ("juju-reboot --now", Reboot.NOW)])
def test_juju_reboot(line, when):
    assert command(context(), line).effects.reboot is when


def test_goal_state():
    since = "2018-09-28T00:59:42.123Z"
    goals = {
        WEB_0: Goal(status=Status("active", "", since)),
        unit("web/1"): Goal(status=Status("waiting"), dying=True),
        DB_0: Goal(status=Status("blocked", "", since)),
        unit("other/0"): Goal(status=Status("active")),
    }
    told = context(goals=goals)
    assert printed(command(told, "goal-state --format=json")) == {
        "units": {
            "web/0": {"status": "active", "since": "2018-09-28 00:59:42Z"},
            "web/1": {"status": "dying"},
        },
        "relations": {
            "db": {
                "db": {"status": "joined"},
                "db/0": {"status": "blocked", "since": "2018-09-28 00:59:42Z"},
            }
        },
    }
    assert yaml.safe_load(command(told, "goal-state").stdout)["units"]["web/1"] == {"status": "dying"}
    text = 'invalid value "smart" for option --format: unknown format "smart"'
    assert refused(command(told, "goal-state --format smart")) == (2, text)


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ("resource-get", 2, "missing required resource name"),
        ("resource-get x", 1, 'could not download resource: charm "web" declares no resource "x"'),
        ("credential-get", 1, "cannot access cloud credentials: permission denied"),
        ("action-get", 1, "not running an action"),
        ("action-set a=b", 1, "not running an action"),
        ("action-fail why", 1, "not running an action"),
        ("action-log hi", 1, "not running an action"),
        ("action-log", 2, "no message specified"),
        ("action-get a b", 2, 'unrecognized args: ["b"]'),
        ("payload-register a b c", 1, "unknown command: payload-register"),
    ],
)
def test_what_is_not_there_is_refused(line, code, text):
    assert refused(command(context(), line)) == (code, text)


def test_nothing_is_installed_that_libraries_take_as_a_promise():
    legacy = ("payload-", "k8s-", "pod-spec-", "add-metric")
    assert [name for name in COMMANDS if name.startswith(legacy)] == []


def test_outside_of_any_hook_relations_must_be_named():
    told = context(None)
    assert refused(command(told, "relation-list")) == (2, "no relation id specified")
    assert refused(command(told, "relation-ids")) == (2, "no endpoint name specified")
    assert printed(command(told, "relation-list -r 7 --format=json")) == ["db/0"]


def test_a_dying_unit_does_not_list_relations_that_only_wait_for_their_end():
    told = context(entity=Unit(name=WEB_0, created="", life=Life.DYING))
    told = replace(told, memory=memory(relations={7: entered(), 3: entered("cluster")}))
    assert printed(command(told, "relation-ids db --format=json")) == []
    assert printed(command(told, "relation-ids cluster --format=json")) == ["cluster:3"]
