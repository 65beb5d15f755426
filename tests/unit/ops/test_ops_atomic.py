"""A run that is killed leaves nothing half-saved: the hook runs again, and nothing shows that it ever failed.

The charm's process is a fork of this one that kills itself before its n-th step; steps are the calls of ops'
own functions and of SQLite's.  Whoever runs the charm keeps what hook commands asked for only if the process
ended with success, as controllers do.
"""

from __future__ import annotations

import json
import os
import pathlib
import pickle
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from ops_stage import METADATA, Stage, Tools

import ops
from ops import _backend

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the charm's process is a fork")

PACKAGE = os.path.dirname(ops.__file__)
POINTS = 8  # at which each hook is killed, spread over all of its steps
LAST = 6  # steps of which none is left out: those in which the run is committed

HOOKS = ["hooks/install", "hooks/config-changed", "hooks/update-status"]


class Charm(ops.CharmBase):
    """Changes stored state, defers, and emits an event of its own, in every hook."""

    stored = ops.StoredState()

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        self.stored.set_default(seen=[], half=None)
        for event in (self.on.install, self.on.config_changed, self.on.update_status):
            framework.observe(event, self._first)
            framework.observe(event, self._second)

    def _first(self, event: ops.EventBase) -> None:
        self.stored.half = event.handle.key
        self.stored.seen.append(["first", event.handle.kind, event.handle.key])
        event.defer()

    def _second(self, event: ops.EventBase) -> None:
        self.stored.seen.append(["second", event.handle.kind, event.handle.key])
        if isinstance(event, ops.ConfigChangedEvent):
            event.defer()
        self.stored.half = None


class Recording(Tools):
    """Writes down at once what changes state; whoever runs the charm reads it afterwards."""

    def __init__(self, told: pathlib.Path, state: dict[str, str]) -> None:
        super().__init__()
        self.told = told
        self.state = dict(state)

    def call(self, tool: str, arguments: Sequence[str], stdin: str | None) -> _backend.Reply:
        reply = super().call(tool, arguments, stdin)
        if tool in ("state-set", "state-delete"):
            with self.told.open("a") as file:
                file.write(json.dumps(self.state) + "\n")
        return reply


class Host:
    """Runs the hooks of one unit, each in a process of its own."""

    def __init__(self, root: pathlib.Path, environment: dict[str, str]) -> None:
        self.root = root
        root.mkdir(exist_ok=True)
        self.environment = environment
        self.state: dict[str, str] = {}
        self.stage = Stage(root)
        self.stage.write("metadata.yaml", METADATA)

    def copy(self, root: pathlib.Path) -> Host:
        """Return another unit that is just where this one is."""
        shutil.copytree(self.root, root)
        host = Host(root, self.environment)
        host.state = dict(self.state)
        return host

    def run(self, hook: str, kill_at: int | None = None) -> tuple[bool, int]:
        """Return whether the run ended with success, and how many steps it had."""
        told, steps = self.root / "told", self.root / "steps"
        for file in (told, steps):
            file.write_text("")
        child = os.fork()
        if not child:
            try:
                self.stage.tools = Recording(told, self.state)
                count = profile(kill_at)
                self.stage.play(Charm, hook, **self.environment)
                sys.setprofile(None)
                steps.write_text(str(count()))
            except BaseException:
                os._exit(1)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            return False, 0
        assert status == 0
        if told.read_text():
            self.state = json.loads(told.read_text().splitlines()[-1])
        return True, int(steps.read_text())

    def kept(self) -> Any:
        """Return all that outlasts a run, wherever it is."""
        file = self.root / ".unit-state.db"
        if not file.exists():
            return self.state
        database = sqlite3.connect(file)
        try:
            if not database.execute("SELECT * FROM sqlite_master").fetchall():
                return {}
            snapshots = database.execute("SELECT handle, data FROM snapshot ORDER BY handle").fetchall()
            notices = database.execute("SELECT event_path, observer_path, method_name FROM notice").fetchall()
        finally:
            database.close()
        return [(name, pickle.loads(data)) for name, data in snapshots], notices, self.state


def profile(kill_at: int | None) -> Callable[[], int]:
    """Count steps from now on, and end this process the hard way before the one numbered *kill_at*."""
    count = 0

    def step(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        ours = event == "call" and frame.f_code.co_filename.startswith(PACKAGE)
        if ours or (event == "c_call" and "sqlite3" in str(getattr(argument, "__qualname__", argument))):
            count += 1
            if count == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(step)
    return lambda: count


@pytest.mark.parametrize("environment", [{}, {"COORDINATOR_STATE": "commit"}], ids=["file", "hook's transaction"])
def test_a_run_that_is_killed_at_any_step_leaves_nothing_half_saved(tmp_path, environment):
    life = Host(tmp_path / "undisturbed", environment)
    for hook in HOOKS:
        before = life.copy(tmp_path / f"before {hook.partition('/')[2]}")
        steps = life.run(hook)[1]
        expected = life.kept()
        assert expected != before.kept()
        for point in sorted({*range(1, steps, steps // POINTS), *range(steps - LAST, steps + 1)}):
            host = before.copy(tmp_path / f"{hook.partition('/')[2]} {point}")
            assert host.run(hook, kill_at=point) == (False, 0)
            # Killed after its commit, a file has everything; a controller never has.
            assert host.kept() in ([before.kept()] if environment else [before.kept(), expected])
            if host.kept() != expected:
                assert host.run(hook)[0]
                assert host.kept() == expected
    assert "second" in str(expected)
    assert "config_changed" in str(expected)
