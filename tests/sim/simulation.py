"""Several workers and controllers in one process, on a virtual clock, with a schedule that a seed decides.

Role: who acts next, what goes wrong, and how time passes.  There are no threads: whenever a process writes or its
charm runs, an *interlude* may let others act, kill, freeze or cut it; then it goes on with what it knew.
Not here: the processes (processes.py), what must hold (promises.py).
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from processes import EPOCH_S, TTL_S, Controller, Process, Worker
from promises import Book, Promises
from recorder import AGENT, BESIDE, DB, WEB, Run
from sim_store import Died, Fault

from coordinator.commands import (
    application,
    config,
    model,
    relation,
    resource,
    rollout,
    space,
    storage,
    storage_pool,
    task,
    unit,
)
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.charm import Charm, CharmMeta
from coordinator.domain.model import Machine
from coordinator.domain.names import EndpointName, UnitName
from coordinator.domain.refs import Kind
from coordinator.domain.resource import Blob
from coordinator.domain.storage import StorageId
from coordinator.domain.task import EXEC
from coordinator.domain.view import View
from coordinator.engine.script import Script
from coordinator.errors import Contended, LeaseLost, Refused
from coordinator.store import keys
from coordinator.store.memory import MemoryStore
from coordinator.store.repository import Author, Repository
from coordinator.store.txn import Committed, Outcome, Txn
from coordinator.worker.script import Handed

MODEL = "demo"
CREATED = "2026-01-01T00:00:00Z"
PAGES = ("first", "second", "third")  # the hashes of content that people hand in as a resource
CHARMS = {f"sha-{charm.name}": charm for charm in (WEB, DB, AGENT, BESIDE)}
STEPS_MAX = 20_000  # of a way to rest; more means that something goes in circles
REST_S_MAX = 900.0  # of a way to rest; more means that something waits for what does not come
DEPTH_MAX = 2  # of interludes within interludes
STEP_S = 1.0  # time passes in steps of at most this, so that leases are kept and hooks ended on the way

Plan = Callable[[View], Change | None]


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
class Simulation:
    """A cluster.  `seed` decides everything; `chaos` None: everything goes well, in order."""

    seed: int = 0
    machines: int = 2
    controllers: int = 1
    chaos: Chaos | None = None
    #: Which write of a process (the first is 1) meets which fault.
    fault_at: dict[int, Fault] = field(default_factory=dict)
    #: Goes on from what was stored there, with processes that start anew.
    after: Snapshot | None = None
    #: How long a process that died stays away; a machine that returns late finds its leases ended.
    away_s: float = 0.0

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        random.seed(self.seed)  # the code draws pauses from it
        self.store = MemoryStore() if self.after is None else copy_of(self.after.store)
        self.promises = Promises(self.store, {} if self.after is None else deepcopy(self.after.books))
        self.writes = 0
        self.runs: list[Run] = [] if self.after is None else list(self.after.runs)
        self.on_the_way: list[tuple[Process, Txn]] = []
        self.returning: list[tuple[float, Process]] = []
        self.story: list[str] = []
        self.handed: list[tuple[Worker, Handed]] = []
        self._depth = 0
        self._people = Process(self, "people")
        if self.after is None:
            self._set_the_scene()
        self.workers = [Worker(self, str(number)) for number in range(self.machines)]
        self.leaders = [Controller(self, number) for number in range(self.controllers)]

    def _set_the_scene(self) -> None:
        root = Repository(self.store, self._people.clock)
        for sha256, meta in CHARMS.items():
            self._put(root, refs.charm(sha256), Charm(sha256=sha256, size=1, chunks=0, meta=meta))
        for sha256 in PAGES:
            self._put(root, refs.resource(sha256), Blob(sha256=sha256, size=1, chunks=0))
        for number in range(self.machines):
            name = str(number)
            machine = Machine(
                id=name,
                hostname=name,
                addresses=(f"10.0.0.{number + 1}", f"10.1.0.{number + 1}"),
                cores=1,
                memory_mb=1 + number,
                created=CREATED,
            )
            self._put(root, refs.machine(name), machine)

    def _put(self, repository: Repository, ref: refs.Ref, value: Any) -> None:
        repository.write(Change(did="set the scene", puts={ref: value}), Author(name="test"), since=0)

    def snapshot(self) -> Snapshot:
        """Return what is stored now, for simulations that go on from here."""
        return Snapshot(copy_of(self.store), deepcopy(dict(self.promises.books)), tuple(self.runs))

    @property
    def now_s(self) -> float:
        return self.store.now_s

    @property
    def processes(self) -> list[Worker | Controller]:
        return [*self.workers, *self.leaders]

    def is_alive(self, session: str | None) -> bool:
        """Say whether the worker that has this session goes on with it."""
        return any(worker.authority.id == session for worker in self.workers if not worker.is_dead)

    # --- what people do --------------------------------------------------------------------------------------

    def ask(self, plan: Plan) -> None:
        """Let a person's command be carried out.  What the rules refuse at this moment changes nothing."""
        repository = self._people.repository
        try:
            change, _ = repository.transact(lambda: self._with_charms(repository), plan, Author(name="user alice"))
        except (Refused, Contended) as no:
            self.tell(f"people: {no.what}")
        else:
            self.tell(f"people: {change.did if change else 'nothing to change'}")

    def _with_charms(self, repository: Repository) -> View:
        view = repository.read_model(MODEL, *map(keys.ref_of, self._task_keys()))  # type: ignore[arg-type]
        for sha256 in CHARMS:
            repository.add_charm(view, sha256)
        repository.add_constant(view, map(refs.resource, PAGES))
        return view

    def _task_keys(self) -> list[str]:
        items = self.store.read(*keys.below(refs.model(MODEL))).items
        found = [item.key for item in items if (ref := keys.ref_of(item.key)) and ref.kind is Kind.TASK]
        return sorted(found, key=lambda key: int(key.rpartition("/")[2]))

    def run_action(self, *receivers: str, action: str = "go") -> None:
        request = task.Request(receivers=receivers, action=action, parameters={})
        self.ask(lambda view: task.enqueue(view, MODEL, request, now=CREATED, now_s=EPOCH_S + self.now_s))

    def run_on_machine(self, *machines: str, parallel: bool = True) -> None:
        request = task.Request(
            receivers=(), machines=machines, action=EXEC, parameters={"command": "true"}, parallel=parallel
        )
        self.ask(lambda view: task.enqueue(view, MODEL, request, now=CREATED, now_s=EPOCH_S + self.now_s))

    def run_script(self, name: str) -> None:
        """Let a program beside the unit hand in a script; nothing happens where no unit of that name runs."""
        script = Script(commands=f"script {len(self.handed)}")
        for worker in self.workers:
            turns = worker.agents.get((MODEL, UnitName.parse(name)))
            if turns is not None and worker.runs:
                self.handed.append((worker, turns.agent.hand_in(script)))
                turns.wake()

    def attach(self, app: str, sha256: str) -> None:
        self.ask(lambda view: resource.attach(view, MODEL, app, "pages", sha256, by="alice", now=CREATED))

    def cancel_last(self, count: int) -> None:
        numbers = [int(key.rpartition("/")[2]) for key in self._task_keys()[-count:]]
        self.ask(lambda view: task.cancel(view, MODEL, numbers, now=CREATED))

    def add_model(self) -> None:
        settings = {"update-status-hook-interval": "60m"}
        self.ask(lambda view: model.add_model(
            view, MODEL, uuid="uuid", owner="alice", now=CREATED, settings=settings))  # fmt: skip

    def deploy(self, app: str, meta: CharmMeta, units: int | None = None) -> None:
        self.ask(lambda view: application.deploy(
            view, MODEL, app, charm=f"sha-{meta.name}", now=CREATED, units=units))  # fmt: skip

    def integrate(self, left: str, right: str) -> None:
        ends = EndpointName.parse(left), EndpointName.parse(right)
        self.ask(lambda view: relation.integrate(view, MODEL, *ends, now=CREATED))

    def remove_relation(self, left: str, right: str, *, force: bool = False) -> None:
        ends = EndpointName.parse(left), EndpointName.parse(right)
        self.ask(lambda view: relation.remove_relation(view, MODEL, ends=ends, force_at_s=self._force(force)))

    def configure(self, app: str, **options: Any) -> None:
        self.ask(lambda view: config.set_config(view, MODEL, app, options))

    def add_unit(self, app: str) -> None:
        self.ask(lambda view: unit.add_units(view, MODEL, app, count=1, now=CREATED))

    def remove_unit(self, name: str, *, force: bool = False) -> None:
        self.ask(lambda view: unit.remove_units(
            view, MODEL, [UnitName.parse(name)], force_at_s=self._force(force)))  # fmt: skip

    def remove_application(self, app: str, *, force: bool = False) -> None:
        self.ask(lambda view: application.remove_application(view, MODEL, app, force_at_s=self._force(force)))

    def refresh(self, app: str, meta: CharmMeta, **more: Any) -> None:
        self.ask(lambda view: application.refresh(view, MODEL, app, charm=f"sha-{meta.name}", now=CREATED, **more))

    def continue_refresh(self, app: str) -> None:
        self.ask(lambda view: rollout.go_on(view, MODEL, app))

    def take_back(self, app: str) -> None:
        self.ask(lambda view: rollout.go_back(view, MODEL, app, force_units=self.rng.random() < 0.5))

    def unseat(self, app: str) -> None:
        """Take the lead away from whoever has it, while it goes on; what it was told is not our promise then."""
        leader = refs.leader(MODEL, app)
        self.ask(
            lambda view: Change(did=f"unseat {app}", deletes=frozenset({leader})) if view.exists(leader) else None
        )

    def resolve(self, name: str, *, retry: bool) -> None:
        self.ask(lambda view: unit.resolve(view, MODEL, [UnitName.parse(name)], retry=retry))

    def add_storage(self, name: str, directive: str = "") -> None:
        unit_name = UnitName.parse(name)
        self.ask(lambda view: storage.add_storage(view, MODEL, unit_name, "data", directive, now=CREATED))

    def create_pool(self, name: str) -> None:
        self.ask(lambda view: storage_pool.create_pool(view, MODEL, name, "rootfs", {"path": "/mnt"}))

    def update_pool(self, name: str) -> None:
        mode = self.rng.choice(["0700", "0750", ""])
        self.ask(lambda view: storage_pool.update_pool(view, MODEL, name, {"mode": mode}))

    def remove_pool(self, name: str) -> None:
        self.ask(lambda view: storage_pool.remove_pool(view, MODEL, name))

    def import_filesystem(self, where: str) -> None:
        self.ask(lambda view: storage.import_filesystem(view, MODEL, "rootfs", where, "data", now=CREATED))

    def detach_storage(self, number: int, *, force: bool = False) -> None:
        self.ask(lambda view: storage.detach_storage(view, MODEL, StorageId("data", number), force=force))

    def attach_storage(self, name: str, number: int) -> None:
        which = [StorageId("data", number)]
        self.ask(lambda view: storage.attach_storage(view, MODEL, UnitName.parse(name), which))

    def remove_storage(self, number: int, *, force: bool = False) -> None:
        at_s = self._force(force)
        self.ask(lambda view: storage.remove_storage(view, MODEL, StorageId("data", number), force_at_s=at_s))

    def add_space(self, name: str, *cidrs: str) -> None:
        self.ask(lambda view: space.add_space(view, MODEL, name, cidrs))

    def move_to_space(self, name: str, *cidrs: str) -> None:
        self.ask(lambda view: space.move_to_space(view, MODEL, name, cidrs, force=self.rng.random() < 0.7))

    def rename_space(self, name: str, to: str) -> None:
        self.ask(lambda view: space.rename_space(view, MODEL, name, to))

    def remove_space(self, name: str, *, force: bool = False) -> None:
        self.ask(lambda view: space.remove_space(view, MODEL, name, force=force))

    def bind(self, app: str, *, force: bool = False, **bindings: str) -> None:
        given = {"" if endpoint == "usual" else endpoint: to for endpoint, to in bindings.items()}
        self.ask(lambda view: space.bind(view, MODEL, app, given, force=force))

    def constrain(self, app: str, **wanted: str) -> None:
        self.ask(lambda view: application.set_constraints(view, MODEL, app, wanted))

    def destroy_model(self, *, release_storage: bool = False) -> None:
        self.ask(lambda view: model.destroy_model(
            view, MODEL, force_at_s=None, destroy_storage=not release_storage, release_storage=release_storage
        ))  # fmt: skip

    def _force(self, force: bool) -> float | None:
        return EPOCH_S + self.now_s + 5.0 if force else None

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
        if process is self._people:
            return None
        self.writes += 1
        fault = self.fault_at.get(self.writes)
        if fault is None and self.chaos is not None and self.rng.random() < self.chaos.fault:
            fault = self.rng.choice(list(Fault))
        if fault is not None:
            self.tell(f"{process.name}: {fault.value} ({self.writes})")
        return fault

    def shall_fail(self, run: Run) -> bool:
        return self.chaos is not None and self.rng.random() < self.chaos.failing

    def shall_lag(self) -> bool:
        return self.chaos is not None and self.rng.random() < self.chaos.lag

    def tell(self, text: str) -> None:
        self.story.append(f"{self.now_s:6.1f} {'  ' * self._depth}{text}")

    # --- what goes wrong -------------------------------------------------------------------------------------

    def kill(self, process: Process) -> None:
        if process.is_dead:
            return
        process.is_dead = True
        if isinstance(process, Worker):
            process.end_hooks_in_time()
        away_s = self.away_s if self.chaos is None else self.rng.choice([0.0, 3.0, 2.0 * TTL_S])
        self.returning.append((self.now_s + away_s, process))
        self.tell(f"{process.name} died")

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
        for process in self.processes:
            self._see(process)
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
            for process in self.processes:
                self._see(process)
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

    # --- rest ------------------------------------------------------------------------------------------------

    def heal(self) -> None:
        """End all faults."""
        self.chaos = None
        while self.on_the_way:
            self._land_late()
        self._return(now=True)
        for process in self.processes:
            process.is_cut = process.is_frozen = False

    def rest(self) -> None:
        """Go on in order until nothing is left to do, and check what must hold then."""
        latest_s = self.now_s + REST_S_MAX
        for _ in range(STEPS_MAX):
            for process in self.processes:
                self._see(process)
            actors = self._ready()
            if actors:
                self._turn(actors[0])
                continue
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
