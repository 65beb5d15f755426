"""Start, stop and restart the unit's server, a process that outlives the hooks that start it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

STOP_S = 5


class ServerProcess:
    """The server of this unit; what it runs with is kept beside it, so that only a change restarts it."""

    def __init__(self, directory: Path):
        self._program = directory / "src" / "server.py"
        self._record = directory / "server.json"
        self._log = directory / "server.log"

    def run(self, **settings: object) -> None:
        """Let the server run with *settings*; it is restarted only if they changed or it is gone."""
        record = self._read()
        if self.is_running() and record["settings"] == settings:
            return
        self.stop()
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, str(self._program)],
                env={**os.environ, "SETTINGS": json.dumps({**settings, "data": str(self._record.parent)})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._record.write_text(json.dumps({"pid": process.pid, "settings": settings}))

    def stop(self) -> None:
        """End the server and wait until it is gone."""
        pid = self._read().get("pid")
        deadline = time.monotonic() + STOP_S
        while self.is_running():
            os.kill(pid, signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL)
            time.sleep(0.05)
        self._record.unlink(missing_ok=True)

    def is_running(self) -> bool:
        """Say whether the process that we started is alive; its number may belong to somebody else by now."""
        pid = self._read().get("pid")
        if pid is None:
            return False
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        return os.fsencode(self._program) in command and state != "Z"

    def _read(self) -> dict:
        try:
            return json.loads(self._record.read_text())
        except (FileNotFoundError, ValueError):
            return {}
