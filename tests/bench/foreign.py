"""What a worker pays for a change that is none of its business: one in its model, of a relation of others.

Role: writes bags of a relation that no unit of the workers is in, and reads their CPU from /proc.
"""

from __future__ import annotations

import time

from system import System

from coordinator.clock import RealClock
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.names import UnitName
from coordinator.store.etcd import EtcdStore
from coordinator.store.repository import Author, Repository
from tests.bench.processes import cpu
from tests.bench.rows import Row, ms

QUIET_S = 0.5


def measure(system: System, *, changes: int) -> list[Row]:
    """CPU of one worker per change, most of it gRPC's: a change is one message of the watch."""
    store = EtcdStore(system.endpoints.split(","))
    repository = Repository(store, RealClock())
    bag = refs.bag("m", 999_999, UnitName("others", 0))
    workers = [worker.pid for worker in system.workers]
    time.sleep(QUIET_S)
    before = cpu(*workers)
    for number in range(changes):
        view = repository.read(bag)
        change = Change(did="others-relation-changed", puts={bag: {"value": f"v{number}"}})
        repository.commit(view, change, Author(name="user bench"))
    time.sleep(QUIET_S)
    spent_s = (cpu(*workers) - before).own_s / changes / len(workers)
    store.close()
    return [ms("CPU of a worker for a change that does not concern it", spent_s)]
