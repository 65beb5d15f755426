"""The command line against a real controller and a real etcd: its texts and exit codes, and what it leaves alone.

Every bad input runs as a process of its own and must say what did not happen, why, and how to fix it; afterwards
every key in etcd is what it was.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from ports import own_port

from coordinator.controller.main import ControllerProcess
from coordinator.settings import ControllerSettings
from coordinator.store import keys
from coordinator.store.embedded import EmbeddedEtcd
from coordinator.store.etcd import EtcdStore

RUN_S = 60.0
START_S = 60.0
SECRET_KEY = "c2VjcmV0cyBvZiB0aGUgdGVzdHMsIG5vIG90aGVycy4="
DISPATCH = "#!/bin/sh\n"

#: Charms by name; each is its files.
CHARMS = {
    "web": {
        "metadata.yaml": "name: web\nprovides: {http: {interface: http}}\nrequires: {db: {interface: sql}}\n",
        "config.yaml": "options:\n  color: {type: string, default: red}\n  limit: {type: int}\n"
        "  loud: {type: boolean, default: false}\n",
        "dispatch": DISPATCH,
    },
    "db": {
        "metadata.yaml": "name: db\nprovides:\n  sql: {interface: sql}\n  backup: {interface: sql}\n"
        "peers: {ring: {interface: ring}}\n",
        "dispatch": DISPATCH,
    },
    "cache": {
        "metadata.yaml": "name: cache\nprovides: {memo: {interface: sql}}\n",
        "dispatch": DISPATCH,
    },
    "lonely": {"metadata.yaml": "name: lonely\nprovides: {x: {interface: odd}}\n", "dispatch": DISPATCH},
    "agent": {
        "metadata.yaml": "name: agent\nsubordinate: true\n"
        "requires: {host: {interface: juju-info, scope: container}}\n",
        "dispatch": DISPATCH,
    },
    "web-without-db": {"metadata.yaml": "name: web\nprovides: {http: {interface: http}}\n", "dispatch": DISPATCH},
    "broken-yaml": {"metadata.yaml": "name: broken\nprovides: {http: [\n", "dispatch": DISPATCH},
    "wrong-type": {
        "metadata.yaml": "name: odd\n",
        "config.yaml": "options:\n  limit: {type: integer}\n",
        "dispatch": DISPATCH,
    },
    "wrong-shape": {"metadata.yaml": "name: odd\nrequires: 3\n", "dispatch": DISPATCH},
    "nothing-to-run": {"metadata.yaml": "name: still\n"},
    "no-metadata": {"dispatch": DISPATCH},
}
ARCHIVES = {
    "evil.charm": {"metadata.yaml": "name: evil\n", "dispatch": DISPATCH, "../../etc/cron.d/evil": "x"},
    "rooted.charm": {"metadata.yaml": "name: evil\n", "dispatch": DISPATCH, "/etc/passwd": "x"},
}


@dataclass(frozen=True)
class Cli:
    """The command line of one person, started as processes in *home*."""

    home: Path
    environment: dict[str, str]

    def __call__(self, *arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "coordinator", *arguments],
            cwd=self.home,
            env={**self.environment, **environment},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=RUN_S,
            check=False,
        )

    def ok(self, *arguments: str, **environment: str) -> str:
        """Run a command that must succeed, and return its stdout."""
        done = self(*arguments, **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def as_nobody(self, home: Path) -> Cli:
        """Return the command line of somebody who never logged in."""
        return dataclasses.replace(self, environment={**self.environment, "COORDINATOR_DATA": str(home)})


@dataclass(frozen=True)
class System:
    cli: Cli
    url: str
    token_file: Path
    store: EtcdStore

    def keys(self, prefix: str = keys.ROOT) -> list[tuple[str, bytes, int]]:
        """Return everything that is stored, with the revision of its last change."""
        found = self.store.read(prefix, keys.prefix_end(prefix)).items
        return [(item.key, item.value, item.revision) for item in found]


@contextmanager
def controller_of(etcd: EmbeddedEtcd, token_file: Path) -> Iterator[str]:
    """A controller in a thread of this process; gives its address."""
    port = own_port()
    settings = ControllerSettings(
        etcd=etcd.endpoint,
        listen=f"127.0.0.1:{port}",
        admin_token_file=str(token_file),
        controller_name="home",
        secret_key=SECRET_KEY,
        force_wait_s=0,
    )
    process = ControllerProcess(settings)
    thread = threading.Thread(target=process.run, name="controller")
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stop()
        thread.join(START_S)
        assert not thread.is_alive()


def environment_of(home: Path) -> dict[str, str]:
    ours = ("COORDINATOR_", "JUJU_")
    rest = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    return {**rest, "COORDINATOR_DATA": str(home / "cli"), "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def system(etcd_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Two applications that are related, and more charms to try; no worker, so that nothing moves by itself."""
    home = tmp_path_factory.mktemp("cli")
    write_charms(home)
    with EmbeddedEtcd(etcd_folder / home.name, throwaway=True) as etcd:
        store = EtcdStore([etcd.endpoint])
        with controller_of(etcd, home / "token") as url:
            cli = Cli(home, environment_of(home))
            log_in(cli, url)
            for line in (
                "add-model m",
                "deploy ./web",
                "deploy ./db",
                "deploy ./cache",
                "deploy ./lonely",
                "integrate web cache",
                "add-secret apikey token=hunter2",
            ):
                cli.ok(*line.split())
            yield System(cli, url, home / "token", store)
        store.close()


def log_in(cli: Cli, url: str) -> None:
    """Log in as soon as the controller listens."""
    for _ in range(100):
        done = cli("login", url, "--token-file", "token")
        if done.returncode == 0:
            return
    raise AssertionError(f"the controller did not start: {done.stderr}")


def write_charms(home: Path) -> None:
    for name, files in CHARMS.items():
        for path, content in files.items():
            file = home / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
            file.chmod(0o755)
    for name, files in ARCHIVES.items():
        with zipfile.ZipFile(home / name, "w") as bundle:
            for path, content in files.items():
                bundle.writestr(path, content)
    (home / "torn.charm").write_bytes(b"PK\x03\x04 and then nothing")
    (home / "numbers.yaml").write_text("web: {limit: [1, 2]}\n")
    (home / "big").write_bytes(b"x" * 750_001)
    (home / "torn.yaml").write_text("web: {limit: \n")


def error_of(done: subprocess.CompletedProcess[str]) -> tuple[str, str]:
    """Return what a failed command says, and how to fix it."""
    match = re.fullmatch(r"ERROR (.+?)\n  to fix: (.+)\n", done.stderr, re.DOTALL)
    assert match, f"not in the form of an error:\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return match[1], match[2]


#: What is typed, the exit code, and what the error says: two pieces of it.
BAD = [
    # --- charms
    ("deploy ./broken-yaml", 1, "metadata.yaml:3:", "is not YAML"),
    ("deploy ./wrong-type", 1, "config.yaml", "integer"),
    ("deploy ./wrong-shape", 1, "metadata.yaml", "requires"),
    ("deploy ./nothing-to-run", 1, 'charm "still" has nothing to run', "neither `dispatch` nor `hooks/`"),
    ("deploy ./no-metadata", 1, 'no charm was found at "./no-metadata"', "no metadata.yaml"),
    ("deploy ./evil.charm", 1, "../../etc/cron.d/evil", "outside of the charm's directory"),
    ("deploy ./rooted.charm", 1, "/etc/passwd", "outside of the charm's directory"),
    ("deploy ./torn.charm", 1, 'invalid charm or bundle provided at "./torn.charm"', "not a zip"),
    ("deploy ./nope", 1, 'no charm was found at "./nope"', "no such file or directory"),
    ("deploy web", 1, 'charm "web" not found', "no charm store"),
    # --- deploying
    ("deploy ./web", 1, 'application "web" already exists', ""),
    ("deploy ./web two --config tint=red", 1, 'unknown option "tint"', "color, limit, loud"),
    ("deploy ./web two --config limit=many", 1, 'option "limit" expected int, got "many"', ""),
    ("deploy ./web two --config loud=maybe", 1, 'option "loud" expected boolean, got "maybe"', ""),
    ("deploy ./web two --config numbers.yaml", 1, "cannot use the options in numbers.yaml", '"two"'),
    ("deploy ./web two --config torn.yaml", 1, "cannot read torn.yaml", "line"),
    ("deploy ./web two --to 7", 1, 'machine "7" not found', ""),
    ("deploy ./web two -n 501", 1, "cannot add 501 units at once", "500"),
    ("deploy ./web two-2", 2, 'invalid application name "two-2"', ""),
    ("deploy ./agent -n 1", 1, "cannot use --num-units or --to with subordinate application", ""),
    ("deploy ./agent --constraints mem=1G", 1, "cannot use --constraints with subordinate application", ""),
    ("refresh web --path ./db", 1, 'cannot refresh "web" to "db"', 'it runs charm "web"'),
    ("refresh web --path ./web-without-db", 1, 'cannot refresh "web"', 'would break relation "web:db cache:memo"'),
    ("refresh web --path ./nope", 1, 'no charm found at "./nope"', "no such file"),
    ("refresh nope --path ./web", 1, 'application "nope" not found', ""),
    # --- config
    ("config web tint=red", 1, 'unknown option "tint"', "color, limit, loud"),
    ("config web limit=many color=blue", 1, 'option "limit" expected int, got "many"', ""),
    ("config web --file numbers.yaml", 1, 'option "limit" expected int, got [1, 2]', ""),
    ("config web --reset tint", 1, 'unknown option "tint"', ""),
    ("config web tint", 1, 'key "tint" not found in "web" application config or charm settings.', ""),
    ("config nope", 1, 'application "nope" not found', ""),
    ("config nope a=b", 1, 'application "nope" not found', ""),
    ("model-config update-status-hook-interval=99h", 1, "update-status-hook-interval 99h is out of range", ""),
    ("model-config no-such-key", 1, '"no-such-key" is not a key of the currently targeted model: "m"', ""),
    # --- relations
    ("integrate web nope", 1, 'application "nope" not found', ""),
    (
        "integrate web:nope db",
        1,
        "no relations found",
        'application "web" has no "nope" relation; it has db, http',
    ),
    ("integrate web lonely", 1, "no relations found", ""),
    ("integrate web db", 1, 'ambiguous relation: "web db" could refer to "web:db db:backup"; "web:db db:sql"', ""),
    ("integrate web:db cache", 1, "relation web:db cache:memo already exists", ""),
    ("integrate web web", 1, "no relations found", "peers"),
    ("integrate web", 2, "an integration must involve two applications", ""),
    ("remove-relation web db", 1, 'relation matching "web db" not found', ""),
    ("remove-relation 99", 1, 'relation matching "99" not found', ""),
    ("remove-relation 0", 1, "cannot remove relation", "it is a peer relation"),
    # --- units and applications
    ("add-unit nope", 1, 'application "nope" not found', ""),
    ("add-unit web --to 7", 1, 'machine "7" not found', ""),
    ("remove-unit web/9", 1, 'removing unit web/9 failed: unit "web/9" not found', ""),
    ("remove-unit web", 2, 'unit name "web" not valid', ""),
    ("remove-unit web/0 web/9", 1, 'removing unit web/9 failed: unit "web/9" not found', ""),
    ("resolved web/0", 1, 'unit "web/0" is not in an error state', ""),
    ("resolved web/9", 1, 'unit "web/9" not found', ""),
    ("expose web --endpoints nope", 1, 'endpoint "nope" not found', ""),
    ("trust nope", 1, 'application "nope" not found', ""),
    # --- secrets
    ("add-secret apikey token=x", 1, 'secret with name "apikey" already exists', ""),
    ("add-secret big token#file=big", 1, "the content of the secret is too large", "the limit is 1000000"),
    ("add-secret other --file numbers.yaml", 1, 'the value of "web" is no text', ""),
    ("add-secret other --file torn.yaml", 1, "cannot read torn.yaml", "line"),
    ("update-secret apikey token#file=big", 1, "the content of the secret is too large", "the limit is 1000000"),
    ("update-secret nope token=x", 1, 'secret "nope" not found', ""),
    ("update-secret apikey --name a.b", 2, 'secret name "a.b" not valid', "inner hyphens"),
    ("remove-secret nope", 1, 'secret "nope" not found', ""),
    ("remove-secret secret:00000000000000000000", 1, 'secret "secret:00000000000000000000" not found', ""),
    ("remove-secret apikey --revision 9", 1, 'secret "apikey" revision 9 not found', ""),
    ("grant-secret apikey web,nope", 1, 'failed to grant secret: application "nope" not found', ""),
    ("grant-secret nope web", 1, 'failed to grant secret: secret "nope" not found', ""),
    ("revoke-secret nope web", 1, 'failed to revoke secret: secret "nope" not found', ""),
    ("show-secret nope", 1, 'secret "nope" not found', ""),
    ("show-secret apikey --revision 9", 1, 'secret "apikey" revision 9 not found', ""),
    # --- commands on machines
    ("ssh web/0 true", 1, "unit web/0 is on no machine yet", ""),
    ("ssh web/9 true", 1, 'unit "web/9" not found', ""),
    ("ssh web/leader true", 1, 'application "web" has no leader now', ""),
    ("ssh nope/leader true", 1, 'application "nope" not found', ""),
    ("ssh ubuntu@7 true", 1, 'machine "7" not found', ""),
    ("ssh web true", 2, 'unit name "web" not valid', ""),
    # --- looking
    ("show-unit web/9", 1, 'unit "web/9" not found', ""),
    ("show-status-log", 2, "no entity name specified", ""),
    ("show-status-log web/9", 1, 'unit "web/9" not found', ""),
    ("show-status-log web", 1, 'unit name "web" not valid', ""),
    ("show-status-log web/9 --type pod", 1, 'no status is kept of type "pod"', ""),
    ("show-status-log nope --type application", 1, 'application "nope" not found', ""),
    ("show-status-log web/9 --days 0", 2, "must be positive integers", ""),
    ("show-status-log web/9 --days 1 -n 3", 2, "one of -n, --days or --from-date only", ""),
    ("show-status-log web/9 --days 99999999999", 1, 'unit "web/9" not found', ""),
    ("show-status-log web/9 --from-date soon", 2, '"soon" is no date', ""),
    ("show-application nope", 1, 'application "nope" not found', ""),
    ("show-machine 7", 1, "machine 7 not found", ""),
    ("remove-machine 7", 1, 'removing machine 7 failed: machine "7" not found', ""),
    ("status -m nope", 1, "model home:admin/nope not found", ""),
    ("config -m nope web", 1, "model home:admin/nope not found", ""),
    ("debug-log -m nope", 1, "model home:admin/nope not found", ""),
    ("status -m elsewhere:m", 1, "controller elsewhere not found", ""),
    ("wait-for application nope --timeout 1ms", 1, 'timed out waiting for "nope" to reach goal state', ""),
    # --- models
    ("add-model m", 1, 'failed to create new model: model "m" for admin already exists (already exists)', ""),
    ("add-model x aws", 1, 'cloud "aws" not found', ""),
    ("destroy-model nope --no-prompt", 1, "model home:admin/nope not found", ""),
    ("destroy-model m", 1, 'destroying model "m" aborted', "no terminal"),
    ("destroy-model m --force --no-wait", 1, 'destroying model "m" aborted', "no terminal"),
    ("switch nope", 1, '"nope" is not the name of a model or controller', ""),
]


@pytest.mark.parametrize(("line", "code", "what", "why"), BAD, ids=[row[0] for row in BAD])
def test_bad_input_says_what_why_and_how_to_fix_it_and_changes_nothing(system, line, code, what, why):
    # An archive is stored, by its hash, before it is found that its application cannot be: that is no change.
    before = system.keys(f"{keys.ROOT}m")

    done = system.cli(*line.split())

    said, fix = error_of(done)
    assert what in said
    assert why in said
    assert fix
    assert (done.returncode, done.stdout) == (code, "")
    assert system.keys(f"{keys.ROOT}m") == before


def test_an_unknown_command_names_the_near_one(system):
    done = system.cli("stauts")

    assert done.returncode == 2
    assert done.stderr == (
        'ERROR coordinator: "stauts" is not a coordinator command. See "coordinator --help".\n\n'
        "Did you mean:\n\tstatus\n"
    )


def test_several_applications_are_removed_as_far_as_they_can_be(system):
    before = system.keys()

    done = system.cli("remove-application", "--dry-run", "nope", "web", "neither")

    assert done.stdout == "will remove application web\n- will remove unit web/0\n"
    assert done.stderr == (
        'ERROR removing application nope failed: application "nope" not found\n'
        'ERROR removing application neither failed: application "neither" not found\n'
    )
    assert done.returncode == 1
    assert system.keys() == before


# --- nobody, nowhere, nothing ----------------------------------------------------------------------------


def test_somebody_who_never_logged_in_is_told_how(system, tmp_path):
    done = system.cli.as_nobody(tmp_path)("status")

    said, fix = error_of(done)
    assert (said, done.returncode) == ("No controllers registered.", 1)
    assert "coordinator up" in fix
    assert "coordinator login" in fix


@pytest.mark.parametrize(
    ("token", "text"),
    [("", "no token given"), ("admin.wrong", "the token is not valid"), ("x", "the token is not valid")],
)
def test_a_missing_or_wrong_token_is_said(system, token, text):
    done = system.cli("status", "-m", "m", COORDINATOR_API=system.url, COORDINATOR_TOKEN=token)

    said, fix = error_of(done)
    assert said.startswith(text)
    assert "login" in fix
    assert done.returncode == 1


def test_the_environment_alone_is_enough(system, tmp_path):
    told = {"COORDINATOR_API": system.url, "COORDINATOR_TOKEN_FILE": str(system.token_file), "JUJU_MODEL": "m"}

    tree = json.loads(system.cli.as_nobody(tmp_path).ok("status", "--format", "json", **told))

    assert set(tree["applications"]) == {"web", "db", "cache", "lonely"}


def test_a_controller_that_is_not_there_is_named_and_the_next_one_used(system):
    nowhere = f"http://127.0.0.1:{own_port()}"
    done = system.cli("status", "-m", "m", COORDINATOR_API=nowhere)
    said, fix = error_of(done)
    assert said == f"cannot reach the controller at {nowhere}: connection refused"
    assert "coordinator up" in fix
    assert done.returncode == 1

    token = str(system.token_file)
    both = system.cli("status", "-m", "m", COORDINATOR_API=f"{nowhere},{system.url}", COORDINATOR_TOKEN_FILE=token)
    assert both.returncode == 0, both.stderr


@pytest.mark.slow
def test_without_etcd_the_answer_says_that_it_is_etcd(etcd_folder, tmp_path):
    with EmbeddedEtcd(etcd_folder / tmp_path.name, throwaway=True) as etcd:
        with controller_of(etcd, tmp_path / "token") as url:
            cli = Cli(tmp_path, environment_of(tmp_path))
            log_in(cli, url)
            cli.ok("add-model", "m")
            etcd.stop()

            done = cli("status")

            said, fix = error_of(done)
            assert etcd.endpoint in said
            assert "etcd" in fix
            assert done.returncode == 1


# --- people at a terminal --------------------------------------------------------------------------------


def on_a_terminal(cli: Cli, *arguments: str, typed: str) -> tuple[int, str]:
    """Run a command whose stdin is a terminal; return its exit code and stderr."""
    master, slave = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "coordinator", *arguments],
            cwd=cli.home,
            env=cli.environment,
            stdin=slave,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.write(master, f"{typed}\n".encode())
        _, stderr = process.communicate(timeout=RUN_S)
        return process.returncode, stderr
    finally:
        os.close(master)
        os.close(slave)


def test_destroying_a_model_asks_for_its_name(system):
    system.cli.ok("add-model", "short", "--no-switch")
    before = system.keys(f"{keys.ROOT}m")

    code, said = on_a_terminal(system.cli, "destroy-model", "short", typed="shirt")
    assert code == 1
    assert 'destroying model "short" aborted: "shirt" is not its name' in said
    assert system.keys(f"{keys.ROOT}m") == before

    code, said = on_a_terminal(system.cli, "destroy-model", "short", typed="short")
    assert code == 0, said
    assert re.search(r"Destroying model\n(Waiting for model .*\n)*Model destroyed\.\n$", said)
    assert "short" not in system.cli.ok("models")


def test_an_interrupt_ends_a_watch_quietly(system):
    # Where the tests themselves run in the background, an interrupt is ignored, and children inherit that.
    process = subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, "-m", "coordinator", "status", "--watch", "1h"],
        cwd=system.cli.home,
        env=system.cli.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("Model  Controller")
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=RUN_S)

    assert (process.returncode, stderr) == (130, "\n")


# --- a day in the life -----------------------------------------------------------------------------------


def test_a_model_from_its_beginning_to_its_end(system):
    cli = dataclasses.replace(system.cli, environment={**system.cli.environment, "JUJU_MODEL": "story"})
    made = cli("add-model", "story", "--no-switch", "--config", "update-status-hook-interval=10s")
    assert made.stderr == "Added 'story' model on coordinator for user 'admin'\n"

    deployed = cli("deploy", "-m", "story", "./web", "fruit", "--config", "color=blue", "--num-units=2", "--trust")
    assert deployed.stderr == (
        'Located local charm "web", revision 0\n'
        'Deploying "fruit" from local charm "web", revision 0 on ubuntu@24.04/stable\n'
    )
    cli.ok("deploy", "./db")
    cli.ok("relate", "fruit", "db:sql")
    cli.ok("config", "fruit", "limit=3", "loud=true", "--reset", "color")
    cli.ok("expose", "fruit")
    cli.ok("add-unit", "db", "-n", "2")

    check_status(json.loads(cli.ok("status", "--format", "json")))
    assert "db:sql                fruit:db  sql" in cli.ok("status", "--relations")
    assert cli.ok("config", "fruit", "limit") == "3\n"
    assert cli.ok("config", "fruit", "loud") == "true\n"
    settings = json.loads(cli.ok("config", "--format", "json", "fruit"))["settings"]
    assert settings["color"] == {
        "default": "red", "description": "", "source": "default", "type": "string", "value": "red",
    }  # fmt: skip
    unit = json.loads(cli.ok("show-unit", "fruit/0", "--format", "json"))["fruit/0"]
    assert {"opened-ports", "charm", "leader", "relation-info"} <= set(unit)
    assert set(unit["relation-info"][0]) >= {"relation-id", "endpoint", "related-endpoint", "application-data"}
    only_data = json.loads(cli.ok("show-unit", "fruit/0", "--format", "json", "--app"))["fruit/0"]
    assert "local-unit" not in only_data["relation-info"][0]
    assert "endpoint-bindings" in json.loads(cli.ok("show-application", "fruit", "--format=json"))["fruit"]
    model_config = json.loads(cli.ok("model-config", "--format", "json"))
    assert model_config["update-status-hook-interval"] == {"Value": "10s", "Source": "model"}
    check_model(json.loads(cli.ok("show-model", "--format", "json"))["story"])
    assert cli.ok("debug-log", "--limit", "0") == ""
    assert "integrate fruit:db db:sql" in cli.ok("history")
    log = json.loads(cli.ok("show-status-log", "fruit/0", "--type", "workload", "--format", "json"))
    assert [entry["message"] for entry in log] == ["waiting for machine"]

    refreshed = cli("refresh", "fruit", "--path", "./web")
    assert refreshed.stderr == 'Added local charm "web", revision 1, to the model\n'
    assert cli.ok("remove-unit", "db/2", "--no-prompt") == "will remove unit db/2\n"
    cli.ok("remove-relation", "fruit", "db")
    assert cli.ok("remove-application", "db", "--no-prompt").startswith(
        "will remove application db\n- will remove"
    )
    ended = cli("destroy-model", "story", "--no-prompt", "--destroy-storage", "--force")
    assert ended.stderr.splitlines()[0] == "Destroying model"
    assert ended.stderr.splitlines()[-1] == "Model destroyed."
    assert cli("show-model").returncode == 1
    assert not system.keys(f"{keys.ROOT}models/story")


def check_status(tree: dict) -> None:
    """Assert what people's libraries read of a status."""
    assert list(tree) == ["model", "machines", "applications", "storage", "controller"]
    assert {"name", "type", "controller", "cloud", "version"} <= set(tree["model"])
    fruit = tree["applications"]["fruit"]
    assert {"charm", "charm-origin", "charm-name", "charm-rev", "exposed"} <= set(fruit)
    assert fruit["charm"] == "local:web-0"
    assert fruit["exposed"] is True
    assert sorted(fruit["units"]) == ["fruit/0", "fruit/1"]
    assert sorted(tree["applications"]["db"]["units"]) == ["db/0", "db/1", "db/2"]
    for unit in fruit["units"].values():
        assert unit["workload-status"]["current"] == "waiting"
        assert unit["juju-status"]["current"] == "allocating"
    assert fruit["relations"]["db"] == [{"related-application": "db", "interface": "sql", "scope": "global"}]


def check_model(tree: dict) -> None:
    """Assert what people's libraries read of a model."""
    needed = (
        "name", "short-name", "model-uuid", "model-type", "controller-uuid", "controller-name", "is-controller",
        "cloud", "life",
    )  # fmt: skip
    assert set(needed) <= set(tree)
    assert {"access", "last-connection"} <= set(tree["users"]["admin"])
    assert tree["controller-name"] == "home"


def test_models_and_machines_for_programs(system):
    listed = json.loads(system.cli.ok("models", "--format", "json"))
    assert listed["current-model"] == "m"
    assert [model["short-name"] for model in listed["models"]] == ["m"]
    assert json.loads(system.cli.ok("machines", "--format", "json")) == {"model": "m", "machines": {}}
    assert system.cli.ok("switch") == "home:m\n"
    uuid = listed["models"][0]["model-uuid"]
    assert json.loads(system.cli.ok("status", "-m", uuid, "--format", "json"))["model"]["name"] == "m"
