"""What a charm pays before its own code runs: `import ops`, and a hook that does nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tests.bench.pair import Pair
from tests.bench.processes import BARE_PYTHON, time_interleaved
from tests.bench.rows import Row, median, ms

BARE = "python -c pass"


def measure(pairs: Sequence[Pair], *, times: int, rounds: int) -> list[Row]:
    """Bare interpreters against `import ops`; then the last hook of each round, which no charm observes."""
    took = time_interleaved(
        {
            "-IS": BARE_PYTHON,
            "bare": (sys.executable, "-c", "pass"),
            "ops": (sys.executable, "-c", "import ops"),
            "cli": (sys.executable, "-m", "coordinator", "--help"),
        },
        times=times,
    )
    bare_s, ops_s = (median(t.wall_s for t in took[name]) for name in ("bare", "ops"))
    rows = [
        ms("start: python -IS -c pass", median(t.wall_s for t in took["-IS"])),
        ms(f"start: {BARE}", bare_s),
        ms("start: python -c 'import ops'", ops_s, bare_s, BARE),
        ms("start: import ops alone", ops_s - bare_s, bare_s, BARE),
        ms("start: coordinator --help", median(t.wall_s for t in took["cli"]), bare_s, BARE),
    ]
    for pair in pairs:
        nothing_s = []
        for _ in range(rounds):
            before = pair.hooks()
            pair.round()
            nothing_s.append(pair.spent_s(before, pair.hooks_after(before, rounds=1)).nothing_s)
        rows.append(ms(f"{pair.name}: no-op hook, as the worker counts it, p50", median(nothing_s), bare_s, BARE))
    return rows
