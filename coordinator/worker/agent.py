"""The loop of one unit: look, decide, perform, settle.  Whoever reads only this file knows the system.

Role: steps 6 to 18 of the way of one change (README).  The shell of the engine: it holds no rule.
A crash anywhere leads to the same place: nothing was written before the hook ended, so the next look decides
the same hook again.
Not here: what comes next (engine/decide.py), what is written (engine/settle.py), what the unit looks like
(served.py), its actions (unit_tasks.py) and the scripts of the machine (unit_scripts.py).
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable

from coordinator.domain import refs
from coordinator.domain.life import Life
from coordinator.domain.names import UnitName
from coordinator.domain.unit_state import Hook, HookKind, Memory
from coordinator.engine.decide import decide
from coordinator.engine.effects import Effects, Reboot
from coordinator.engine.operation import (
    Blocked,
    Finished,
    Idle,
    Leave,
    RebootMachine,
    RunHook,
    RunTask,
    SkipHook,
    SwapCharm,
    Waiting,
)
from coordinator.engine.script import Script
from coordinator.engine.secret import needs_term
from coordinator.engine.settle import ask_for_reboot, fail, leave, settle, swap
from coordinator.engine.world import World
from coordinator.errors import CoordinatorError
from coordinator.worker import claim
from coordinator.worker.host import Host
from coordinator.worker.perform import Failed, Interrupted, Outcome, Perform, Succeeded, deploy, perform
from coordinator.worker.script import Handed, PerformScript, perform_script
from coordinator.worker.served import Served
from coordinator.worker.show import Beside, in_a_thread
from coordinator.worker.task import PerformTask, perform_task
from coordinator.worker.unit_scripts import UnitScripts
from coordinator.worker.unit_tasks import UnitTasks

TROUBLE_FIRST_S, TROUBLE_MAX_S = 1.0, 60.0  # pauses after an error of our own, doubled each time


class Agent:
    """Runs one unit while it is placed on this machine; one thread, started by `start`.

    A simulation calls `step` instead, and gives its own ways to *perform* a hook, an action or a script, and to
    show it *beside* the path.
    """

    def __init__(
        self,
        host: Host,
        model: str,
        unit: UnitName,
        on_end: Callable[[Agent], None],
        *,
        perform: Perform = perform,
        perform_task: PerformTask = perform_task,
        perform_script: PerformScript = perform_script,
        beside: Beside = in_a_thread,
    ) -> None:
        self.model, self.unit = model, unit
        self._host, self._on_end, self._perform = host, on_end, perform
        self._served = Served(host, model, unit, beside)
        self._tasks = UnitTasks(self._served, perform_task)
        self._scripts = UnitScripts(self._served, perform_script)
        self._record, self._show, self._log = self._served.record, self._served.show, self._served.log
        self._wake = threading.Event()
        self._stopping = self._served.stopping
        self._model_uuid = ""  # of the model that the unit was last seen in
        self._is_held_up = False  # inside a step: nothing is looked at before it ends
        self._thread = threading.Thread(target=self._run, name=f"agent {unit}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Say that something the unit can see has changed."""
        self._wake.set()
        self._served.end_what_lost_its_point()

    def hand_in(self, script: Script) -> Handed:
        """Let *script* run after what runs now, in any state of the unit; return where the answer will be."""
        handed = self._scripts.hand_in(script)
        self._wake.set()
        return handed

    def refuse_scripts(self) -> None:
        """Answer those who wait: nobody will run their scripts any more."""
        self._scripts.refuse_all()

    def stop(self) -> None:
        """Ask the loop to end after the hook that runs now; `join` waits for it."""
        self._stopping.set()
        self._wake.set()

    @property
    def is_stopping(self) -> bool:
        """Whether the loop ends after its present step: somebody asked, or the unit is not ours any more."""
        return self._stopping.is_set()

    def join(self, timeout_s: float) -> bool:
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        pause_s = TROUBLE_FIRST_S
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                wait_s = self.step()
                pause_s = TROUBLE_FIRST_S
            except Exception as trouble:  # an error with one unit never ends the worker, nor the unit's loop
                self._tell_trouble(trouble)
                wait_s, pause_s = pause_s, min(2 * pause_s, TROUBLE_MAX_S)
            if not self._stopping.is_set() and (wait_s is None or wait_s > 0):
                self._wake.wait(wait_s)
        self.refuse_scripts()
        self._on_end(self)

    def step(self) -> float | None:
        """Do the next thing; return how long to wait for news before the next step, None for any time."""
        self._is_held_up = True
        try:
            return self._step()
        finally:
            self._is_held_up = False

    def _step(self) -> float | None:
        if not self._host.authority.is_valid():
            return None  # woken when there is a session again
        sight = self._served.look()
        if sight is None:
            return self._end()
        memory, world = sight
        self._model_uuid = world.model_uuid
        if world.claim is None:
            return None if world.life is Life.DEAD else self._take(world)
        if self._scripts:
            self._scripts.run_first()
            return 0.0
        if not self._campaign(world):
            return TROUBLE_FIRST_S  # or woken, because somebody else was first
        operation = decide(memory, world, self._served.moment(world))
        match operation:
            case RunHook():
                return self._run_hook()
            case RunTask():
                return self._tasks.run_next()
            case SkipHook(hook=hook):
                self._settle(memory, world, hook, Effects())
                return 0.0
            case RebootMachine():
                return self._reboot(world)
            case SwapCharm():
                return self._swap_charm()
            case Leave():
                left = self._record.try_write(leave(world), world.revision)
                return 0.0 if left is not None else TROUBLE_FIRST_S
            case Finished():
                # Woken when the unit is gone; what could not be given up is tried again.
                return None if self._give_up() else TROUBLE_FIRST_S
            case Blocked() | Waiting() | Idle():
                shown = self._show.rest(world, operation)
                due_s = self._served.until_due(operation, world)
                # A write that did not land is wanted still, and nobody else would remind us of it.
                return due_s if shown else min(TROUBLE_FIRST_S, due_s or TROUBLE_FIRST_S)

    # --- one hook ----------------------------------------------------------------------------------------

    def _run_hook(self) -> float:
        """Run what is next, alone on this machine.  Decided again inside the lock: the wait may have been long."""
        with self._host.machine_lock:
            sight = self._served.look_to_run()
            if sight is None:
                return 0.0
            memory, world = sight
            operation = decide(memory, world, self._served.moment(world))
            if not isinstance(operation, RunHook):
                return 0.0
            hook, reboots = operation.hook, threading.Event()
            with self._show.running(memory, world, hook) as showing:

                def update(effects: Effects) -> None:
                    showing.update(effects)
                    self._served.end_what_lost_its_point()  # it may have gone before there was anything to end
                    if effects.reboot is Reboot.NOW:
                        reboots.set()
                        self._served.kill()

                started_s = self._host.clock.monotonic_s()
                with self._served.running(hook, world):
                    outcome = self._perform(self._host, memory, world, hook, update)
                took_s = self._host.clock.monotonic_s() - started_s
            if reboots.is_set():
                asked = ask_for_reboot(memory, world, hook)
                return 0.0 if self._record.try_write(asked, world.revision) is not None else TROUBLE_FIRST_S
            if hook.kind is HookKind.STORAGE_DETACHING:
                # What the unit lets go of on the machine another one may want at once: it must not come too early.
                return self._conclude(memory, world, hook, outcome, took_s)
        # From here on the next hook of this machine may run: what is left is between this unit and the store.
        return self._conclude(memory, world, hook, outcome, took_s)

    def _conclude(self, memory: Memory, world: World, hook: Hook, outcome: Outcome, took_s: float) -> float:
        """Write what came of a hook that ran for *took_s* seconds."""
        match outcome:
            case Succeeded(effects=effects):
                landed = self._settle(memory, world, hook, effects)
                if landed and hook.kind is HookKind.STORAGE_DETACHING and hook.storage is not None:
                    self._host.storage.withdraw(world, world.storage[hook.storage].value)
                self._log.info("hook.settled", hook=hook.name, took_s=round(took_s, 3), landed=landed)
            case Failed(effects=effects, reason=reason):
                self._fail(memory, world, hook, effects, reason)
                self._log.info("hook.failed", hook=hook.name, took_s=round(took_s, 3), why=reason)
            case Interrupted(by=by):
                self._log.warning("hook.interrupted", hook=hook.name, why=by)
                return 0.0 if not self._host.authority.is_valid() else TROUBLE_FIRST_S
        self._host.metrics.hook(hook, outcome, took_s)
        self._served.put_off_update_status(world)
        return 0.0

    def _settle(self, memory: Memory, world: World, hook: Hook, effects: Effects) -> bool:
        return self._record.settle(
            self._show.refreshed(world, self._served.look),
            hook,
            lambda world: settle(
                memory, world, hook, effects, now=self._host.clock.timestamp(), restate=self._show.has_spoken
            ),
            self._served.look,
            leader_only=effects.leader_only or needs_term(world, hook),
        )

    def _fail(self, memory: Memory, world: World, hook: Hook, effects: Effects, reason: str) -> bool:
        now_s = self._host.clock.now_s()
        return self._record.settle(
            self._show.refreshed(world, self._served.look),
            hook,
            lambda world: fail(
                memory,
                world,
                hook,
                effects,
                reason=reason,
                now=self._host.clock.timestamp(),
                now_s=now_s,
                restate=self._show.has_spoken,
            ),
            self._served.look,
            leader_only=effects.application_status is not None,
        )

    def _swap_charm(self) -> float:
        """Put the new charm in place of the one whose hook failed, alone on this machine."""
        with self._host.machine_lock:
            sight = self._served.look_to_run()
            if sight is None:
                return 0.0
            memory, world = sight
            if not isinstance(decide(memory, world, self._served.moment(world)), SwapCharm):
                return 0.0
            deploy(self._host, memory, world, world.charm_wanted)
            swapped = swap(memory, world, now_s=self._host.clock.now_s())
            return 0.0 if self._record.try_write(swapped, world.revision) is not None else TROUBLE_FIRST_S

    def _reboot(self, world: World) -> float | None:
        """Reboot the machine, while no hook runs on it.  What comes after is for our next life."""
        with self._host.machine_lock:
            self._show.reboot(world)
            self._log.info("machine.reboots", why=f"{self.unit} asked for it")
            return None if self._host.reboot() else TROUBLE_MAX_S

    # --- what we own -------------------------------------------------------------------------------------

    def _take(self, world: World) -> float | None:
        """Claim the unit if nobody has; else wait until the other's lease ends."""
        with self._host.live.look() as view:
            taken = view.peek(claim.ref_of(world)) is not None
        if taken:
            return None
        worker = self._host.worker_condition()
        if worker is None:
            return TROUBLE_FIRST_S
        change = claim.take(world, self._host.machine, self._host.authority, worker)
        landed = self._record.try_write(change, world.revision)
        return 0.0 if landed is not None else TROUBLE_FIRST_S

    def campaign_if_held_up(self) -> bool:
        """Lead the application if nobody does and the loop is too busy to see it; False: it must be tried again.

        Called beside the loop.  What runs goes on as one who does not lead; leader-elected comes after it.
        """
        if not self._is_held_up or self._stopping.is_set() or self._has_leader():
            return True
        sight = self._served.look() if self._host.authority.is_valid() else None
        return sight is None or sight[1].claim is None or self._campaign(sight[1])

    def _has_leader(self) -> bool:
        with self._host.live.look() as view:
            return view.peek_stored(refs.leader(self.model, self.unit.app)) is not None

    def _campaign(self, world: World) -> bool:
        """Lead the application if nobody does; False: that did not work.

        Whoever is first wins; the others see it and wait.
        """
        if world.leader is not None or world.life is not Life.ALIVE:
            return True
        return self._record.try_write(claim.lead(world), world.revision) is not None

    def _give_up(self) -> bool:
        """Let go of what is held for a unit that has run its last hook; say whether nothing is held any more."""
        sight = self._served.look()
        if sight is None:
            return True
        _, world = sight
        if world.term is not None and self._record.try_write(claim.step_down(world), world.revision) is None:
            return False
        if world.claim is None:
            return True
        return self._record.try_write(claim.release(world), world.revision) is not None

    def _end(self) -> float | None:
        """End: the unit is gone.  Its term is left to us, for only we know that no hook of it runs any more."""
        leader = refs.leader(self.model, self.unit.app)
        with self._host.live.look() as view:
            term = view.peek_stored(leader)
        if term is not None and term.value == str(self.unit) and term.lease == self._host.authority.lease:
            change = claim.give_back(leader, term.token, str(self.unit))
            if self._record.try_write(change, term.revision) is None:
                return TROUBLE_FIRST_S
        if self._model_uuid:
            self._host.remove_directory(self.model, self._model_uuid, self.unit)
        self._stopping.set()
        return None

    def _tell_trouble(self, trouble: Exception) -> None:
        unit_log = self._host.logs.of(self.model)
        text = str(trouble) if isinstance(trouble, CoordinatorError) else traceback.format_exc()
        for line in text.splitlines():
            unit_log.write(self.unit.dashed, "ERROR", "coordinator.worker.agent", line)
        self._log.error("agent.trouble", error=repr(trouble), exc_info=not isinstance(trouble, CoordinatorError))
