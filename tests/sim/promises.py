"""The promises (DESIGN.md section 1), checked at every write that lands and whenever everything rests.

Role: knows nothing of how they are kept: it looks at what is stored before and after each transaction, at who
sent it, and at which runs of the charm it tells of.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from processes import KEYRING
from recorder import port_of

from coordinator.domain import refs
from coordinator.domain.life import Life
from coordinator.domain.names import UnitName
from coordinator.domain.placement import Needs
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.space import Spaces
from coordinator.domain.storage_pool import Pools
from coordinator.domain.task import Task, TaskStatus
from coordinator.domain.task_stream import STDIN
from coordinator.domain.unit import Unit
from coordinator.domain.unit_state import Hook, HookKind, UnitState
from coordinator.domain.view import View
from coordinator.engine.decide import decide
from coordinator.engine.network import ingress_address
from coordinator.engine.operation import Idle
from coordinator.engine.script import NAMES, Script
from coordinator.engine.world import Moment
from coordinator.reconcile import MACHINE_RECONCILERS, RECONCILERS
from coordinator.store import keys
from coordinator.store.codec import decoder
from coordinator.store.memory import MemoryStore
from coordinator.store.repository import Repository
from coordinator.store.txn import Delete, Item, Put, Txn
from coordinator.worker.observe import observe

if TYPE_CHECKING:
    from processes import Process
    from simulation import Simulation

_LEADER_ONLY = (Kind.APPLICATION_BAG, Kind.APPLICATION_STATUS, Kind.LEADER_SETTINGS)
_OF_TASKS = (Kind.OPERATION, Kind.TASK, Kind.TASK_STREAM)
_OF_RELATIONS = {
    HookKind.RELATION_CREATED, HookKind.RELATION_JOINED, HookKind.RELATION_CHANGED, HookKind.RELATION_DEPARTED,
    HookKind.RELATION_BROKEN,
}  # fmt: skip


@dataclass
class Book:
    """What landed of one unit."""

    hooks: list[Hook] = field(default_factory=list)
    counted: int = 0  # those that the charm ran for, and actions and scripts that landed
    asked: int = 0  # actions and scripts that landed
    runs: set[int] = field(default_factory=set)
    skipped: bool = False  # a person let a hook pass, so the charm did not see everything
    forced: bool = False  # it was taken away before its hooks had ended
    swapped: bool = False  # its charm was replaced without upgrade-charm


class Promises:
    def __init__(self, store: MemoryStore, books: dict[UnitName, Book]) -> None:
        self._store = store
        self.books = defaultdict(Book, books)
        self.failed: set[UnitName] = set()
        self.unseated: dict[str, int] = {}  # since which revision somebody took the lead of an application away

    # --- at every write --------------------------------------------------------------------------------------

    def before(self, txn: Txn) -> dict[Ref, Item]:
        """Return what is stored of everything that *txn* may be judged by."""
        wanted = set()
        for write in txn.writes:
            ref = keys.ref_of(write.key)
            if ref is None:
                continue
            wanted.add(ref)
            if ref.kind in (Kind.MEMORY, Kind.CLAIM):
                unit = refs.unit_of(ref)
                wanted |= {refs.claim(ref.path[0], unit), refs.unit(ref.path[0], unit)}
                wanted |= {refs.state(ref.path[0], unit)}
            if ref.kind in _LEADER_ONLY:
                app = ref.path[-1] if ref.kind is Kind.APPLICATION_BAG else ref.path[1]
                wanted.add(refs.leader(ref.path[0], app))
        found = self._store.read_many(tuple((keys.key_of(ref), None) for ref in wanted)).items
        return {ref: item for item in found if (ref := keys.ref_of(item.key)) is not None}

    def landed(self, process: Process, txn: Txn, before: dict[Ref, Item], sim: Simulation) -> str:
        """Check a transaction of *process* that landed; return what it says it did."""
        puts = {
            ref: _decoded(ref, write.value)
            for write in txn.writes
            if isinstance(write, Put) and (ref := keys.ref_of(write.key)) is not None
        }
        journal = next((value for ref, value in puts.items() if ref.kind is Kind.JOURNAL), None)
        did = f"{journal.by}: {journal.did}" if journal else "outside of models"
        for ref in (keys.ref_of(write.key) for write in txn.writes if isinstance(write, Delete)):
            if ref is not None and ref.kind is Kind.LEADER and journal and journal.by.startswith("user"):
                self.unseated[ref.path[1]] = self._store.revision
            if ref in before and ref.kind is Kind.UNIT:
                self._gone(_decoded(ref, before[ref].value), did)
        for ref, value in puts.items():
            if ref.kind is Kind.TASK:
                self._task_moves(_decoded(ref, before[ref].value) if ref in before else None, value, sim, did)
                if value.machine is not None and journal.by.startswith("machine"):
                    self._on_machine(process, value, did, sim)
            if ref.kind in (Kind.CLAIM, Kind.LEADER):
                assert ref not in before, f"{did}: takes {ref} from its holder"
            if ref.kind is Kind.CLAIM:
                assert refs.unit(ref.path[0], refs.unit_of(ref)) in before, f"{did}: claims a unit that is gone"
            if ref.kind is Kind.LEADER:
                self._new_leader(sim, ref.path[1], UnitName.parse(value))
            if ref in before and ref.kind in (Kind.MODEL, Kind.APPLICATION, Kind.UNIT, Kind.RELATION):
                self._no_way_back(_decoded(ref, before[ref].value), value, did)
            if ref.kind is Kind.UNIT and ref in before and value.placement is None and value.machine is not None:
                self._placed(ref.path[0], _decoded(ref, before[ref].value), value, did)
            if ref.kind in _LEADER_ONLY:
                self._by_leader(process, ref, before, journal.by, did)
            if ref.kind is Kind.MEMORY:
                self._settled(process, ref, value, puts, before, journal.did, sim)
        return did

    def _task_moves(self, before: Task | None, after: Task, sim: Simulation, did: str) -> None:
        """What is over stays so, nothing runs twice, and what has begun runs if its worker lives."""
        assert before is None or not before.status.is_over, f"{did}: task {after.id} was {before}"
        if after.status.is_over:
            ran = sum(isinstance(run.work, Task) and run.work.id == after.id for run in sim.runs)
            assert ran <= 1, f"task {after.id} ran {ran} times"
            may_have_run = after.status is not TaskStatus.CANCELLED
            assert ran == 0 or may_have_run, f"task {after.id} ran, and is {after.status.value}"
            assert ran == 1 or after.status is not TaskStatus.COMPLETED, f"task {after.id} did not run"
            is_given_up = after.status is TaskStatus.FAILED and ran == 0
            assert not (is_given_up and sim.is_alive(after.session)), f"task {after.id} is given up, and can run"

    def _on_machine(self, process: Process, task: Task, did: str, sim: Simulation) -> None:
        """Only who serves the machine says what became of its commands, and that of the very run."""
        [worker] = self._store.read(keys.key_of(refs.worker(task.machine))).items
        assert worker.lease in process.leases, (
            f"{did}: by {process.name}, which does not serve machine {task.machine}"
        )
        if output := task.results.get("stdout"):
            run = sim.runs[int(output.removeprefix("run "))]
            assert run.work.id == task.id, f"{did}: results of task {run.work.id}"

    def _placed(self, model: str, before: Unit, after: Unit, did: str) -> None:
        """A unit gets a machine that has what its application and its model demand at that very moment."""
        assert before.machine in (None, after.machine), f"{did} moves {after.name}"
        if before.machine is None and before.principal is None:
            view = self._view(model)
            needs = Needs.of(view.peek(refs.model(model)), view.peek(refs.application(model, after.name.app)))
            lacks = needs.missing(view.peek(refs.machine(after.machine)), Spaces.of(view, model))
            assert not lacks, f"{did} on machine {after.machine}, which lacks {lacks}"

    def _no_way_back(self, before: Any, after: Any, did: str) -> None:
        lives = list(Life)
        assert lives.index(before.life) <= lives.index(after.life), f"{did} brings back {after}"
        assert before.force_at_s is None or after.force_at_s is not None, f"{did} forgets the force on {after}"

    def _gone(self, unit: Unit, did: str) -> None:
        book = self.books[unit.name]
        book.forced = unit.force_at_s is not None
        assert book.forced or unit.life is Life.DEAD or not book.hooks, f"{did}, though it has not ended"
        self.failed.discard(unit.name)

    def _new_leader(self, sim: Simulation, app: str, leader: UnitName) -> None:
        """is-leader holds for the whole hook: whoever was told so is dead before another leads."""
        for run in sim.runs[-50:]:
            if run.world is None:
                continue
            other = run.world.unit
            is_excused = run.world.revision < self.unseated.get(app, 0)  # it saw a lead that somebody took away
            alive = run.saw_leader and not (run.is_killed or run.is_over or is_excused)
            assert not (alive and other.app == app and other != leader), f"{leader} leads while {other} is told so"

    def _by_leader(self, process: Process, ref: Ref, before: dict[Ref, Item], by: str, did: str) -> None:
        app = ref.path[-1] if ref.kind is Kind.APPLICATION_BAG else ref.path[1]
        item = before.get(refs.leader(ref.path[0], app))
        held = item is not None and item.lease in process.leases and f"unit {item.value.decode()}" == by
        assert held, f"{did}: writes {ref} without leading"

    def _settled(
        self, process: Process, ref: Ref, memory: Any, puts: dict[Ref, Any], before: dict[Ref, Item], did: str,
        sim: Simulation,
    ) -> None:  # fmt: skip
        model, unit = ref.path[0], refs.unit_of(ref)
        claim = before.get(refs.claim(model, unit))
        assert claim is not None, f"{unit} {did}: nobody holds the claim"
        assert claim.lease in process.leases, f"{unit} {did}: settled by {process.name} without the claim"
        former = before.get(ref)
        hooks_before = _decoded(ref, former.value).hooks if former else 0
        book = self.books[unit]
        ended = [value for each, value in puts.items() if each.kind is Kind.TASK]
        if ended:
            self._task_settled(unit, ended[0], memory.hooks - hooks_before, puts.get(refs.state(model, unit)), sim)
            return
        if did == NAMES[0]:
            self._script_settled(unit, memory.hooks - hooks_before, puts[refs.state(model, unit)], sim)
            return
        if did.endswith(" reboots the machine"):
            assert memory.hooks == hooks_before, f"{unit}: {did} counts as settled"
            return
        if memory.failed is not None:
            book.swapped = book.swapped or did == "charm replaced by force"
            assert memory.hooks == hooks_before, f"{unit}: {did} counts as settled"
            self.failed.add(unit)
            return
        self.failed.discard(unit)
        assert memory.hooks == hooks_before + 1, f"{unit}: {did} is settled twice"
        assert memory.hooks == len(book.hooks) + book.asked + 1, f"{unit}: {did} is settled twice"
        state = puts.get(refs.state(model, unit))
        if state is None:
            book.hooks.append(_not_run(did, former))
            is_silent = book.hooks[-1].endpoint == "juju-info" or book.hooks[-1].kind is HookKind.STORAGE_DETACHING
            book.skipped = book.skipped or not is_silent
        else:
            run = sim.runs[int(state["run"])]
            assert run.id not in book.runs, f"{unit}: run {run.id} of {did} landed twice"
            assert run.memory_revision == (former.revision if former else 0), f"{unit}: {did} from an old memory"
            assert isinstance(run.work, Hook)
            assert (run.world.unit, run.work.name) == (unit, did)
            assert not run.problems, f"{unit} {did}: {run.problems}"
            book.runs.add(run.id)
            book.counted += 1
            book.hooks.append(run.work)
            assert int(state["count"]) == book.counted, f"{unit}: an effect of {did} is there twice, or lost"
            status = self._now(refs.status(model, unit))
            assert status.workload.current == "active", f"{unit}: after {did} its status is {status}"
            assert status.version == run.color, f"{unit}: {did} had {run.color}, its version is {status.version}"
            assert status.ports == {"": (port_of(unit, run.color),)}, f"{unit}: after {did} it has {status.ports}"
        try:
            check_order(book.hooks, rebooted=any(sim.boots.values()))
        except AssertionError as broken:
            raise AssertionError(f"{unit}: {broken}: {[_text(hook) for hook in book.hooks]}") from None

    def _task_settled(
        self, unit: UnitName, task: Task, counted: int, state: dict[str, str] | None, sim: Simulation
    ) -> None:
        """The effects of an action are there, once, exactly if it ended well; its results tell of the same run."""
        book = self.books[unit]
        landed = state is not None
        assert counted == landed, f"{unit}: task {task.id} counts {counted}"
        if state is None:
            # Cancelled while it ran, it may have ended well before anybody could end it.
            assert task.status is not TaskStatus.COMPLETED, f"{unit}: the effects of task {task.id} are lost"
            return
        run = sim.runs[int(state["run"])]
        assert isinstance(run.work, Task)
        assert run.work.id == task.id, f"{unit}: task {task.id} lands effects of {run.work.id}"
        assert run.id not in book.runs, f"{unit}: run {run.id} of task {task.id} landed twice"
        assert not run.problems, f"{unit} task {task.id}: {run.problems}"
        assert task.results["run"] == state["run"]
        book.runs.add(run.id)
        book.asked += 1
        book.counted += 1
        assert int(state["count"]) == book.counted, f"{unit}: an effect of task {task.id} is there twice, or lost"

    def _script_settled(self, unit: UnitName, counted: int, state: dict[str, str], sim: Simulation) -> None:
        book, run = self.books[unit], sim.runs[int(state["run"])]
        assert counted == 1, f"{unit}: a script counts {counted}"
        assert isinstance(run.work, Script)
        assert run.world.unit == unit
        assert run.id not in book.runs, f"{unit}: run {run.id} of a script landed twice"
        assert not run.problems, f"{unit} script: {run.problems}"
        book.runs.add(run.id)
        book.asked += 1
        book.counted += 1
        assert int(state["count"]) == book.counted, f"{unit}: an effect of a script is there twice, or lost"

    def _now(self, ref: Ref) -> Any:
        return _decoded(ref, self._store.read(keys.key_of(ref)).items[0].value)

    # --- at rest ---------------------------------------------------------------------------------------------

    def is_at_rest(self, model: str, now_s: float) -> bool:
        """Say whether neither units nor reconcilers have anything to do, and people can see that."""
        view = self._view(model)
        if view.peek(refs.model(model)) is None:
            return not self._under(model)
        for reconcile in RECONCILERS:
            if reconcile(view.again(), model, now_s):
                return False
        if any(reconcile(view.again(), now_s) for reconcile in MACHINE_RECONCILERS):
            return False
        if any(storage.life is not Life.ALIVE for _, storage in view.list(Kind.STORAGE, model)):
            return False  # some worker has something to delete
        if view.refs(Kind.MACHINE_QUEUED, model):
            return False
        for ref, _ in view.list(Kind.UNIT, model):
            sight = self._look(view, model, refs.unit_of(ref))
            if sight is None or sight[1].claim is None:
                return False
            if not isinstance(decide(*sight, Moment(now_s=now_s)), Idle):
                return False
            agent = view.peek(refs.agent(model, refs.unit_of(ref)))
            if agent is None or agent.current != "idle":
                return False
        return True

    def check_rest(self, model: str) -> None:
        view = self._view(model)
        for _, unit in view.list(Kind.UNIT, model):
            book, memory = self.books[unit.name], view.peek(refs.memory(model, unit.name))
            state = view.peek(refs.state(model, unit.name)) or {}
            assert memory.hooks == len(book.hooks) + book.asked, f"{unit.name}: memory and journal differ"
            assert int(state.get("count", 0)) == book.counted, f"{unit.name}: state and journal differ"
            assert unit.life is Life.ALIVE, f"{unit.name} does not go"
            self._check_bags(view, model, unit.name, state)
            self._check_resources(view, model, unit.name, memory, state)
            self._check_token(view, model, unit.name, state)
        for ref, consumer in view.list(Kind.SECRET_CONSUMER, model):
            secret, reader = view.peek(refs.secret(model, ref.path[1])), refs.unit_of(ref)
            is_late = consumer.revision != secret.revision and not self.books[reader].skipped
            assert not is_late, f"{reader} reads {consumer.revision} of {secret.id}, which has {secret.revision}"
        for _, task in view.list(Kind.TASK, model):
            assert task.status.is_over, f"task {task.id} is {task.status.value} at rest"
        self._check_pieces(view, model)
        for _, storage in view.list(Kind.STORAGE, model):
            assert storage.life is Life.ALIVE, f"{storage.id} does not go"
            assert storage.pool in Pools.of(view, model), f"{storage.id}: pool {storage.pool} is gone"
            if storage.owner is not None:
                memory = view.peek(refs.memory(model, storage.owner))
                told = memory.storage.get(str(storage.id))
                assert told == storage.attachment, f"{storage.owner} was not told of {storage.id}"
                assert storage.location is not None, f"{storage.id} is nowhere"
        for item in self._store.read(*keys.below(refs.model(model))).items:
            ref = keys.ref_of(item.key)
            assert ref is not None
            for owner in _owners(ref):
                assert view.peek(owner) is not None, f"{ref} is left of {owner}"

    def _check_bags(self, view: View, model: str, unit: UnitName, state: dict[str, str]) -> None:
        """What the charm wrote last is there, and everybody alive is in every relation of its application."""
        options = view.peek(refs.config(model, unit.app)) or {}
        _, world = self._look(view, model, unit)
        for ref, relation in view.list(Kind.RELATION, model):
            if relation.side_of(unit.app) is None:
                continue
            number = int(ref.path[1])
            assert view.peek(refs.member(model, number, unit)) is not None, f"{unit} did not enter {relation.key}"
            bag = view.peek(refs.bag(model, number, unit))
            endpoint = relation.side_of(unit.app).endpoint
            address = ingress_address(world, endpoint)
            assert bag.get("private-address", "") == address, f"{unit} is not where {relation.key} finds it"
            if not self.books[unit].skipped and endpoint != "juju-info":
                assert bag["color"] == options.get("color", "none"), f"{unit}: old option in {relation.key}"

    def _check_pieces(self, view: View, model: str) -> None:
        """Of what commands read and print there is what waits to be fetched, whole, and nothing else."""
        waiting = {ref.path: stream for ref, stream in view.list(Kind.TASK_STREAM, model)}
        assert not any(name == STDIN for _, _, name in waiting), "input of a task stays when that is over"
        stored = Counter(ref.path[:3] for key in self._pieces(model) if (ref := keys.ref_of(key)) is not None)
        assert stored == {path: stream.pieces for path, stream in waiting.items()}

    def _pieces(self, model: str) -> list[str]:
        return [item.key for item in self._store.read(*keys.below(refs.pieces_of_model(model))).items]

    def _check_resources(
        self, view: View, model: str, unit: UnitName, memory: UnitState, state: dict[str, str]
    ) -> None:
        """Who runs the present version of the charm has seen what was handed in last."""
        application = view.peek(refs.application(model, unit.app))
        book = self.books[unit]
        if book.skipped or book.swapped or memory.charm_version != application.charm_version:
            return
        pages = application.resources.get("pages")
        assert pages is None or state.get("pages") == pages.sha256, f"{unit} has {state.get('pages')}, not {pages}"

    def _check_token(self, view: View, model: str, unit: UnitName, state: dict[str, str]) -> None:
        """Who reads what people keep secret has seen it as it is now."""
        uri = (view.peek(refs.config(model, unit.app)) or {}).get("token", "")
        secret = view.peek(refs.secret(model, uri.removeprefix("secret:")))
        if secret is None or view.peek(refs.secret_consumer(model, secret.id, unit)) is None:
            return
        newest = refs.secret_revision(model, secret.id, secret.revision)
        content = KEYRING.open(newest, view.get(newest)).texts()["token"]
        is_late = state.get("token") != content and not self.books[unit].skipped
        assert not is_late, f"{unit} has seen {state.get('token')}, and {secret.name} is {content}"

    def check_scripts(self, sim: Simulation) -> None:
        """Who handed in a script is answered, unless its worker died; a success says that it landed."""
        landed = {id for book in self.books.values() for id in book.runs}
        for worker, handed in sim.handed:
            runs = [run for run in sim.runs if run.work is handed.script]
            assert len(runs) <= 1, f"{handed.script} ran {len(runs)} times"
            assert worker.is_dead or handed.is_over, f"{handed.script} is not answered"
            if handed.is_over and handed.wait().code == 0:
                assert runs[0].id in landed, f"{handed.script} is said to have landed"

    def check_nothing_is_left(self, model: str) -> None:
        assert self._under(model) == [], "something of the model is left"
        for unit, book in self.books.items():
            installed = any(hook.storage is None for hook in book.hooks)
            last = book.hooks[-1].kind if installed else HookKind.REMOVE
            assert book.forced or last is HookKind.REMOVE, f"{unit} ended with {last.value}"

    def _under(self, model: str) -> list[str]:
        start, end = keys.below(refs.model(model))
        found = [item.key for item in self._store.read(start, end).items]
        found += [item.key for item in self._store.read(keys.key_of(refs.model(model))).items]
        return found + self._pieces(model)

    def _view(self, model: str) -> View:
        repository = Repository(self._store, None)  # type: ignore[arg-type]  # it only reads
        start, end = keys.below(refs.model(model))
        tasks = [keys.ref_of(item.key) for item in self._store.read(start, end).items]
        wanted = [ref for ref in tasks if ref is not None and ref.kind in _OF_TASKS]
        return repository.read_model(model, *wanted)

    def _look(self, view: View, model: str, unit: UnitName) -> Any:
        claim = view.peek(refs.claim(model, unit))
        session = claim.session if claim else ""

        def meta(sha256: str) -> Any:
            found = view.peek(refs.charm(sha256))
            return (found or self._now(refs.charm(sha256))).meta

        return observe(view, model, unit, session=session, charm=meta)


def _owners(ref: Ref) -> list[Ref]:
    """Return what must exist because *ref* does."""
    model = ref.path[0]
    owners = []
    if ref.kind in (Kind.MEMBER, Kind.UNIT_BAG, Kind.APPLICATION_BAG):
        owners.append(refs.relation(model, int(ref.path[1])))
    if ref.kind in (
        Kind.CLAIM,
        Kind.MEMORY,
        Kind.RELATION_MEMORY,
        Kind.STATE,
        Kind.STATUS,
        Kind.AGENT,
        Kind.MEMBER,
        Kind.QUEUED,
    ):
        owners.append(refs.unit(model, refs.unit_of(ref)))
    if ref.kind in (Kind.QUEUED, Kind.MACHINE_QUEUED):
        owners.append(refs.task(model, int(ref.path[-1])))
    if ref.kind in (Kind.TASK_LOG, Kind.TASK_STREAM):
        owners.append(refs.task(model, int(ref.path[1])))
    if ref.kind is Kind.RELATION_MEMORY:
        owners.append(refs.relation(model, int(ref.path[3])))
    if ref.kind in (Kind.SECRET_REVISION, Kind.SECRET_CONSUMER):
        owners.append(refs.secret(model, ref.path[1]))
    if ref.kind is Kind.SECRET_CONSUMER:
        owners.append(refs.unit(model, refs.unit_of(ref)))
    if ref.kind in (Kind.UNIT, Kind.CONFIG, Kind.LEADER, Kind.LEADER_SETTINGS, Kind.APPLICATION_STATUS):
        owners.append(refs.application(model, ref.path[1]))
    return owners


def _decoded(ref: Ref, data: bytes) -> Any:
    return decoder(ref.kind)(data)


def _not_run(did: str, former: Item | None) -> Hook:
    """Return the hook that was settled without the charm: the failed one, or one of the implicit endpoint."""
    failed = decoder(Kind.MEMORY)(former.value).failed if former else None
    if failed is not None:
        return failed.hook
    name, _, kind = did.partition("-storage-")
    if kind:
        return Hook(kind=HookKind(f"storage-{kind}"), storage=f"{name}/0")  # which one, it does not say
    endpoint, _, kind = did.partition("-relation-")
    return Hook(kind=HookKind(f"relation-{kind}"), endpoint=endpoint)


# --- the order of hooks ----------------------------------------------------------------------------------------


def check_order(hooks: list[Hook], *, rebooted: bool = False) -> None:
    """Raise when the last of *hooks*, those of one unit, may not come after the others.

    *rebooted*: some machine was, so that charms were started again.
    """
    _check_storage(hooks)
    if hooks[-1].storage is not None:
        return
    *before, last = [hook for hook in hooks if hook.storage is None]
    kinds = [hook.kind for hook in before]
    assert HookKind.REMOVE not in kinds, "a hook after remove"
    if not before:
        assert last.kind is HookKind.INSTALL, "the first hook is not install"
        return
    assert last.kind is not HookKind.INSTALL, "installed twice"
    if last.kind is HookKind.START and not (rebooted and HookKind.START in kinds):
        assert kinds.count(HookKind.CONFIG_CHANGED) == 1, "start does not follow the first config-changed"
        assert kinds[-1] is HookKind.CONFIG_CHANGED, "something came between config-changed and start"
    if last.kind is HookKind.REMOVE:
        assert kinds[-1] is HookKind.STOP, "remove does not follow stop"
    if HookKind.STOP in kinds:
        assert last.kind is HookKind.REMOVE, "a hook after stop"
    if last.kind in _OF_RELATIONS:
        _check_relation([hook for hook in before if hook.relation == last.relation], last)


def _check_storage(hooks: list[Hook]) -> None:
    """Storage comes and goes in turn, never between config-changed and start nor after stop."""
    *before, last = hooks
    kinds = [hook.kind for hook in before]
    if last.storage is None:
        return
    assert HookKind.STOP not in kinds, "storage after stop"
    if last.kind is HookKind.STORAGE_ATTACHED:  # a unit that goes never starts
        assert kinds[-1:] != [HookKind.CONFIG_CHANGED] or HookKind.START in kinds, "storage came before start"


def _check_relation(before: list[Hook], last: Hook) -> None:
    kinds = [hook.kind for hook in before]
    if last.endpoint == "juju-info" and last.relation is None:
        return
    assert (last.kind is HookKind.RELATION_CREATED) is (not before), "created comes first, once"
    assert HookKind.RELATION_BROKEN not in kinds, "a hook after broken"
    members, pending = set(), None
    for hook in before:
        remote = hook.remote_unit
        if hook.kind is HookKind.RELATION_JOINED:
            members.add(remote)
            pending = remote
        elif hook.kind is HookKind.RELATION_DEPARTED:
            members.discard(remote)
        if hook.kind in (HookKind.RELATION_CHANGED, HookKind.RELATION_DEPARTED) and remote == pending:
            pending = None
    remote = last.remote_unit
    if pending is not None:
        assert (last.kind, remote) == (HookKind.RELATION_CHANGED, pending), "changed does not follow joined"
    if last.kind is HookKind.RELATION_JOINED:
        joined = {hook.remote_unit for hook in before if hook.kind is HookKind.RELATION_JOINED}
        assert remote not in joined, f"{remote} joined twice"
    if last.kind is HookKind.RELATION_CHANGED and remote is not None:
        assert remote in members, f"changed of {remote}, which is not a member"
    if last.kind is HookKind.RELATION_DEPARTED:
        assert remote in members, f"departed of {remote}, which is not a member"
    if last.kind is HookKind.RELATION_BROKEN:
        assert not members, "broken before departed"
        assert last.remote_app is None or last.remote_app != "", "broken without its application"


def _text(hook: Hook) -> str:
    relation = f"{hook.relation}:" if hook.relation is not None else ""
    return f"{relation}{hook.name}" + (f" {hook.remote_unit}" if hook.remote_unit else "")
