"""The scripts that programs of the machine want to run in a unit: kept here until their turn, then answered.

Role: from `juju-exec` in whatever thread asked to a run between two hooks of the unit.  Nothing of it outlives
this process: whoever handed one in waits at the other end of the socket.
Not here: running the program (script.py), what is written (engine/script.py).
"""

from __future__ import annotations

from collections import deque

from coordinator.domain.unit_state import Memory
from coordinator.engine.script import Script, settle_script
from coordinator.engine.world import World
from coordinator.errors import CoordinatorError, Refused
from coordinator.worker.script import Handed, PerformScript, Said, failed
from coordinator.worker.served import Served


class UnitScripts:
    """The scripts that wait for one unit."""

    def __init__(self, served: Served, perform: PerformScript) -> None:
        self._served, self._perform = served, perform
        self._waiting: deque[Handed] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def hand_in(self, script: Script) -> Handed:
        """Let *script* wait; return where the answer will be.  Any thread."""
        handed = Handed(script)
        self._waiting.append(handed)
        if self._served.stopping.is_set():
            self.refuse_all()
        return handed

    def refuse_all(self) -> None:
        """Answer those who wait: nobody will run their scripts any more."""
        while self._waiting:
            self._waiting.popleft().answer(
                failed(Refused(f"cannot run this in {self._served.name}", why="it stops"))
            )

    def run_first(self) -> None:
        """Run the script that was handed in first, alone on this machine, and answer it."""
        with self._served.host.machine_lock:
            sight = self._served.look_to_run()
            if sight is None or not self._waiting:
                return
            handed = self._waiting.popleft()
            try:
                handed.answer(self._carry_out(*sight, handed.script))
            except CoordinatorError as error:
                handed.answer(failed(error))
            except BaseException:
                handed.answer(failed(Refused("cannot run this", why="see the log of the unit")))
                raise

    def _carry_out(self, memory: Memory, world: World, script: Script) -> Said:
        served = self._served
        if not memory.unit.installed or memory.unit.removed:
            raise Refused(f"cannot run this in {served.name}", why="its charm is not installed")
        with served.running(script, world):
            effects, said = self._perform(served.host, memory, world, script)
        if effects is None:
            return said.but(Refused("cannot apply changes", why="it was ended before its end"))
        landed = served.record.settle(
            world,
            script,
            lambda world: settle_script(memory, world, effects, now=served.host.clock.timestamp()),
            served.look,
            leader_only=effects.leader_only,
        )
        served.log.info("script.ended", code=said.code, landed=landed)
        if landed:
            return said
        return said.but(Refused("cannot apply changes", why="the unit or its lead is not ours any more"))
