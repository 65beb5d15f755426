"""The same charms under the released `ops` and under ours: what they ask, say and leave behind is the same.

Compared for each run: the hook commands that were called, in order, with arguments and input; the lines of the
controller's log; the exit status; what each line of the handlers gave or raised; stored state and deferred
notices.  Hypothesis makes up the charms, the hooks and the answers.

By default these are the same cases each time, so that a failure tells of a change.  To look for what they miss:
OPS_DIFFERENTIAL_S=60 lets each test search that long, from a seed that it draws and prints, and
OPS_DIFFERENTIAL_SEED=… begins with another seed, or repeats such a search.
"""

from __future__ import annotations

import itertools
import json
import os
import pickle
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import differ_sides
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

REPOSITORY = Path(__file__).parents[2]
HELPERS = REPOSITORY / "tests" / "unit" / "ops"
if str(HELPERS) not in sys.path:
    sys.path.append(str(HELPERS))

import ops_stage  # noqa: E402

RUNNER = Path(__file__).with_name("differ_runner.py")

#: How long each of the tests searches for a difference; None: it tries a fixed number of cases.
SEARCH_S = differ_sides.SEARCH_S or None
SEED = differ_sides.SEED
#: Cases come in batches: each has a seed of its own, and the clock is looked at in between.
BATCH = 10
BATCHES = 6

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="runs of charms are forks"),
    pytest.mark.xdist_group("ops-differential"),
]


class Library:
    """A process that runs charms with one of the two libraries."""

    def __init__(self, path: str, root: Path) -> None:
        self.path = path
        self.root = root
        self.numbers = itertools.count()
        environment = {"PYTHONPATH": path, "PATH": os.environ["PATH"], "PYTHONHASHSEED": "0"}
        self.process = subprocess.Popen(
            [sys.executable, "-S", str(RUNNER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def start(self, case: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        directory = str(self.root / str(next(self.numbers)))
        self.process.stdin.write(json.dumps({**case, "directory": directory}) + "\n")
        self.process.stdin.flush()

    def result(self) -> list[dict[str, Any]]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the process that runs the charms has ended; its words are above"
        return json.loads(line)

    def close(self) -> None:
        self.process.communicate()


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Library, Library]]:
    paths = dict(zip(("theirs", "ours"), differ_sides.paths(), strict=True))
    both = [Library(path, tmp_path_factory.mktemp(name)) for name, path in paths.items()]
    yield both[0], both[1]
    for each in both:
        each.close()


# --- comparing -------------------------------------------------------------------------------------------

#: What ours does otherwise on purpose: (part of the result, how an entry of it looks, what is compared instead,
#: why).  None instead means that such entries are left out.
DELIBERATE: list[tuple[str, str, str | None, str]] = [
    ("log", r'"(Using local storage|Initializing SQLite local storage)', None, "a line costs a process"),
    ("log", r"could not cast .* to IPv4/v6 address", None, "the address is given as it is"),
    ("log", r"(?<=Skipping notice).*(?=\")", "", "words for people"),
    ("log", r"(?<=Ignoring opened-ports port range: )[^\"]*", "", "words for people"),
    (
        "log",
        r'(\\"\w+\\" is not supported when using Juju for storage|Cannot use controller storage)[^"]*',
        "skipped",
        "words for people",
    ),
    (
        "seen",
        r"""("!?self.unit.reboot\((?:now=True)?\)"|"raised"), "ops\.(hookcmds\._utils\.|model\.Model)Error""",
        r"\1, an error",
        "a reboot that is refused is a ModelError, and told to the watch",
    ),
    ("log", r"ops\.hookcmds\._utils\.Error|ops\.model\.ModelError", "an error", "the same, in the crash's lines"),
    ("log", r"authz_fail:juju-reboot", None, "the same"),
    ("log", r"sys_crash:(Model)?Error", "sys_crash", "the same"),
    ("log", r" \(\d+ of \d+ in queue\)", "", "words for people"),
    ("log", r"<(\w+Event) .*via ([^>]*)>", r"<\1 via \2>", "events show what they are about in another way"),
    ("log", r'(?<="description\\": ).*(?=\")', "", "words for people"),
]


def comparable(result: dict[str, Any]) -> dict[str, Any]:
    """Leave out of a result what differs on purpose."""
    return {part: _comparable(part, found) if isinstance(found, list) else found for part, found in result.items()}


def _comparable(part: str, entries: list[Any]) -> list[str]:
    texts = [json.dumps(entry, ensure_ascii=False) for entry in entries]
    for where, form, instead, _ in DELIBERATE:
        if where == part and instead is None:
            texts = [text for text in texts if not re.search(form, text)]
        elif where == part:
            texts = [re.sub(form, str(instead), text) for text in texts]
    return texts


def play(libraries: tuple[Library, Library], case: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """Carry out a case with both libraries at the same time; return their results, one for each run."""
    runs = [{**shown(*run), "tools": TOOLS, "bags": BAGS} for run in case["runs"]]
    for each in libraries:
        each.start({**case, "files": FILES, "runs": runs})
    return [each.result() for each in libraries]


def shown(path: str, leads: bool, failing: dict[str, Any]) -> dict[str, Any]:
    """Return what one run sees."""
    hook = path.partition("hooks/")[2]
    environment = {**IDENTITY, "JUJU_DISPATCH_PATH": path, "JUJU_HOOK_NAME": hook, **HOOKS[path]}
    return {"environment": environment, "answers": {**ANSWERS, "is-leader": leads}, "failing": failing}


#: Where one of these fails, theirs behaves as if there were no (or fewer) relations or storages from then on; ours
#: asks again.  Compared is what happens until then.
LISTING = {"relation-ids", "relation-list", "storage-list"}


def until_an_error(seen: list[list[Any]]) -> list[list[Any]]:
    """Return what lines of handlers gave, up to the first that raised something."""
    failed = (number for number, (*_, gave) in enumerate(seen) if isinstance(gave, str) and gave.endswith("Error"))
    return seen[: next(failed, len(seen)) + 1]


def check_same(libraries: tuple[Library, Library], case: dict[str, Any]) -> None:
    theirs, ours = play(libraries, case)
    for number, (expected, found) in enumerate(zip(theirs, ours, strict=True)):
        if LISTING & {*case["runs"][number][2]}:
            assert until_an_error(found["seen"]) == until_an_error(expected["seen"]), f"run {number} (seed {SEED})"
            return
        for part in ("seen", "calls", "log", "status", "kept", "known"):
            assert comparable(found)[part] == comparable(expected)[part], (
                f"{part} of run {number} differ (seed {SEED})"
            )


# --- what cases are made of ------------------------------------------------------------------------------

METADATA = {
    "name": "sample",
    "requires": {"db": {"interface": "sql"}, "cache": {"interface": "redis"}},
    "peers": {"cluster": {"interface": "cluster"}},
    "storage": {"disk": {"type": "filesystem", "multiple": {"range": "0-"}}},
    "resources": {"blob": {"type": "file", "filename": "blob.bin"}},
}
OPTIONS = {
    name: {"type": kind}
    for name, kind in {"text": "string", "count": "int", "yes": "boolean", "key": "secret"}.items()
}
FILES = {
    "metadata.yaml": METADATA,
    "actions.yaml": {"backup": {"params": {"to": {"type": "string"}}}},
    "config.yaml": {"options": OPTIONS},
}
IDENTITY = {
    "JUJU_UNIT_NAME": "sample/0",
    "JUJU_MODEL_NAME": "here",
    "JUJU_MODEL_UUID": "11111111-2222-4333-8444-555555555555",
    "JUJU_VERSION": "3.6.4",
}
DB_1 = {"JUJU_RELATION": "db", "JUJU_RELATION_ID": "db:1", "JUJU_REMOTE_APP": "sql"}
SECRET = {"JUJU_SECRET_ID": "secret:d0erdbsa7l7c77c2q5t0", "JUJU_SECRET_LABEL": "mine"}

#: Variables by dispatch path.
HOOKS: dict[str, dict[str, str]] = {
    **{f"hooks/{name}": {} for name in ("install", "start", "config-changed", "update-status", "upgrade-charm")},
    **{f"hooks/{name}": {} for name in ("leader-elected", "stop", "remove", "collect-metrics", "never-heard-of")},
    "hooks/db-relation-created": DB_1,
    "hooks/db-relation-joined": {**DB_1, "JUJU_REMOTE_UNIT": "sql/0"},
    "hooks/db-relation-changed": {**DB_1, "JUJU_REMOTE_UNIT": "sql/0"},
    "hooks/db-relation-departed": {**DB_1, "JUJU_REMOTE_UNIT": "sql/0", "JUJU_DEPARTING_UNIT": "sql/0"},
    "hooks/db-relation-broken": DB_1,
    "hooks/secret-changed": SECRET,
    "hooks/secret-rotate": SECRET,
    "hooks/secret-remove": {**SECRET, "JUJU_SECRET_REVISION": "3"},
    "hooks/secret-expired": {**SECRET, "JUJU_SECRET_REVISION": "3"},
    "hooks/disk-storage-attached": {"JUJU_STORAGE_ID": "disk/1"},
    "hooks/disk-storage-detaching": {"JUJU_STORAGE_ID": "disk/1"},
    "actions/backup": {"JUJU_ACTION_NAME": "backup", "JUJU_ACTION_UUID": "7"},
}
EVENTS = [path.partition("/")[2].replace("-", "_") for path in HOOKS if path.startswith("hooks/")]
EVENTS = [event for event in EVENTS if event != "never_heard_of"]
EVENTS += ["backup_action", "custom", "collect_unit_status", "collect_app_status"]

TOOLS = [
    "action-fail",
    "action-get",
    "action-log",
    "action-set",
    "application-version-set",
    "close-port",
    "config-get",
    "goal-state",
    "is-leader",
    "juju-log",
    "juju-reboot",
    "network-get",
    "open-port",
    "opened-ports",
    "relation-get",
    "relation-ids",
    "relation-list",
    "relation-model-get",
    "relation-set",
    "resource-get",
    "secret-add",
    "secret-get",
    "secret-grant",
    "secret-info-get",
    "secret-remove",
    "secret-revoke",
    "secret-set",
    "state-delete",
    "state-get",
    "state-set",
    "status-get",
    "status-set",
    "storage-add",
    "storage-get",
    "storage-list",
]
ANSWERS = {
    "is-leader": True,
    "config-get": {"text": "ä\n", "count": 3, "yes": False, "key": "secret:d0erdbsa7l7c77c2q5t0"},
    "relation-ids db": ["db:1"],
    "relation-ids cache": ["cache:2", "cache:3"],
    "relation-ids cluster": ["cluster:4"],
    "relation-list --format=json --app -r cache:2": '"redis"',
    "relation-list --format=json --app -r cache:3": '"redis2"',
    "relation-list --format=json --app -r cluster": '"sample"',
    "relation-list --format=json --app": '"sql"',
    "relation-list --format=json -r db": ["sql/0", "sql/1"],
    "relation-list --format=json -r cluster": ["sample/1"],
    "relation-list": [],
    "relation-model-get": {"uuid": "11111111-2222-4333-8444-666666666666"},
    "status-get --include-data --format=json --application=true": {
        "application-status": {"status": "active", "message": "ok", "status-data": {}, "units": {}}
    },
    "status-get": {"status": "blocked", "message": "why", "status-data": {}},
    "opened-ports": ["80/tcp", "100-200/udp", "icmp"],
    "goal-state": {
        "units": {
            "sample/0": {"status": "active", "since": "2026-01-02 03:04:05Z"},
            "sample/1": {"status": "dying", "since": "2026-01-02 03:04:05Z"},
        },
        "relations": {},
    },
    "storage-list": ["disk/1", "disk/2"],
    "storage-get": {"kind": "filesystem", "location": "/mnt/disk"},
    "resource-get": "/resources/blob.bin",
    "action-get": {"to": "there", "deep": {"er": 1}},
    "secret-add": "secret:d0erdbsa7l7c77c2q5t1\n",
    "secret-get": {"password": "p1\n", "user": "u"},
    "secret-info-get": {
        "d0erdbsa7l7c77c2q5t0": {
            "revision": 4,
            "label": "mine",
            "owner": "application",
            "rotation": "never",
            "description": "words",
            "expiry": "2030-01-02T03:04:05Z",
        }
    },
    "network-get": {
        "bind-addresses": [{"interface-name": "eth0", "addresses": [{"value": "10.0.0.1", "cidr": "10.0.0.0/8"}]}],
        "ingress-addresses": ["10.0.0.2", "name.example"],
        "egress-subnets": ["10.0.0.2/32"],
    },
}
BAGS = {
    "sql/0": {"host": "h0", "number": "1", "list": "[1]"},
    "sql/1": {},
    "sql": {"version": "14"},
    "sample/0": {"mine": "1", "old": "x"},
    "sample": {"ours": "yes"},
    "sample/1": {"peer": "p"},
}
FAILURES = [
    (1, "ERROR permission denied\n"),
    (2, "ERROR relation not found\n"),
    (1, 'ERROR secret "x" not found\n'),
    (1, "ERROR something else\n"),
]
FAILING = sorted({*TOOLS} - {"is-leader", "juju-log", "state-get", "state-set", "state-delete"})

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
names = st.sampled_from(["a", "b", "mine", "host", "key-1", "x.y"])
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | texts
    | st.binary(max_size=4)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | st.integers(), inner, max_size=3),
    max_leaves=6,
) | st.sets(st.integers() | texts, max_size=3)
odd_values = st.sampled_from(["object()", "(1, 2)", "frozenset({1})", "[object()]", "ops", "self.stored"])


def literal(value: Any) -> str:
    """Write a value as Python does, in the same words in every process."""
    return f"{{{', '.join(sorted(map(repr, value)))}}}" if isinstance(value, set) and value else repr(value)


literals = values.map(literal) | odd_values
statuses = st.builds(
    "ops.{}Status({!r})".format, st.sampled_from(["Active", "Blocked", "Maintenance", "Waiting"]), texts
) | st.sampled_from(["ops.UnknownStatus()", "ops.ActiveStatus()", "ops.ErrorStatus('x')", "'active'"])


def lines(*forms: str, **parts: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    """Return a strategy for lines of Python: one of *forms*, with parts put in by name."""
    return st.tuples(st.sampled_from(forms), st.fixed_dictionaries(parts)).map(
        lambda drawn: re.sub(r"<(\w+)>", lambda found: str(drawn[1][found[1]]), drawn[0])
    )


stored_lines = lines(
    "self.stored.<name> = <value>",
    "self.stored.<name>",
    "self.stored.set_default(<name>=<value>)",
    "self.stored.<name> == <value>",
    "len(self.stored.<name>)",
    "self.stored.<name>.append(<value>)",
    "self.stored.<name>.add(<value>)",
    "self.stored.<name>.discard(<value>)",
    "self.stored.<name> |= {1, 'x'}",
    "self.stored.<name> += [1]",
    "self.stored.<name>[<value>] = <other>",
    "self.stored.<name>[0]",
    "self.stored.<name>[0] += 1",
    "del self.stored.<name>[0]",
    "self.stored.<name>.update({'k': <value>})",
    "self.stored.<name>.get('k')",
    "sorted(self.stored.<name>)",
    "list(self.stored.<name>) if not isinstance(self.stored.<name>, ops.StoredSet) else None",
    "repr(self.stored.<name>)",
    name=st.sampled_from(["one", "two"]),
    value=literals,
    other=literals,
)

bags = st.sampled_from(
    [
        "self.unit",
        "self.app",
        "self.model.get_unit('sql/0')",
        "self.model.get_app('sql')",
        "'sql'",
        "self.model.get_unit('sample/1')",
        "self.model.get_unit('other/0')",
    ]
)
relations = st.sampled_from(
    [
        "self.model.get_relation('db')",
        "(gone := self.model.get_relation('db', 9))",
        "self.model.relations['cache'][1]",
        "self.model.get_relation('cluster')",
        "self.model.relations['db'][0]",
        "event.relation",
    ]
)
relation_lines = lines(
    "<rel>.data[<bag>][<key>] = <text>",
    "<rel>.data[<bag>][<key>] = <value>",
    "<rel>.data[<bag>][<key>]",
    "<rel>.data[<bag>].get(<key>)",
    "dict(<rel>.data[<bag>])",
    "<rel>.data[<bag>].update({'a': '1', <key>: <text>})",
    "<rel>.data[<bag>].pop(<key>)",
    "<rel>.data[<bag>].setdefault(<key>, <text>)",
    "del <rel>.data[<bag>][<key>]",
    "<rel>.data[<bag>].clear()",
    "<key> in <rel>.data[<bag>]",
    "repr(<rel>.data[<bag>])",
    "<bag> in <rel>.data",
    "len(<rel>.data)",
    "(<rel>.id, <rel>.name, <rel>.app, <rel>.active, sorted(unit.name for unit in <rel>.units))",
    "<rel>.remote_model",
    "self.model.get_relation('cache')",
    "self.model.get_relation('nowhere')",
    "[len(self.model.relations[name]) for name in self.model.relations]",
    "<rel>.save(dataclasses.make_dataclass('D', [('a', int), ('b', str)])(1, <text>), <bag>)",
    "<rel>.load(dict, <bag>)",
    rel=relations,
    bag=bags,
    key=names.map(repr),
    text=texts.map(repr),
    value=literals,
)

secrets = st.sampled_from(
    [
        "self.model.get_secret(id='secret:d0erdbsa7l7c77c2q5t0')",
        "self.model.get_secret(label='mine')",
        "event.secret",
        "self.model.get_secret(id='d0erdbsa7l7c77c2q5t0', label='new')",
    ]
)
contents = st.dictionaries(st.sampled_from(["password", "user-1", "ab", "Bad"]), texts, max_size=2)
secret_lines = lines(
    "self.unit.add_secret(<content>)",
    "self.app.add_secret(<content>, label=<text>, description='d', rotate=ops.SecretRotate.DAILY).id",
    "self.unit.add_secret(<content>, expire=datetime.datetime(2030, 1, 2, tzinfo=datetime.timezone.utc)).label",
    "<secret>.get_content()",
    "<secret>.get_content(refresh=True)",
    "<secret>.peek_content()",
    "<secret>.get_info().revision",
    "<secret>.get_info().expires",
    "(<secret>.id, <secret>.unique_identifier, <secret>.label)",
    "<secret>.set_content(<content>)",
    "<secret>.set_info(label=<text>)",
    "<secret>.set_info(description=<text>, rotate=ops.SecretRotate.NEVER)",
    "<secret>.set_info()",
    "<secret>.grant(self.model.get_relation('db'))",
    "<secret>.grant(self.model.get_relation('db'), unit=self.model.get_unit('sql/0'))",
    "<secret>.revoke(self.model.get_relation('db'))",
    "<secret>.remove_revision(2)",
    "<secret>.remove_all_revisions()",
    "event.remove_revision()",
    "event.revision",
    "self.model.get_secret()",
    secret=secrets,
    content=contents.map(repr),
    text=texts.map(repr),
)

model_lines = lines(
    "<who>.status = <status>",
    "(<who>.status.name, <who>.status.message)",
    "<who>.status",
    "<status> == ops.ActiveStatus('')",
    "self.unit.is_leader()",
    "self.app.planned_units()",
    "dict(self.config)",
    "self.config.get(<text>)",
    "self.config['count'] + 1",
    "self.unit.set_workload_version(<text>)",
    "self.unit.set_workload_version(3)",
    "self.unit.open_port('tcp', 81)",
    "self.unit.close_port('icmp')",
    "self.unit.open_port('sctp', 1)",
    "self.unit.set_ports(80, ops.Port('icmp', None))",
    "sorted(map(str, self.unit.opened_ports()))",
    "self.model.resources.fetch('blob')",
    "self.model.resources.fetch('nothing')",
    "[(each.index, each.full_id) for each in self.model.storages['disk']]",
    "str(self.model.storages['disk'][0].location)",
    "self.model.storages.request('disk', 2)",
    "self.model.storages.request('nothing')",
    "self.model.storages.request('disk', 'x')",
    "str(self.model.get_binding('db').network.bind_address)",
    "str(self.model.get_binding('db').network.ingress_address)",
    "[str(each) for each in self.model.get_binding(self.model.get_relation('db')).network.egress_subnets]",
    "(self.model.name, self.model.uuid, self.unit.name, self.app.name, str(self.model.juju_version))",
    "log.<level>(<text>)",
    "log.<level>('%s and %s', 1, <text>)",
    "(self.meta.name, sorted(self.meta.relations), str(self.charm_dir.is_dir()))",
    "sorted(self.on.events())",
    "self.unit.containers",
    "self.unit.get_container('x')",
    "self.unit.reboot()",
    "self.model.get_unit('other/1').status",
    "self.model.get_unit('other/1').is_leader()",
    who=st.sampled_from(
        ["self.unit", "self.app", "self.model.get_unit('other/1')", "self.model.get_app('other')"]
    ),
    status=statuses,
    text=texts.map(repr),
    level=st.sampled_from(["debug", "info", "warning", "error", "critical"]),
)

event_lines = lines(
    "event.defer()",
    "self.on.custom.emit(<value>)",
    "event.value",
    "event.add_status(<status>)",
    "event.params",
    "event.id",
    "event.set_results({<key>: <text>, 'nested': {'x': 1, <key>: True}})",
    "event.log(<text>)",
    "event.fail(<text>)",
    "(event.relation, event.app, event.unit)",
    "event.departing_unit",
    "(event.storage.name, event.storage.index, str(event.storage.location))",
    "str(event.handle)",
    "!raise RuntimeError(<text>)",
    "!raise ops.ModelError(<text>)",
    "!sys.exit(3)",
    "!self.unit.reboot(now=True)",
    value=literals,
    status=statuses,
    key=names.map(repr),
    text=texts.map(repr),
)

METHODS = ["first", "second", "third"]

failures = st.just({}) | st.dictionaries(st.sampled_from(FAILING), st.sampled_from(FAILURES), max_size=1)


@st.composite
def cases(draw: st.DrawFn, *kinds: st.SearchStrategy[str], controller_storage: bool = False) -> dict[str, Any]:
    """Return a strategy for a charm with lines of these kinds (and some of all), and up to four runs of it."""
    line = st.one_of(*kinds, *kinds, event_lines, model_lines, st.just("event.defer()"))
    handlers = {name: draw(st.lists(line, max_size=4)) for name in METHODS}
    handlers["__init__"] = draw(st.lists(st.one_of(*kinds, model_lines), max_size=1))
    paths = draw(st.lists(st.sampled_from(list(HOOKS)), min_size=1, max_size=4))
    about = {path.partition("/")[2].replace("-", "_") + "_action" * path.startswith("actions/") for path in paths}
    # Mostly what happens is observed, or else little would.
    events = st.sampled_from(sorted(about & {*EVENTS}) or EVENTS) | st.sampled_from(EVENTS)
    observed = draw(st.lists(st.tuples(events, st.sampled_from(METHODS)), min_size=1, max_size=6))
    return {
        "handlers": handlers,
        "observed": observed,
        "use_juju_for_storage": True if controller_storage else draw(st.sampled_from([None, None, False])),
        "runs": [(path, draw(st.booleans()), draw(failures)) for path in paths],
    }


# --- the comparisons -------------------------------------------------------------------------------------


def search(libraries: tuple[Library, Library], strategy: st.SearchStrategy[dict[str, Any]]) -> None:
    """Compare cases until there were enough, or a difference is found and made small."""
    end_s = time.monotonic() + (SEARCH_S or 0)
    for batch in itertools.count():
        if time.monotonic() > end_s if SEARCH_S else batch == BATCHES:
            print(f"no difference in {batch * BATCH} cases")
            return

        @seed(SEED + batch)
        @settings(max_examples=BATCH, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=strategy)
        def compare(case: dict[str, Any]) -> None:
            check_same(libraries, case)

        compare()


def test_stored_state_is_the_same(libraries):
    search(libraries, cases(stored_lines))


def test_relations_are_the_same(libraries):
    search(libraries, cases(relation_lines))


def test_secrets_are_the_same(libraries):
    search(libraries, cases(secret_lines))


def test_events_statuses_storage_and_actions_are_the_same(libraries):
    search(libraries, cases(model_lines, event_lines))


def test_state_that_the_controller_keeps_is_the_same(libraries):
    search(libraries, cases(stored_lines, event_lines, controller_storage=True))


# --- whole processes -------------------------------------------------------------------------------------

CHARM = """
import logging, sys
import ops

class Charm(ops.CharmBase):
    stored = ops.StoredState()

    def __init__(self, framework):
        super().__init__(framework)
        self.stored.set_default(seen=[])
        for name in ("install", "config_changed", "db_relation_changed", "backup_action", "stop"):
            framework.observe(getattr(self.on, name), self._any)

    def _any(self, event):
        self.stored.seen.append(event.handle.kind)
        logging.getLogger("charm").warning("seen %s", list(self.stored.seen))
        if isinstance(event, ops.InstallEvent):
            event.defer()
        if isinstance(event, ops.RelationChangedEvent):
            event.relation.data[self.unit]["seen"] = event.relation.data[event.unit]["host"] + "\\n"
        if isinstance(event, ops.ActionEvent):
            event.set_results({"deep": {"er": 1}})
            raise ValueError("no backup")
        if isinstance(event, ops.StopEvent):
            sys.exit(7)
        self.unit.status = ops.ActiveStatus("-" + event.handle.kind)

ops.main(Charm)
"""


def test_processes_call_the_same_commands_and_end_in_the_same_way(libraries, tmp_path):
    told = []
    for library in libraries:
        program = ops_stage.Program(tmp_path / str(len(told)))
        program.write_charm(CHARM)
        program.answer("relation-ids db --format=json", ["db:1"])
        program.answer("relation-list --format=json -r db:1", ["sql/0"])
        program.answer("relation-get --format=json -r db:1 - sql/0", {"host": "h0"})
        program.answer("relation-get --format=json -r db:1 - sample/0", {})
        program.answer("action-get --format=json", {})
        runs = []
        for path, more in [
            ("hooks/install", {}),
            ("hooks/db-relation-changed", HOOKS["hooks/db-relation-changed"]),
            ("actions/backup", HOOKS["actions/backup"]),
            ("hooks/stop", {}),
            ("hooks/config-changed", {}),
        ]:
            ended = program.run(path, PYTHONPATH=library.path, **more)
            seen = ended.returncode, ended.stdout, ended.stderr, program.calls
            runs.append([*seen, [line for line in program.log if "seen" in line]])
        told.append([runs, kept(program.charm_dir)])
    theirs, ours = told
    assert ours == theirs


def kept(charm_dir: Path) -> Any:
    database = sqlite3.connect(charm_dir / ".unit-state.db")
    try:
        snapshots = database.execute("SELECT handle, data FROM snapshot ORDER BY handle").fetchall()
        notices = database.execute("SELECT * FROM notice").fetchall()
    finally:
        database.close()
    return [(name, pickle.loads(data)) for name, data in snapshots], notices
