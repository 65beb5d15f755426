"""What a hook prints, passed on line by line until the hook has ended.

Role: one loop over the pipes of a hook.  A daemon that the hook started may hold them open; it does not hold
the hook.
Not here: starting and ending processes (dispatch.py, warm.py), what becomes of a line (logs.py).
"""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Callable, Mapping

LINE_BYTES_MAX = 4096  # longer lines are cut into pieces, as charms are used to
DRAIN_S = 0.1  # how long output is read after the program itself has ended

Emit = Callable[[str, str], None]  # (stream name, one line without its end)
Keep = Callable[[str, bytes], None]  # (stream name, what was printed, as it was)


def keep_nothing(name: str, data: bytes) -> None:
    """What hooks print is in the log, and nowhere else."""


class Kept:
    """The first *bytes_max* bytes of each stream; `size` counts all of them."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._parts = {"stdout": bytearray(), "stderr": bytearray()}
        self.size = {"stdout": 0, "stderr": 0}

    def __call__(self, name: str, data: bytes) -> None:
        self.size[name] += len(data)
        self._parts[name] += data[: self._bytes_max - len(self._parts[name])]

    def of(self, name: str) -> bytes:
        return bytes(self._parts[name])


def pass_on(
    pipes: Mapping[str, int],
    emit: Emit,
    *,
    pid: int,
    has_ended: Callable[[], bool],
    channel: tuple[int, Callable[[], bool]] | None = None,
    keep: Keep = keep_nothing,
) -> None:
    """Give *emit* every line of *pipes* (descriptors by name), and *keep* every byte, until *pid* has ended.

    *has_ended* tells so where the platform cannot say when, and sooner than that: it is asked again when there is
    nothing more to read on *channel*, which is one more descriptor, with what to call when something is there to
    read.  That says whether there will be more.
    """
    pending = dict.fromkeys(pipes, b"")
    end = _end_of(pid)
    try:
        with selectors.DefaultSelector() as selector:
            for name, pipe in pipes.items():
                os.set_blocking(pipe, False)
                selector.register(pipe, selectors.EVENT_READ, name)
            if end is not None:
                selector.register(end, selectors.EVENT_READ, "end")
            if channel is not None:
                selector.register(channel[0], selectors.EVENT_READ, "channel")
            drain_until: float | None = None  # None as long as it runs
            open_pipes = len(pipes)
            while drain_until is None or (open_pipes and time.monotonic() < drain_until):
                timeout = None if drain_until is None else max(0.0, drain_until - time.monotonic())
                if end is None and drain_until is None:
                    timeout = DRAIN_S  # look for the end now and then
                    if has_ended():
                        drain_until = time.monotonic() + DRAIN_S
                for key, _ in selector.select(timeout):
                    if key.data == "end":
                        selector.unregister(key.fileobj)
                        drain_until = time.monotonic() + DRAIN_S
                    elif key.data == "channel":
                        assert channel is not None
                        if not channel[1]():
                            selector.unregister(key.fileobj)
                            if has_ended() and drain_until is None:
                                drain_until = time.monotonic() + DRAIN_S
                    elif not _take(key.fd, key.data, pending, emit, keep):
                        selector.unregister(key.fileobj)
                        open_pipes -= 1
    finally:
        if end is not None:
            os.close(end)
    for name, rest in pending.items():
        if rest:
            emit(name, rest.decode(errors="replace"))


def _take(fd: int, name: str, pending: dict[str, bytes], emit: Emit, keep: Keep) -> bool:
    """Read what is there; say whether the pipe is still open."""
    try:
        data = os.read(fd, 65536)
    except BlockingIOError:
        return True
    keep(name, data)
    *lines, pending[name] = (pending[name] + data).split(b"\n")
    while len(pending[name]) > LINE_BYTES_MAX:
        lines.append(pending[name][:LINE_BYTES_MAX])
        pending[name] = pending[name][LINE_BYTES_MAX:]
    for line in lines:
        for start in range(0, max(len(line), 1), LINE_BYTES_MAX):
            emit(name, line[start : start + LINE_BYTES_MAX].decode(errors="replace"))
    return bool(data)


def _end_of(pid: int) -> int | None:
    """Return a descriptor that becomes readable when *pid* ends; None where there is no such thing, or no more."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None
