"""Show rows as a table, and as JSON with everything that tells one run from another."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from coordinator.store.embedded import find_binary
from tests.bench.rows import Row

ROOT = Path(__file__).resolve().parents[2]


def circumstances() -> dict[str, Any]:
    """Return versions, and what else is going on on this machine."""
    binary = find_binary(throwaway=True)
    return {
        "python": platform.python_version(),
        "etcd": ".".join(map(str, binary.version)),
        "revision": _git("describe", "--always", "--dirty"),
        "cores": os.cpu_count(),
        "load": [round(load, 2) for load in os.getloadavg()],
    }


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def table(sections: Mapping[str, list[Row]]) -> str:
    """Return the rows as text, a section for each benchmark."""
    width = max(len(row.name) for rows in sections.values() for row in rows)
    lines = []
    for title, rows in sections.items():
        lines += ["", title, "-" * len(title)]
        for row in rows:
            shown = "" if row.ratio is None else f"{row.ratio:8.2f} x {row.floor}"
            lines.append(f"{row.name:<{width}}  {row.value:9.2f} {row.unit:<3} {shown}".rstrip())
    return "\n".join(lines)


#: What the README shows, of a full run.
HEADLINES = (
    "ops: write -> remote effect, p50",
    "ops: hop 2, a's bag -> b's, p50",
    "released: hook as a fork, p50",
    "ops: hook as a fork, p50",
    "hook command: config-get",
    "ops: transactions per hook",
    "ops: Range requests at etcd per hook",
    "ops: CPU per hook, all",
    "no-op hooks of 30 units on one machine, one at a time",
    "no-op hooks of 50 units on one machine, one at a time",
    "CPU of a worker for a change that does not concern it",
    "one look with 1 remote units, p50",
    "one look with 1000 remote units, p50",
    "memory: worker without units",
    "memory: worker with 50 idle units",
    "memory: a warm parent",
    "one changed option, until all have handled it",
    "transactions at etcd per hook, the change's own included",
    "status of 1000 units: coordinator status",
    "status of 1000 units: the API alone",
    "start: coordinator --help",
)


def markdown(sections: Mapping[str, list[Row]], facts: Mapping[str, Any], day: str) -> str:
    """Return the headlines as a Markdown table with what they were measured on, and on which *day*."""
    rows = {row.name: row for found in sections.values() for row in found}
    lines = [f"{day}, {line_of(facts)}, virtual machine, etcd in memory without fsync:", ""]
    lines += ["| what | figure | against |", "| --- | ---: | --- |"]
    for row in (rows[name] for name in HEADLINES if name in rows):
        against = "" if row.ratio is None else f"{row.ratio:.2f} x {row.floor}"
        lines.append(f"| {row.name} | {row.value:.2f} {row.unit} | {against} |")
    return "\n".join(lines)


def line_of(facts: Mapping[str, Any]) -> str:
    """Return the circumstances in a line."""
    load = " ".join(map(str, facts["load"]))
    return (
        f"Python {facts['python']}, etcd {facts['etcd']}, revision {facts['revision']}, "
        f"{facts['cores']} cores, load {load}"
    )


def write_json(path: Path, sections: Mapping[str, list[Row]], before: Mapping[str, Any], after: Mapping[str, Any]):
    """Write everything to *path*."""
    told = {
        "arguments": sys.argv[1:],
        "before": before,
        "after": after,
        "rows": [{"benchmark": title, **asdict(row)} for title, rows in sections.items() for row in rows],
    }
    path.write_text(json.dumps(told, indent=2) + "\n")
