"""Start a charm for a hook: as a fork of a warm parent where that can be, else as a process of its own.

Role: the choice between the two, and what both need.  The hook sees the same either way.
Not here: forks (warm.py), processes (dispatch.py), what becomes of the hook (perform.py).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from coordinator.domain.settings import setting
from coordinator.domain.task import Task
from coordinator.domain.unit_state import Hook
from coordinator.engine.hookenv import hook_environment, relation_variables
from coordinator.engine.script import Script
from coordinator.engine.world import World
from coordinator.worker import dispatch, warm
from coordinator.worker.host import Host
from coordinator.worker.output import Keep, keep_nothing
from coordinator.worker.toolserver import ToolContext
from coordinator.worker.warm_parent import Cold, Wanted

LEVELS = {"stdout": "DEBUG", "stderr": "WARNING"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """One start of the archive *sha256* in *charm_dir*, for a hook, an action or a script.

    *python* is the directory of its interpreter, None when the charm brings all it needs; *context* answers its
    commands; *say* writes a line to the unit's log: level, text, and who says it; *keep* gets all that the program
    prints.
    """

    host: Host
    world: World
    work: Hook | Task | Script
    sha256: str
    charm_dir: Path
    program: Path
    arguments: tuple[str, ...] = ()
    python: Path | None
    context: ToolContext
    say: Callable[..., None]
    keep: Keep = keep_nothing

    def warm(self) -> warm.Run | None:
        """Fork; None when it has to be started the ordinary way, of which the log says the reason once."""
        if not setting(self.world.settings, "warm") or self.program.name != "dispatch":
            return None
        try:
            wanted = Wanted(
                sha256=self.sha256,
                charm_dir=self.charm_dir,
                recipe=warm.usual_recipe(self.charm_dir, self.program),
                environment=self._environment(),
                own_library=self.python is None,
                archive=self.host.fetch_charm,
            )
            parent = self.host.warm.parent_for(wanted)
            return warm.Run(parent, wanted, self.context, emit=self._emit, keep=self.keep)
        except Cold as why:
            if self.host.warm.is_news(self.sha256, str(why)):
                self.say("INFO", f"hooks of this charm run as new processes: {why}")
            return None

    def cold(self) -> dispatch.Run:
        """Start a process."""
        return dispatch.Run(
            self.program,
            *self.arguments,
            cwd=self.charm_dir,
            environment=self._environment(),
            minder=self.host.minder,
            emit=self._emit,
            keep=self.keep,
        )

    def _emit(self, stream: str, line: str) -> None:
        self.say(LEVELS[stream], line, f"unit.{self.world.unit}.{self.work.name}")

    def _environment(self) -> dict[str, str]:
        host, python = self.host, self.python
        environment = hook_environment(
            self.world,
            self.work if isinstance(self.work, Hook) else None,
            task=self.work if isinstance(self.work, Task) else None,
            charm_dir=str(self.charm_dir),
            tools_dir=str(host.tools_dir),
            agent_path=f"{python}:{host.agent_path}" if python is not None else host.agent_path,
            socket=host.tools.address,
            context_id=self.context.id,
            api_addresses=host.api_addresses(),
            worker_env=os.environ,
        )
        about = self.context.context.hook
        if isinstance(self.work, Script) and about is not None:
            environment |= relation_variables(about)
        return environment
