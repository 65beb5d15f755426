"""A network for one process, so that it can be cut off from etcd while everything else goes on.

Role: a network namespace with a cable to the rest of the host; packets are dropped without a word, as a broken
network drops them.  Needs root, iproute2 and nftables: `POSSIBLE`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack

POSSIBLE = os.geteuid() == 0 and bool(shutil.which("ip") and shutil.which("nft"))
CUT = "table inet cut {{ chain out {{ type filter hook output priority 0; oif lo accept; {drop}; }}; }}\n"


class Network:
    """One end of the cable has the address `ours`, the one in the namespace `theirs`.  Use `open` and `close`."""

    def __init__(self, number: int) -> None:
        """*number* tells the networks of this process apart."""
        subnet = f"10.{200 + os.getpid() % 50}.{os.getpid() // 50 % 250}"
        self.ours, self.theirs = f"{subnet}.{4 * number + 1}", f"{subnet}.{4 * number + 2}"
        self._namespace, self._link = f"coordinator-{os.getpid()}-{number}", f"co{os.getpid()}-{number}"
        self._stack = ExitStack()

    @property
    def prefix(self) -> list[str]:
        """What runs a command inside."""
        return ["ip", "netns", "exec", self._namespace]

    def open(self) -> None:
        _run("ip", "netns", "add", self._namespace)
        self._stack.callback(_run, "ip", "netns", "del", self._namespace)
        _run("ip", "link", "add", self._link, "type", "veth", "peer", "name", "eth0", "netns", self._namespace)
        self._stack.callback(_run, "ip", "link", "del", self._link)
        _run("ip", "addr", "add", f"{self.ours}/30", "dev", self._link)
        _run("ip", "link", "set", self._link, "up")
        _run("ip", "-n", self._namespace, "addr", "add", f"{self.theirs}/30", "dev", "eth0")
        for device in ("lo", "eth0"):
            _run("ip", "-n", self._namespace, "link", "set", device, "up")

    def close(self) -> None:
        self._stack.close()

    def cut(self, ports: Sequence[int] = ()) -> None:
        """Let nothing out any more to *ports*; without them, nothing at all."""
        numbers = ", ".join(map(str, ports))
        drop = f"tcp dport {{ {numbers} }} drop" if ports else "drop"
        _run(*self.prefix, "nft", "-f", "-", given=CUT.format(drop=drop))

    def mend(self) -> None:
        _run(
            *self.prefix, "nft", "-f", "-", given="table inet cut\ndelete table inet cut\n"
        )  # also if there is none


def _run(*command: str, given: str | None = None) -> None:
    subprocess.run(command, input=given, capture_output=True, text=True, check=True)
