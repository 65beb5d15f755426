"""The loop of one unit: look, decide, perform, settle.  Whoever reads only this file knows the system.

Role: steps 6 to 18 of the way of one change (README).  The shell of the engine: it holds no rule.
A crash anywhere leads to the same place: nothing was written before the hook ended, so the next look decides
the same hook again.
Not here: what comes next (engine/decide.py), what is written (engine/settle.py).
"""

from __future__ import annotations

import random
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.life import Life
from coordinator.domain.names import UnitName
from coordinator.domain.settings import parse_duration_s, setting
from coordinator.domain.task import Task, TaskLog, TaskStatus
from coordinator.domain.unit_state import Hook, HookKind, Memory
from coordinator.domain.view import Token
from coordinator.engine.decide import decide
from coordinator.engine.effects import Effects, Reboot
from coordinator.engine.operation import (
    Blocked,
    Finished,
    Idle,
    Leave,
    Operation,
    RebootMachine,
    RunHook,
    RunTask,
    SkipHook,
    SwapCharm,
    Waiting,
)
from coordinator.engine.script import Script, settle_script
from coordinator.engine.secret import needs_term, next_due_s
from coordinator.engine.settle import ask_for_reboot, fail, leave, settle, swap
from coordinator.engine.task import NOT_LANDED, TERMINATED, Ran, begin, end
from coordinator.engine.world import Moment, World
from coordinator.errors import CoordinatorError, Refused
from coordinator.log import get_logger
from coordinator.worker import claim
from coordinator.worker.host import Host
from coordinator.worker.observe import observe
from coordinator.worker.perform import Failed, Interrupted, Outcome, Perform, Succeeded, deploy, perform
from coordinator.worker.record import Record
from coordinator.worker.script import Handed, PerformScript, Said, failed, perform_script
from coordinator.worker.show import Beside, Show, in_a_thread
from coordinator.worker.task import PerformTask, perform_task

TROUBLE_FIRST_S, TROUBLE_MAX_S = 1.0, 60.0  # pauses after an error of our own, doubled each time

log = get_logger()


class Running(NamedTuple):
    """What runs now, and the term of which it was told that its unit leads; None: it was told that it does not."""

    work: Hook | Task | Script
    term: Token | None


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
        self._host, self._on_end = host, on_end
        self._perform, self._perform_task, self._perform_script = perform, perform_task, perform_script
        self._record = Record(host.repository, host.live, host.authority, host.clock, str(unit))
        self._show = Show(self._record, host.clock, beside)
        self._log = log.bind(model=model, unit=str(unit))
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._update_status_at_s = 0.0
        self._model_uuid = ""  # of the model that the unit was last seen in
        self._is_held_up = False  # inside a step: nothing is looked at before it ends
        self._running: Running | None = None
        self._begun: tuple[int, str] | None = None  # number and session of a task marked as running, not run yet
        self._scripts: deque[Handed] = deque()
        self._thread = threading.Thread(target=self._run, name=f"agent {unit}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Say that something the unit can see has changed."""
        self._wake.set()
        self._end_what_lost_its_point()

    def hand_in(self, script: Script) -> Handed:
        """Let *script* run after what runs now, in any state of the unit; return where the answer will be."""
        handed = Handed(script)
        self._scripts.append(handed)
        self._wake.set()
        if self.is_stopping:
            self.refuse_scripts()
        return handed

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
        sight = self._look()
        if sight is None:
            return self._end()
        memory, world = sight
        self._model_uuid = world.model_uuid
        if world.claim is None:
            return None if world.life is Life.DEAD else self._take(world)
        if self._scripts:
            return self._run_script()
        if not self._campaign(world):
            return TROUBLE_FIRST_S  # or woken, because somebody else was first
        operation = decide(memory, world, self._moment(world))
        match operation:
            case RunHook():
                return self._run_hook()
            case RunTask():
                return self._run_task()
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
                due_s = self._until_due(operation, world)
                # A write that did not land is wanted still, and nobody else would remind us of it.
                return due_s if shown else min(TROUBLE_FIRST_S, due_s or TROUBLE_FIRST_S)

    # --- one hook ----------------------------------------------------------------------------------------

    def _run_hook(self) -> float:
        """Run what is next, alone on this machine.  Decided again inside the lock: the wait may have been long."""
        with self._host.machine_lock:
            sight = self._look()
            if sight is None or sight[1].claim is None or self._stopping.is_set():
                return 0.0
            memory, world = sight
            operation = decide(memory, world, self._moment(world))
            if not isinstance(operation, RunHook):
                return 0.0
            hook, reboots = operation.hook, threading.Event()
            with self._show.running(memory, world, hook) as showing:

                def update(effects: Effects) -> None:
                    showing.update(effects)
                    self._end_what_lost_its_point()  # it may have gone before there was anything to end
                    if effects.reboot is Reboot.NOW:
                        reboots.set()
                        self._host.runs.kill((self.model, self.unit))

                started_s = self._host.clock.monotonic_s()
                with self._while_runs(hook, world):
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
        self._put_off_update_status(world)
        return 0.0

    def _settle(self, memory: Memory, world: World, hook: Hook, effects: Effects) -> bool:
        return self._record.settle(
            self._show.refreshed(world, self._look),
            hook,
            lambda world: settle(
                memory, world, hook, effects, now=self._host.clock.timestamp(), restate=self._show.has_spoken
            ),
            self._look,
            leader_only=effects.leader_only or needs_term(world, hook),
        )

    def _fail(self, memory: Memory, world: World, hook: Hook, effects: Effects, reason: str) -> bool:
        now_s = self._host.clock.now_s()
        return self._record.settle(
            self._show.refreshed(world, self._look),
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
            self._look,
            leader_only=effects.application_status is not None,
        )

    def _swap_charm(self) -> float:
        """Put the new charm in place of the one whose hook failed, alone on this machine."""
        with self._host.machine_lock:
            sight = self._look()
            if sight is None or sight[1].claim is None or self._stopping.is_set():
                return 0.0
            memory, world = sight
            if not isinstance(decide(memory, world, self._moment(world)), SwapCharm):
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

    # --- one action --------------------------------------------------------------------------------------

    def _run_task(self) -> float:
        """Run the next task of the queue, unless it was run before: nobody knows then how far it came."""
        sight = self._look()
        asked = self._next_task(sight)
        if asked is None:
            return 0.0
        with self._host.turn(asked):
            sight = self._look()
            task = self._next_task(sight)
            if sight is None or task is None or task.id != asked.id or self._stopping.is_set():
                return 0.0
            memory, world = sight
            if task.status is TaskStatus.PENDING:
                self._begun = (task.id, self._host.authority.id)
                begun = begin(world, task, session=self._begun[1], now=self._host.clock.timestamp())
                if self._record.try_write(begun, world.revision) is None:
                    # Had it landed, and only its answer not, then the next look shows it begun, by us.
                    return 0.0 if self._next_task(self._look()) != task else TROUBLE_FIRST_S
            elif task.status is not TaskStatus.RUNNING or (task.id, task.session) != self._begun:
                self._end_task(memory, world, task, Effects(), Ran(reason=TERMINATED), TaskLog())
                return 0.0
            sight = self._look()
            if sight is None or task.id not in sight[1].tasks or sight[1].claim is None:
                return 0.0
            self._begun = None  # from here on nobody knows how far it came, if we do not live to tell
            memory, world = sight
            started_s = self._host.clock.monotonic_s()
            with self._show.running(memory, world, task) as showing:

                def update(effects: Effects) -> None:
                    showing.update(effects)
                    self._end_what_lost_its_point()

                with self._while_runs(task, world):
                    effects, ran = self._perform_task(self._host, memory, world, task, update)
            if ran.status is None and not self._host.authority.is_valid():
                self._log.warning("task.interrupted", task=task.id, action=task.name, why=ran.reason)
                return 0.0
            if ran.status is None and self._stopping.is_set():
                ran = replace(ran, reason=TERMINATED)
            ended = self._end_task(memory, world, task, effects, ran, showing.log)
            if ended is None and effects.leader_only and ran.reason is None:
                # The lead was lost meanwhile: nothing of what it wrote lands, but people are told its results.
                effects, ran = replace(effects, application_status=None), replace(ran, reason=NOT_LANDED)
                ended = self._end_task(memory, world, task, effects, ran, showing.log)
            self._log.info("task.ended", task=task.id, action=task.name, landed=ended is not None, why=ran.reason)
            if ended is not None:
                self._host.metrics.task(ended, self._host.clock.monotonic_s() - started_s)
        return 0.0

    def _next_task(self, sight: tuple[Memory, World] | None) -> Task | None:
        if sight is None or sight[1].claim is None:
            return None
        operation = decide(*sight, self._moment(sight[1]))
        return operation.task if isinstance(operation, RunTask) else None

    def _end_task(
        self, memory: Memory, world: World, task: Task, effects: Effects, ran: Ran, log: TaskLog
    ) -> Task | None:
        """Write the end of *task*; return it as it is stored then, None when that did not land."""
        ended: Task | None = None

        def plan(world: World) -> Change:
            nonlocal ended
            now, restate = self._host.clock.timestamp(), self._show.has_spoken
            change = end(memory, world, task, effects, ran, log=log, now=now, restate=restate)
            ended = change.puts[refs.task(self.model, task.id)]
            return change

        leader_only = effects.leader_only if ran.reason is None else effects.application_status is not None
        landed = self._record.settle(
            self._show.refreshed(world, self._look), task, plan, self._look, leader_only=leader_only
        )
        return ended if landed else None

    # --- one script --------------------------------------------------------------------------------------

    def _run_script(self) -> float:
        """Run the script that was handed in first, alone on this machine, and answer it."""
        with self._host.machine_lock:
            sight = self._look()
            if sight is None or sight[1].claim is None or self._stopping.is_set() or not self._scripts:
                return 0.0
            handed = self._scripts.popleft()
            try:
                handed.answer(self._carry_out(*sight, handed.script))
            except CoordinatorError as error:
                handed.answer(failed(error))
            except BaseException:
                handed.answer(failed(Refused("cannot run this", why="see the log of the unit")))
                raise
        return 0.0

    def _carry_out(self, memory: Memory, world: World, script: Script) -> Said:
        if not memory.unit.installed or memory.unit.removed:
            raise Refused(f"cannot run this in {self.unit}", why="its charm is not installed")
        with self._while_runs(script, world):
            effects, said = self._perform_script(self._host, memory, world, script)
        if effects is None:
            return said.but(Refused("cannot apply changes", why="it was ended before its end"))
        landed = self._record.settle(
            world,
            script,
            lambda world: settle_script(memory, world, effects, now=self._host.clock.timestamp()),
            self._look,
            leader_only=effects.leader_only,
        )
        self._log.info("script.ended", code=said.code, landed=landed)
        if landed:
            return said
        return said.but(Refused("cannot apply changes", why="the unit or its lead is not ours any more"))

    def refuse_scripts(self) -> None:
        """Answer those who wait: nobody will run their scripts any more."""
        while self._scripts:
            self._scripts.popleft().answer(failed(Refused(f"cannot run this in {self.unit}", why="it stops")))

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
        sight = self._look() if self._host.authority.is_valid() else None
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
        sight = self._look()
        if sight is None:
            return True
        _, world = sight
        if world.term is not None and self._record.try_write(claim.step_down(world), world.revision) is None:
            return False
        if world.claim is None:
            return True
        return self._record.try_write(claim.release(world), world.revision) is not None

    @contextmanager
    def _while_runs(self, work: Hook | Task | Script, world: World) -> Iterator[None]:
        """While inside, *work* is what is ended when it loses its point."""
        self._running = Running(work, world.term)
        try:
            yield
        finally:
            self._running = None

    def _end_what_lost_its_point(self) -> None:
        """End what runs now if its unit was removed by force meanwhile, or has lost the lead that it was told of,
        or if somebody cancelled it."""
        running = self._running
        if running is None:
            return
        is_cancelled = False
        with self._host.live.look() as view:
            may_go_on = view.peek_stored(refs.unit(self.model, self.unit)) is not None
            if running.term is not None:
                leader = view.peek_stored(refs.leader(self.model, self.unit.app))
                may_go_on = may_go_on and leader is not None and leader.token == running.term
            if isinstance(running.work, Task):
                task: Task | None = view.peek(refs.task(self.model, running.work.id))
                is_cancelled = task is not None and task.status is TaskStatus.ABORTING
        if not may_go_on:
            self._host.runs.kill((self.model, self.unit))
        elif is_cancelled:
            self._host.runs.cancel((self.model, self.unit))

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

    # --- looking -----------------------------------------------------------------------------------------

    def _look(self) -> tuple[Memory, World] | None:
        with self._host.live.look() as view:
            return observe(
                view,
                self.model,
                self.unit,
                session=self._host.authority.id,
                charm=self._host.charm_meta,
                neighbours=self._host.units(),
                boot=self._host.boot,
                may_reboot=self._host.may_reboot,
                contents=self._host.open_secret,
                data_dir=str(self._host.data_dir),
            )

    def _moment(self, world: World) -> Moment:
        if not self._update_status_at_s:
            self._put_off_update_status(world)
        clock = self._host.clock
        return Moment(now_s=clock.now_s(), update_status_due=clock.monotonic_s() >= self._update_status_at_s)

    def _put_off_update_status(self, world: World) -> None:
        """Any hook tells a charm that time has passed; the next update-status is an interval after the last one.

        Up to a fifth more or less, so that units deployed together do not wake together.
        """
        interval_s = parse_duration_s(str(setting(world.settings, "update-status-hook-interval")))
        spread = random.uniform(0.8, 1.2)
        self._update_status_at_s = self._host.clock.monotonic_s() + interval_s * spread

    def _until_due(self, operation: Operation, world: World) -> float | None:
        clock = self._host.clock
        if isinstance(operation, Blocked):
            at_s = operation.retry_at_s
            return None if at_s is None else max(0.01, at_s - clock.now_s())
        if isinstance(operation, Waiting):
            return None
        waits_s = self._update_status_at_s - clock.monotonic_s()
        if (due_s := next_due_s(world)) is not None:
            waits_s = min(waits_s, due_s - clock.now_s())
        return max(0.01, waits_s)

    def _tell_trouble(self, trouble: Exception) -> None:
        unit_log = self._host.logs.of(self.model)
        text = str(trouble) if isinstance(trouble, CoordinatorError) else traceback.format_exc()
        for line in text.splitlines():
            unit_log.write(self.unit.dashed, "ERROR", "coordinator.worker.agent", line)
        self._log.error("agent.trouble", error=repr(trouble), exc_info=not isinstance(trouble, CoordinatorError))
