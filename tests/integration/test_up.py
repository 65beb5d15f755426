"""`coordinator up` as a newcomer uses it: started, left with ^C, and started again where it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from system import CHARMS, ROOT, WAIT_S, wait_for

pytestmark = pytest.mark.slow

COORDINATOR = (sys.executable, "-m", "coordinator")


class Newcomer:
    """Somebody with an empty home."""

    def __init__(self, home: Path) -> None:
        self._home, self.said = home, home / "said"
        self._environment = {**os.environ, "COORDINATOR_DATA": str(home)}

    @contextmanager
    def up(self) -> Iterator[dict[str, Any]]:
        """Have the system up, as it describes itself; ^C at the end, which it takes well."""
        described = self._home / "local" / "up.json"
        described.unlink(missing_ok=True)
        arguments = ("up", "--workers", "2", "--throwaway", "--listen", "127.0.0.1:0")
        with self.said.open("a") as said:
            process = subprocess.Popen([*COORDINATOR, *arguments], env=self._environment, cwd=ROOT, stderr=said)
        try:
            wait_for(lambda: described.exists() or process.poll() is not None, "the system to be up")
            assert process.poll() is None
            yield json.loads(described.read_text())
            process.send_signal(signal.SIGINT)
            assert process.wait(WAIT_S) == 0
        finally:
            process.kill()
            process.wait()

    def asks(self, *arguments: str) -> str:
        command = [*COORDINATOR, *arguments]
        return subprocess.run(
            command, env=self._environment, cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout

    def runs(self, *arguments: str) -> subprocess.CompletedProcess:
        command = [*COORDINATOR, *arguments]
        return subprocess.run(
            command, env=self._environment, cwd=ROOT, check=False, capture_output=True, text=True, timeout=WAIT_S
        )

    def unit(self) -> tuple[str, str, str]:
        """Return what its charm says, what its agent does, and where that is."""
        unit = json.loads(self.asks("status", "--format", "json"))["applications"]["handy"]["units"]["handy/0"]
        return unit["workload-status"]["message"], unit["juju-status"]["current"], unit["machine"]

    def sees(self, message: str) -> bool:
        return self.unit()[:2] == (message, "idle")


def test_up_goes_on_where_it_was_left(tmp_path: Path) -> None:
    newcomer = Newcomer(tmp_path)
    with newcomer.up():
        again = newcomer.runs("up", "--listen", "127.0.0.1:0")
        assert again.returncode == 1
        assert "another `coordinator up` runs there" in again.stderr
        newcomer.asks("add-model", "m")
        newcomer.asks("deploy", str(CHARMS / "handy"))
        wait_for(lambda: newcomer.sees("color=none version=0 file=none"), "the unit to work")
        *_, machine = newcomer.unit()
        homes = [tmp_path / "local" / f"machine-{number}" for number in range(2)]
        assert [json.loads((home / "machine.json").read_text())["id"] for home in homes] == ["0", "1"]
    with newcomer.up() as described:
        os.kill(described["processes"][f"worker {machine}"], signal.SIGKILL)  # it is started again by itself
        newcomer.asks("config", "handy", "color=red")
        wait_for(lambda: newcomer.sees("color=red version=0 file=none"), "the unit to work again")
        assert newcomer.unit()[2] == machine

        newcomer.asks("remove-machine", str(1 - int(machine)), "--no-prompt")
        wait_for(
            lambda: "was removed from the cluster" in newcomer.said.read_text(), "up to say why a worker ends"
        )
