"""The developers' door: runs every check in order and stops at the first that fails.

python tests/check.py                 format, lint, types, tests
python tests/check.py --only tests    the tests alone
python tests/check.py --quick         without the tests marked slow
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent

#: Two workers on two cores: more would make tests of leases wait for the processor.
PARALLEL = ["-n", str(min(4, os.cpu_count() or 1)), "--dist", "loadgroup"]

CHECKS = {
    "format": [str(BIN / "ruff"), "format", "--check", "."],
    "lint": [str(BIN / "ruff"), "check", "."],
    "types": [str(BIN / "pyright")],
    "tests": [sys.executable, "-m", "pytest", "tests", "--ignore=tests/bench", "-m", "not compose", *PARALLEL],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=CHECKS, action="append")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    for name, command in CHECKS.items():
        if given.only and name not in given.only:
            continue
        if name == "tests" and given.quick:
            command = [*command, "-m", "not compose and not slow"]
        started_s = time.monotonic()
        print(f"--- {name}", flush=True)
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        if status:
            print(f"--- {name} failed; the command was: {' '.join(command)}", flush=True)
            return status
        print(f"--- {name} took {time.monotonic() - started_s:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
