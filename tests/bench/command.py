"""What one hook command costs: timed by a charm inside a hook, beside a bare interpreter and a bare program."""

from __future__ import annotations

import sys
from collections import defaultdict

from system import System, wait_for

from tests.bench import CHARMS
from tests.bench.rows import Row, median, ms

APP = "caller"


def prepare(system: System) -> None:
    system.deploy(CHARMS / "caller", APP)


def measure(system: System, *, times: int) -> list[Row]:
    """One `config-get` call against `python -IS -c pass` and `/bin/true`."""
    report = system.home / "calls"
    system.config(APP, times=times, python=sys.executable, report=str(report))
    wait_for(report.exists, "the hook that times hook commands", timeout_s=120)
    took: defaultdict[str, list[float]] = defaultdict(list)
    for line in report.read_text().splitlines():
        name, microseconds = line.split()
        took[name].append(int(microseconds) / 1e6)
    call_s, python_s, true_s = (median(took[name]) for name in ("config-get", "python", "true"))
    return [
        ms("hook command: /bin/true", true_s),
        ms("hook command: python -IS -c pass", python_s, true_s, "/bin/true"),
        ms("hook command: config-get", call_s, python_s, "python -IS"),
        ms("hook command: config-get without its interpreter", call_s - python_s, python_s, "python -IS"),
    ]
