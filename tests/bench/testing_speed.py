"""How fast `ops.testing` is beside the released one: `python tests/bench/testing_speed.py [--runs N]`.

Measured in turns, in one go, with the same interpreter, in CPU time: one event of a small charm (a context of its
own and `run`, as a test has it; and `run` alone), and the cycle of a Harness (begin, a relation, three units with
data, cleanup).  Prints the best of all runs, which other work on the machine disturbs least, and ratios to the
released library; a ratio above its target makes the exit status 1.  Needs the package index once, for the peer.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[2]
sys.path.append(str(REPOSITORY / "tests" / "differential"))

import differ_peer  # noqa: E402

#: What each measure may take of the released library's time.
RATIO_MAX = {"context and run": 0.25, "run": 0.25, "harness": 0.5}

PROGRAM = """
import json, sys, time, warnings
sys.path.extend(json.loads(sys.argv[1]))
warnings.simplefilter("ignore")
import ops
from ops import testing

META = {"name": "small", "requires": {"db": {"interface": "sql"}}, "peers": {"ring": {"interface": "ring"}}}
CONFIG = {"options": {"port": {"type": "int", "default": 80}}}
TEXT = json.dumps(META)

class Small(ops.CharmBase):
    def __init__(self, framework):
        super().__init__(framework)
        framework.observe(self.on.config_changed, self._on_config_changed)
        framework.observe(self.on.db_relation_changed, self._on_db_changed)

    def _on_config_changed(self, event):
        self.unit.status = ops.ActiveStatus(str(self.config["port"]))

    def _on_db_changed(self, event):
        event.relation.data[self.unit]["host"] = event.relation.data[event.unit].get("host", "")

def context():
    return testing.Context(Small, meta=META, config=CONFIG)

known = context()
state = testing.State(leader=True, config={"port": 8080}, relations={testing.Relation("db")})

def run(ctx=known):
    out = ctx.run(ctx.on.config_changed(), state)
    assert out.unit_status == ops.ActiveStatus("8080")

def harness():
    cycle = testing.Harness(Small, meta=TEXT)
    cycle.begin()
    number = cycle.add_relation("db", "pg")
    for unit in ("pg/0", "pg/1", "pg/2"):
        cycle.add_relation_unit(number, unit)
        cycle.update_relation_data(number, unit, {"host": unit})
    assert cycle.get_relation_data(number, "small/0")["host"] == "pg/2"
    cycle.cleanup()

found = {}
for name, measured in (("context and run", lambda: run(context())), ("run", run), ("harness", harness)):
    for _ in range(3):
        measured()
    began = time.process_time()
    for _ in range(40):
        measured()
    found[name] = (time.process_time() - began) / 40
print(json.dumps(found))
"""


def measure(path: list[str]) -> dict[str, float]:
    """Return CPU seconds of each measure in a new process."""
    command = [sys.executable, "-IS", "-c", PROGRAM, json.dumps(path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(ended.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    paths = {
        "theirs": [str(differ_peer.directory(extra="testing"))],
        "ours": [str(REPOSITORY), os.path.dirname(os.path.dirname(yaml.__file__))],
    }
    print(f"Python {sys.version.split()[0]}, ops {differ_peer.RELEASE} against ours, best of {runs}, CPU time")
    found = [{who: measure(path) for who, path in paths.items()} for _ in range(runs)]
    missed = False
    for name, most in RATIO_MAX.items():
        theirs, ours = (min(each[who][name] for each in found) for who in ("theirs", "ours"))
        missed |= ours > most * theirs
        print(
            f"{name}: theirs {theirs * 1000:.2f} ms, ours {ours * 1000:.2f} ms; "
            f"of theirs: {ours / theirs:.3f}, 1/{theirs / ours:.1f} (target {most})"
        )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
