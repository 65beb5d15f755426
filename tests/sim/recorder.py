"""The charm of the simulation: counts its hooks in its stored state, and writes wherever a charm can.

Role: takes the place of worker/perform.py; calls the real hook commands (engine/tools), in this process.
Whatever it writes depends on what is stored only (an option, who leads), so that everything can come to rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from build import charm, subordinate

from coordinator.domain.charm import Action, Option, StorageMeta
from coordinator.domain.life import Life
from coordinator.domain.names import UnitName
from coordinator.domain.task import Task
from coordinator.domain.task_stream import PIECE_BYTES
from coordinator.domain.unit_state import Hook, HookKind, Memory
from coordinator.engine.effects import Effects
from coordinator.engine.script import Script, context_of
from coordinator.engine.task import Printed, Ran
from coordinator.engine.tools import Call, HookContext, answer
from coordinator.engine.world import World
from coordinator.worker.host import Host
from coordinator.worker.machine_tasks import PIECES_PER_WRITE
from coordinator.worker.observe import seen_by
from coordinator.worker.perform import Failed, Interrupted, Outcome, Succeeded
from coordinator.worker.script import Said

if TYPE_CHECKING:
    from processes import Worker
    from simulation import Simulation

_OPTIONS = (Option(name="color", type="string", default="none"), Option(name="token", type="secret"))
_ACTIONS = (Action(name="go"), Action(name="aside", parallel=True), Action(name="grow"))
_DATA = {"data": StorageMeta(name="data", type="filesystem", count_max=3)}
WEB = charm(
    "web",
    requires={"db": "sql"},
    peers={"ring": "web-ring"},
    options=_OPTIONS,
    actions=_ACTIONS,
    storage=_DATA,
    resources={"pages": {"type": "file", "filename": "pages.txt"}},
)
#: What a command prints whose output is kept: more than one write.
PRINTED = bytes(PIECES_PER_WRITE * PIECE_BYTES + 1)

DB = charm("db", provides={"clients": "sql"}, options=_OPTIONS, actions=_ACTIONS)
AGENT = charm("agent", requires={"host": "juju-info"}, options=_OPTIONS)
BESIDE = subordinate("beside", requires={"host": "juju-info"}, options=_OPTIONS)
REBOOTS = {"gray": (), "black": ("--now",)}  # colors that need a boot of the machine: after the hook, or at once


@dataclass(eq=False, kw_only=True)
class Run:
    """One run of the charm's code for a hook, an action or a script; or of commands on a machine, without `world`.

    `saw_leader`: it was told that it leads.  `is_killed`: the minder ended it, or its worker, by its `owner`.
    `color`: the option that its port and version are made of.
    """

    id: int
    work: Hook | Task | Script
    owner: object
    world: World | None = None
    memory_revision: int = 0
    saw_leader: bool = False
    color: str = ""
    is_killed: bool = False
    is_over: bool = False
    problems: list[str] = field(default_factory=list)


#: Commands that change nothing, in the hook that has least to do with it.
READ_AT_START = (
    ("leader-get",), ("status-get",), ("goal-state",), ("unit-get", "private-address"), ("juju-log", "starts"),
    ("state-set", "once=1"), ("state-delete", "once"),
)  # fmt: skip


def port_of(unit: UnitName, color: str) -> str:
    """Return the port that a unit opens: no other one's."""
    return f"{8000 + 1000 * len(unit.app) + 10 * unit.number + len(color)}/tcp"


def run_in(sim: Simulation, work: Hook | Task | Script, world: World) -> Run:
    """Return a new run in the unit of *world*."""
    owner = (world.model, world.unit)
    return Run(id=len(sim.runs), work=work, owner=owner, world=world, memory_revision=world.memory_revision)


def perform_in(sim: Simulation, worker: Worker) -> Callable[..., Outcome]:
    """Return what an agent of *worker* calls to have a hook run."""

    def perform(
        host: Host, memory: Memory, world: World, hook: Hook, on_effects: Callable[[Effects], None]
    ) -> Outcome:
        run = run_in(sim, hook, world)
        sim.runs.append(run)
        worker.running.append(run)
        context = HookContext(
            world=seen_by(hook, world, host.charm_meta),
            memory=memory,
            hook=hook,
            now_s=host.clock.now_s(),
            entropy=run.id.to_bytes(16, "big"),
        )
        worker.end_hooks_in_time()  # one that starts after the time is over does not get through the gate
        try:
            if run.is_killed:
                return Interrupted("signal 9")
            return _play(sim, worker, run, hook, context, on_effects)
        finally:
            run.is_over = True
            worker.running.remove(run)

    return perform


def perform_task_in(sim: Simulation, worker: Worker) -> Callable[..., tuple[Effects, Ran]]:
    """Return what an agent of *worker* calls to have an action run."""

    def perform_task(
        host: Host, memory: Memory, world: World, task: Task, on_effects: Callable[[Effects], None]
    ) -> tuple[Effects, Ran]:
        run = run_in(sim, task, world)
        sim.runs.append(run)
        worker.running.append(run)
        worker.end_hooks_in_time()
        try:
            if run.is_killed:
                return Effects(), Ran(reason="signal 9")
            return _play_action(sim, worker, run, HookContext(world=world, memory=memory, task=task), on_effects)
        finally:
            run.is_over = True
            worker.running.remove(run)

    return perform_task


def perform_script_in(sim: Simulation, worker: Worker) -> Callable[..., tuple[Effects | None, Said]]:
    """Return what an agent of *worker* calls to have a script run."""

    def perform_script(host: Host, memory: Memory, world: World, script: Script) -> tuple[Effects | None, Said]:
        run = run_in(sim, script, world)
        sim.runs.append(run)
        worker.running.append(run)
        worker.end_hooks_in_time()
        try:
            if run.is_killed:
                return None, Said(137)
            effects, ran = _play_action(sim, worker, run, context_of(memory, world, script), lambda _: None)
            return None if ran.status is None else effects, Said(137 if ran.status is None else ran.status)
        finally:
            run.is_over = True
            worker.running.remove(run)

    return perform_script


def perform_on_machine_in(sim: Simulation, worker: Worker) -> Callable[..., Ran]:
    """Return what the queue of the machine of *worker* calls to have a command run."""

    def perform_on_machine(host: Host, model: str, task: Task, on_start: Callable[[], None]) -> Ran:
        run = Run(id=len(sim.runs), work=task, owner=(model, task.id))
        sim.runs.append(run)
        worker.running.append(run)
        worker.end_hooks_in_time()
        try:
            on_start()
            if not run.is_killed:
                sim.interlude(worker)
            if run.is_killed or worker.is_dead:
                return Ran(reason="signal 9")
            kept = {"stdout": Printed(PRINTED, is_whole=True)} if task.keeps_output else {}
            return Ran(status=int(sim.shall_fail(run)), output={"stdout": f"run {run.id}"}, kept=kept)
        finally:
            run.is_over = True
            worker.running.remove(run)

    return perform_on_machine


def _play_action(
    sim: Simulation, worker: Worker, run: Run, context: HookContext, on_effects: Callable[[Effects], None]
) -> tuple[Effects, Ran]:
    def call(name: str, *argv: str) -> str:
        nonlocal context
        said = answer(context, Call(name=name, argv=argv))
        if said.exit_code != 0:
            run.problems.append(f"{name} {argv}: {said.stderr.decode()}")
        context = context.with_effects(said.effects)
        on_effects(said.effects)
        return said.stdout.decode().strip()

    count = int(call("state-get", "count") or 0) + 1
    call("state-set", f"count={count}", f"run={run.id}")
    run.saw_leader = call("is-leader") == "True"
    if context.task is not None:
        call("action-log", "begun")
        call("action-set", f"run={run.id}")
        call("action-get")
        if context.task.action == "grow" and len(call("storage-list").split()) < 2:
            call("storage-add", "data")
    sim.interlude(worker)
    if run.saw_leader:
        call("leader-set", f"leader={run.world.unit}")
    if context.task is not None:
        call("action-log", "done")
    sim.interlude(worker)
    if run.is_killed or worker.is_dead:
        return context.effects, Ran(reason="signal 9")
    if sim.shall_fail(run):
        return context.effects, Ran(status=1, reason="exit status 1")
    return context.effects, Ran(status=0)


def _play(
    sim: Simulation,
    worker: Worker,
    run: Run,
    hook: Hook,
    context: HookContext,
    on_effects: Callable[[Effects], None],
) -> Outcome:
    unit = run.world.unit

    def call(name: str, *argv: str) -> str:
        nonlocal context
        said = answer(context, Call(name=name, argv=argv))
        by_force = b"no addresses attached to space" in said.stderr  # somebody took the network away from it
        if said.exit_code != 0 and not by_force:
            run.problems.append(f"{name} {argv}: {said.stderr.decode()}")
        context = context.with_effects(said.effects)
        on_effects(said.effects)
        return said.stdout.decode().strip()

    count = int(call("state-get", "count") or 0) + 1
    call("state-set", f"count={count}", f"run={run.id}")
    run.saw_leader = call("is-leader") == "True"
    run.color = color = call("config-get", "color")
    call("status-set", "maintenance", hook.name)
    call("application-version-set", color)
    for port in call("opened-ports").split():
        call("close-port", port)
    call("open-port", port_of(unit, color))
    sim.interlude(worker)
    if hook.kind is HookKind.CONFIG_CHANGED and color in REBOOTS and sim.disks.get(unit) != color:
        sim.disks[unit] = color
        call("juju-reboot", *REBOOTS[color])
        if run.is_killed:
            return Interrupted("signal 9")
    for endpoint in context.world.charm.endpoints:
        for relation in call("relation-ids", endpoint.name).split():
            call("relation-set", "-r", relation, f"color={color}")
            if run.saw_leader:
                call("relation-set", "-r", relation, "--app", f"leader={unit}")
    if run.saw_leader:
        call("status-set", "--application", "active", str(unit))
        call("leader-set", f"leader={unit}")
        if unit.app == "db":
            _share_a_secret(call, color, hook)
    _look_around(call, run, hook)
    if (token := call("config-get", "token")) and unit.app == "web":
        said = answer(context, Call(name="secret-get", argv=(token, "token", "--refresh")))
        context = context.with_effects(said.effects)
        call("state-set", f"token={said.stdout.decode().strip()}")  # empty: it may not read it, or it is gone
    if hook.kind in (HookKind.INSTALL, HookKind.UPGRADE_CHARM) and "pages" in run.world.resources:
        said = answer(context, Call(name="resource-get", argv=("pages",)))
        content = sim.read_resource(said.resource[2])
        call("state-set", f"pages={sha256(content).hexdigest()}")
    call("status-set", "active")
    sim.interlude(worker)
    if run.is_killed or worker.is_dead:
        return Interrupted("signal 9")
    if sim.shall_fail(run):
        return Failed(context.effects, "exit status 1")
    return Succeeded(context.effects)


def _share_a_secret(call: Callable[..., str], color: str, hook: Hook) -> None:
    """Keep the option as a secret, too, and tell of it in every relation that it is granted to: green is not.

    Each time that it is due it gets other content.
    """
    is_due = hook.kind in (HookKind.SECRET_ROTATE, HookKind.SECRET_EXPIRED)
    turn = int(call("state-get", "turn") or 0) + is_due
    call("state-set", f"turn={turn}")
    content = (f"color={color}", f"turn={turn}")
    known = call("secret-ids").split()
    if known:
        secret = known[0]
        call("secret-info-get", secret)
        call("secret-set", secret, *content, *(("--expire", "2h") if is_due else ()))
    else:
        secret = call("secret-add", "--label", "color", "--rotate", "hourly", "--expire", "2h", *content)
    for relation in call("relation-ids", "clients").split():
        is_told = color != "green"
        call("secret-grant" if is_told else "secret-revoke", secret, "-r", relation)
        call("relation-set", "-r", relation, "--app", f"secret={secret if is_told else ''}")


def _look_around(call: Callable[..., str], run: Run, hook: Hook) -> None:
    """Read what a charm may rely on in the hook that runs."""
    remote = hook.remote_unit
    if hook.kind is HookKind.INSTALL and run.world.unit.app == "web":
        call("secret-add", "--owner", "unit", "--label", "mine", f"unit={run.world.unit}")
    if hook.kind is HookKind.START:
        for words in READ_AT_START:
            call(*words)
    if hook.kind is HookKind.SECRET_CHANGED:
        call("secret-get", f"secret:{hook.secret}", "--refresh")
    if hook.kind is HookKind.SECRET_REMOVE:
        call("secret-remove", f"secret:{hook.secret}", "--revision", str(hook.revision))
    if hook.storage is not None:
        call("storage-get", "-s", hook.storage, "location")
        if hook.storage not in call("storage-list").split():
            run.problems.append(f"{hook.name}: storage-list has no {hook.storage}")
    if remote is None or hook.relation not in run.world.relations:
        return
    call("relation-model-get", "-r", str(hook.relation))
    call("network-get", str(hook.endpoint), "-r", str(hook.relation))
    listed = str(remote) in call("relation-list", "-r", str(hook.relation)).split()
    if listed is (hook.kind is HookKind.RELATION_DEPARTED):
        run.problems.append(f"{hook.name}: relation-list has {remote}: {listed}")
    call("relation-get", "-r", str(hook.relation), "-", str(remote))
    is_alive = run.world.relations[hook.relation].life is Life.ALIVE and hook.departing is None
    # Told of and granted in one write: who reads of it may read it.
    if is_alive and hook.endpoint == "db" and (secret := _told_secret(call, hook)):
        call("secret-get", secret)


def _told_secret(call: Callable[..., str], hook: Hook) -> str:
    return call("relation-get", "-r", str(hook.relation), "--app", "secret", str(hook.remote_app))
