"""How fast `ops` is beside the released one: `python tests/bench/ops_speed.py [--runs N]`.

Measured in turns, in one go, with the same interpreter: importing the package, and a whole process that
dispatches an event with nothing to do, its hook commands answered by a stub.  Prints medians and ratios; a
ratio above its target makes the exit status 1.  Needs the package index once, for the peer.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[2]
sys.path.append(str(REPOSITORY / "tests" / "differential"))

import differ_peer  # noqa: E402

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

STUB = "#!/bin/sh\ncase $0 in */is-leader) echo true ;; esac\n"


def measure_import(path: list[str]) -> tuple[float, float]:
    """Return wall and CPU seconds of ``import ops`` in a new interpreter, which is not counted."""
    code = IMPORT.format(path=path)
    ended = subprocess.run([sys.executable, "-IS", "-c", code], capture_output=True, text=True, check=True)
    wall, cpu = map(float, ended.stdout.split())
    return wall, cpu


def measure_dispatch(path: list[str], root: Path) -> tuple[float, float]:
    """Return wall and CPU seconds of a whole run, with the interpreter and all hook commands."""
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
    command = [sys.executable, "-IS", "-c", CHARM.format(path=path)]
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    paths = {
        "theirs": [str(differ_peer.directory())],
        "ours": [str(REPOSITORY), os.path.dirname(os.path.dirname(yaml.__file__))],
    }
    print(f"Python {sys.version.split()[0]}, ops {differ_peer.RELEASE} against ours, medians of {runs}")
    slow = False
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as directory:
        roots = {who: small_charm(Path(directory) / who) for who in paths}
        for what, measure in {
            "import ops": lambda who: measure_import(paths[who]),
            "no-op dispatch": lambda who: measure_dispatch(paths[who], roots[who]),
        }.items():
            found: dict[str, list[tuple[float, float]]] = {who: [measure(who)][:0] for who in paths}
            for _ in range(runs):
                for who in paths:
                    found[who].append(measure(who))
            for column, clock in enumerate(("wall", "CPU")):
                medians = {who: statistics.median(each[column] for each in found[who]) for who in paths}
                ratio = medians["ours"] / medians["theirs"]
                slow |= ratio > RATIO_MAX
                times = ", ".join(f"{who} {seconds * 1000:.1f} ms" for who, seconds in medians.items())
                print(f"{what}, {clock}: {times}: {ratio:.2f} (at most {RATIO_MAX})")
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
