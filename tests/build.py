"""Builders for tests: values with the boring parts filled in, and stories that run the pure core.

A `Story` is a model in memory in which units decide, run scripts of hook commands, and settle, one step at a
time: `observe`, `decide`, `answer`, `settle` and `remove` are the real ones, only the store is a dictionary.
Not here: stores and processes (conftest.py).
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from coordinator.clock import timestamp_of
from coordinator.domain import refs
from coordinator.domain.change import Change, Condition, Held, Present, Unchanged
from coordinator.domain.charm import CharmMeta, Endpoint, Option, Role
from coordinator.domain.crowd import Crowd
from coordinator.domain.life import Life
from coordinator.domain.members import Members
from coordinator.domain.model import Machine, Model
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Ref
from coordinator.domain.relation import Relation, Side
from coordinator.domain.secret import Content
from coordinator.domain.storage import storage_for, wanted
from coordinator.domain.unit import Application, Claim, Resolved, Unit
from coordinator.domain.unit_state import Hook, HookKind, Memory, RelationState, UnitState
from coordinator.domain.view import Stored, Token, Tree, View
from coordinator.engine.decide import decide
from coordinator.engine.effects import Effects
from coordinator.engine.operation import Leave, Operation, RunHook, SkipHook
from coordinator.engine.settle import fail, leave, settle
from coordinator.engine.tools import Answer, Call, HookContext, answer
from coordinator.engine.world import Moment, World, WorldRelation
from coordinator.reconcile.removal import remove
from coordinator.reconcile.secret import tidy
from coordinator.worker.observe import observe, seen_by

MODEL = "demo"
CREATED = "2026-01-01T00:00:00Z"
STEPS_MAX = 500  # of one unit without a rest; a story that needs more goes in a circle


def charm(
    name: str = "web",
    *,
    requires: Mapping[str, str] | None = None,
    provides: Mapping[str, str] | None = None,
    peers: Mapping[str, str] | None = None,
    options: Sequence[Option] = (),
    **more: Any,
) -> CharmMeta:
    """A charm with endpoints given as {name: interface}."""
    kinds = ((Role.REQUIRES, requires), (Role.PROVIDES, provides), (Role.PEER, peers))
    endpoints = tuple(
        Endpoint(name=endpoint, interface=interface, role=role)
        for role, found in kinds
        for endpoint, interface in (found or {}).items()
    )
    return CharmMeta(name=name, endpoints=endpoints, options=tuple(options), **more)


def subordinate(name: str, *, requires: Mapping[str, str], **more: Any) -> CharmMeta:
    """A charm whose units live beside others, joined with them by what it requires."""
    meta = charm(name, requires=requires, subordinate=True, **more)
    endpoints = (
        replace(each, scope="container" if each.name in requires else "global") for each in meta.endpoints
    )
    return replace(meta, endpoints=tuple(endpoints))


WEB = charm(
    "web", requires={"db": "sql"}, peers={"cluster": "web-peer"}, options=[Option(name="color", type="string")]
)
DB = charm("db", provides={"clients": "sql"})


# --- values for tests of one function --------------------------------------------------------------------


def unit(text: str) -> UnitName:
    return UnitName.parse(text)


def stored(value: Any, revision: int = 1, lease: int = 0) -> Stored:
    return Stored(b"", revision, lease, lambda _: value)


def world(name: str = "web/0", **more: Any) -> World:
    """The surroundings of a unit that leads nothing and is related to nobody."""
    given = {
        "revision": 1,
        "model": MODEL,
        "model_uuid": "0b5e0c1e-0000-4000-8000-000000000001",
        "entity": Unit(name=unit(name), created=CREATED, machine="0"),
        "machine": "0",
        "addresses": ("10.0.0.1",),
        "charm": WEB,
        "charm_wanted": "sha-web",
        "claim": Token(1, 1),
        "leader": unit("web/9"),
    }
    return World(**{**given, **more})


def leading(name: str = "web/0", **more: Any) -> World:
    """The same, but the unit leads its application."""
    return world(name, leader=unit(name), term=Token(2, 1), **more)


def relation(number: int = 7, **more: Any) -> WorldRelation:
    """A relation of `web` at `db` with the application `db`, which nobody has entered yet."""
    given = {
        "id": number,
        "revision": 1,
        "endpoint": "db",
        "interface": "sql",
        "role": Role.REQUIRES,
        "remote_app": "db",
        "remote_endpoint": "clients",
    }
    units = Crowd.of(more.pop("units", {}))
    return WorldRelation(**{**given, **more}, units=units)


def peers(number: int = 3, **more: Any) -> WorldRelation:
    """The peer relation of `web`."""
    given = {
        "endpoint": "cluster",
        "interface": "web-peer",
        "role": Role.PEER,
        "remote_app": "web",
        "remote_endpoint": "cluster",
    }
    return relation(number, **{**given, **more})


def settled(**more: Any) -> UnitState:
    """What a unit remembers that is set up and has nothing to do in `world()`."""
    given = {
        "charm": "sha-web",
        "installed": True,
        "started": True,
        "config": 0,
        "addresses": ("10.0.0.1",),
        "leader": False,
    }
    return UnitState(**{**given, **more})


def memory(*, unit: UnitState | None = None, relations: Mapping[int, RelationState] | None = None) -> Memory:
    return Memory(unit=unit or settled(), relations=relations or {})


def entered(endpoint: str = "db", **members: int) -> RelationState:
    """What is remembered of a relation; `db_0=5`: revision 5 of the bag of db/0 has been handled."""
    names = {unit("/".join(name.rsplit("_", 1))): revision for name, revision in members.items()}
    met = Members()
    for name, revision in names.items():
        met = met.handled(name, revision, Crowd.of(names))
    return RelationState(endpoint=endpoint, members=met)


def relation_hook(kind: HookKind, remote: str | None = None, *, number: int = 7, **more: Any) -> Hook:
    """A hook of `relation()`."""
    given = {"endpoint": "db", "relation": number, "remote_app": "db"}
    return Hook(kind=kind, remote_unit=unit(remote) if remote else None, **{**given, **more})


def command(context: HookContext, line: str, *, stdin: str | None = None, **files: str) -> Answer:
    """Call a hook command as a shell would; files are given by name."""
    name, *argv = shlex.split(line)
    contents = {path: text.encode() for path, text in files.items()}
    data = None if stdin is None else stdin.encode()
    return answer(context, Call(name=name, argv=tuple(argv), stdin=data, files=contents))


# --- stories ---------------------------------------------------------------------------------------------


class Story:
    """A model, its units, and what happens to them.

    `events` has every hook that was run, as (unit, text); `hooks` the same as (unit, Hook).  `scripts` maps (unit
    or application, hook name) to the hook commands that the charm calls; `printed` is what they put out.
    `failing` names the hooks, as (unit, hook name), in which the charm fails.
    """

    def __init__(self) -> None:
        self.tree = Tree()
        self.now_s = 1_000.0
        self.charms: dict[str, CharmMeta] = {}
        self.events: list[tuple[str, str]] = []
        self.hooks: list[tuple[str, Hook]] = []
        self.scripts: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.printed: list[str] = []
        self.failing: set[tuple[str, str]] = set()
        self.changes: list[Change] = []
        self._relations = 0
        self._leases = 0
        self.put(refs.model(MODEL), Model(name=MODEL, uuid="uuid", owner="alice", created=CREATED))

    # --- what people do ----------------------------------------------------------------------------------

    def deploy(self, app: str, meta: CharmMeta, units: int = 1, *, leader: int | None = 0) -> None:
        """Add an application with its peer relations and units; unit number *leader* leads it."""
        sha = self._archive(meta)
        self.put(
            refs.application(MODEL, app),
            Application(
                name=app,
                charm=sha,
                charm_name=meta.name,
                charm_revision=0,
                created=CREATED,
                storage=wanted(meta, {}),
            ),
        )
        for endpoint in meta.peers:
            self._relate(endpoint.interface, Side(app=app, endpoint=endpoint.name, role=Role.PEER))
        for number in range(units):
            self.add_unit(f"{app}/{number}")
        if leader is not None:
            self.lead(f"{app}/{leader}")

    def add_unit(self, name: str) -> None:
        number = unit(name)
        machine = f"m-{number.app}-{number.number}"
        address = f"10.0.{len(number.app)}.{number.number + 1}"
        self.put(
            refs.machine(machine),
            Machine(id=machine, hostname=machine, addresses=(address,), cores=1, memory_mb=1, created=CREATED),
        )
        self.put(refs.unit(MODEL, number), Unit(name=number, created=CREATED, machine=machine))
        storage = self.get(refs.application(MODEL, number.app)).storage
        for ref, value in storage_for(View(self.tree), MODEL, {number: storage}, now=CREATED).items():
            self.put(ref, value)
        self._leases += 1
        self.put(refs.claim(MODEL, number), Claim(machine=machine, session="session"), lease=self._leases)

    def lead(self, name: str | None, app: str = "") -> None:
        """Make a unit the leader of its application; None: nobody leads *app*."""
        if name is None:
            self.tree.revision += 1
            self.tree.remove(refs.leader(MODEL, app))
            return
        lease = self.tree.entries[refs.claim(MODEL, unit(name))].lease
        self.put(refs.leader(MODEL, unit(name).app), name, lease=lease)

    def relate(self, requirer: str, provider: str) -> int:
        """Relate two endpoints, like `web:db` and `db:clients`; return the number of the relation."""
        sides = []
        for text, role in ((requirer, Role.REQUIRES), (provider, Role.PROVIDES)):
            app, _, endpoint = text.partition(":")
            sides.append(Side(app=app, endpoint=endpoint, role=role))
        return self._relate("sql", *sides)

    def configure(self, app: str, **values: Any) -> None:
        self.put(refs.config(MODEL, app), values)

    def refresh(self, app: str, meta: CharmMeta) -> None:
        """Give the application another charm, with the peer relations that are new in it."""
        ref = refs.application(MODEL, app)
        before: Application = self.get(ref)
        known = {endpoint.name for endpoint in self.charms[before.charm].peers}
        wanted = replace(before, charm=self._archive(meta), charm_version=before.charm_version + 1)
        self.put(ref, wanted)
        for endpoint in meta.peers:
            if endpoint.name not in known:
                self._relate(endpoint.interface, Side(app=app, endpoint=endpoint.name, role=Role.PEER))

    def end(self, ref: Ref) -> None:
        """Let an application, unit or relation begin to die."""
        self.put(ref, replace(self.get(ref), life=Life.DYING))

    def remove_unit(self, name: str) -> None:
        self.end(refs.unit(MODEL, unit(name)))

    def remove_relation(self, number: int, *, force: bool = False) -> None:
        ref = refs.relation(MODEL, number)
        self.end(ref)
        if force:
            self.put(ref, replace(self.get(ref), force_at_s=self.now_s))

    def remove_application(self, app: str) -> None:
        self.end(refs.application(MODEL, app))

    def resolve(self, name: str, how: Resolved) -> None:
        ref = refs.unit(MODEL, unit(name))
        self.put(ref, replace(self.get(ref), resolved=how))

    def on(self, who: str, hook: str, *lines: str) -> None:
        """Let the charm of a unit, or of all units of an application, call commands in a hook."""
        self.scripts[who, hook] += lines

    # --- what the system does ----------------------------------------------------------------------------

    def run(self, name: str) -> list[str]:
        """Let one unit do what it has to, until it rests; return its hooks."""
        before = len(self.events)
        for _ in range(STEPS_MAX):
            if not isinstance(self.step(name), (RunHook, SkipHook, Leave)):
                return [text for _, text in self.events[before:]]
        raise AssertionError(f"{name} does not come to rest: {self.events[-10:]}")

    def run_all(self) -> dict[str, list[str]]:
        """Let all units and the controller go on in turn until everything rests; return the hooks of each unit."""
        before = len(self.events)
        for _ in range(STEPS_MAX):
            moved = [self.step(name) for name in self.units()]
            reconciled = self.reconcile()
            if not reconciled and not any(isinstance(step, (RunHook, SkipHook, Leave)) for step in moved):
                break
        found: dict[str, list[str]] = {}
        for name, text in self.events[before:]:
            found.setdefault(name, []).append(text)
        return found

    def step(self, name: str, *, update_status_due: bool = False) -> Operation:
        """Let one unit decide and do one thing."""
        memory, world = self.look(name)
        operation = decide(memory, world, Moment(now_s=self.now_s, update_status_due=update_status_due))
        if isinstance(operation, RunHook):
            self._run_hook(memory, world, operation.hook)
        elif isinstance(operation, SkipHook):
            self.apply(settle(memory, world, operation.hook, Effects(), now=CREATED))
        elif isinstance(operation, Leave):
            self.apply(leave(world))
        return operation

    def reconcile(self) -> bool:
        """Take every step of removal that is due; say whether there was one."""
        moved = False
        rules = (remove, tidy)
        while change := next(filter(None, (rule(View(self.tree), MODEL, self.now_s) for rule in rules)), None):
            self.apply(change)
            moved = True
        return moved

    def _run_hook(self, memory: Memory, world: World, hook: Hook) -> None:
        name = str(world.unit)
        self.events.append((name, _text(hook)))
        self.hooks.append((name, hook))
        seen = seen_by(hook, world, self.charms.__getitem__)
        entropy = len(self.hooks).to_bytes(16, "big")
        context = HookContext(world=seen, memory=memory, hook=hook, now_s=self.now_s, entropy=entropy)
        effects, succeeded = self.play(context)
        now = timestamp_of(self.now_s)
        if succeeded:
            change = settle(memory, world, hook, effects, now=now)
        else:
            change = fail(memory, world, hook, effects, reason="exit status 1", now=CREATED, now_s=self.now_s)
        self.apply(change)

    def play(self, context: HookContext) -> tuple[Effects, bool]:
        """Be the charm for one hook: return what it asked for, and whether it succeeded."""
        assert context.hook is not None
        name, hook = str(context.world.unit), context.hook.name
        for who in (context.world.unit.app, name):
            for line in self.scripts[who, hook]:
                said = command(context, line)
                assert said.exit_code == 0, f"{name} {hook}: {line}: {said.stderr.decode()}"
                context = context.with_effects(said.effects)
                self.printed += said.stdout.decode().splitlines()
        return context.effects, (name, hook) not in self.failing

    def look(self, name: str) -> tuple[Memory, World]:
        seen = observe(
            View(self.tree),
            MODEL,
            unit(name),
            session="session",
            charm=self.charms.__getitem__,
            contents=content_as_it_is,
        )
        assert seen is not None, f"{name} is gone"
        return seen

    def units(self) -> list[str]:
        found = self.tree.list(refs.Kind.UNIT, MODEL)
        return [str(refs.unit_of(ref)) for ref in sorted(found)]

    # --- the store ---------------------------------------------------------------------------------------

    def get(self, ref: Ref) -> Any:
        return self.tree.entries[ref].value

    def find(self, ref: Ref) -> Any:
        return self.tree.entries[ref].value if ref in self.tree.entries else None

    def put(self, ref: Ref, value: Any, *, lease: int = 0) -> None:
        self.tree.revision += 1
        self.tree.put(ref, stored(value, self.tree.revision, lease))

    def apply(self, change: Change) -> None:
        """Write *change* as the store would: all of it at one revision, if its conditions hold."""
        broken = [condition for condition in change.conditions if not self._holds(condition)]
        assert not broken, f"{change.did} would not land: {broken}"
        self.changes.append(change)
        self.tree.revision += 1
        for ref, value in change.puts.items():
            self.tree.put(ref, stored(value, self.tree.revision))
        for ref in change.deletes:
            self.tree.remove(ref)
        for root in change.prunes:
            for ref in [ref for ref in self.tree.entries if _is_below(ref, root)]:
                self.tree.remove(ref)

    def _holds(self, condition: Condition) -> bool:
        found = self.tree.entries.get(condition.ref)
        match condition:
            case Unchanged(revision=revision):
                return (found.revision if found else 0) == revision
            case Present():
                return found is not None
            case Held(token=token):
                return found is not None and found.token == token

    def _archive(self, meta: CharmMeta) -> str:
        sha = f"sha-{meta.name}-{len(self.charms)}"
        self.charms[sha] = meta
        return sha

    def _relate(self, interface: str, *sides: Side) -> int:
        number, self._relations = self._relations, self._relations + 1
        self.put(
            refs.relation(MODEL, number), Relation(id=number, interface=interface, sides=sides, created=CREATED)
        )
        return number


#: Kinds of things that are stored below another one, by the length of the path they share with it.
_BELOW = {
    refs.Kind.UNIT: {
        refs.Kind.CLAIM,
        refs.Kind.MEMORY,
        refs.Kind.RELATION_MEMORY,
        refs.Kind.STATE,
        refs.Kind.STATUS,
    },
    refs.Kind.RELATION: {refs.Kind.MEMBER, refs.Kind.UNIT_BAG, refs.Kind.APPLICATION_BAG},
    refs.Kind.SECRET: {refs.Kind.SECRET_REVISION, refs.Kind.SECRET_CONSUMER},
    refs.Kind.APPLICATION: {refs.Kind.CONFIG, refs.Kind.LEADER, refs.Kind.LEADER_SETTINGS},
}


def content_as_it_is(ref: Ref, revision: Any) -> Content:
    """Stands for the keyring: here nothing was encrypted."""
    return revision.content


def _is_below(ref: Ref, root: Ref) -> bool:
    if ref == root:
        return True
    return ref.kind in _BELOW[root.kind] and ref.path[: len(root.path)] == root.path


def _text(hook: Hook) -> str:
    if hook.remote_unit is not None:
        return f"{hook.name} {hook.remote_unit}"
    if hook.kind is HookKind.RELATION_CHANGED:
        return f"{hook.name} {hook.remote_app}"
    return hook.name
