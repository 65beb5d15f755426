"""Simulated processes: the shells of worker and controller around the real code, without threads.

Role: what worker/main.py and controller/loop.py do with threads, one step at a time.  A process may be dead
(nothing of it happens any more), frozen (nothing until it is thawed, and it does not know), or cut (off etcd).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recorder import Run, perform_in, perform_on_machine_in, perform_script_in, perform_task_in
from sim_store import Died, SimStore

from coordinator.clock import timestamp_of
from coordinator.controller.election import Election
from coordinator.controller.loop import ReconcileLoop
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.storage import Storage, StorageId
from coordinator.errors import Contended, LeaseLost, Refused, Unavailable, UnknownOutcome
from coordinator.store.keyring import Keyring
from coordinator.store.live import LiveTree
from coordinator.store.repository import Repository
from coordinator.store.session import Session
from coordinator.worker import register
from coordinator.worker.agent import Agent
from coordinator.worker.campaign import Campaign
from coordinator.worker.claim import Authority
from coordinator.worker.host import Host
from coordinator.worker.machine_tasks import OF_MACHINE_TASKS, MachineTasks
from coordinator.worker.observe import concerned
from coordinator.worker.show import Showing
from coordinator.worker.storage_tender import StorageTender

if TYPE_CHECKING:
    from simulation import Simulation

TTL_S = 9
KEYS = (bytes(range(32)), bytes(range(32, 64)))
KEYRING = Keyring(KEYS)
EPOCH_S = 1_700_000_000.0
TROUBLE_S = 1.0
TROUBLE = (Unavailable, UnknownOutcome, LeaseLost, Contended)


class MustWait(BaseException):
    """Another unit of the machine runs a hook."""


class Process:
    """What all simulated processes have: a way to the store, a clock, maybe sessions."""

    def __init__(self, sim: Simulation, name: str) -> None:
        self.sim, self.name = sim, name
        self.is_dead = self.is_frozen = self.is_cut = False
        self.leases: set[int] = set()
        self.sessions: list[Session] = []
        self.store = SimStore(sim, self)
        self.clock = SimClock(sim, self)
        self.repository = Repository(self.store, self.clock, KEYRING)

    def open_session(self, store: Any, **how: Any) -> Session:
        session = Session(store, clock=lambda: self.sim.now_s, **how)
        session.grant()
        self.sessions[:] = [session]
        return session

    def time_passed(self) -> None:
        """Do what the threads of the sessions do."""
        for session in self.sessions:
            session.poll()

    @property
    def runs(self) -> bool:
        return not (self.is_dead or self.is_frozen)


class SimClock:
    """See clock.Clock: virtual time.  Whoever sleeps lets others go on."""

    def __init__(self, sim: Simulation, process: Process) -> None:
        self._sim, self._process = sim, process

    def now_s(self) -> float:
        return EPOCH_S + self._sim.now_s

    def monotonic_s(self) -> float:
        return self._sim.now_s

    def timestamp(self) -> str:
        return timestamp_of(self.now_s())

    def sleep(self, seconds: float) -> None:
        self._sim.pass_time(seconds)
        if self._process.is_dead:
            raise Died


class SimLive(LiveTree):
    """A mirror that is moved by the schedule.  One that is cut off does not reach anything."""

    def __init__(self, process: Process, on_change: Callable[[list[Ref]], None]) -> None:
        super().__init__(process.store, on_change)
        self._process = process

    def wait_for(self, revision: int, timeout_s: float) -> bool:
        if self._process.is_dead:
            raise Died
        if self._process.is_cut or self._process.sim.shall_lag():
            return False
        return super().wait_for(revision, timeout_s)

    def is_behind(self) -> bool:
        return self._mirror.revision < self._process.sim.store.revision


class OneAtATime:
    """The machine lock: whoever would wait is asked again later."""

    def __init__(self) -> None:
        self._held = False

    def __enter__(self) -> None:
        if self._held:
            raise MustWait
        self._held = True

    def __exit__(self, *_: object) -> None:
        self._held = False


class Ignore:
    """Stands for what the simulation has no use for: logs, metrics, directories."""

    def __getattr__(self, name: str) -> Callable[..., Ignore]:
        return lambda *args, **named: self


class Disk(Ignore):
    """Stands for the directories of a machine: what is imported is there when the worker looks again."""

    def __init__(self) -> None:
        self._looked_for: set[StorageId] = set()

    def lacks(self, storage: Storage) -> bool:
        is_new = storage.id not in self._looked_for
        self._looked_for.add(storage.id)
        return is_new


class Deadline:
    """Stands for the minder: until when hooks may run.  It does not depend on its worker."""

    def __init__(self) -> None:
        self.until_s = 0.0

    def allow_until(self, deadline_s: float) -> None:
        self.until_s = deadline_s


class SimRuns:
    """See dispatch.Runs."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def kill(self, owner: object = None) -> None:
        for run in self._worker.running:
            if owner in (None, run.owner):
                run.is_killed = True

    def cancel(self, owner: object) -> None:
        self.kill(owner)


@dataclass(frozen=True, kw_only=True)
class SimHost(Host):
    on_reboot: Callable[[], None]

    def reboot(self) -> bool:
        self.on_reboot()
        return True

    def directory(self, model: str, model_uuid: str, unit: UnitName) -> Any:
        return Ignore()


class Worker(Process):
    """One incarnation of the worker of a machine."""

    def __init__(self, sim: Simulation, machine: str) -> None:
        super().__init__(sim, f"worker {machine}")
        self.machine = machine
        self.agents: dict[tuple[str, UnitName], AgentTurns] = {}
        self.showing: list[Showing] = []
        self.running: list[Run] = []
        self.minder = Deadline()
        self.campaign = CampaignTurns(self)
        self.machine_tasks = MachineTurns(self)
        self.is_busy = False
        self.has_news = True
        self._due_s: float | None = None
        self.live = SimLive(self, self._moved)
        self.authority = Authority(
            self.store, self.minder, ttl_s=TTL_S, on_change=self._wake_all, open_session=self.open_session
        )
        ignored = Ignore()
        self.host = SimHost(
            machine=machine,
            data_dir=Path(),
            tools_dir=Path(),
            agent_path="",
            clock=self.clock,
            repository=self.repository,
            live=self.live,
            authority=self.authority,
            archives=ignored,
            minder=self.minder,
            runs=SimRuns(self),  # type: ignore[arg-type]
            warm=ignored,
            tools=ignored,
            logs=ignored,
            metrics=ignored,
            storage=ignored,
            units=lambda: list(self.agents),
            boot=f"boot {sim.boots[machine]}",
            reboot_command="reboot",
            on_reboot=lambda: sim.reboot(self),
            machine_lock=OneAtATime(),
        )
        self.tender = StorageTender(self.live, self.repository, machine, Disk())  # type: ignore[arg-type]
        self.machine_tasks.tasks.host = self.host
        self.perform, self.perform_task = perform_in(sim, self), perform_task_in(sim, self)
        self.perform_script = perform_script_in(sim, self)

    # --- what the loop of worker/main.py does --------------------------------------------------------------

    def is_ready(self) -> bool:
        due = self._due_s is not None and self.sim.now_s >= self._due_s
        return not self.is_busy and (self.has_news or due)

    def turn(self) -> None:
        """Keep the session, and one agent for each unit placed here."""
        self.has_news, self._due_s, self.is_busy = False, None, True
        try:
            if self.authority.is_lost():
                self.authority.begin()
                register.end_former(self.repository, self.store, self.machine)
            if self.host.worker_condition() is None:
                revision = register.serve(
                    self.repository, self.clock, self.machine,
                    lease=self.authority.lease, session=self.authority.id, url="", secret="",
                )  # fmt: skip
                self.live.wait_for(revision, 0)
                self._wake_all()
            self._follow_units()
            if not self.tender.step():
                self._due_s = self.sim.now_s + TROUBLE_S
        except TROUBLE:
            self._due_s = self.sim.now_s + TROUBLE_S
        except Refused:  # the machine was removed
            self._end()
        finally:
            self.is_busy = False

    def _end(self) -> None:
        """End for good."""
        self.authority.end()
        self.is_dead = True
        self.end_hooks_in_time()
        self.sim.tell(f"{self.name} ends")

    def _follow_units(self) -> None:
        with self.live.look() as view:
            wanted = {
                (ref.path[0], unit.name)
                for model, _ in view.list(Kind.MODEL)
                for ref, unit in view.list(Kind.UNIT, model.path[0])
                if unit.machine == self.machine
            }
        for place in sorted(wanted - set(self.agents)):
            self.agents[place] = AgentTurns(self, *place)

    def ended(self, place: tuple[str, UnitName]) -> None:
        self.agents.pop(place, None)
        self.has_news = True

    def _moved(self, moved: list[Ref]) -> None:
        if any(ref.kind in (Kind.MACHINE, Kind.WORKER, Kind.UNIT, Kind.MODEL, Kind.STORAGE) for ref in moved):
            self.has_news = True
        with self.live.look() as view:
            awake = concerned(view, moved, list(self.agents))
        for place in awake:
            self.agents[place].wake()
        if any(ref.kind is Kind.LEADER for ref in moved):
            self.campaign.is_awake = True
        if any(ref.kind in OF_MACHINE_TASKS for ref in moved):
            self.machine_tasks.wake()

    def _wake_all(self) -> None:
        self.has_news = self.campaign.is_awake = True
        self.machine_tasks.wake()
        for agent in self.agents.values():
            agent.wake()

    # --- time ----------------------------------------------------------------------------------------------

    def end_hooks_in_time(self) -> None:
        """Do what the minder does."""
        if self.is_dead or self.sim.now_s >= self.minder.until_s:
            for run in self.running:
                run.is_killed = True

    @contextmanager
    def beside(self, showing: Showing) -> Iterator[None]:
        self.showing.append(showing)
        try:
            yield
        finally:
            self.showing.remove(showing)


class AgentTurns:
    """Does what the thread of an agent does, one step at a time."""

    def __init__(self, worker: Worker, model: str, unit: UnitName) -> None:
        self.worker, self.place = worker, (model, unit)
        self.is_busy = False
        self._is_awake, self._due_s = True, None
        self.agent = Agent(
            worker.host, model, unit, lambda _: None,
            perform=worker.perform, perform_task=worker.perform_task, perform_script=worker.perform_script,
            beside=worker.beside,
        )  # fmt: skip

    def wake(self) -> None:
        self._is_awake = True
        self.agent.wake()

    def is_ready(self) -> bool:
        due = self._due_s is not None and self.worker.sim.now_s >= self._due_s
        return not self.is_busy and (self._is_awake or due)

    def turn(self) -> None:
        self._is_awake, self._due_s, self.is_busy = False, None, True
        try:
            wait_s = self.agent.step()
            if self.agent.is_stopping:
                self.agent.refuse_scripts()
                self.worker.ended(self.place)
            if wait_s is not None:
                self._due_s = self.worker.sim.now_s + wait_s
        except MustWait:
            self._due_s = self.worker.sim.now_s
        except TROUBLE:
            self._due_s = self.worker.sim.now_s + TROUBLE_S
        finally:
            self.is_busy = False


class CampaignTurns:
    """Does what the thread of campaign.py does, one step at a time."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.is_awake = self.is_busy = False
        self._due_s: float | None = None
        self._campaign = Campaign(lambda: [turns.agent for turns in worker.agents.values()])

    def is_ready(self) -> bool:
        due = self._due_s is not None and self.worker.sim.now_s >= self._due_s
        return not self.is_busy and (self.is_awake or due)

    def turn(self) -> None:
        self.is_awake, self._due_s, self.is_busy = False, None, True
        try:
            wait_s = self._campaign.turn()
            self._due_s = None if wait_s is None else self.worker.sim.now_s + wait_s
        finally:
            self.is_busy = False


class MachineTurns:
    """Does what the threads of machine_tasks.py do, one step at a time."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.tasks = MachineTasks(perform=perform_on_machine_in(worker.sim, worker))
        self._is_awake = self._is_busy = False
        self._due_s: float | None = None

    def wake(self) -> None:
        self.tasks.wake()
        self._is_awake = True

    def is_ready(self) -> bool:
        due = self._due_s is not None and self.worker.sim.now_s >= self._due_s
        return not self._is_busy and (self._is_awake or due)

    def turn(self) -> None:
        self._is_awake, self._due_s, self._is_busy = False, None, True
        try:
            waits_s = [wait_s for model in self.tasks.models() if (wait_s := self.tasks.step(model)) is not None]
            self._due_s = self.worker.sim.now_s + min(waits_s) if waits_s else None
        except MustWait:
            self._due_s = self.worker.sim.now_s
        except TROUBLE:
            self._due_s = self.worker.sim.now_s + TROUBLE_S
        finally:
            self._is_busy = False


class Controller(Process):
    """One incarnation of a controller."""

    def __init__(self, sim: Simulation, number: int) -> None:
        super().__init__(sim, f"controller {number}")
        self.number = number
        self.is_busy = False
        self._due_s = 0.0
        self.live = SimLive(self, lambda moved: self._loop.moved(moved))
        self.election = Election(
            self.store, self.repository, name=self.name, url="", now=self.clock.timestamp(), ttl_s=TTL_S,
            on_change=lambda: None, open_session=self.open_session,
        )  # fmt: skip
        self._loop = ReconcileLoop(self.repository, self.live, self.election, self.clock)

    def is_ready(self) -> bool:
        return not self.is_busy and (self._loop._news.is_set() or self.sim.now_s >= self._due_s)

    def turn(self) -> None:
        """Campaign and take one step."""
        self.is_busy = True
        try:
            self._loop._news.clear()
            leads = self.election.campaign()
            moved = leads and self._loop._step()
            self._due_s = self.sim.now_s + (0.0 if moved else 5.0 if leads else 1.0)
        except TROUBLE:
            self._due_s = self.sim.now_s + TROUBLE_S
        finally:
            self.is_busy = False
