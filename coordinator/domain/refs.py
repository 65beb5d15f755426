"""Ref: the typed name of every stored thing.

Role: what the core says instead of a key.  Only store/keys.py turns one into a key and back.
`path` has the names that single the thing out, the model first where there is one.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from coordinator.domain.names import UnitName


class Kind(str, Enum):
    """The kinds of stored things; store/keys.py says where each lives, store/codec.py what it holds."""

    SCHEMA = "schema"
    USER = "user"
    MACHINE = "machine"
    MACHINE_SEQUENCE = "machine-sequence"
    WORKER = "worker"
    CONTROLLER = "controller"
    CONTROLLER_LEADER = "controller-leader"
    CHARM = "charm"
    CHARM_CHUNK = "charm-chunk"
    RESOURCE = "resource"
    RESOURCE_CHUNK = "resource-chunk"
    MODEL = "model"
    JOURNAL = "journal"
    SEQUENCE = "sequence"
    APPLICATION = "application"
    CONFIG = "config"
    LEADER = "leader"
    LEADER_SETTINGS = "leader-settings"
    APPLICATION_STATUS = "application-status"
    UNIT = "unit"
    CLAIM = "claim"
    MEMORY = "memory"
    RELATION_MEMORY = "relation-memory"
    STATE = "state"
    STATUS = "status"
    AGENT = "agent"
    QUEUED = "queued"
    MACHINE_QUEUED = "machine-queued"
    OPERATION = "operation"
    TASK = "task"
    TASK_LOG = "task-log"
    TASK_STREAM = "task-stream"
    PIECES_OF_MODEL = "pieces-of-model"
    PIECES = "pieces"
    PIECE = "piece"
    STORAGE = "storage"
    STORAGE_POOL = "storage-pool"
    SPACE = "space"
    RELATION = "relation"
    MEMBER = "member"
    APPLICATION_BAG = "application-bag"
    UNIT_BAG = "unit-bag"
    SECRET = "secret"
    SECRET_REVISION = "secret-revision"
    SECRET_CONSUMER = "secret-consumer"


class Ref(NamedTuple):
    """One stored thing: its kind and the names that single it out."""

    kind: Kind
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind.value} {'/'.join(self.path)}"


def model(name: str) -> Ref:
    return Ref(Kind.MODEL, (name,))


def journal(model: str) -> Ref:
    return Ref(Kind.JOURNAL, (model,))


def sequence(model: str, name: str) -> Ref:
    return Ref(Kind.SEQUENCE, (model, name))


def machine(machine_id: str) -> Ref:
    return Ref(Kind.MACHINE, (machine_id,))


def machine_sequence() -> Ref:
    return Ref(Kind.MACHINE_SEQUENCE)


def worker(machine_id: str) -> Ref:
    return Ref(Kind.WORKER, (machine_id,))


def user(name: str) -> Ref:
    return Ref(Kind.USER, (name,))


def charm(sha256: str) -> Ref:
    return Ref(Kind.CHARM, (sha256,))


def resource(sha256: str) -> Ref:
    return Ref(Kind.RESOURCE, (sha256,))


def application(model: str, app: str) -> Ref:
    return Ref(Kind.APPLICATION, (model, app))


def config(model: str, app: str) -> Ref:
    return Ref(Kind.CONFIG, (model, app))


def leader(model: str, app: str) -> Ref:
    return Ref(Kind.LEADER, (model, app))


def leader_settings(model: str, app: str) -> Ref:
    return Ref(Kind.LEADER_SETTINGS, (model, app))


def application_status(model: str, app: str) -> Ref:
    return Ref(Kind.APPLICATION_STATUS, (model, app))


def unit(model: str, name: UnitName) -> Ref:
    return Ref(Kind.UNIT, (model, name.app, str(name.number)))


def claim(model: str, name: UnitName) -> Ref:
    return Ref(Kind.CLAIM, (model, name.app, str(name.number)))


def memory(model: str, name: UnitName) -> Ref:
    return Ref(Kind.MEMORY, (model, name.app, str(name.number)))


def relation_memory(model: str, name: UnitName, relation_id: int) -> Ref:
    return Ref(Kind.RELATION_MEMORY, (model, name.app, str(name.number), str(relation_id)))


def state(model: str, name: UnitName) -> Ref:
    return Ref(Kind.STATE, (model, name.app, str(name.number)))


def status(model: str, name: UnitName) -> Ref:
    return Ref(Kind.STATUS, (model, name.app, str(name.number)))


def agent(model: str, name: UnitName) -> Ref:
    return Ref(Kind.AGENT, (model, name.app, str(name.number)))


def queued(model: str, receiver: UnitName | str, task_id: int) -> Ref:
    """The place of a task in the queue of its unit, or of its machine (given by its id)."""
    if isinstance(receiver, UnitName):
        return Ref(Kind.QUEUED, (model, receiver.app, str(receiver.number), str(task_id)))
    return Ref(Kind.MACHINE_QUEUED, (model, receiver, str(task_id)))


def operation(model: str, operation_id: int) -> Ref:
    return Ref(Kind.OPERATION, (model, str(operation_id)))


def task(model: str, task_id: int) -> Ref:
    return Ref(Kind.TASK, (model, str(task_id)))


def task_log(model: str, task_id: int) -> Ref:
    return Ref(Kind.TASK_LOG, (model, str(task_id)))


def task_stream(model: str, task_id: int, stream: str) -> Ref:
    return Ref(Kind.TASK_STREAM, (model, str(task_id), stream))


def pieces_of_model(model: str) -> Ref:
    """The place of all pieces of the model; nothing is stored there itself."""
    return Ref(Kind.PIECES_OF_MODEL, (model,))


def pieces(model: str, task_id: int, stream: str) -> Ref:
    """The same of one stream."""
    return Ref(Kind.PIECES, (model, str(task_id), stream))


def piece(model: str, task_id: int, stream: str, index: int) -> Ref:
    return Ref(Kind.PIECE, (model, str(task_id), stream, f"{index:04}"))


def storage(model: str, name: str, number: int) -> Ref:
    return Ref(Kind.STORAGE, (model, name, str(number)))


def storage_pool(model: str, name: str) -> Ref:
    return Ref(Kind.STORAGE_POOL, (model, name))


def space(model: str, name: str) -> Ref:
    return Ref(Kind.SPACE, (model, name))


def relation(model: str, relation_id: int) -> Ref:
    return Ref(Kind.RELATION, (model, str(relation_id)))


def member(model: str, relation_id: int, name: UnitName) -> Ref:
    return Ref(Kind.MEMBER, (model, str(relation_id), name.app, str(name.number)))


def bag(model: str, relation_id: int, owner: UnitName | str) -> Ref:
    """The bag of a unit, or of an application (given by its name), in a relation."""
    if isinstance(owner, UnitName):
        return Ref(Kind.UNIT_BAG, (model, str(relation_id), owner.app, str(owner.number)))
    return Ref(Kind.APPLICATION_BAG, (model, str(relation_id), owner))


def secret(model: str, secret_id: str) -> Ref:
    return Ref(Kind.SECRET, (model, secret_id))


def secret_revision(model: str, secret_id: str, revision: int) -> Ref:
    return Ref(Kind.SECRET_REVISION, (model, secret_id, str(revision)))


def secret_consumer(model: str, secret_id: str, name: UnitName) -> Ref:
    return Ref(Kind.SECRET_CONSUMER, (model, secret_id, name.app, str(name.number)))


def unit_of(ref: Ref) -> UnitName:
    """Return the unit that *ref*, a thing under a unit or of a unit in a relation or with a secret, belongs to."""
    if ref.kind in (Kind.MEMBER, Kind.UNIT_BAG, Kind.SECRET_CONSUMER):
        return UnitName(ref.path[2], int(ref.path[3]))
    return UnitName(ref.path[1], int(ref.path[2]))
