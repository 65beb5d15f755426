"""The kernel's side: addresses that come and go, and packets that a firewall lets through or not.

Each test runs in network namespaces of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from system import ROOT

from coordinator.domain.firewall import Opening, Plan
from coordinator.worker.firewall import ruleset

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for network namespaces"),
    pytest.mark.skipif(not (shutil.which("ip") and shutil.which("nft")), reason="needs iproute2 and nftables"),
]

SERVER, CLIENT, OTHER = "10.77.0.1", "10.77.0.2", "10.77.0.3"


def run(*command: str, given: str | None = None) -> None:
    subprocess.run(command, input=given, capture_output=True, text=True, check=True)


@pytest.fixture
def namespaces() -> Iterator[tuple[str, str]]:
    """Two hosts with a cable between them; the client has two addresses."""
    server, client = (f"coordinator-{os.getpid()}-{side}" for side in ("s", "c"))
    with ExitStack() as stack:
        for name in (server, client):
            run("ip", "netns", "add", name)
            stack.callback(run, "ip", "netns", "del", name)
        run("ip", "-n", server, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", client)
        for name, addresses in ((server, [SERVER]), (client, [CLIENT, OTHER])):
            for address in addresses:
                run("ip", "-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            run("ip", "-n", name, "link", "set", "eth0", "up")
            run("ip", "-n", name, "link", "set", "lo", "up")
        yield server, client


@contextmanager
def at_work(namespace: str, script: str) -> Iterator[subprocess.Popen]:
    """Run a Python *script* on a host until it has read a line; it says when it is ready."""
    process = subprocess.Popen(
        ["ip", "netns", "exec", namespace, sys.executable, "-c", textwrap.dedent(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.stdin.write("\n")
    assert process.returncode == 0


def test_only_those_a_port_is_exposed_to_get_through(namespaces: tuple[str, str]) -> None:
    server, client = namespaces

    def gets_through(port: int, source: str) -> bool:
        attempt = f"import socket; socket.create_connection(({SERVER!r}, {port}), 0.4, ({source!r}, 0))"
        command = ["ip", "netns", "exec", client, sys.executable, "-c", attempt]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def apply(*openings: Opening, cluster: tuple[str, ...] = ()) -> None:
        rules = ruleset(Plan(cluster=cluster, openings=openings))
        run("ip", "netns", "exec", server, "nft", "-f", "-", given=rules)

    listener = """
        import socket
        listening = [socket.create_server(("", port)) for port in (8001, 8002, 8003)]
        print("ready", flush=True)
        input()
    """
    with at_work(server, listener):
        apply(Opening("8001/tcp"), Opening("8002/tcp", (f"{CLIENT}/32",)))
        assert not gets_through(8001, CLIENT), "open, and not exposed"
        assert gets_through(8002, CLIENT), "exposed to it"
        assert not gets_through(8002, OTHER), "exposed to another one"
        assert gets_through(8003, OTHER), "no unit opened it: it is not ours to judge"
        apply(Opening("8001-8002/tcp"), Opening("icmp"), cluster=(OTHER, "a-host-name"))
        assert gets_through(8001, OTHER), "of the cluster"
        assert not gets_through(8002, CLIENT), "not exposed any more"
        apply()
        assert gets_through(8001, CLIENT)


def test_an_address_that_comes_is_noticed(namespaces: tuple[str, str]) -> None:
    server, _ = namespaces
    watcher = """
        from coordinator.domain.network import reachable
        from coordinator.worker.addresses import AddressWatch, interfaces
        def tell():
            print([(i.name, a.value, a.cidr) for i in reachable(interfaces()) for a in i.addresses], flush=True)
        watch = AddressWatch(tell)
        print("ready", flush=True)
        input()
        watch.close()
    """
    with at_work(server, watcher) as process:
        run("ip", "-n", server, "addr", "add", "10.88.0.7/16", "dev", "eth0")
        assert process.stdout is not None
        assert "('eth0', '10.88.0.7', '10.88.0.0/16')" in process.stdout.readline()
