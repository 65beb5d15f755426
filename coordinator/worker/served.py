"""One unit that this machine serves, as the parts of its agent share it: what they see of it, and what of it runs.

Role: looking, the clock of update-status, and the end of what runs as soon as it has lost its point.
Not here: what is done about what is seen (agent.py for hooks, unit_tasks.py, unit_scripts.py).
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from coordinator.domain import refs
from coordinator.domain.names import UnitName
from coordinator.domain.settings import parse_duration_s, setting
from coordinator.domain.task import Task, TaskStatus
from coordinator.domain.unit_state import Hook
from coordinator.domain.view import Token
from coordinator.engine.operation import Blocked, Operation, Waiting
from coordinator.engine.script import Script
from coordinator.engine.secret import next_due_s
from coordinator.engine.world import Moment, World
from coordinator.log import get_logger
from coordinator.worker.host import Host
from coordinator.worker.observe import observe
from coordinator.worker.record import Record, Sight
from coordinator.worker.show import Beside, Show


class Running(NamedTuple):
    """What runs now, and the term of which it was told that its unit leads; None: it was told that it does not."""

    work: Hook | Task | Script
    term: Token | None


class Served:
    """The unit *name* of *model* on *host*.  `record`: what it writes; `show`: what people see meanwhile."""

    def __init__(self, host: Host, model: str, name: UnitName, beside: Beside) -> None:
        self.host, self.model, self.name = host, model, name
        self.record = Record(host.repository, host.live, host.authority, host.clock, str(name))
        self.show = Show(self.record, host.clock, beside)
        self.log = get_logger().bind(model=model, unit=str(name))
        #: Set when the loop ends after its present step: somebody asked, or the unit is not ours any more.
        self.stopping = threading.Event()
        self._update_status_at_s = 0.0
        self._running: Running | None = None

    # --- looking -----------------------------------------------------------------------------------------

    def look(self) -> Sight | None:
        """Return what there is to know of the unit; None when it is gone."""
        with self.host.live.look() as view:
            return observe(
                view,
                self.model,
                self.name,
                session=self.host.authority.id,
                charm=self.host.charm_meta,
                neighbours=self.host.units(),
                boot=self.host.boot,
                may_reboot=self.host.may_reboot,
                contents=self.host.open_secret,
                data_dir=str(self.host.data_dir),
            )

    def look_to_run(self) -> Sight | None:
        """Return the same, unless nothing of the unit may be run by us now."""
        sight = self.look()
        if sight is None or sight[1].claim is None or self.stopping.is_set():
            return None
        return sight

    def moment(self, world: World) -> Moment:
        """Return the time, as `decide` wants it."""
        if not self._update_status_at_s:
            self.put_off_update_status(world)
        clock = self.host.clock
        return Moment(now_s=clock.now_s(), update_status_due=clock.monotonic_s() >= self._update_status_at_s)

    def put_off_update_status(self, world: World) -> None:
        """Any hook tells a charm that time has passed; the next update-status is an interval after the last one.

        Up to a fifth more or less, so that units deployed together do not wake together.
        """
        interval_s = parse_duration_s(str(setting(world.settings, "update-status-hook-interval")))
        spread = random.uniform(0.8, 1.2)
        self._update_status_at_s = self.host.clock.monotonic_s() + interval_s * spread

    def until_due(self, operation: Operation, world: World) -> float | None:
        """Return in how many seconds time alone makes *operation* something else; None: never."""
        clock = self.host.clock
        if isinstance(operation, Blocked):
            at_s = operation.retry_at_s
            return None if at_s is None else max(0.01, at_s - clock.now_s())
        if isinstance(operation, Waiting):
            return None
        waits_s = self._update_status_at_s - clock.monotonic_s()
        if (due_s := next_due_s(world)) is not None:
            waits_s = min(waits_s, due_s - clock.now_s())
        return max(0.01, waits_s)

    # --- what runs ---------------------------------------------------------------------------------------

    @contextmanager
    def running(self, work: Hook | Task | Script, world: World) -> Iterator[None]:
        """While inside, *work* is what is ended when it loses its point."""
        self._running = Running(work, world.term)
        try:
            yield
        finally:
            self._running = None

    def end_what_lost_its_point(self) -> None:
        """End what runs now if its unit was removed by force meanwhile, or has lost the lead that it was told of,
        or if somebody cancelled it.

        Called when anything has changed, and by what runs when it can be ended: it may have lost its point before.
        """
        running = self._running
        if running is None:
            return
        is_cancelled = False
        with self.host.live.look() as view:
            may_go_on = view.peek_stored(refs.unit(self.model, self.name)) is not None
            if running.term is not None:
                leader = view.peek_stored(refs.leader(self.model, self.name.app))
                may_go_on = may_go_on and leader is not None and leader.token == running.term
            if isinstance(running.work, Task):
                task: Task | None = view.peek(refs.task(self.model, running.work.id))
                is_cancelled = task is not None and task.status is TaskStatus.ABORTING
        if not may_go_on:
            self.kill()
        elif is_cancelled:
            self.host.runs.cancel((self.model, self.name))

    def kill(self) -> None:
        """End what runs of the unit at once."""
        self.host.runs.kill((self.model, self.name))
