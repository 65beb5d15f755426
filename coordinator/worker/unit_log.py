"""What is said of a unit while something runs in it: lines in the log of its model.

Role: shared by hooks (perform.py), actions and commands (task.py) and scripts (script.py).
Not here: files and their rotation (logs.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from coordinator.engine.tools import LogLine
from coordinator.engine.world import World
from coordinator.worker.host import Host


class UnitLog:
    """The log of the unit of *world*; *module* is who speaks there when nobody else is named."""

    def __init__(self, host: Host, world: World, module: str) -> None:
        self._log, self._unit, self._module = host.logs.of(world.model), world.unit, module

    def say(self, level: str, message: str, module: str = "") -> None:
        self._log.write(self._unit.dashed, level, module or self._module, message)

    def on_logs(self, lines: Sequence[LogLine]) -> None:
        """Write what the charm itself logs."""
        for line in lines:
            self.say(line.level, line.message, f"unit.{self._unit}.juju-log")
