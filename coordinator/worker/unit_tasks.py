"""The actions, and commands for the unit, that are in its queue: each is run once, and has an end that people see.

Role: from a queued task to its result in the store, through every moment at which this worker may die.
Not here: when it is a task's turn (engine/decide.py), running the program (task.py), what is written
(engine/task.py), commands for the machine as such (machine_tasks.py).
"""

from __future__ import annotations

from dataclasses import replace

from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.task import Task, TaskLog, TaskStatus
from coordinator.engine.decide import decide
from coordinator.engine.effects import Effects
from coordinator.engine.operation import RunTask
from coordinator.engine.task import NOT_LANDED, TERMINATED, Ran, begin, end
from coordinator.engine.world import World
from coordinator.worker.record import Sight
from coordinator.worker.served import Served
from coordinator.worker.task import PerformTask, ended_by

TROUBLE_S = 1.0  # before the mark that a task runs is tried again


class UnitTasks:
    """The queue of one unit."""

    def __init__(self, served: Served, perform: PerformTask) -> None:
        self._served, self._perform = served, perform
        self._begun: tuple[int, str] | None = None  # number and session of a task marked as running, not run yet

    def run_next(self) -> float:
        """Run the next task, unless it was run before: nobody knows then how far it came.

        Returns how long to wait before the next step of the unit.
        """
        served, host = self._served, self._served.host
        asked = self._next(served.look())
        if asked is None:
            return 0.0
        with host.turn(asked):
            sight = served.look_to_run()
            task = self._next(sight)
            if sight is None or task is None or task.id != asked.id:
                return 0.0
            if task.status is TaskStatus.PENDING:
                self._begun = (task.id, host.authority.id)
                begun = begin(sight[1], task, session=self._begun[1], now=host.clock.timestamp())
                if served.record.try_write(begun, sight[1].revision) is None:
                    # Had it landed, and only its answer not, then the next look shows it begun, by us.
                    return 0.0 if self._next(served.look()) != task else TROUBLE_S
            elif task.status is not TaskStatus.RUNNING or (task.id, task.session) != self._begun:
                self._end(sight, task, Effects(), Ran(reason=TERMINATED), TaskLog())
                return 0.0
            sight = served.look()
            if sight is not None and task.id in sight[1].tasks and sight[1].claim is not None:
                self._begun = None  # from here on nobody knows how far it came, if we do not live to tell
                self._run(sight, task)
        return 0.0

    def _next(self, sight: Sight | None) -> Task | None:
        if sight is None or sight[1].claim is None:
            return None
        operation = decide(*sight, self._served.moment(sight[1]))
        return operation.task if isinstance(operation, RunTask) else None

    def _run(self, sight: Sight, task: Task) -> None:
        """Run *task*, which is marked as running, and write its end."""
        served, host = self._served, self._served.host
        memory, world = sight
        started_s = host.clock.monotonic_s()
        with served.show.running(memory, world, task) as showing:

            def update(effects: Effects) -> None:
                showing.update(effects)
                served.end_what_lost_its_point()

            with served.running(task, world):
                try:
                    effects, ran = self._perform(host, memory, world, task, update)
                except OSError as trouble:
                    effects, ran = Effects(), ended_by(trouble)
        if ran.status is None and not host.authority.is_valid():
            served.log.warning("task.interrupted", task=task.id, action=task.name, why=ran.reason)
            return
        if ran.status is None and served.stopping.is_set():
            ran = replace(ran, reason=TERMINATED)
        ended = self._end(sight, task, effects, ran, showing.log)
        if ended is None and effects.leader_only and ran.reason is None:
            # The lead was lost meanwhile: nothing of what it wrote lands, but people are told its results.
            effects, ran = replace(effects, application_status=None), replace(ran, reason=NOT_LANDED)
            ended = self._end(sight, task, effects, ran, showing.log)
        served.log.info("task.ended", task=task.id, action=task.name, landed=ended is not None, why=ran.reason)
        if ended is not None:
            host.metrics.task(ended, host.clock.monotonic_s() - started_s)

    def _end(self, sight: Sight, task: Task, effects: Effects, ran: Ran, log: TaskLog) -> Task | None:
        """Write the end of *task*; return it as it is stored then, None when that did not land."""
        served, (memory, world) = self._served, sight
        ended: Task | None = None

        def plan(world: World) -> Change:
            nonlocal ended
            now, restate = served.host.clock.timestamp(), served.show.has_spoken
            change = end(memory, world, task, effects, ran, log=log, now=now, restate=restate)
            ended = change.puts[refs.task(served.model, task.id)]
            return change

        leader_only = effects.leader_only if ran.reason is None else effects.application_status is not None
        landed = served.record.settle(
            served.show.refreshed(world, served.look), task, plan, served.look, leader_only=leader_only
        )
        return ended if landed else None
