"""What people ask for, through the commands of the API: its requests are served by controllers that break, too.

Role: one method per request.  Who got no answer asks again, as a person would; what the rules refuse at that
moment changes nothing.
Not here: when they ask (test_schedules.py, test_crashes.py), what must hold then (promises.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from processes import EPOCH_S, KEYRING, KEYS, TROUBLE, Process, Worker
from sim_store import Died

from coordinator.commands import (
    application,
    config,
    machine,
    model,
    relation,
    resource,
    rollout,
    secret,
    space,
    storage,
    storage_pool,
    task,
    task_stream,
    unit,
    user,
)
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.charm import CharmMeta
from coordinator.domain.names import EndpointName, UnitName
from coordinator.domain.refs import Kind
from coordinator.domain.secret import Content
from coordinator.domain.storage import StorageId
from coordinator.domain.task import EXEC
from coordinator.domain.task_stream import STDERR, STDIN, STDOUT, TaskStream
from coordinator.domain.view import View
from coordinator.engine.script import Script
from coordinator.errors import Refused
from coordinator.store import keys
from coordinator.store.archives import CHUNK_BYTES, CHUNKS_PER_WRITE, Archives
from coordinator.store.keyring import Keyring
from coordinator.store.repository import Author
from coordinator.worker.script import Handed

if TYPE_CHECKING:
    import random

    from simulation import Simulation

MODEL = "demo"
CREATED = "2026-01-01T00:00:00Z"
ALICE = Author(name="user alice")
ASKED_MAX = 5  # times that somebody asks who gets no answer
#: What people hand in as a resource: one of them takes two writes.
PAGES = (b"first", b"second" * (CHUNK_BYTES * CHUNKS_PER_WRITE // 6 + 1), b"third")

Plan = Callable[[View], Change | None]


class People:
    """The part of a simulation that asks; *sim* is the whole."""

    rng: random.Random
    workers: list[Worker]
    tell: Callable[[str], None]

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        self._keyring = KEYRING
        self._api = self._controller()
        self.handed: list[tuple[Worker, Handed]] = []

    # --- asking ----------------------------------------------------------------------------------------------

    def ask(self, plan: Plan, *, charm: str = "", blobs: Sequence[str] = ()) -> None:
        """Let a command be carried out that may see *charm* and the contents *blobs*, as api/services.py does."""

        def read() -> View:
            repository = self._api.repository
            view = repository.read_model(MODEL, *self._tasks(), keys.everything(Kind.USER))
            if charm:
                repository.add_charm(view, charm)
            repository.add_constant(view, [refs.resource(sha256) for sha256 in blobs])
            return view

        self._ask(lambda: self._api.repository.transact(read, plan, ALICE)[0])

    def _ask(self, transact: Callable[[], Change | None]) -> None:
        def once() -> None:
            change = transact()
            self.tell(f"people: {change.did if change else 'nothing to change'}")

        try:
            self._insist(once)
        except Refused as no:
            self.tell(f"people: {no.what}")

    def _insist(self, once: Callable[[], None]) -> None:
        """Ask again after no answer, of another controller if that one died."""
        for _ in range(ASKED_MAX):
            try:
                return once()
            except TROUBLE as trouble:
                self.tell(f"people: {trouble.what}")
            except Died:
                self._api = self._controller()
        return None

    def _controller(self) -> Process:
        controller = Process(self._sim, "people")
        controller.repository.keyring = self._keyring
        return controller

    def _tasks(self) -> list[refs.Ref]:
        items = self._sim.store.read(*keys.below(refs.model(MODEL))).items
        found = [ref for item in items if (ref := keys.ref_of(item.key)) is not None and ref.kind is Kind.TASK]
        return sorted(found, key=lambda ref: int(ref.path[1]))

    def _now(self) -> dict[str, Any]:
        return {"now": CREATED, "now_s": EPOCH_S + self._sim.now_s}

    def _force(self, force: bool) -> float | None:
        return EPOCH_S + self._sim.now_s + 5.0 if force else None

    # --- the model -------------------------------------------------------------------------------------------

    def add_model(self) -> None:
        settings = {"update-status-hook-interval": "60m"}
        self.ask(lambda view: model.forget_roles(view, MODEL))
        self.ask(lambda view: model.add_model(
            view, MODEL, uuid="uuid", owner="alice", now=CREATED, settings=settings))  # fmt: skip

    def set_settings(self, *reset: str, **settings: str) -> None:
        named = {name.replace("_", "-"): value for name, value in settings.items()}
        self.ask(lambda view: model.set_settings(view, MODEL, named, reset))

    def set_constraints(self, **constraints: str) -> None:
        self.ask(lambda view: model.set_constraints(view, MODEL, constraints))

    def destroy_model(self, *, release_storage: bool = False, force: bool = False) -> None:
        at_s, released = self._force(force), release_storage
        self.ask(lambda view: model.destroy_model(
            view, MODEL, force_at_s=at_s, destroy_storage=not released, release_storage=released))  # fmt: skip

    # --- users -----------------------------------------------------------------------------------------------

    def add_user(self, name: str) -> None:
        self.ask(lambda view: user.add_user(view, name, token_hash="of one", now=CREATED, display_name="Somebody"))

    def remove_user(self, name: str) -> None:
        self.ask(lambda view: user.remove_user(view, name))

    def grant(self, name: str, level: str) -> None:
        self.ask(lambda view: user.grant(view, name, level, [MODEL]))

    def revoke(self, name: str, level: str) -> None:
        self.ask(lambda view: user.revoke(view, name, level, [MODEL]))

    def renew_token(self, name: str) -> None:
        self.ask(lambda view: user.renew_token(view, name, token_hash="of another"))

    def disable_user(self, name: str, *, disabled: bool = True) -> None:
        self.ask(lambda view: user.set_disabled(view, name, disabled=disabled))

    # --- applications ----------------------------------------------------------------------------------------

    def deploy(self, app: str, meta: CharmMeta, units: int | None = None, **more: Any) -> None:
        charm, blobs = f"sha-{meta.name}", more.get("resources", {}).values()
        self.ask(
            lambda view: application.deploy(view, MODEL, app, charm=charm, now=CREATED, units=units, **more),
            charm=charm, blobs=[*blobs],
        )  # fmt: skip

    def refresh(self, app: str, meta: CharmMeta, **more: Any) -> None:
        charm, blobs = f"sha-{meta.name}", more.get("resources", {}).values()
        self.ask(
            lambda view: application.refresh(view, MODEL, app, charm=charm, now=CREATED, **more),
            charm=charm, blobs=[*blobs],
        )  # fmt: skip

    def continue_refresh(self, app: str) -> None:
        self.ask(lambda view: rollout.go_on(view, MODEL, app))

    def take_back(self, app: str) -> None:
        force_units = self.rng.random() < 0.5
        former = self._former_charm(app)
        self.ask(lambda view: rollout.go_back(view, MODEL, app, force_units=force_units), charm=former)

    def _former_charm(self, app: str) -> str:
        view = self._api.repository.read(refs.application(MODEL, app))
        stored = view.peek(refs.application(MODEL, app))
        return stored.former.charm if stored is not None and stored.former is not None else ""

    def remove_application(self, app: str, *, force: bool = False, destroy_storage: bool = False) -> None:
        force_at_s = self._force(force)
        self.ask(lambda view: application.remove_application(
            view, MODEL, app, force_at_s=force_at_s, destroy_storage=destroy_storage))  # fmt: skip

    def configure(self, app: str, *reset: str, **options: Any) -> None:
        self.ask(lambda view: config.set_config(view, MODEL, app, options, reset))

    def expose(self, app: str, **more: Any) -> None:
        self.ask(lambda view: application.expose(view, MODEL, app, **more))

    def unexpose(self, app: str, *endpoints: str) -> None:
        self.ask(lambda view: application.unexpose(view, MODEL, app, endpoints=endpoints))

    def trust(self, app: str, *, trust: bool = True) -> None:
        self.ask(lambda view: application.set_trust(view, MODEL, app, trust=trust))

    def constrain(self, app: str, **wanted: str) -> None:
        self.ask(lambda view: application.set_constraints(view, MODEL, app, wanted))

    def bind(self, app: str, *, force: bool = False, **bindings: str) -> None:
        given = {"" if endpoint == "usual" else endpoint: to for endpoint, to in bindings.items()}
        self.ask(lambda view: space.bind(view, MODEL, app, given, force=force))

    def upload(self, content: bytes) -> str:
        """Hand in the content of a resource; return its hash."""
        self._insist(lambda: self._keep(content))
        return hashlib.sha256(content).hexdigest()

    def _keep(self, content: bytes) -> None:
        Archives(self._api.store, self._api.repository).put_resource(content, ALICE)

    def attach(self, app: str, content: bytes) -> None:
        sha256 = self.upload(content)
        self.ask(
            lambda view: resource.attach(view, MODEL, app, "pages", sha256, by="alice", now=CREATED),
            blobs=[sha256],
        )

    def unseat(self, app: str) -> None:
        """Take the lead away from whoever has it, while it goes on; what it was told is not our promise then."""
        leader = refs.leader(MODEL, app)
        self.ask(
            lambda view: Change(did=f"unseat {app}", deletes=frozenset({leader})) if view.exists(leader) else None
        )

    # --- relations -------------------------------------------------------------------------------------------

    def integrate(self, left: str, right: str) -> None:
        ends = EndpointName.parse(left), EndpointName.parse(right)
        self.ask(lambda view: relation.integrate(view, MODEL, *ends, now=CREATED))

    def remove_relation(self, left: str, right: str, *, force: bool = False) -> None:
        ends, force_at_s = (EndpointName.parse(left), EndpointName.parse(right)), self._force(force)
        self.ask(lambda view: relation.remove_relation(view, MODEL, ends=ends, force_at_s=force_at_s))

    def remove_relation_number(self, number: int) -> None:
        self.ask(lambda view: relation.remove_relation(view, MODEL, relation_id=number))

    # --- units and machines ----------------------------------------------------------------------------------

    def add_unit(self, app: str, *, to: str = "", attach: int | None = None) -> None:
        placement, wanted = [to] if to else [], [] if attach is None else [StorageId("data", attach)]
        self.ask(lambda view: unit.add_units(
            view, MODEL, app, count=1, now=CREATED, to=placement, attach=wanted))  # fmt: skip

    def remove_unit(self, name: str, *, force: bool = False, destroy_storage: bool = False) -> None:
        names, force_at_s = [UnitName.parse(name)], self._force(force)
        self.ask(lambda view: unit.remove_units(
            view, MODEL, names, force_at_s=force_at_s, destroy_storage=destroy_storage))  # fmt: skip

    def resolve(self, name: str, *, retry: bool) -> None:
        self.ask(lambda view: unit.resolve(view, MODEL, [UnitName.parse(name)], retry=retry))

    def remove_machine(self, name: str, *, force: bool = False) -> None:
        everything, force_at_s = (keys.everything(Kind.MACHINE), keys.everything(Kind.MODEL)), self._force(force)
        self._ask(
            lambda: self._api.repository.transact(
                lambda: self._api.repository.read(*everything),
                lambda view: machine.remove_machine(view, name, force_at_s=force_at_s),
                ALICE,
            )[0]
        )

    def lose_machine(self, name: str) -> None:
        """Remove a machine with what it has; another one comes in."""
        self.remove_machine(name, force=True)
        self._sim.join_machine("2")

    # --- actions, commands, scripts --------------------------------------------------------------------------

    def run_action(self, *receivers: str, action: str = "go", **more: Any) -> None:
        self._enqueue(task.Request(receivers=receivers, action=action, parameters={}, **more))

    def run_on_machine(self, *machines: str, parallel: bool = True, **more: Any) -> None:
        self._enqueue(task.Request(
            receivers=(), machines=machines, action=EXEC, parameters={"command": "true"}, parallel=parallel, **more
        ))  # fmt: skip

    def _enqueue(self, request: task.Request) -> None:
        now = self._now()
        self.ask(lambda view: task.enqueue(view, MODEL, request, **now))

    def cancel_last(self, count: int) -> None:
        numbers = [int(ref.path[1]) for ref in self._tasks()[-count:]]
        self.ask(lambda view: task.cancel(view, MODEL, numbers, now=CREATED))

    def hand_in(self, data: bytes = b"input", *, is_last: bool = False) -> None:
        """Send more of what the commands read that take input."""
        for number in (int(ref.path[1]) for ref in self._tasks()):
            stream = refs.task_stream(MODEL, number, STDIN)

            def plan(view: View, number: int = number, stream: refs.Ref = stream) -> Change | None:
                at = (view.peek(stream) or TaskStream()).size
                return task_stream.hand_in(view, MODEL, number, data, at=at, is_last=is_last, room=len(data))

            self._ask_about(number, plan)

    def fetch_output(self) -> None:
        for number in (int(ref.path[1]) for ref in self._tasks()):
            self._ask_about(number, lambda view, number=number: task_stream.drop_output(view, MODEL, number))

    def _ask_about(self, number: int, plan: Plan) -> None:
        streams = [refs.task_stream(MODEL, number, name) for name in (STDIN, STDOUT, STDERR)]
        wanted = (refs.task(MODEL, number), *streams)
        self._ask(
            lambda: self._api.repository.transact(lambda: self._api.repository.read(*wanted), plan, ALICE)[0]
        )

    def run_script(self, name: str) -> None:
        """Let a program beside the unit hand in a script; nothing happens where no unit of that name runs."""
        script = Script(commands=f"script {len(self.handed)}")
        for worker in self.workers:
            turns = worker.agents.get((MODEL, UnitName.parse(name)))
            if turns is not None and worker.runs:
                self.handed.append((worker, turns.agent.hand_in(script)))
                turns.wake()

    # --- storage ---------------------------------------------------------------------------------------------

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

    def remove_storage(self, number: int, *, force: bool = False, destroy: bool = True) -> None:
        which, at_s = StorageId("data", number), self._force(force)
        self.ask(lambda view: storage.remove_storage(view, MODEL, which, destroy=destroy, force_at_s=at_s))

    # --- spaces ----------------------------------------------------------------------------------------------

    def add_space(self, name: str, *cidrs: str) -> None:
        self.ask(lambda view: space.add_space(view, MODEL, name, cidrs))

    def move_to_space(self, name: str, *cidrs: str, force: bool = False) -> None:
        self.ask(lambda view: space.move_to_space(view, MODEL, name, cidrs, force=force))

    def rename_space(self, name: str, to: str) -> None:
        self.ask(lambda view: space.rename_space(view, MODEL, name, to))

    def remove_space(self, name: str, *, force: bool = False) -> None:
        self.ask(lambda view: space.remove_space(view, MODEL, name, force=force))

    # --- secrets ---------------------------------------------------------------------------------------------

    def add_secret(self, name: str, value: str) -> None:
        entropy, now = self.rng.randbytes(16), self._now()
        self.ask(lambda view: secret.add_secret(
            view, MODEL, name, _content(value), entropy=entropy, description=f"{name} of the simulation", **now
        ))  # fmt: skip

    def update_secret(self, who: str, value: str, **more: Any) -> None:
        content, now = _content(value), self._now()
        self.ask(lambda view: secret.update_secret(view, MODEL, who, KEYRING.open, content=content, **more, **now))

    def remove_secret(self, name: str, *, revision: int | None = None) -> None:
        now = self._now()
        self.ask(lambda view: secret.remove_secret(view, MODEL, name, revision=revision, **now))

    def share_secret(self, name: str, *apps: str, granted: bool = True) -> None:
        now = self._now()
        self.ask(lambda view: secret.share_secret(view, MODEL, name, apps, granted=granted, **now))

    def reseal(self) -> None:
        """Let all that is kept be encrypted with the other one of the two keys; everybody has both."""
        self._keyring = Keyring(KEYS[::-1]) if self._keyring is KEYRING else KEYRING
        self._api = self._controller()
        is_done = False

        def plan(view: View) -> Change | None:
            nonlocal is_done
            change = secret.reseal(view, MODEL, self._keyring.open, key=self._keyring.current)
            is_done = change is None
            return change

        for _ in range(ASKED_MAX):
            if not is_done:
                self.ask(plan)

    def configure_secret(self, app: str, name: str) -> None:
        """Name the secret *name* in an option of *app*."""
        found = self._api.repository.read_model(MODEL).list(Kind.SECRET, MODEL)
        for each in (each for _, each in found if each.name == name):
            self.configure(app, token=f"secret:{each.id}")


def _content(value: str) -> Content:
    return Content({"token": value.encode()})
