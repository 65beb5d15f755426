"""A model in a memory store, for tests of plans: commands and reconcilers are carried out as in earnest.

Role: everything goes through the real repository, so each change meets the limits and guards of a transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from build import CREATED, MODEL

from coordinator.clock import ManualClock
from coordinator.commands.application import deploy
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.charm import Charm, CharmMeta
from coordinator.domain.model import Machine, Model, Worker
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.unit import Claim
from coordinator.domain.unit_state import UnitState
from coordinator.domain.view import View
from coordinator.reconcile import MACHINE_RECONCILERS, RECONCILERS
from coordinator.store import keys
from coordinator.store.live import LiveTree
from coordinator.store.memory import MemoryStore
from coordinator.store.repository import Author, Repository

ALICE = Author(name="user alice")


class Stage:
    """One model.  `now_s` is the present of the reconcilers."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.repository = Repository(self.store, ManualClock())
        self._live = LiveTree(self.store)
        self.now_s = 1_000.0
        self.charms: set[str] = set()
        self.put(refs.model(MODEL), Model(name=MODEL, uuid="uuid", owner="alice", created=CREATED))

    def put(self, ref: Ref, value: Any, *, lease: int = 0) -> None:
        leased = frozenset({ref}) if lease else frozenset()
        change = Change(did="set the scene", puts={ref: value}, leased=leased)
        self.repository.write(change, Author(name="test", lease=lease), since=0)

    def charm(self, meta: CharmMeta) -> str:
        """Store a charm without its archive; return its hash."""
        sha256 = f"sha-{meta.name}-{len(self.charms)}"
        self.put(refs.charm(sha256), Charm(sha256=sha256, size=1, chunks=0, meta=meta))
        self.charms.add(sha256)
        return sha256

    def deploy(self, app: str, meta: CharmMeta, units: int | None = None, **more: Any) -> None:
        sha256 = self.charm(meta)
        self.do(lambda view: deploy(view, MODEL, app, charm=sha256, now=CREATED, units=units, **more))

    def machine(self, name: str, *, served: bool = True, **more: Any) -> None:
        given = {"hostname": name, "addresses": ("10.0.0.1",), "cores": 1, "memory_mb": 1, "created": CREATED}
        self.put(refs.machine(name), Machine(id=name, **{**given, **more}))
        if served:
            worker = Worker(session="s", url="", secret="", version="", since=CREATED)
            self.put(refs.worker(name), worker, lease=self.store.grant(100))

    def claim(self, unit: str) -> None:
        """Let a worker run the unit."""
        ref = refs.claim(MODEL, UnitName.parse(unit))
        self.put(ref, Claim(machine="0", session="s"), lease=self.store.grant(100))

    def remember(self, unit: str, **state: Any) -> None:
        """Let the unit have handled something."""
        self.put(refs.memory(MODEL, UnitName.parse(unit)), UnitState(installed=True, hooks=1, **state))

    # --- plans -----------------------------------------------------------------------------------------------

    def view(self) -> View:
        view = self.repository.read_model(MODEL, keys.everything(Kind.USER))
        for sha256 in self.charms:
            self.repository.add_charm(view, sha256)
        return view

    def do(self, plan: Callable[[View], Change | None]) -> Change | None:
        """Carry out a command."""
        return self.repository.transact(self.view, plan, ALICE)[0]

    def plan(self) -> tuple[Change, View] | None:
        """Return what a controller would do next, with what it looked at."""
        self._live.poll()
        with self._live.look() as view:
            return self._plan(view)

    def _plan(self, view: View) -> tuple[Change, View] | None:
        for reconcile in RECONCILERS:
            looked = view.again()
            if change := reconcile(looked, MODEL, self.now_s):
                return change, looked
        for reconcile_machines in MACHINE_RECONCILERS:
            looked = view.again()
            if change := reconcile_machines(looked, self.now_s):
                return change, looked
        return None

    def reconcile(self) -> list[str]:
        """Be the controller until nothing is left to do; return what it did."""
        did = []
        while planned := self.plan():
            change, looked = planned
            self.repository.commit(looked, change, Author(name="controller"))
            did.append(change.did)
        return did

    # --- looking ---------------------------------------------------------------------------------------------

    def find(self, ref: Ref) -> Any:
        return self.repository.read(ref).find(ref)

    def names(self, kind: Kind) -> list[str]:
        """Return the names of everything of *kind* in the model."""
        return ["/".join(ref.path[1:]) for ref, _ in self.view().list(kind, MODEL)]

    def all_keys(self) -> Iterable[str]:
        return [item.key for item in self.store.read("/", "0").items]
