"""Ports that stay a test's own, also while nobody listens on them.

A port that was merely free a moment ago may be somebody else's when a process begins to listen on it, or is
started again there: tests run side by side, and the kernel hands out the same ports to whoever connects.
"""

from __future__ import annotations

import socket
from contextlib import ExitStack, suppress

_kept = ExitStack()  # for as long as this process lives


def own_port() -> int:
    """Return a port of the loopback interface that only who asks for it by its number gets."""
    return own_ports(1)


def own_ports(count: int) -> int:
    """Return the first of so many ports in a row, each as `own_port` has it."""
    while True:
        with ExitStack() as held, suppress(OSError, OverflowError):  # the next one is taken, or there is none
            first = _hold(held, 0)
            for number in range(first + 1, first + count):
                _hold(held, number)
            _kept.push(held.pop_all())
            return first


def _hold(held: ExitStack, port: int) -> int:
    """Hold *port* (0: any) with a socket that does not listen; who listens with this option still may."""
    holder = held.enter_context(socket.socket())
    holder.bind(("127.0.0.1", port))
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return holder.getsockname()[1]
