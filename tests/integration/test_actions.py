"""Actions, commands and scripts: from the command line through a real etcd and a real worker to real charms."""

from __future__ import annotations

import json
import os
import pwd
import re
import subprocess
import urllib.request
from collections.abc import Iterator

import pytest
from system import CHARMS, People, System, running, wait_for

from coordinator.domain.refs import Kind

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with running(workers=1) as system:
        system.add_model()
        system.deploy(CHARMS / "actor", "actor", units=2)
        system.deploy(CHARMS / "actor-ops", "lib")
        system.wait_settled(3)
        yield system


@pytest.fixture
def people(system: System) -> People:
    return People(system)


def bag(system: System, unit: str) -> dict[str, str]:
    found = {f"{ref.path[2]}/{ref.path[3]}": bag for ref, bag in system.view().list(Kind.UNIT_BAG, "m", "0")}
    return found[unit]


def message(system: System, unit: str) -> str:
    return system.units()[unit]["workload-status"].get("message", "")


def test_an_action_gives_results_output_and_progress_and_writes_once(system, people):
    task = people.run("actor/leader", "echo", "n=4")
    assert task["unit"] == system.leader("actor")
    assert task["status"] == "completed"
    assert task["results"] == {
        "n": "4", "deep": {"text": "inner"}, "hook": "none", "return-code": 0,
        "stdout": "some text without an end",
    }  # fmt: skip
    assert task["log"][0].endswith(f"it is echo action-{task['id']}")
    assert set(task["timing"]) == {"enqueued", "started", "completed"}
    assert bag(system, task["unit"])["echoed"] == task["id"]


def test_wrong_parameters_and_unknown_names_are_refused_before_anything_runs(system, people):
    before = len(system.keys_below("/coordinator/models/m/tasks/"))
    wrong = people("run", "actor/0", "echo", "n=x")
    assert wrong.returncode == 1
    assert 'validation failed: (root).n : must be of type integer, given "x"' in wrong.stderr
    assert people("run", "actor/0", "echo", "odd=1").returncode == 1
    for words in (["actor/9", "echo"], ["actor/0", "nothing"]):
        refused = people("run", *words)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "(not found)" in refused.stderr
    assert len(system.keys_below("/coordinator/models/m/tasks/")) == before


def test_an_action_that_says_it_failed_does_not_fail_the_command(system, people):
    task = people.run("actor/0", "polite")
    assert (task["status"], task["message"]) == ("failed", "not today")
    assert task["results"] == {"so-far": "done", "return-code": 0}


def test_an_action_that_crashes_fails_the_command_and_leaves_only_results_and_status(system, people):
    done = people("run", "--format", "json", "actor/1", "crash")
    assert done.returncode == 1
    (task,) = json.loads(done.stdout).values()
    assert task["results"] == {"so-far": "half", "return-code": 3, "stderr": "oops\n"}
    assert (task["status"], task["message"]) == ("failed", "exit status 3")
    assert f'ERROR the following task failed:\n - id "{task["id"]}" with return code 3\n' in done.stderr
    assert "use 'coordinator show-task' to inspect the failure" in done.stderr
    assert done.stderr.endswith(f"to fix: coordinator show-task {task['id']}\n")
    assert "crashed" not in bag(system, "actor/1")
    assert message(system, "actor/1") == "crashing"
    assert system.units()["actor/1"]["juju-status"]["current"] == "idle", "the unit is not in error"


def test_a_running_action_is_asked_to_end_when_it_is_cancelled(system, people):
    number = people.background("actor/0", "long")
    wait_for(lambda: people.task(number).get("log"), "its progress")
    assert people.task(number)["status"] == "running"
    wait_for(lambda: "running action long" in str(system.units()["actor/0"]["juju-status"]), "it to be shown")
    waiting = people.background("actor/0", "polite")
    cancelled = people("cancel-task", number, waiting, "--format", "json")
    assert {task["id"]: task["status"] for task in json.loads(cancelled.stdout)} == {
        number: "aborting", waiting: "cancelled",
    }  # fmt: skip
    ended = people("show-task", number, "--watch", "--format", "json")
    task = json.loads(ended.stdout)
    assert (task["status"], task["results"]["so-far"]) == ("aborted", "begun")
    assert message(system, "actor/0") == "ended", "it had time to tidy up"
    assert people.task(waiting)["status"] == "cancelled"
    again = people("cancel-task", number)
    assert "no tasks found, no tasks have been canceled" in again.stderr


def test_what_is_parallel_runs_beside_a_hook_and_other_actions_wait_for_it(system, people):
    file = system.home / "go"
    system.config("actor", **{"wait-for": str(file)})

    def executing() -> list[str]:
        return [name for name, unit in system.units().items() if unit["juju-status"]["current"] == "executing"]

    wait_for(executing, "a unit to be in the hook")
    assert people("exec", "--unit", "lib/0", "--", "echo beside").stdout == "beside\n"
    waits = people.background("lib/0", "sum", "numbers=[1]")
    assert people("exec", "--unit", "lib/0", "--background", "--", "true").returncode == 0
    assert people.task(waits)["status"] == "pending", "it waits for the lock of the machine"
    file.write_text("")
    assert json.loads(people("show-task", waits, "--watch", "--format", "json").stdout)["status"] == "completed"
    system.wait_settled(3)


def test_actions_of_a_group_wait_for_each_other_on_a_machine_and_for_nothing_else(system, people):
    file = system.home / "let-go"
    holds = people.background("actor/0", "hold", f"until={file}")
    wait_for(lambda: people.task(holds)["status"] == "running", "one of the group to run")
    assert people.run("actor/1", "beside")["results"]["beside"] == "yes", "parallel waits for no group"
    assert people.run("lib/0", "sum", "numbers=[1]")["status"] == "completed", "a group is not the whole machine"
    assert people("exec", "--unit", "lib/0", "--execution-group", "tape", "--", "echo other").stdout == "other\n"
    waits = people.background("actor/1", "hold", f"until={file}")
    commands = people("exec", "--machine", "0", "--execution-group", "disk", "--background", "--", "true")
    also = commands.stderr.split("with task ")[1].split()[0]
    assert people.run("lib/0", "polite")["status"] == "failed", "the others had time to begin"
    assert [people.task(number)["status"] for number in (holds, waits, also)] == ["running", "pending", "pending"]
    file.write_text("")
    for number in (holds, waits, also):
        ended = people("show-task", number, "--watch", "--format", "json")
        assert json.loads(ended.stdout)["status"] == "completed"


def test_actions_with_the_library_keep_state_only_when_they_end_well(people):
    first = people.run("lib/0", "sum", "numbers=[1, 2, 3.5]")
    assert first["results"]["sum"] == "6.5"
    assert first["log"][0].endswith("adding 3 numbers")
    before = int(first["results"]["count"]["so-far"])
    assert people.run("lib/0", "polite")["message"] == "not today"
    broken = people("run", "--format", "json", "lib/0", "raise")
    (task,) = json.loads(broken.stdout).values()
    assert (broken.returncode, task["results"]["return-code"]) == (1, 1)
    assert "RuntimeError in charm code: this action is broken" in task["results"]["stderr"]
    after = people.run("lib/0", "sum", "numbers=[1]")
    assert int(after["results"]["count"]["so-far"]) == before + 100 + 1


def test_commands_run_in_a_unit_with_the_hook_commands_and_their_writes_last(system, people):
    done = people(
        "exec", "--unit", "actor/0", "--", "config-get color; relation-set -r $(relation-ids ring) by=exec"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "red\n", "")
    assert bag(system, "actor/0")["by"] == "exec"
    several = people("exec", "--format", "json", "-a", "actor", "--", "sh", "-c", "echo $JUJU_UNIT_NAME; exit 7")
    assert several.returncode == 1
    assert "task failed" in several.stderr or "tasks failed" in several.stderr
    found = json.loads(several.stdout)
    assert {unit: task["results"] for unit, task in found.items()} == {
        unit: {"return-code": 7, "stdout": f"{unit}\n"} for unit in ("actor/0", "actor/1")
    }


def test_commands_run_on_machines_as_such_and_in_what_units_can_take_them(system, people):
    script = "echo $PWD; echo err >&2; config-get color || exit 7"
    done = people("exec", "--format", "json", "--machine", "0", "--", script)
    (task,) = json.loads(done.stdout).values()
    assert (done.returncode, task["machine"], task["status"]) == (1, "0", "failed")
    assert (task["results"]["return-code"], task["results"]["stdout"]) == (7, "/\n")
    assert "err" in task["results"]["stderr"]
    assert people("exec", "--all", "--", "echo all").stdout == "all\n"
    assert people("exec", "--machine", "0", "--", "echo $HOME").stdout.strip() == pwd.getpwuid(os.getuid()).pw_dir
    slow = people("exec", "--machine", "0", "--background", "--", "exec sleep 60")
    number = slow.stderr.split("with task ")[1].split()[0]
    wait_for(lambda: people.task(number)["status"] == "running", "it to run")
    assert json.loads(people("cancel-task", number, "--format", "json").stdout)[0]["machine"] == "0"
    assert json.loads(people("show-task", number, "--watch", "--format", "json").stdout)["status"] == "aborted"
    missing = people("exec", "--machine", "9", "--", "true")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert 'machine "9" not found (not found)' in missing.stderr
    some = people("exec", "--unit", "actor/0,actor/9", "--", "echo here")
    assert (some.returncode, some.stdout) == (0, "here\n")
    assert some.stderr == 'Some actions could not be scheduled:\nunit "actor/9" not found (not found)\n\n'
    operation = max(json.loads(people("operations", "--format", "json").stdout), key=int)
    told = json.loads(people("show-operation", operation, "--format", "json").stdout)
    assert told["refused"] == {"actor/9": 'unit "actor/9" not found (not found)'}
    people.run("actor/0", "polite")
    wait_for(lambda: "coordinator_tasks_running 0.0" in metrics(system), "the worker to know that nothing runs")
    figures = metrics(system)
    assert 'coordinator_tasks_total{kind="exec",outcome="aborted"} 1.0' in figures
    assert re.search(r'coordinator_task_seconds_count{kind="action"} [1-9]', figures)


def metrics(system: System) -> str:
    """Return the figures of the only worker."""
    [(_, worker)] = system.view().list(Kind.WORKER)
    with urllib.request.urlopen(f"{worker.url}/metrics", timeout=10) as answer:
        return answer.read().decode()


def test_commands_that_take_too_long_are_ended(people):
    done = people("exec", "--unit", "actor/0", "--wait", "0.5s", "--", "sleep 60")
    assert (done.returncode, done.stdout) == (1, "")
    assert "ERROR timed out waiting for results from: unit actor/0" in done.stderr


def test_what_an_action_prints_is_kept_as_it_was(people):
    script = "head -c 10000 /dev/zero | tr '\\0' x; printf '\\377' >&2"
    done = people("exec", "--format", "json", "--unit", "actor/0", "--", script)
    (task,) = json.loads(done.stdout).values()
    assert task["results"]["stdout"] == "x" * 10000, "no line end comes in between"
    assert (task["results"]["stderr"], task["results"]["stderr-encoding"]) == ("/w==", "base64")


def juju_exec(system: System, *arguments: str, name: str = "juju-exec") -> subprocess.CompletedProcess[str]:
    """Run the program as a daemon of the machine would: it knows nothing of any hook."""
    return subprocess.run(
        [str(system.home / "w0" / "tools" / name), *arguments],
        env={"PATH": "/usr/bin:/bin"}, cwd="/", capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_daemon_on_the_machine_wakes_its_charm(system):
    done = juju_exec(system, "-u", "actor/1", "JUJU_DISPATCH_PATH=hooks/my-event ./dispatch")
    assert (done.returncode, done.stderr) == (0, "")
    assert message(system, "actor/1") == "my event red"
    said = juju_exec(system, "actor/1", "relation-set", "-r", "ring:0", "woken=yes", name="juju-run")
    assert said.returncode == 0, said.stderr
    assert bag(system, "actor/1")["woken"] == "yes"
    status = juju_exec(system, "-u", "unit-actor-1", "echo out; echo err >&2; status-set active kept; exit 9")
    assert (status.returncode, status.stdout, status.stderr) == (9, "out\n", "err\n")
    assert message(system, "actor/1") == "kept", "what was asked for lasts whatever the exit status is"
    about = juju_exec(
        system, "-u", "actor/1", "-r", "ring:0", "relation-get - actor/0 >/dev/null; echo $JUJU_REMOTE_UNIT"
    )
    assert (about.returncode, about.stdout) == (0, "actor/0\n"), about.stderr


def test_a_script_without_context_has_no_hook_commands(system):
    done = juju_exec(system, "--no-context", "echo free; config-get color")
    assert done.returncode == 127
    assert done.stdout == "free\n"


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["true"], 2, "missing unit-name"),
        (["-u", "actor/0"], 2, "missing commands"),
        (["-u", "actor/7", "true"], 1, 'unit "actor/7" not found on this machine'),
        (
            ["-u", "actor/0", "--remote-unit", "actor/1", "true"],
            2,
            "remote unit: actor/1, provided without a relation",
        ),
        (["-u", "actor/0", "-r", "77", "true"], 1, "relation not found"),
    ],
)
def test_a_wrong_call_of_juju_exec_says_what_is_wrong(system, arguments, code, text):
    done = juju_exec(system, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"ERROR {text}")


def test_juju_exec_refuses_in_a_hook_instead_of_waiting_for_itself(system, people):
    done = people(
        "exec", "--format", "json", "--unit", "actor/0", "--", f"{system.home}/w0/tools/juju-exec -u actor/0 true"
    )
    (task,) = json.loads(done.stdout).values()
    assert task["results"]["return-code"] == 1
    assert "juju-exec cannot be called from within a hook, have context" in task["results"]["stderr"]


def test_operations_and_actions_are_listed(people):
    number = people.run("actor/0", "echo")["id"]
    found = json.loads(people("operations", "--actions", "echo", "--format", "json").stdout)
    operation = max(found, key=int)
    assert found[operation]["status"] == "completed"
    shown = json.loads(people("show-operation", operation, "--format", "json").stdout)
    assert shown["tasks"][number]["host"] == "actor/0"
    assert shown["action"] == {"name": "echo", "parameters": {"n": 1, "deep": {"text": "inner"}}}
    assert json.loads(people("actions", "actor", "--format", "json").stdout)["polite"] == "Says that it failed."
    assert "unknown action" in people("show-action", "actor", "nothing").stderr


def test_a_worker_that_dies_in_an_action_leaves_it_failed_and_not_run_again(system, people):
    number = people.background("actor/1", "long")
    wait_for(lambda: people.task(number).get("log"), "it to run")
    waiting = people.background("actor/1", "echo")
    system.workers[0].kill()
    system.workers[0].start()
    ended = json.loads(people("show-task", waiting, "--watch", "--format", "json").stdout)
    assert ended["status"] == "completed", "the queue goes on"
    dead = people.task(number)
    assert (dead["status"], dead["message"]) == ("failed", "action terminated")


def test_a_model_with_tasks_in_its_queues_can_be_destroyed(system, people):
    people.background("actor/0", "long")
    for _ in range(3):
        people.background("actor/0", "polite")
    done = people("destroy-model", "m", "--no-prompt", "--force", "--no-wait")
    assert done.returncode == 0, done.stderr
    wait_for(lambda: not system.keys_below("/coordinator/models/m"), "everything to go")
