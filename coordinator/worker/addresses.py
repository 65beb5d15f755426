"""The network interfaces of this host, and when they change.

Role: what the kernel says; where it can tell of changes (Linux) nothing is polled.
Not here: which of them matter (domain/network.py), the machine's entity (register.py).
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from collections.abc import Callable

import psutil

from coordinator.domain.network import Address, Interface, subnet_of

_GROUPS = 0x10 | 0x100  # RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR
_FAMILIES = (socket.AF_INET, socket.AF_INET6)
SETTLE_S = 0.5  # addresses rarely change alone
POLL_S = 30.0  # where the kernel tells nothing


def interfaces() -> tuple[Interface, ...]:
    """Return every interface of this host with all its addresses."""
    found = []
    for name, entries in psutil.net_if_addrs().items():
        addresses = tuple(
            Address(value=value, cidr=subnet_of(value, entry.netmask) if entry.netmask else "")
            for entry in entries
            if entry.family in _FAMILIES
            for value in (entry.address.partition("%")[0],)
        )
        mac = next((entry.address for entry in entries if entry.family == psutil.AF_LINK), "")
        found.append(Interface(name=name, mac=mac, addresses=addresses))
    return tuple(found)


class AddressWatch:
    """Calls *on_change* from a thread of its own, some moments after addresses of this host changed."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._stop_reading, self._stop_writing = os.pipe()
        self._socket = _netlink()
        self._thread = threading.Thread(target=self._run, name="addresses", daemon=True)
        self._thread.start()

    def close(self) -> None:
        os.write(self._stop_writing, b".")
        self._thread.join()
        os.close(self._stop_reading)
        os.close(self._stop_writing)
        if self._socket is not None:
            self._socket.close()

    def _run(self) -> None:
        while self._wait(None if self._socket is not None else POLL_S):
            while self._socket is not None and self._heard(SETTLE_S):
                pass
            self._on_change()

    def _wait(self, timeout_s: float | None) -> bool:
        """Wait for news, or as long as that is the only way; say whether to go on."""
        watched = [self._stop_reading] if self._socket is None else [self._stop_reading, self._socket.fileno()]
        ready, _, _ = select.select(watched, [], [], timeout_s)
        return self._stop_reading not in ready

    def _heard(self, timeout_s: float) -> bool:
        assert self._socket is not None
        ready, _, _ = select.select([self._socket], [], [], timeout_s)
        if not ready:
            return False
        with contextlib.suppress(OSError):  # more news than fit: it is news all the same
            self._socket.recv(65536)
        return True


def _netlink() -> socket.socket | None:
    """Return a socket on which the kernel tells of changed addresses; None where there is no such thing."""
    try:
        found = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        found.bind((0, _GROUPS))
    except (AttributeError, OSError):
        return None
    return found
