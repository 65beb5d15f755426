"""Suites of charms drive this command line with `jubilant`: a public library, as it is, from the package index.

It is installed into a directory of its own and runs in a process of its own, never in the environment of the
project.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from system import CHARMS, ROOT, WAIT_S, System, running, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("jubilant")]

REQUIREMENT = "jubilant>=1.14,<2"
INSTALL_S_MAX = 120.0

#: How every script begins.  What it saw is printed at its end, as JSON.
PRELUDE = """
import getpass, json, os, sys
from pathlib import Path
import jubilant

binary, charms, record = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
juju = jubilant.Juju(cli_binary=binary, wait_timeout=120)
seen = {}


def error_of(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return "none"


def refused(call):
    try:
        call()
    except jubilant.CLIError as error:
        return error.stderr
    return "none"
"""

#: The life of a model.
STORY = """
juju.add_model("suite", config={"update-status-hook-interval": "60m"})
assert juju.model == "suite", juju.model
juju.deploy(f"{charms}/actor", "actor", num_units=2, config={"color": "blue"})
juju.deploy(f"{charms}/actor-ops", "lib")
status = juju.wait(lambda status: jubilant.all_active(status) and jubilant.all_agents_idle(status),
                   error=jubilant.any_error, delay=0.1)
seen["units"] = sorted(status.apps["actor"].units)
seen["leaders"] = sum(unit.leader for unit in status.apps["actor"].units.values())
seen["message"] = status.apps["lib"].units["lib/0"].workload_status.message
seen["model"] = juju.show_model().short_name

seen["color"] = juju.config("actor")["color"]
juju.config("actor", {"color": "green"})
seen["color-now"] = juju.config("actor")["color"]

task = juju.run("actor/leader", "echo", {"n": 5, "deep": {"text": "hi"}})
seen["run"] = [task.status, task.return_code, task.stdout, task.results["n"], task.results["deep"], task.log]
seen["sum"] = juju.run("lib/0", "sum", {"numbers": [1, 2]}).results["sum"]

seen["errors"] = {
    "polite": error_of(lambda: juju.run("actor/0", "polite")),
    "crash": error_of(lambda: juju.run("actor/0", "crash")),
    "unknown action": error_of(lambda: juju.run("actor/0", "nothing")),
    "unknown unit": error_of(lambda: juju.run("actor/9", "echo")),
    "takes too long": error_of(lambda: juju.run("actor/1", "long", wait=0.3)),
    "exec fails": error_of(lambda: juju.exec("exit 4", unit="actor/0")),
    "exec takes too long": error_of(lambda: juju.exec("sleep 60", unit="actor/0", wait=0.3)),
    "unknown model": error_of(lambda: jubilant.Juju(cli_binary=binary, model="nowhere").status()),
    "already there": error_of(lambda: juju.add_model("suite")),
}
# The one that took too long goes on, and hooks of the machine would wait for it.
(operation,) = json.loads(juju.cli("operations", "--status", "running", "--format", "json"))
(number,) = json.loads(juju.cli("show-operation", operation, "--format", "json"))["tasks"]
juju.cli("cancel-task", number)
seen["cancelled"] = json.loads(juju.cli("show-task", number, "--watch", "--format", "json"))["status"]
done = juju.exec("config-get", "color", unit="actor/0")
seen["exec"] = [done.status, done.return_code, done.stdout]
seen["on a machine"] = juju.exec("echo", "here", machine=status.apps["actor"].units["actor/0"].machine).stdout
juju.exec("juju-log 'my line'", unit="lib/0")
seen["log"] = "my line" in juju.debug_log()
seen["settings"] = juju.model_config()["update-status-hook-interval"]

juju.add_unit("lib")
juju.wait(lambda status: len(status.apps["lib"].units) == 2 and jubilant.all_active(status, "lib"), delay=0.1)
juju.remove_unit("lib/1")
juju.wait(lambda status: len(status.apps["lib"].units) == 1, delay=0.1)
juju.remove_application("lib")
juju.wait(lambda status: "lib" not in status.apps, delay=0.1)
juju.destroy_model("suite", force=True, no_wait=True)
print(json.dumps(seen))
"""


#: Secrets, relations and storage: what a suite asks for, and the objects that it gets.
RELATING = """
def settled(*apps):
    return lambda status: jubilant.all_active(status, *apps) and jubilant.all_agents_idle(status)


def revisions(name):
    return [each.revision for each in juju.show_secret(name, revisions=True).revisions]


juju.add_model("related")
uri = juju.add_secret("token", {"token": "first"}, info="for tests")
seen["uri"] = [uri.startswith("secret:"), len(uri.unique_identifier)]
juju.deploy(charms / "keeper", "keeper", config={"record": record, "password": "correct horse"})
juju.deploy(charms / "reader-ops", "reader", num_units=2, trust=True, base="ubuntu@24.04", channel="edge",
            bind={"take": "alpha"}, constraints={"mem": "1G"}, config={"record": record})
juju.deploy(charms / "shelf", "shelf", storage={"data": "2"}, to="0")
juju.grant_secret("token", ["reader", "keeper"])
juju.config("reader", {"user-secret": uri})
juju.integrate("keeper", "reader:take")
status = juju.wait(
    lambda status: settled("keeper", "reader", "shelf")(status) and status.apps["reader"].relations, delay=0.1,
    error=jubilant.any_error,
)
reader = status.apps["reader"]
seen["relations"] = [(each.related_app, each.interface, each.scope) for each in reader.relations["take"]]
seen["app"] = [reader.charm, reader.charm_name, reader.charm_rev, reader.exposed, reader.base.name]
seen["unit"] = [reader.units["reader/0"].machine, bool(reader.units["reader/0"].public_address)]
seen["version"] = status.model.version in str(juju.version())
seen["machine"] = status.machines["0"].juju_status.current
data = {name for name, each in status.storage.storage.items() if "shelf/0" in each.attachments.units}
seen["storage"] = sorted(name.partition("/")[0] for name in data)
seen["config"] = [type(juju.config("reader")["user-secret"]).__name__, juju.config("reader", app_config=True)]

unit = juju.show_unit("reader/0")
(relation,) = unit.relation_info
seen["show_unit"] = [unit.life, unit.charm, relation.endpoint, relation.related_endpoint, relation.cross_model]
seen["bags"] = [relation.app_data["secret"].startswith("secret:"), "ingress-address" in relation.local_unit.data,
                sorted(relation.related_units), relation.related_units["keeper/0"].in_scope]

juju.update_secret(uri, {"token": "second one"}, info="changed", name="key")
told = juju.show_secret("key")
seen["secret"] = [told.uri == uri, told.revision, told.owner, told.name, told.description]
seen["access"] = sorted(each.target for each in told.access)
shown = juju.show_secret(uri, reveal=True)
seen["revealed"] = [shown.content, len(shown.checksum), juju.show_secret(uri, reveal=True, revision=1).content]
seen["revisions"] = revisions("key")
(ours,) = juju.secrets(owner="keeper")
seen["of a charm"] = [ours.owner, ours.label, ours.name, ours.rotation, ours.rotates > ours.created, ours.revision]
seen["secrets"] = len(juju.secrets())
juju.update_secret("key", {"token": "the third one"}, auto_prune=True)
juju.wait(lambda status: revisions("key") == [3], delay=0.1)
juju.cli("revoke-secret", "key", "keeper")
seen["access after"] = [each.target for each in juju.show_secret("key").access]

juju.refresh("keeper", path=charms / "keeper", config={"password": "battery staple"}, force=True, trust=True)
juju.wait(lambda status: settled("keeper")(status) and status.apps["keeper"].charm_rev == 1, delay=0.1)
juju.trust("keeper", remove=True)
juju.config("reader", {"record": record}, reset="user-secret")
seen["config after"] = "user-secret" in juju.config("reader")
juju.model_constraints({"mem": "2G", "cores": 2, "arch": "amd64"})
seen["constraints"] = dict(juju.model_constraints())
juju.model_config({"http-proxy": "http://proxy"})
juju.model_config(reset=["http-proxy"])

user = "nobody" if os.geteuid() == 0 else getpass.getuser()  # only root can be somebody else
seen["ssh"] = [
    juju.ssh("keeper/0", "printf", "'%s\\\\n'", "'a b'", "ä"),
    juju.ssh("keeper/leader", "id -un", user=user, host_key_checks=False, ssh_options=["-v"]).strip() == user,
    juju.ssh(0, "echo $JUJU_UNIT_NAME."),
]
copied = Path(record).parent / "copied"
(copied / "here").mkdir(parents=True)
(copied / "here" / "file").write_bytes(b"\\0\\xff")
juju.scp(copied / "here", f"keeper/0:{copied}/there", scp_options=["-r"], host_key_checks=False)
juju.scp(f"keeper/leader:{copied}/there/file", copied / "back")
unsent = refused(lambda: juju.scp("/no/such", "0:/tmp")).splitlines()[0]
seen["scp"] = [(copied / "back").read_bytes() == b"\\0\\xff", unsent]
try:
    juju.ssh("keeper/0", "echo out; echo err >&2; exit 7")
except jubilant.CLIError as error:
    seen["ssh fails"] = [error.returncode, error.stdout, error.stderr]

juju.remove_relation("keeper", "reader")
juju.wait(lambda status: settled("keeper", "reader")(status) and not status.apps["reader"].relations, delay=0.1)
seen["no longer"] = juju.show_unit("reader/0").relation_info
seen["relation"] = refused(lambda: juju.remove_relation("keeper", "reader"))
juju.remove_secret("key", revision=3)
seen["gone"] = refused(lambda: juju.show_secret("key"))
juju.remove_unit("reader/0", "reader/1")
juju.remove_application("shelf", "keeper", destroy_storage=True)
juju.wait(lambda status: set(status.apps) == {"reader"} and not status.apps["reader"].units, delay=0.1)

juju.add_secret("other", {"key": "value"})
seen["refused"] = {
    "secret twice": refused(lambda: juju.add_secret("other", {"key": "value"})),
    "secret of nobody": refused(lambda: juju.grant_secret("other", "nobody")),
    "secret unknown": refused(lambda: juju.update_secret("nothing", {"key": "value"})),
    "revision unknown": refused(lambda: juju.remove_secret("other", revision=9)),
    "charm store": refused(lambda: juju.deploy("postgresql", channel="14/stable")),
    "refresh from a store": refused(lambda: juju.refresh("reader", channel="edge")),
    "via": refused(lambda: juju.integrate("reader", "reader", via="10.0.0.0/8")),
    "exec": refused(lambda: juju.exec("true", machine=9)),
    "add_cloud": refused(lambda: juju.add_cloud("here", {}, client=True)),
    "update_cloud": refused(lambda: juju.update_cloud("here", {}, client=True)),
    "add_credential": refused(lambda: juju.add_credential("here", {}, client=True)),
    "add_machine": refused(lambda: juju.add_machine()),
    "add_ssh_key": refused(lambda: juju.add_ssh_key("ssh-rsa AAAA")),
    "remove_ssh_key": refused(lambda: juju.remove_ssh_key("me")),
    "bootstrap": refused(lambda: juju.bootstrap("here", "home")),
    "offer": refused(lambda: juju.offer("reader", endpoint="take")),
    "consume": refused(lambda: juju.consume("other.keeper")),
    "ssh": refused(lambda: juju.cli("ssh", "reader/0")),
}
juju.destroy_model("related", destroy_storage=True, force=True, timeout=60)
print(json.dumps(seen))
"""

#: What jubilant can ask for and is not here: what it is told, in a word or two.
REFUSED = {
    "secret twice": 'secret with name "other" already exists',
    "secret of nobody": 'failed to grant secret: application "nobody" not found',
    "secret unknown": 'secret "nothing" not found',
    "revision unknown": "revision 9 not found",
    "charm store": 'charm "postgresql" not found',
    "refresh from a store": "refreshing a local charm requires either --path or --switch",
    "via": "the --via option can only be used when relating to offers",
    "exec": 'machine "9" not found (not found)',
    "add_cloud": "add-cloud is not supported here: machines are hosts that run a worker",
    "update_cloud": "update-cloud is not supported here",
    "add_credential": "add-credential is not supported here",
    "add_machine": "add-machine is not supported here",
    "add_ssh_key": "add-ssh-key is not supported here: commands reach a machine through its worker",
    "remove_ssh_key": "remove-ssh-key is not supported here",
    "bootstrap": "bootstrap is not supported here",
    "offer": "offer is not supported here: applications of different models cannot be related",
    "consume": "consume is not supported here",
    "ssh": "cannot open a shell: there is no terminal on a machine",
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of jubilant; skips where no package index can be reached."""
    target = tmp_path_factory.mktemp("jubilant")
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--retries=0", "--target", str(target), REQUIREMENT
    ]  # fmt: skip
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_S_MAX)
    except subprocess.TimeoutExpired:
        pytest.skip(f"fetching {REQUIREMENT} takes too long")
    if ended.returncode != 0:
        pytest.skip(f"{REQUIREMENT} cannot be fetched: {ended.stderr.strip().splitlines()[-1:]}")
    return target


def environment(system: System, library: Path) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("JUJU_", "COORDINATOR_"))}
    return {
        **ours,
        "PYTHONPATH": str(library),
        "HOME": str(system.home),
        "COORDINATOR_DATA": str(system.home / "cli"),
        "COORDINATOR_API": f"http://127.0.0.1:{system.port}",
        "COORDINATOR_TOKEN_FILE": str(system.token_file),
    }


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with running(workers=1) as system:
        yield system


def told_by(system: System, library: Path, story: str) -> dict[str, Any]:
    """Run a script of a suite; return what it saw."""
    ended = subprocess.run(
        [
            sys.executable, "-c", PRELUDE + story,
            str(Path(sys.executable).with_name("coordinator")), str(CHARMS), str(system.record),
        ],
        env=environment(system, library), cwd=ROOT, capture_output=True, text=True, timeout=2 * WAIT_S,
        check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def test_a_suite_goes_through_the_life_of_a_model(system, library):
    seen = told_by(system, library, STORY)
    wait_for(lambda: not system.keys_below("/coordinator/models/suite"), "the model to go")
    assert seen["units"] == ["actor/0", "actor/1"]
    assert (seen["leaders"], seen["message"], seen["model"]) == (1, "ready", "suite")
    assert (seen["color"], seen["color-now"]) == ("blue", "green")
    status, code, stdout, n, deep, log = seen["run"]
    assert (status, code, stdout, n, deep) == ("completed", 0, "some text without an end", "5", {"text": "hi"})
    assert [line.split("it is ")[1].split()[0] for line in log] == ["echo"]
    assert seen["sum"] == "3"
    assert seen["errors"] == {
        "polite": "TaskError",
        "crash": "TaskError",
        "unknown action": "ValueError",
        "unknown unit": "ValueError",
        "takes too long": "TimeoutError",
        "exec fails": "TaskError",
        "exec takes too long": "TimeoutError",
        "unknown model": "CLIError",
        "already there": "CLIError",
    }
    assert seen["exec"] == ["completed", 0, "green\n"]
    assert seen["on a machine"] == "here\n"
    assert seen["log"] is True
    assert seen["settings"] == "60m"
    assert seen["cancelled"] == "aborted"


def test_a_suite_shares_secrets_relates_applications_and_is_refused_what_is_not_here(system, library):
    seen = told_by(system, library, RELATING)
    wait_for(lambda: not system.keys_below("/coordinator/models/related"), "the model to go")

    refused = seen.pop("refused")
    assert refused.keys() == REFUSED.keys()
    for what, text in REFUSED.items():
        assert text in refused[what]
        assert "\n  to fix: " in refused[what]
    assert 'secret "key" not found' in seen.pop("gone")
    assert 'relation matching "keeper reader" not found' in seen.pop("relation")
    assert seen == {
        "uri": [True, 20],
        "relations": [["keeper", "thing", "global"]],
        "app": ["local:reader-ops-0", "reader-ops", 0, False, "ubuntu"],
        "unit": ["0", True],
        "version": True,
        "machine": "started",
        "storage": ["cache", "data", "data"],
        "config": ["SecretURI", {"trust": True}],
        "show_unit": ["alive", "local:reader-ops-0", "take", "give", False],
        "bags": [True, True, ["keeper/0"], True],
        "secret": [True, 2, "<model>", "key", "changed"],
        "access": ["application-keeper", "application-reader"],
        "revealed": [{"token": "second one"}, 64, {"token": "first"}],
        "revisions": [1, 2],
        "of a charm": ["keeper", "api", None, "hourly", True, 1],
        "secrets": 2,
        "access after": ["application-reader"],
        "config after": False,
        "constraints": {"arch": "amd64", "cores": 2, "mem": 2048},
        "ssh": ["a b\nä\n", True, ".\n"],
        "scp": [True, "ERROR /no/such: No such file or directory"],
        "ssh fails": [7, "out\n", "err\n"],
        "no longer": [],
    }
    told = system.record.read_text().splitlines()
    assert f"reader/0 read {len('correct horse')}" in told
    assert f"reader/1 changed person {len('second one')} {len('the third one')}" in told
