"""A `State` becomes a `World` for one run, and the `World` afterwards a `State` again.

The state that a test passed in stays as it was: what comes out are other objects, and what a charm can write to
is copied on the way in.
"""

from __future__ import annotations

import datetime
import functools
import operator
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._object import Handle
from .._secret import SecretRotate
from .._stored import StoredStateData
from .._times import format_time
from ..jujuversion import JujuVersion
from ._commands import COMMANDS
from ._container_parts import Container
from ._part import changed
from ._parts import CloudSpec, DeferredEvent, Network, Port, Secret, StoredState, port_from_text
from ._pebble import PretendPebble
from ._pebble_state import container_from_pebble, pebble_from_container
from ._relation_parts import PeerRelation, RelationBase
from ._state import State
from ._statuses import status_from_name
from ._storage import MemoryStorage
from ._world import ActionRecord, RelationRecord, SecretRecord, StatusRecord, StorageRecord, World

if TYPE_CHECKING:
    from ._context import Context
    from ._events import _Event

_ID = operator.attrgetter("id")
_NAME_AND_INDEX = operator.attrgetter("name", "index")

# --- before a run -----------------------------------------------------------------------------------------


def world_from_state(ctx: Context, event: _Event, state: State) -> World:
    """Return the surroundings that *state* describes."""
    meta = ctx._charm_spec.charm_meta
    defaults = {name: option.default for name, option in meta.config.items() if option.default is not None}
    scopes = {name: relation.scope for name, relation in meta.relations.items()}
    world = World(
        unit_name=ctx._unit_name,
        endpoints=frozenset(scopes),
        # Containers of one machine or pod share its network: there is none of the relation.
        bindings=frozenset({*meta.extra_bindings, "juju-info"}),
        without_network=frozenset(name for name, scope in scopes.items() if scope == "container"),
        model_name=state.model.name,
        model_uuid=state.model.uuid,
        leader=state.leader,
        planned_units=state.planned_units,
        config={**defaults, **state.config},
        # In order, so that a charm meets them alike each time.
        relations={each.id: _relation_record(each, ctx) for each in sorted(state.relations, key=_ID)},
        secrets=[_secret_record(each, ctx) for each in state.secrets],
        owners_read_latest=ctx._owners_read_latest,
        storages=[
            StorageRecord(each.name, each.index, functools.partial(ctx._storage_root, each.name, each.index))
            for each in sorted(state.storages, key=_NAME_AND_INDEX)
        ],
        networks={(each.binding_name, None): network_answer(each) for each in state.networks},
        default_network=network_answer(Network("default")),
        resources={each.name: functools.partial(Path, each.path) for each in state.resources},
        ports={port_text(each) for each in state.opened_ports},
        unit_status=StatusRecord(state.unit_status.name, state.unit_status.message),
        app_status=StatusRecord(state.app_status.name, state.app_status.message),
        workload_version=state.workload_version,
        cloud_spec=cloud_answer(state.model.cloud_spec) if ctx.app_trusted and state.model.cloud_spec else None,
        containers={each.name: _pebble(each, ctx) for each in state.containers},
        log=ctx.juju_log,
        too_new=_too_new(ctx.juju_version),
    )
    if event.storage is not None:
        world.running_storage = f"{event.storage.name}/{event.storage.index}"
    if event.action is not None:
        world.action = ActionRecord(event.action.name, dict(event.action.params), logs=ctx.action_logs)
    if event.relation_unit_is_gone and event.relation is not None:
        left = world.relations[event.relation.id]
        # What it wrote can still be read.
        left.units.remove(f"{left.app}/{event.relation_remote_unit_id}")
    return world


#: Commands by the version that has them first.
_SINCE = {
    "3.6.2": ("relation-model-get",),
    "3.0.2": tuple(name for name in COMMANDS if name.startswith("secret-")),
}


@functools.cache
def _too_new(version: str) -> frozenset[str]:
    return frozenset(name for since, names in _SINCE.items() if JujuVersion(version) < since for name in names)


def _pebble(container: Container, ctx: Context) -> PretendPebble:
    pebble = pebble_from_container(container, functools.partial(ctx._container_root, container.name))
    pebble.executed = ctx.exec_history.setdefault(container.name, [])
    return pebble


def _relation_record(relation: RelationBase, ctx: Context) -> RelationRecord:
    app = relation._remote_app(ctx.app_name)
    remote = {f"{app}/{number}": dict(bag) for number, bag in relation._remote_units.items()}
    bags = {
        **remote,
        ctx._unit_name: dict(relation.local_unit_data),
        ctx.app_name: dict(relation.local_app_data),
    }
    if not isinstance(relation, PeerRelation):
        bags[app] = dict(relation.remote_app_data)  # type: ignore[attr-defined]
    return RelationRecord(
        id=relation.id,
        endpoint=relation.endpoint,
        app=app,
        is_peer=isinstance(relation, PeerRelation),
        units=[name for name in remote if name != ctx._unit_name],
        bags=bags,
        model_uuid=getattr(relation, "remote_model_uuid", None),
    )


def _secret_record(secret: Secret, ctx: Context) -> SecretRecord:
    owner = {"unit": ctx._unit_name, "app": ctx.app_name}.get(secret.owner or "", "")
    latest = secret._latest_revision
    if latest == secret._tracked_revision and secret.latest_content != secret.tracked_content:
        latest += 1
    revisions = {secret._tracked_revision: dict(secret.tracked_content), latest: dict(secret.latest_content)}
    return SecretRecord(
        id=secret.id,
        owner=owner,
        revisions=revisions,
        tracked=secret._tracked_revision,
        label=secret.label,
        description=secret.description,
        expire=_moment_text(secret.expire),
        rotate=secret.rotate.value if secret.rotate else None,
        grants={relation: set(names) for relation, names in secret.remote_grants.items()},
        # A secret that is in the state is one that the unit may read.
        readers={ctx.app_name},
    )


def _moment_text(moment: datetime.datetime | None) -> str | None:
    """Return a moment as the command line has it."""
    if moment is None:
        return None
    return format_time(moment)


def network_answer(network: Network) -> dict[str, Any]:
    """Return what ``network-get`` prints for *network*."""
    return {
        "bind-addresses": [
            {
                "interface-name": each.interface_name,
                **({"mac-address": each.mac_address} if each.mac_address else {}),
                "addresses": [
                    {"hostname": address.hostname, "value": address.value, "cidr": address.cidr}
                    for address in each.addresses
                ],
            }
            for each in network.bind_addresses
        ],
        "egress-subnets": list(network.egress_subnets),
        "ingress-addresses": list(network.ingress_addresses),
    }


def cloud_answer(spec: CloudSpec) -> dict[str, Any]:
    """Return what ``credential-get`` prints for *spec*."""
    answer: dict[str, Any] = {
        "type": spec.type,
        "name": spec.name,
        "region": spec.region,
        "endpoint": spec.endpoint,
        "identity-endpoint": spec.identity_endpoint,
        "storage-endpoint": spec.storage_endpoint,
        "cacertificates": list(spec.ca_certificates),
        "skip-tls-verify": spec.skip_tls_verify,
        "is-controller-cloud": spec.is_controller_cloud,
    }
    credential = spec.credential
    if credential is not None:
        answer["credential"] = {
            "auth-type": credential.auth_type,
            "attrs": dict(credential.attributes),
            "redacted": list(credential.redacted),
        }
    return answer


def port_text(port: Port) -> str:
    """Return a port as ``opened-ports`` prints it."""
    return port.protocol if port.port is None else f"{port.port}/{port.protocol}"


# --- after a run ------------------------------------------------------------------------------------------


def state_from_world(world: World, before: State, storage: MemoryStorage | None) -> State:
    """Return the state that *world* is in, of which *before* is what it was.

    *storage* has what the charm keeps between runs; None leaves that as it was.
    """
    after: dict[str, Any] = {
        "relations": frozenset(_relation(each, world) for each in before.relations),
        "secrets": frozenset(_secrets(before, world)),
        "containers": frozenset(
            changed(container_from_pebble(each, world.containers[each.name])) for each in before.containers
        ),
        "opened_ports": frozenset(port_from_text(each) for each in world.ports),
        "networks": frozenset(changed(each) for each in before.networks),
        "storages": frozenset(changed(each) for each in before.storages),
        "resources": frozenset(changed(each) for each in before.resources),
        "unit_status": status_from_name(world.unit_status.status, world.unit_status.message),
        "app_status": status_from_name(world.app_status.status, world.app_status.message),
        "workload_version": world.workload_version,
    }
    if storage is not None:
        after["deferred"] = _deferred(storage)
        after["stored_states"] = frozenset(_stored_states(storage))
    return changed(before, **after)


def _relation(relation: RelationBase, world: World) -> RelationBase:
    bags = world.relations[relation.id].bags
    local = {"local_unit_data": bags.get(world.unit_name, {}), "local_app_data": bags.get(world.app_name, {})}
    return changed(relation, **local)


def _secrets(before: State, world: World) -> Iterator[Secret]:
    earlier = {each.id: each for each in before.secrets}
    owners = {world.unit_name: "unit", world.app_name: "app"}
    for record in world.secrets:
        facts: dict[str, Any] = {
            "tracked_content": record.revisions.get(record.tracked) or record.revisions[record.latest],
            "latest_content": record.revisions[record.latest],
            "label": record.label,
            "remote_grants": {relation: frozenset(names) for relation, names in record.grants.items() if names},
            "_tracked_revision": record.tracked,
            "_latest_revision": record.latest,
        }
        secret = earlier.get(record.id)
        if secret is None:
            yield Secret(id=record.id, owner=owners.get(record.owner), **facts, **_owner_facts(record))  # type: ignore[arg-type]
            continue
        if secret.owner is not None:
            facts |= _owner_facts(record)
            if record.expire == _moment_text(secret.expire):
                facts["expire"] = secret.expire
        yield changed(secret, **facts)


def _owner_facts(record: SecretRecord) -> dict[str, Any]:
    return {
        "description": record.description,
        "expire": record.expires,
        "rotate": SecretRotate(record.rotate) if record.rotate else None,
    }


# --- what the charm keeps ---------------------------------------------------------------------------------

_EVENT_COUNT = "StoredStateData[_stored]"


def storage_from_state(state: State) -> MemoryStorage:
    """Return a storage with the stored states and the deferred events of *state*."""
    storage = MemoryStorage()
    for event in state.deferred:
        storage.save_notice(event.handle_path, event.owner, event.observer)
        storage.save_snapshot(event.handle_path, event.snapshot_data)
    for stored in state.stored_states:
        own = f"{stored._data_type_name}[{stored.name}]"
        path = own if stored.owner_path is None else f"{stored.owner_path}/{own}"
        known = {"event_count": 0} if path == _EVENT_COUNT else {}
        storage.save_snapshot(path, {**known, **stored.content})
    if state.deferred and _EVENT_COUNT not in storage.list_snapshots():
        # Or the events of this run would get the numbers, and take the places, of those that wait.
        numbers = [Handle.from_path(event.handle_path).key or "" for event in state.deferred]
        count = max((int(number) for number in numbers if number.isdecimal()), default=0)
        storage.save_snapshot(_EVENT_COUNT, {"event_count": count})
    return storage


def _deferred(storage: MemoryStorage) -> list[DeferredEvent]:
    kept = {*storage.list_snapshots()}
    return [
        DeferredEvent(path, owner, observer, storage.load_snapshot(path) if path in kept else {})
        for path, owner, observer in storage.notices()
    ]


def _stored_states(storage: MemoryStorage) -> list[StoredState]:
    found: list[StoredState] = []
    for path in storage.list_snapshots():
        handle = Handle.from_path(path)
        if handle.kind == StoredStateData.handle_kind:
            owner = handle.parent.path if handle.parent else None
            found.append(StoredState(handle.key or "", owner_path=owner, content=storage.load_snapshot(path)))
    return found
