"""From the start of a write to the effect of a remote charm's hook, hop by hop, in F.

Role: the measure of DESIGN section 8.  A hop is: etcd tells the worker, the hook runs, its transaction lands, and
this process sees it.  What the worker itself counts as the hook (process, commands, answers) is shown apart.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench.floor import Floor
from tests.bench.pair import HookSeconds, Pair, Round
from tests.bench.rows import Row, median, ms, percentile


def measure(pairs: Sequence[Pair], floor: Floor, *, rounds: int) -> list[Row]:
    """Rounds of every pair in turn, with samples of F between them."""
    found: dict[str, list[tuple[Round, HookSeconds]]] = {pair.name: [] for pair in pairs}
    floors: list[float] = []
    for _ in range(rounds):
        for pair in pairs:
            before = pair.hooks()
            done = pair.round()
            found[pair.name].append((done, pair.spent_s(before, pair.hooks_after(before, rounds=1))))
            floors += floor.sample(3)
    f_s = median(floors)
    rows = [ms("F between the rounds, p50", f_s)]
    for name, done in found.items():
        sent_s = [round.sent_s for round, _ in done]
        total_s = [round.echoed_s for round, _ in done]
        rest_s = [round.echoed_s - hooks.send_s - hooks.echo_s for round, hooks in done]
        rows += [
            ms(f"{name}: write -> remote effect, p50", median(total_s), f_s, "F"),
            ms(f"{name}: write -> remote effect, p99", percentile(total_s, 99), f_s, "F"),
            ms(f"{name}: hop 1, the write -> a's bag, p50", median(sent_s), f_s, "F"),
            ms(f"{name}: hop 2, a's bag -> b's, p50", median(r.echoed_s - r.sent_s for r, _ in done), f_s, "F"),
            ms(f"{name}: of hop 1, a's hook with its commands, p50", median(h.send_s for _, h in done), f_s, "F"),
            ms(f"{name}: of hop 2, b's hook with its commands, p50", median(h.echo_s for _, h in done), f_s, "F"),
            ms(f"{name}: both hops without the two hooks, p50", median(rest_s), f_s, "F"),
        ]
    return rows
