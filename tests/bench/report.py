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
