"""What one unit can see, from the mirror: memory and World, as of one revision.  Pure.

Role: the projection from stored entities to the engine's view.
Not here: how the mirror is kept current (store/mirror.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from coordinator.domain import refs
from coordinator.domain.charm import CharmMeta
from coordinator.domain.crowd import Crowd
from coordinator.domain.life import Life
from coordinator.domain.model import Model
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.relation import Relation, Scope
from coordinator.domain.secret import Consumer, Content, Secret
from coordinator.domain.space import Spaces
from coordinator.domain.status import Status, UnitStatus
from coordinator.domain.storage import SEQUENCE, Storage, home_of
from coordinator.domain.storage_pool import Pools
from coordinator.domain.task import Task
from coordinator.domain.unit import Application, Claim, Unit
from coordinator.domain.unit_state import Hook, HookKind, Memory, RelationState, UnitState
from coordinator.domain.view import Stored, Token, View
from coordinator.engine.world import Goal, OwnSecret, World, WorldRelation, WorldSecrets
from coordinator.errors import Refused

CharmLookup = Callable[[str], CharmMeta]
OpenSecret = Callable[[Ref, Any], Content]


def observe(
    view: View,
    model: str,
    name: UnitName,
    *,
    session: str,
    charm: CharmLookup,
    neighbours: Iterable[tuple[str, UnitName]] = (),
    contents: OpenSecret | None = None,
    data_dir: str = "",
    boot: str = "",
    may_reboot: bool = True,
) -> tuple[Memory, World] | None:
    """Return what unit *name* remembers and sees; None when the unit, its application or its model is gone.

    *session* is the worker's own: only a claim made under it counts as the unit's.  *charm* returns the metadata
    of an archive by hash.  *neighbours* are the other units on the machine.  *contents* decrypts a revision of a
    secret; None: nothing can be read or kept.  *data_dir* is where the worker keeps things.  *boot* names the
    present boot of the machine, *may_reboot* says whether charms may ask for another one.
    """
    stored = view.peek_stored(refs.unit(model, name))
    stored_application = view.peek_stored(refs.application(model, name.app))
    in_model: Model | None = view.peek(refs.model(model))
    if stored is None or stored_application is None or in_model is None:
        return None
    application: Application = stored_application.value
    unit: Unit = stored.value
    memory_stored = view.peek_stored(refs.memory(model, name))
    memory = Memory(
        unit=memory_stored.value if memory_stored else UnitState(),
        relations=_relation_memories(view, model, name),
    )
    claim = _own_claim(view, model, name, session)
    leader = view.peek_stored(refs.leader(model, name.app))
    leads = claim is not None and leader is not None and leader.value == str(name) and leader.lease == claim.lease
    config = view.peek_stored(refs.config(model, name.app))
    settings = view.peek_stored(refs.leader_settings(model, name.app))
    machine = view.peek(refs.machine(unit.machine)) if unit.machine else None
    relations = dict(_relations(view, model, name))
    shall_run = _may_upgrade(application, unit) or not memory.unit.installed
    charm_wanted = application.charm if shall_run else memory.unit.charm
    charm_version = application.charm_version if shall_run else memory.unit.charm_version
    return memory, World(
        revision=view.revision,
        model=model,
        model_uuid=in_model.uuid,
        settings=in_model.settings,
        entity=unit,
        entity_revision=stored.revision,
        application_life=application.life,
        application_revision=stored_application.revision,
        machine=unit.machine or "",
        addresses=machine.addresses if machine else (),
        interfaces=machine.interfaces if machine else (),
        spaces=Spaces.of(view, model),
        bindings=application.bindings,
        boot=boot,
        may_reboot=may_reboot,
        charm=charm(memory.unit.charm or application.charm),
        charm_wanted=charm_wanted,
        charm_version=charm_version,
        charm_forced=application.forced_version == charm_version,
        trust=application.trust,
        config=config.value if config else {},
        config_revision=config.revision if config else 0,
        leader=UnitName.parse(leader.value) if leader else None,
        claim=claim,
        term=leader.token if leads and leader else None,
        leader_settings=settings.value if settings else {},
        leader_settings_revision=settings.revision if settings else 0,
        memory_revision=memory_stored.revision if memory_stored else 0,
        relations=relations,
        state=view.peek(refs.state(model, name)) or {},
        status=view.peek(refs.status(model, name)) or UnitStatus(),
        application_status=view.peek(refs.application_status(model, name.app)),
        machine_ports=_Ports(view, neighbours, (model, name)),
        resources=application.resources,
        tasks=_tasks(view, model, name),
        storage=_storage(view, model, name),
        storage_home=storage_home(data_dir, model, in_model.uuid),
        storage_wanted=application.storage,
        storage_pools=Pools.of(view, model),
        storage_sequence=view.peek_stored(refs.sequence(model, SEQUENCE)),
        goals=_Goals(view, model, {name.app, *(relation.remote_app for relation in relations.values())}),
        secrets=_secrets(view, model, name, relations, leads, contents),
    )


def concerned(
    view: View, moved: Iterable[Ref], units: Iterable[tuple[str, UnitName]]
) -> list[tuple[str, UnitName]]:
    """Return those of *units* that may decide otherwise now that *moved* has moved; the others need not look.

    What only informs a running hook (statuses, stored state, who does what) wakes nobody: a hook looks afresh.  A
    kind that is not known here wakes everybody.
    """
    everybody, models = False, set()
    apps: set[tuple[str, str]] = set()
    names: set[tuple[str, str, str]] = set()
    for ref in moved:
        match ref.kind:
            case Kind.JOURNAL | Kind.SEQUENCE | Kind.AGENT | Kind.STATUS | Kind.APPLICATION_STATUS | Kind.STATE:
                continue
            case Kind.OPERATION | Kind.TASK_LOG | Kind.TASK_STREAM | Kind.MACHINE_QUEUED | Kind.STORAGE_POOL:
                continue
            case Kind.TASK:
                task: Task | None = view.peek(ref)
                if task is not None and task.unit is not None:
                    names.add((ref.path[0], task.unit.app, str(task.unit.number)))
            case Kind.CONTROLLER | Kind.CONTROLLER_LEADER | Kind.MACHINE_SEQUENCE:
                continue
            case Kind.MODEL | Kind.UNIT | Kind.RELATION | Kind.SPACE:
                models.add(ref.path[0])
            case Kind.CLAIM | Kind.MEMORY | Kind.RELATION_MEMORY | Kind.QUEUED:
                names.add((ref.path[0], ref.path[1], ref.path[2]))
            case Kind.APPLICATION | Kind.CONFIG | Kind.LEADER | Kind.LEADER_SETTINGS:
                apps.add((ref.path[0], ref.path[1]))
            case Kind.MEMBER | Kind.UNIT_BAG | Kind.APPLICATION_BAG:
                # What a unit of one end writes concerns the other end; of a relation that went, the whole model
                # was told.
                relation: Relation | None = view.peek(refs.relation(ref.path[0], int(ref.path[1])))
                if relation is not None:
                    apps.add((ref.path[0], relation.other_side(ref.path[2]).app))
            case Kind.SECRET_REVISION:
                continue  # the secret says which there are
            case Kind.SECRET | Kind.SECRET_CONSUMER:
                secret: Secret | None = view.peek(refs.secret(ref.path[0], ref.path[1]))
                if secret is None:
                    models.add(ref.path[0])  # a failed hook about it need not be run any more
                else:
                    apps.add((ref.path[0], secret.owner.partition("/")[0]))
                    readers = (
                        [ref] if ref.kind is Kind.SECRET_CONSUMER else view.refs(Kind.SECRET_CONSUMER, *ref.path)
                    )
                    names |= {(ref.path[0], reader.path[2], reader.path[3]) for reader in readers}
            case Kind.STORAGE:
                stored: Storage | None = view.peek(ref)
                if stored is not None and stored.owner is not None:
                    names.add((ref.path[0], stored.owner.app, str(stored.owner.number)))
            case _:  # machines and their workers
                everybody = True
    return [
        (model, unit)
        for model, unit in units
        if everybody
        or model in models
        or (model, unit.app) in apps
        or (model, unit.app, str(unit.number)) in names
    ]


def _storage(view: View, model: str, name: UnitName) -> Mapping[str, Stored]:
    found = view.snapshot(Kind.STORAGE, model, name.app, str(name.number))
    return {"/".join(ref.path[1:]): stored for ref, stored in found.items()}


def storage_home(data_dir: str, model: str, model_uuid: str) -> str:
    """Return the directory that holds the storage of a model on this machine."""
    return f"{data_dir}/models/{home_of(model, model_uuid)}/storage"


def seen_by(hook: Hook, world: World, charm: CharmLookup) -> World:
    """Return the *world* in which *hook* runs: upgrade-charm runs with the new archive and sees its words."""
    if hook.kind is not HookKind.UPGRADE_CHARM:
        return world
    return replace(world, charm=charm(world.charm_wanted))


def _tasks(view: View, model: str, name: UnitName) -> dict[int, Stored]:
    """Return the tasks of the unit that are not over, in order."""
    numbers = sorted(int(ref.path[3]) for ref in view.refs(Kind.QUEUED, model, name.app, str(name.number)))
    found = {number: view.peek_stored(refs.task(model, number)) for number in numbers}
    return {number: stored for number, stored in found.items() if stored is not None}


def _may_upgrade(application: Application, unit: Unit) -> bool:
    """Say whether it is the turn of *unit*, where an application is upgraded in batches."""
    return application.rollout is None or unit.charm_version == application.charm_version


def _own_claim(view: View, model: str, name: UnitName, session: str) -> Token | None:
    stored = view.peek_stored(refs.claim(model, name))
    if stored is None:
        return None
    claim: Claim = stored.value
    return stored.token if claim.session == session else None


def _relation_memories(view: View, model: str, name: UnitName) -> dict[int, RelationState]:
    found = view.list(Kind.RELATION_MEMORY, model, name.app, str(name.number))
    return {int(ref.path[3]): state for ref, state in found}


def _relations(view: View, model: str, name: UnitName) -> Iterator[tuple[int, WorldRelation]]:
    for ref, relation in view.list(Kind.RELATION, model):
        side = relation.side_of(name.app)
        if side is None:
            continue
        other = relation.other_side(name.app)
        app_bag = view.peek_stored(refs.bag(model, relation.id, other.app))
        stored = view.peek_stored(ref)
        yield (
            relation.id,
            WorldRelation(
                id=relation.id,
                revision=stored.revision if stored else 0,
                endpoint=side.endpoint,
                interface=relation.interface,
                role=side.role,
                remote_app=other.app,
                remote_endpoint=other.endpoint,
                scope=relation.scope,
                life=relation.life,
                in_scope=view.peek_stored(refs.member(model, relation.id, name)) is not None,
                units=_staying(view, model, relation, other.app, name),
                apps={other.app: app_bag.revision} if app_bag else {},
                bags=_Bags(view, model, relation.id),
            ),
        )


def _secrets(
    view: View,
    model: str,
    name: UnitName,
    relations: Mapping[int, WorldRelation],
    leads: bool,
    contents: OpenSecret | None,
) -> WorldSecrets:
    """Return the secrets; only those are looked at that the unit reads, or may have to do something about."""
    consumed: dict[str, Consumer] = {
        ref.path[1]: view.peek(ref) for ref in view.refs(Kind.SECRET_CONSUMER, model, name.app, str(name.number))
    }
    changed = []
    for secret_id in sorted(consumed):
        secret: Secret | None = view.peek(refs.secret(model, secret_id))
        if secret is None or consumed[secret_id].told >= secret.revision:
            continue
        if secret.is_granted(name, relations.__contains__):
            changed.append(secret_id)
    owners = (str(name), name.app) if leads else (str(name),)
    duties = [ref for owner in owners for ref in view.secrets_of(model, owner, with_duties=True)]
    return WorldSecrets(
        model=model,
        stored=view.snapshot(Kind.SECRET, model),
        contents=_Contents(view, model, contents),
        consumed=consumed,
        changed=tuple(changed),
        duties=tuple(_own_secret(view, ref) for ref in sorted(duties)),
        can_seal=contents is not None,
    )


def _own_secret(view: View, ref: Ref) -> OwnSecret:
    secret: Secret = view.peek(ref)
    unreported = secret.unreported
    if not unreported:
        return OwnSecret(secret=secret)
    tracked = {view.peek(reader).revision for reader in view.refs(Kind.SECRET_CONSUMER, *ref.path)}
    return OwnSecret(secret=secret, obsolete=tuple(each for each in unreported if each not in tracked))


class _Contents(Mapping):
    """What is in the revisions of secrets, by id and number, as they were at one moment."""

    def __init__(self, view: View, model: str, contents: OpenSecret | None) -> None:
        self._model, self._open = model, contents
        self._revisions = view.snapshot(Kind.SECRET_REVISION, model)

    def __getitem__(self, wanted: tuple[str, int]) -> Content:
        ref = refs.secret_revision(self._model, *wanted)
        stored = self._revisions[ref]
        if self._open is None:
            raise Refused(
                f"cannot decrypt secret {wanted[0]}",
                why="the worker of this machine has no key",
                fix="set COORDINATOR_SECRET_KEY_FILE for every controller and worker",
            )
        return self._open(ref, stored.value)

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return ((ref.path[1], int(ref.path[2])) for ref in self._revisions)

    def __len__(self) -> int:
        return len(self._revisions)


class _Bags(Mapping):
    """The bags of a relation by the text of their owner's name, as they were at one moment."""

    def __init__(self, view: View, model: str, relation: int) -> None:
        self._at = (model, str(relation))
        self._of_units = view.snapshot(Kind.UNIT_BAG, *self._at)
        self._of_apps = view.snapshot(Kind.APPLICATION_BAG, *self._at)

    def __getitem__(self, owner: str) -> Stored:
        app, _, number = owner.partition("/")
        if number:
            return self._of_units[Ref(Kind.UNIT_BAG, (*self._at, app, number))]
        return self._of_apps[Ref(Kind.APPLICATION_BAG, (*self._at, app))]

    def __iter__(self) -> Iterator[str]:
        return ("/".join(ref.path[2:]) for ref in (*self._of_apps, *self._of_units))

    def __len__(self) -> int:
        return len(self._of_apps) + len(self._of_units)


def _staying(view: View, model: str, relation: Relation, app: str, own: UnitName) -> Crowd:
    """Units of *app* in scope that are not about to leave; of container scope only those beside us count."""
    crowd = view.crowd(model, relation.id, app).without(own)
    if relation.scope is Scope.GLOBAL:
        return crowd
    beside: Unit | None = view.peek(refs.unit(model, own))
    others = {unit: view.peek(refs.unit(model, unit)) for unit in crowd}
    return Crowd.of({unit: crowd[unit] for unit, other in others.items() if _are_together(beside, other)})


def _are_together(one: Unit | None, other: Unit | None) -> bool:
    """Say whether one lives with the other; where nobody said who lives with whom, on one machine is together."""
    if one is None or other is None:
        return False
    if one.principal is not None or other.principal is not None:
        return one.principal == other.name or other.principal == one.name
    return one.machine is not None and one.machine == other.machine


# --- what few hooks ask for: decoded when they do ---------------------------------------------------------


class _Ports(Mapping):
    """Units beside this one to their open ports."""

    def __init__(self, view: View, neighbours: Iterable[tuple[str, UnitName]], own: tuple[str, UnitName]) -> None:
        beside = [each for each in neighbours if each != own]
        self._statuses = {name: view.peek_stored(refs.status(model, name)) for model, name in beside}

    def __getitem__(self, name: UnitName) -> Mapping[str, tuple[str, ...]]:
        stored = self._statuses[name]
        return stored.value.ports if stored else {}

    def __iter__(self) -> Iterator[UnitName]:
        return iter(self._statuses)

    def __len__(self) -> int:
        return len(self._statuses)


class _Goals(Mapping):
    """Units of *apps*, as goal-state shows them, as they were at one moment."""

    def __init__(self, view: View, model: str, apps: Iterable[str]) -> None:
        self._model = model
        self._units, self._statuses, self._memories = (
            {app: view.snapshot(kind, model, app) for app in apps}
            for kind in (Kind.UNIT, Kind.STATUS, Kind.MEMORY)
        )

    def __getitem__(self, name: UnitName) -> Goal:
        unit: Unit = self._units[name.app][refs.unit(self._model, name)].value
        status = self._statuses[name.app].get(refs.status(self._model, name))
        memory = self._memories[name.app].get(refs.memory(self._model, name))
        return _goal(unit, status.value if status else None, memory.value if memory else None)

    def __iter__(self) -> Iterator[UnitName]:
        return (refs.unit_of(ref) for units in self._units.values() for ref in units)

    def __len__(self) -> int:
        return sum(map(len, self._units.values()))


def _goal(unit: Unit, status: UnitStatus | None, memory: UnitState | None) -> Goal:
    workload = status.workload if status else UnitStatus().workload
    if memory is not None and memory.failed is not None:
        workload = Status("error", f'hook failed: "{memory.failed.hook.name}"', workload.since)
    return Goal(status=workload, dying=unit.life is not Life.ALIVE)
