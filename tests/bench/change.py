"""One changed option, and how long it takes until every unit has handled it.

Role: a watch tells, at the moment that it lands; looking at the model now and then costs etcd more than the
hooks do.
"""

from __future__ import annotations

import time

from system import System

from coordinator.domain import refs
from coordinator.domain.refs import Kind
from coordinator.store import keys
from coordinator.store.repository import stored_of

SETTLE_S_MAX = 180.0


def change(system: System, app: str, value: str, units: int) -> float:
    """Set the option `value` of *app*; return the seconds until the last of its *units* has handled that."""
    start, end = keys.below(refs.model("m"))
    watch = system.store.watch(start, end, revision=system.store.read(start).revision)
    try:
        started_s = time.perf_counter()
        system.config(app, value=value)
        (config,) = system.store.read(keys.key_of(refs.config("m", app))).items
        handled: set[str] = set()
        while len(handled) < units:
            batch = watch.next(SETTLE_S_MAX)
            assert batch is not None, f"waited {SETTLE_S_MAX} s for {units} units, {len(handled)} have handled it"
            for key, item in batch.changes:
                ref = keys.ref_of(key)
                if ref is not None and ref.kind is Kind.MEMORY and ref.path[1] == app and item is not None:
                    _, stored = stored_of(item)
                    if stored.value.config == config.revision:
                        handled.add(key)
        return time.perf_counter() - started_s
    finally:
        watch.close()
