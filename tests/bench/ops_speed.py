"""How fast `ops` is beside the released one: `python tests/bench/ops_speed.py [--runs N]`.

Measured in turns, in one go, with the same interpreter: importing the package, and a whole process that
dispatches an event with nothing to do, its hook commands answered by a stub.  The floor is a process that does
none of the library's work: it imports the modules of Python and PyYAML that such a run needs, and calls the
same three commands.  "forked" is the same dispatch as a fork of a warm process, as our worker does it, with a stub
at the other end of the stream.  Prints the best of all runs, which other work on the machine disturbs least, and
ratios to the released library; a ratio of import or of the forked dispatch above its target makes the exit status
1.  Needs the package index once, for the peer.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[2]
sys.path.append(str(REPOSITORY / "tests" / "differential"))

import differ_peer  # noqa: E402

sys.path.append(str(REPOSITORY))

from ops import _warm  # noqa: E402

RATIO_MAX = 0.4

IMPORT = """
import sys, time
sys.path.extend({path!r})
wall, cpu = time.perf_counter(), time.process_time()
import ops
print(time.perf_counter() - wall, time.process_time() - cpu)
"""

CHARM = """
import sys
sys.path.extend({path!r})
import ops

class Charm(ops.CharmBase):
    def __init__(self, framework):
        super().__init__(framework)
        framework.observe(self.on.config_changed, self._on_config_changed)

    def _on_config_changed(self, event):
        pass

ops.main(Charm)
"""

FLOOR = """
import sys
sys.path.extend({path!r})
import dataclasses, json, logging, pathlib, pickle, sqlite3, subprocess, typing, yaml
for command in (["juju-log", "a"], ["juju-log", "b"], ["is-leader"]):
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8")
"""

STUB = "#!/bin/sh\ncase $0 in */is-leader) echo true ;; esac\n"


def measure_import(path: list[str]) -> tuple[float, float]:
    """Return wall and CPU seconds of ``import ops`` in a new interpreter, which is not counted."""
    code = IMPORT.format(path=path)
    ended = subprocess.run([sys.executable, "-IS", "-c", code], capture_output=True, text=True, check=True)
    wall, cpu = map(float, ended.stdout.split())
    return wall, cpu


def measure_process(code: str, root: Path) -> tuple[float, float]:
    """Return wall and CPU seconds of a whole process, with the interpreter and all hook commands."""
    environment = {
        "PATH": f"{root / 'bin'}:/usr/bin:/bin",
        "JUJU_CHARM_DIR": str(root),
        "JUJU_DISPATCH_PATH": "hooks/config-changed",
        "JUJU_HOOK_NAME": "config-changed",
        "JUJU_UNIT_NAME": "small/0",
        "JUJU_MODEL_NAME": "here",
        "JUJU_MODEL_UUID": "11111111-2222-4333-8444-555555555555",
        "JUJU_VERSION": "3.6.4",
    }
    command = [sys.executable, "-IS", "-c", code]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started_s = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    wall_s = time.perf_counter() - started_s
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def small_charm(root: Path) -> Path:
    """Make a charm's root, with hook commands."""
    (root / "bin").mkdir(parents=True)
    (root / "metadata.yaml").write_text(json.dumps({"name": "small", "requires": {"db": {"interface": "sql"}}}))
    for name in ("juju-log", "is-leader"):
        (root / "bin" / name).write_text(STUB)
        (root / "bin" / name).chmod(0o755)
    return root


class WarmCharm:
    """A charm whose runs are forks; this process stands for the worker.  Use with `with`."""

    ANSWERS = {"is-leader": "true", "state-get": "{}", "config-get": "{}"}

    def __init__(self, root: Path, code: str, path: list[str]) -> None:
        self.root = root
        (root / "src").mkdir()
        (root / "src" / "charm.py").write_text(code)
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        program = str(REPOSITORY / "ops" / "_warm.py")
        environment = {"PYTHONPATH": os.pathsep.join(path), "PATH": "/usr/bin:/bin"}
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-S", program, "ops", "ops._door"], stdin=theirs.fileno(), env=environment
            )
        self.path = json.loads(self.control.recv(1 << 20))["path"]

    def __enter__(self) -> WarmCharm:
        self._run_s()  # the first run tells what it loads
        return self

    def __exit__(self, *_: object) -> None:
        self.control.close()
        self.process.wait()

    def dispatch(self, times: int = 20) -> tuple[float, float]:
        """Return wall and CPU seconds of one run with its fork: of several, as the system counts in hundredths."""
        before = self._cpu_s()
        wall_s = sum(self._run_s() for _ in range(times))
        return wall_s / times, (self._cpu_s() - before) / times

    def _run_s(self) -> float:
        """Return wall seconds from an order to the end of its run."""
        self.control.send(json.dumps({"prepare": "src/charm.py", "cwd": str(self.root)}).encode())
        message, descriptors, _, _ = socket.recv_fds(self.control, 1 << 20, 1)
        assert "child" in json.loads(message)
        order = {
            "name": "small/0",
            "argv": ["src/charm.py"],
            "cwd": str(self.root),
            "path": self.path,
            "env": {
                "JUJU_CHARM_DIR": str(self.root),
                "JUJU_DISPATCH_PATH": "hooks/config-changed",
                "JUJU_HOOK_NAME": "config-changed",
                "JUJU_UNIT_NAME": "small/0",
                "JUJU_MODEL_NAME": "here",
                "JUJU_MODEL_UUID": "11111111-2222-4333-8444-555555555555",
                "JUJU_VERSION": "3.6.4",
                "COORDINATOR_STATE": "commit",
            },
        }
        own, theirs = socket.socketpair()
        null = os.open(os.devnull, os.O_RDWR)
        started_s = time.perf_counter()
        with own, theirs, socket.socket(fileno=descriptors[0]) as child:
            socket.send_fds(child, [json.dumps(order).encode()], [null, null, theirs.fileno()])
            theirs.close()
            status = self._answer(_warm.Channel(own))
        wall_s = time.perf_counter() - started_s
        os.close(null)
        assert status == 0, status
        assert "ended" in json.loads(self.control.recv(1 << 20))
        return wall_s

    def _answer(self, channel: _warm.Channel) -> int | None:
        """Be the worker of one run, and return its exit status."""
        status = None
        channel.send(b"{}")
        while True:
            try:
                frame = channel.receive()
            except ConnectionError:
                return status
            if frame[:1] == b"a":
                answer = self.ANSWERS.get(json.loads(frame[1:])[0], "[]")
                channel.send(json.dumps(["answer", 0, answer, ""]).encode())
            elif frame[:1] == b"e":
                status = json.loads(frame[1:])

    def _cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    paths = {
        "theirs": [str(differ_peer.directory())],
        "ours": [str(REPOSITORY), os.path.dirname(os.path.dirname(yaml.__file__))],
    }
    print(f"Python {sys.version.split()[0]}, ops {differ_peer.RELEASE} against ours, best of {runs}")
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as directory:
        root = small_charm(Path(directory))

        def dispatch(code: str, who: str) -> tuple[float, float]:
            (root / ".unit-state.db").unlink(missing_ok=True)
            return measure_process(code.format(path=paths[who]), root)

        imports = best(runs, {who: lambda who=who: measure_import(paths[who]) for who in paths})
        runs_of = {who: lambda who=who: dispatch(CHARM, who) for who in paths}
        with WarmCharm(root, CHARM.format(path=[]), paths["ours"]) as warm:
            others = {"floor": lambda: dispatch(FLOOR, "ours"), "forked": warm.dispatch}
            dispatches = best(runs, {**runs_of, **others})
    return max(report("import ops", imports, "ours"), report("no-op dispatch", dispatches, "forked"))


def best(runs: int, measures: dict[str, Callable[[], tuple[float, float]]]) -> dict[str, tuple[float, ...]]:
    """Measure in turns; return the shortest wall and CPU seconds of each."""
    found = [{who: measure() for who, measure in measures.items()} for _ in range(runs)]
    return {who: tuple(min(each[who][clock] for each in found) for clock in (0, 1)) for who in measures}


def report(what: str, found: dict[str, tuple[float, ...]], judged: str) -> int:
    """Print what was measured; return 1 if *judged* took more than its share."""
    for clock, name in enumerate(("wall", "CPU")):
        texts = [f"{who} {each[clock] * 1000:.1f} ms" for who, each in found.items()]
        ratios = [f"{who} {found[who][clock] / found['theirs'][clock]:.2f}" for who in found if who != "theirs"]
        print(f"{what}, {name}: {', '.join(texts)}; of theirs: {', '.join(ratios)} (target {RATIO_MAX})")
    return int(any(found[judged][clock] > RATIO_MAX * found["theirs"][clock] for clock in (0, 1)))


if __name__ == "__main__":
    sys.exit(main())
