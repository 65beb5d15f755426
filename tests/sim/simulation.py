"""Several workers and controllers in one process, on a virtual clock, with a schedule that a seed decides.

Role: who acts next, what goes wrong, and how time passes.  There are no threads: whenever a process writes or its
charm runs, an *interlude* may let others act, kill, freeze or cut it; then it goes on with what it knew.
Not here: the processes (processes.py), what must hold (promises.py).
"""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from people import CREATED, MODEL, People
from processes import EPOCH_S, TTL_S, Controller, Process, SimClock, Worker
from promises import Book, Promises
from recorder import AGENT, BESIDE, DB, WEB, Run
from sim_store import Died, Fault

from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.charm import Charm
from coordinator.domain.model import Machine
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Kind
from coordinator.domain.unit_state import Hook
from coordinator.errors import LeaseLost
from coordinator.store import keys
from coordinator.store.memory import MemoryStore
from coordinator.store.repository import Author, Repository
from coordinator.store.txn import Committed, Outcome, Txn

CHARMS = {f"sha-{charm.name}": charm for charm in (WEB, DB, AGENT, BESIDE)}
STEPS_MAX = 20_000  # of a way to rest; more means that something goes in circles
REST_S_MAX = 900.0  # of a way to rest; more means that something waits for what does not come
DEPTH_MAX = 2  # of interludes within interludes
STEP_S = 1.0  # time passes in steps of at most this, so that leases are kept and hooks ended on the way


@dataclass(frozen=True, kw_only=True)
class Chaos:
    """How often things go wrong, as shares of 1."""

    interlude: float = 0.3
    fault: float = 0.06
    lag: float = 0.1
    freeze: float = 0.2  # of the interludes
    failing: float = 0.1


@dataclass(frozen=True)
class Snapshot:
    """What is stored, and what has landed."""

    store: MemoryStore
    books: dict[UnitName, Book]
    runs: tuple[Run, ...]
    machines: tuple[str, ...]  # those with a worker
    boots: dict[str, int]


def copy_of(store: MemoryStore) -> MemoryStore:
    """Return a store with the same content, history and leases."""
    copy = MemoryStore()
    for name in ("now_s", "_revision", "_compacted", "_log_start", "_leases_granted"):
        setattr(copy, name, getattr(store, name))
    copy._keys, copy._log = list(store._keys), list(store._log)
    copy._versions = {key: list(versions) for key, versions in store._versions.items()}
    copy._leases = deepcopy(store._leases)
    return copy


@dataclass
class Simulation(People):
    """A cluster.  `seed` decides everything; `chaos` None: everything goes well, in order."""

    seed: int = 0
    machines: int = 2
    controllers: int = 1
    chaos: Chaos | None = None
    #: Which write of a process (the first is 1) meets which fault.
    fault_at: dict[int, Fault] = field(default_factory=dict)
    #: Goes on from what was stored there, with processes that start anew on the machines of then.
    after: Snapshot | None = None
    #: How long a process that died stays away; a machine that returns late finds its leases ended.
    away_s: float = 0.0
    #: Kinds of hooks that fail.
    fails: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        random.seed(self.seed)  # the code draws pauses from it
        self.store = MemoryStore() if self.after is None else copy_of(self.after.store)
        self.promises = Promises(self.store, {} if self.after is None else deepcopy(self.after.books))
        self.writes = 0
        self.runs: list[Run] = [] if self.after is None else list(self.after.runs)
        self.on_the_way: list[tuple[Process, Txn]] = []
        self.returning: list[tuple[float, Process]] = []
        self.boots: Counter[str] = Counter({} if self.after is None else self.after.boots)
        self.disks: dict[UnitName, str] = {}  # what a charm noted outside of the store
        self.story: list[str] = []
        self._depth = 0
        People.__init__(self, self)
        self.workers = [] if self.after is None else [Worker(self, machine) for machine in self.after.machines]
        if self.after is None:
            self._set_the_scene()
        self.leaders = [Controller(self, number) for number in range(self.controllers)]

    def _set_the_scene(self) -> None:
        for sha256, meta in CHARMS.items():
            self._put(refs.charm(sha256), Charm(sha256=sha256, size=1, chunks=0, meta=meta))
        for number in range(self.machines):
            self.join_machine(str(number))

    def join_machine(self, name: str) -> None:
        """Let a machine enter the cluster, with two addresses and a worker, if it was not there before."""
        if any(worker.machine == name for worker in self.workers):
            return
        machine = Machine(
            id=name,
            hostname=name,
            addresses=(f"10.0.0.{int(name) + 1}", f"10.1.0.{int(name) + 1}"),
            cores=1,
            memory_mb=1 + int(name),
            created=CREATED,
        )
        self._put(refs.machine(name), machine)
        self.workers.append(Worker(self, name))

    def _put(self, ref: refs.Ref, value: Any) -> None:
        change = Change(did="set the scene", puts={ref: value})
        Repository(self.store, SimClock(self, self._api)).write(change, Author(name="test"), since=0)

    def snapshot(self) -> Snapshot:
        """Return what is stored now, for simulations that go on from here."""
        machines = tuple(worker.machine for worker in self.workers)
        books = deepcopy(dict(self.promises.books))
        return Snapshot(copy_of(self.store), books, tuple(self.runs), machines, dict(self.boots))

    def stored(self, kind: Kind) -> list[Any]:
        """Return everything of *kind* in the model."""
        view = Repository(self.store, SimClock(self, self._api)).read_model(MODEL)
        return [each for _, each in view.list(kind, MODEL)]

    def all_refs(self) -> list[refs.Ref]:
        """Return what is stored of the model."""
        model = refs.model(MODEL)
        items = [*self.store.read(keys.key_of(model)).items, *self.store.read(*keys.below(model)).items]
        return [ref for item in items if (ref := keys.ref_of(item.key)) is not None]

    def read_resource(self, sha256: str) -> bytes:
        """Return the content of a resource as it is stored."""
        start = keys.key_of(refs.Ref(Kind.RESOURCE_CHUNK, (sha256, "")))
        return b"".join(item.value for item in self.store.read(start, keys.prefix_end(start)).items)

    @property
    def now_s(self) -> float:
        return self.store.now_s

    @property
    def processes(self) -> list[Worker | Controller]:
        return [*self.workers, *self.leaders]

    def is_alive(self, session: str | None) -> bool:
        """Say whether the worker that has this session goes on with it."""
        return any(worker.authority.id == session for worker in self.workers if not worker.is_dead)

    # --- writes ----------------------------------------------------------------------------------------------

    def land(self, process: Process, txn: Txn) -> Outcome:
        """Commit *txn* for *process*, which may be dead by now."""
        before = self.promises.before(txn)
        outcome = self.store.commit(txn)
        if isinstance(outcome, Committed):
            did = self.promises.landed(process, txn, before, self)
            self.tell(f"{process.name}: {did} @{outcome.revision}")
        return outcome

    def next_fault(self, process: Process) -> Fault | None:
        self.writes += 1
        fault = self.fault_at.get(self.writes)
        if fault is None and self.chaos is not None and self.rng.random() < self.chaos.fault:
            fault = self.rng.choice(list(Fault))
        if fault is not None:
            self.tell(f"{process.name}: {fault.value} ({self.writes})")
        return fault

    def shall_fail(self, run: Run) -> bool:
        if isinstance(run.work, Hook) and run.work.kind.value in self.fails:
            return True
        return self.chaos is not None and self.rng.random() < self.chaos.failing

    def shall_lag(self) -> bool:
        return self.chaos is not None and self.rng.random() < self.chaos.lag

    def tell(self, text: str) -> None:
        self.story.append(f"{self.now_s:6.1f} {'  ' * self._depth}{text}")

    # --- what goes wrong -------------------------------------------------------------------------------------

    def kill(self, process: Process, *, for_good: bool = False) -> None:
        if for_good:
            self.returning = [(at_s, each) for at_s, each in self.returning if each is not process]
        if process.is_dead:
            return
        process.is_dead = True
        if isinstance(process, Worker):
            process.end_hooks_in_time()
        if process in self.processes and not for_good:
            away_s = self.away_s if self.chaos is None else self.rng.choice([0.0, 3.0, 2.0 * TTL_S])
            self.returning.append((self.now_s + away_s, process))
        self.tell(f"{process.name} died")

    def reboot(self, worker: Worker) -> None:
        self.boots[worker.machine] += 1
        self.tell(f"machine {worker.machine} reboots")
        self.kill(worker)

    def _return(self, *, now: bool = False) -> None:
        """Start anew what has been dead for long enough."""
        due = [process for at_s, process in self.returning if now or at_s <= self.now_s]
        self.returning = [(at_s, process) for at_s, process in self.returning if process not in due]
        for process in due:
            if isinstance(process, Worker):
                self.workers[self.workers.index(process)] = Worker(self, process.machine)
            elif isinstance(process, Controller):
                self.leaders[process.number] = Controller(self, process.number)
            self.tell(f"{process.name} starts anew")

    def pass_time(self, seconds: float) -> None:
        """Let time pass: sessions are kept, leases and hooks end, the dead return."""
        while seconds > 0:
            step_s = min(seconds, STEP_S)
            seconds -= step_s
            for worker in self.workers:
                worker.end_hooks_in_time()
            self.store.advance(step_s)
            for process in self.processes:
                if process.runs:
                    process.time_passed()
            for worker in self.workers:
                worker.end_hooks_in_time()
            self._return()

    def interlude(self, process: Process) -> None:
        """Perhaps let other things happen while *process* is in the middle of something."""
        if self.chaos is None or self._depth >= DEPTH_MAX or self.rng.random() >= self.chaos.interlude:
            return
        self._depth += 1
        if not process.is_frozen and self.rng.random() < self.chaos.freeze:
            process.is_frozen = True
            self.tell(f"{process.name} freezes")
            self._others_go_on()
            self.tell(f"{process.name} goes on")
            process.is_frozen = False
        else:
            for _ in range(self.rng.randint(1, 4)):
                self._act()
        self._depth -= 1

    def _others_go_on(self) -> None:
        """Let time pass that a frozen process does not notice, and others take over what it held."""
        self.pass_time(self.rng.choice([0.3, TTL_S, 2 * TTL_S]))
        self._see_all()
        for _ in range(self.rng.randint(2, 10)):
            self._go_on()

    # --- the schedule ----------------------------------------------------------------------------------------

    def unroll(self, steps: int, events: list[Callable[[Simulation], None]]) -> None:
        """Let *steps* things happen in an order that the seed decides, among them *events* (in their order)."""
        self._events = list(events)
        self._event_share = 2 * len(events) / steps
        for _ in range(steps):
            self._act()
        while self._events:
            self._events.pop(0)(self)

    def _act(self) -> None:
        """Do one thing."""
        chance = self.rng.random()
        if self._events and self.rng.random() < self._event_share:
            self._events.pop(0)(self)
        elif chance < 0.02:
            self.kill(self.rng.choice(self.processes))
        elif chance < 0.03:
            process = self.rng.choice(self.processes)
            process.is_cut = not process.is_cut
            self.tell(f"{process.name} {'is cut off' if process.is_cut else 'is back'}")
        elif chance < 0.05:
            self.pass_time(self.rng.choice([TTL_S / 2, TTL_S, 2 * TTL_S]))
        elif chance < 0.12:
            self.pass_time(self.rng.uniform(0.05, 1.0))
        elif chance < 0.14:
            self._land_late()
        elif chance < 0.16:
            self._resolve_one()
        elif chance < 0.45:
            self._see(self.rng.choice(self.processes))
        else:
            self._go_on()

    def _go_on(self) -> None:
        """Let somebody do what is to do."""
        actors = self._ready()
        if actors:
            self._turn(self.rng.choice(actors))
        else:
            self._see_all()
            self.pass_time(0.2)

    def _resolve_one(self) -> None:
        failed = self._failed()
        if failed:
            self.resolve(self.rng.choice(failed), retry=self.rng.random() < 0.5)

    def _failed(self) -> list[str]:
        return sorted(map(str, self.promises.failed))

    def _land_late(self) -> None:
        if self.on_the_way:
            process, txn = self.on_the_way.pop(0)
            with contextlib.suppress(LeaseLost):
                self.land(process, txn)

    def _see(self, process: Worker | Controller) -> None:
        if process.runs and not process.is_cut:
            process.live.poll()

    def _ready(self) -> list[Any]:
        actors: list[Any] = []
        for worker in self.workers:
            if worker.runs:
                actors += [worker] if worker.is_ready() else []
                actors += [agent for agent in worker.agents.values() if agent.is_ready()]
                actors += [each for each in (worker.campaign, worker.machine_tasks) if each.is_ready()]
                actors += worker.showing if self.chaos is not None else []
        actors += [leader for leader in self.leaders if leader.runs and leader.is_ready()]
        return actors

    def _turn(self, actor: Any) -> None:
        with contextlib.suppress(Died):
            actor.turn()

    def go_on_beside(self) -> None:
        """Let everything happen that can, beside those who are in the middle of something."""
        waiting: list[Any] = []  # for those
        self._see_all()
        while actor := next((each for each in self._ready() if each not in waiting), None):
            before = self.store.revision, len(self.runs)
            self._turn(actor)
            self._see_all()
            waiting = [] if (self.store.revision, len(self.runs)) != before else [*waiting, actor]

    def _see_all(self) -> None:
        for process in self.processes:
            self._see(process)

    # --- rest ------------------------------------------------------------------------------------------------

    def heal(self) -> None:
        """End all faults."""
        self.chaos = None
        while self.on_the_way:
            self._land_late()
        self._return(now=True)
        for process in self.processes:
            process.is_cut = process.is_frozen = False

    def rest(self, *, but_for_failures: bool = False) -> None:
        """Go on in order until nothing is left to do, and check what must hold then.

        *but_for_failures*: only until some hook has failed.
        """
        latest_s = self.now_s + REST_S_MAX
        for _ in range(STEPS_MAX):
            self._see_all()
            actors = self._ready()
            if actors:
                self._turn(actors[0])
                continue
            if but_for_failures and self._failed():
                return
            waits = any(not (handed.is_over or worker.is_dead) for worker, handed in self.handed)
            if not (waits or self.returning) and self.promises.is_at_rest(MODEL, EPOCH_S + self.now_s):
                break
            for name in self._failed():
                self.resolve(name, retry=True)
            self.pass_time(STEP_S)
            assert self.now_s < latest_s, "somebody waits for what does not come"
        else:
            raise AssertionError("it does not come to rest")
        self.promises.check_rest(MODEL)
        self.promises.check_scripts(self)
