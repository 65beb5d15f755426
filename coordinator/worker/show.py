"""What people see of a unit while it works: the agent's status, and the charm's words as it says them.

Role: the writes beside the path.  A hook that is over within SHOW_AFTER_S shows nothing but its result; a
longer one shows that it runs, and statuses within that time of being set.  They stay when the hook fails.
Not here: the write that ends a hook (record.py), which never depends on these.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from coordinator.clock import Clock
from coordinator.domain import refs
from coordinator.domain.change import Change, Held, Unchanged
from coordinator.domain.status import AgentStatus
from coordinator.domain.task import Task, TaskLog
from coordinator.domain.unit_state import Hook, Memory
from coordinator.domain.view import Token
from coordinator.engine.effects import Effects
from coordinator.engine.operation import Operation, Waiting
from coordinator.engine.settle import publish
from coordinator.engine.task import tell
from coordinator.engine.world import World
from coordinator.worker.record import Record, Sight

SHOW_AFTER_S = 0.25
RETRY_MAX_S = 5.0  # between attempts to show what did not land, while the hook or action goes on


class Show:
    """Shows one unit.  Used by its agent's thread, and *beside* it while a hook takes long."""

    def __init__(self, record: Record, clock: Clock, beside: Beside) -> None:
        self._record, self._clock, self._beside = record, clock, beside
        #: The agent status that others see, as far as we know; it ends with the claim that it was shown under.
        self._shown: tuple[Token | None, str] = (None, "")
        #: Statuses were sent since the hook started: what is stored of them may be anything that it said so far.
        self.has_spoken = False

    def rest(self, world: World, operation: Operation) -> bool:
        """Show that nothing is to do, unless that is what everybody sees already; False: try again."""
        return isinstance(operation, Waiting) or self._agent(world, "idle", "")

    def reboot(self, world: World) -> None:
        """Show that the machine reboots."""
        self._agent(world, "rebooting", "")

    @contextmanager
    def running(self, memory: Memory, world: World, work: Hook | Task) -> Iterator[Showing]:
        """While inside, show the hook or action and what it says, from SHOW_AFTER_S on."""
        showing = Showing(self, memory, world, work)
        self.has_spoken = False
        with self._beside(showing):
            yield showing

    def refreshed(self, world: World, look: Callable[[], Sight | None]) -> World:
        """Return *world* with the statuses as they are stored now, if any were sent while the hook ran."""
        sight = look() if self.has_spoken else None
        if sight is None:
            return world
        return replace(world, status=sight[1].status, application_status=sight[1].application_status)

    def _agent(self, world: World, current: str, message: str) -> bool:
        """Show what the agent does; say whether others see it."""
        shown = (world.claim, f"{current} {message}")
        if world.claim is None or self._shown == shown:
            return True
        ref = refs.agent(world.model, world.unit)
        status = AgentStatus(current=current, message=message, since=self._clock.timestamp())
        change = Change(
            did=f"{world.unit} {current} {message}".rstrip(),
            puts={ref: status},
            leased=frozenset({ref}),
            conditions=(
                Held(refs.claim(world.model, world.unit), world.claim),
                Unchanged(refs.memory(world.model, world.unit), world.memory_revision),
            ),
        )
        self._shown = (None, "")  # until there is an answer
        if self._record.try_write(change, world.revision) is None:
            return False
        self._shown = shown
        return True


class Showing:
    """One hook or action being shown."""

    def __init__(self, show: Show, memory: Memory, world: World, work: Hook | Task) -> None:
        self._show, self._memory, self._world, self._work = show, memory, world, work
        #: What an action tells of its progress, with the moments at which it did.
        self.log = TaskLog()
        self._told = 0
        self._effects = Effects()
        self._seen: Effects | None = None
        self._over = threading.Event()
        self._changed = threading.Event()

    def update(self, effects: Effects) -> None:
        """Take what the hook has asked for so far."""
        self._effects = effects
        if new := effects.task.log[len(self.log.lines) :]:
            at = self._show._clock.timestamp()
            self.log = TaskLog(lines=(*self.log.lines, *({"at": at, "message": text} for text in new)))
        self._changed.set()

    def close(self) -> None:
        """Let `run` end."""
        self._over.set()
        self._changed.set()

    def run(self) -> None:
        """Show until `close`."""
        pause_s = SHOW_AFTER_S
        while not self._over.wait(pause_s):
            is_shown = self.turn()
            # Nobody else would remind us of what did not land, and the hook may go on for an hour.
            pause_s = SHOW_AFTER_S if is_shown else min(2 * pause_s, RETRY_MAX_S)
            self._changed.clear()
            if is_shown and self._effects is self._seen and not self._over.is_set():
                self._changed.wait()

    def turn(self) -> bool:
        """Show what is new; False: some of it did not land."""
        return all([self._agent_executes(), self._progress(), self._statuses()])

    def _progress(self) -> bool:
        log = self.log
        if not isinstance(self._work, Task) or len(log.lines) == self._told:
            return True
        change = tell(self._world, self._work, log)
        if self._show._record.try_write(change, self._world.revision) is None:
            return False
        self._told = len(log.lines)
        return True

    def _agent_executes(self) -> bool:
        name = self._work.name
        if isinstance(self._work, Task):
            return self._show._agent(self._world, "executing", f"running action {name}")
        if name == "update-status":
            return True  # as charms and people are used to: a check that nothing changed is not shown as work
        remote = self._work.remote_unit
        what = f"running {name} hook" + (f" for {remote}" if remote else "")
        return self._show._agent(self._world, "executing", what)

    def _statuses(self) -> bool:
        effects = self._effects
        if effects is self._seen:
            return True
        change = publish(self._world, self._work, effects, self._memory, now=self._show._clock.timestamp())
        if change is not None:
            self._show.has_spoken = True
            if self._show._record.try_write(change, self._world.revision) is None:
                return False
            self._world = replace(self._world, **_stored_statuses(change, self._world))
        self._seen = effects
        return True


Beside = Callable[[Showing], AbstractContextManager[None]]


@contextmanager
def in_a_thread(showing: Showing) -> Iterator[None]:
    """Show from a thread while inside; no write of it comes after."""
    thread = threading.Thread(target=showing.run, name="show", daemon=True)
    thread.start()
    try:
        yield
    finally:
        showing.close()
        thread.join()


def _stored_statuses(change: Change, world: World) -> dict:
    """Return the fields of World that *change* moved, so that the same words are not written twice."""
    status = change.puts.get(refs.status(world.model, world.unit), world.status)
    application = refs.application_status(world.model, world.unit.app)
    return {
        "status": status,
        "application_status": change.puts.get(application, world.application_status),
    }
