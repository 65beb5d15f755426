"""Suites of charms drive this command line with `jubilant`: a public library, as it is, from the package index.

It is installed into a directory of its own and runs in a process of its own, never in the environment of the
project.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from system import CHARMS, ROOT, WAIT_S, System, running, wait_for

pytestmark = pytest.mark.slow

REQUIREMENT = "jubilant>=1.14,<2"
INSTALL_S_MAX = 120.0

#: What a suite does, start to end; prints what it saw, as JSON.
STORY = """
import json, sys
import jubilant

binary, charms = sys.argv[1:]
juju = jubilant.Juju(cli_binary=binary, wait_timeout=60)
seen = {}

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


def error_of(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return "none"


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


def test_a_suite_goes_through_the_life_of_a_model(library):
    with running(workers=1) as system:
        told = subprocess.run(
            [sys.executable, "-c", STORY, str(Path(sys.executable).with_name("coordinator")), str(CHARMS)],
            env=environment(system, library), cwd=ROOT, capture_output=True, text=True, timeout=2 * WAIT_S,
            check=False,
        )  # fmt: skip
        assert told.returncode == 0, told.stderr
        seen = json.loads(told.stdout.splitlines()[-1])
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
    assert seen["log"] is True
    assert seen["settings"] == "60m"
    assert seen["cancelled"] == "aborted"
