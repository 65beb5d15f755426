"""The minder: a small process that ends running hooks when their worker is dead, frozen or cut off.

Role: half of the promise behind `is-leader`: a charm that saw it true is dead before another unit can lead.
The worker tells its minder which process groups run hooks, and until when it may act (its lease was confirmed).
When that moment passes without news, or the worker is gone (end of file), every group is killed, whatever the
worker's own threads are doing; SIGSTOP and kill -9 of the worker included.
Lines on stdin: `run PGID`, `end PGID`, `until SECONDS` (of a clock that goes on while the machine is suspended,
where there is one).  `ok PGID` comes back for each run.

Standard library only: it is started with `python -I -S`, once per worker, and knows nothing of us.
Not here: the guard in every transaction (store/), which protects the data even when this fails.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time


def main() -> None:
    """Serve until stdin ends; then kill what still runs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C in a terminal reaches us too; the worker decides when we end
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    groups: set[int] = set()
    until = float("inf")
    rest = b""
    while True:
        remaining = until - boot_clock()
        if remaining <= 0:
            kill(groups)  # and what starts from now on, until there is news: the worker may have been frozen
        timeout = remaining if 0 < remaining < float("inf") else None
        ready, _, _ = select.select([0], [], [], timeout)
        if not ready:
            continue
        data = os.read(0, 65536)
        if not data:
            kill(groups)
            return
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            word, _, value = line.decode().partition(" ")
            if word == "run":
                groups.add(int(value))
                if until <= boot_clock():
                    kill(groups)
                os.write(1, f"ok {value}\n".encode())
            elif word == "end":
                groups.discard(int(value))
            elif word == "until":
                until = float(value)


def boot_clock() -> float:
    """Return the seconds of the clock that deadlines are given in; the same as that of store/session.py."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def kill(groups: set[int]) -> None:
    """Kill every process of *groups*; one that has ended is fine."""
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    groups.clear()


if __name__ == "__main__":
    sys.exit(main())
