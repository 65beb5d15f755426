"""Test a charm without a controller: no cluster, no processes, milliseconds per event.

There are two ways.  Both run the charm as it is, around a pretended controller in memory that keeps the rules
of a real one: who may write which relation data, who leads, which secret can be read.

**From state to state.**  A `Context` describes the charm.  One run takes an event and a `State`, everything
that surrounds the unit, and returns the state afterwards.  Deferred events are emitted again, statuses are
collected and stored state is saved, as in a real hook.

>>> import ops
>>> from ops import testing
>>> class Web(ops.CharmBase):
...     def __init__(self, framework):
...         super().__init__(framework)
...         framework.observe(self.on.db_relation_changed, self._on_db_changed)
...
...     def _on_db_changed(self, event):
...         host = event.relation.data[event.app].get("host")
...         if not host:
...             self.unit.status = ops.WaitingStatus("for the database")
...             return
...         event.relation.data[self.unit]["user"] = "web"
...         self.unit.status = ops.ActiveStatus(f"uses {host}")
>>> META = {"name": "web", "requires": {"db": {"interface": "sql"}}}

>>> ctx = testing.Context(Web, meta=META)
>>> db = testing.Relation("db", remote_app_data={"host": "10.0.0.7"})
>>> out = ctx.run(ctx.on.relation_changed(db), testing.State(relations={db}))
>>> out.unit_status
ActiveStatus('uses 10.0.0.7')
>>> out.get_relation(db.id).local_unit_data["user"]
'web'

A state is never changed: use what came out as what goes in next, or `dataclasses.replace` it.  Parts that the
charm left alone come out as they went in.  `ctx(event, state)` is a context manager with the charm itself as
``.charm``, `ctx.on` has all events, and the context records logs, status histories, action results and emitted
events.  What does not fit together (an endpoint that the metadata does not have, a unit that is not there) is
refused before the charm runs, all of it at once.

A whole life, from install to remove, in the order of a real controller:

>>> life = ctx.run_life(testing.State(leader=True, relations={db}))
>>> [step.event for step in life][:4]
['install', 'db-relation-created', 'leader-elected', 'config-changed']
>>> life[-1].event
'remove'

What an event changed, for a person:

>>> print(testing.diff_states(testing.State(), testing.State(leader=True)))
leader: False → True

Import `pytest_assertrepr_compare` from here in ``conftest.py``, and pytest shows this when ``out == expected``
fails.

**Step by step.**  A `Harness` keeps one charm and lets the test change what surrounds it; each change emits the
events that it would bring about, at once.

>>> import warnings; warnings.simplefilter("ignore", PendingDeprecationWarning)
>>> harness = testing.Harness(Web, meta="name: web\\nrequires: {db: {interface: sql}}")
>>> harness.begin()
>>> relation_id = harness.add_relation("db", "postgresql")
>>> harness.add_relation_unit(relation_id, "postgresql/0")
>>> harness.update_relation_data(relation_id, "postgresql", {"host": "10.0.0.7"})
>>> harness.model.unit.status
ActiveStatus('uses 10.0.0.7')
>>> harness.get_relation_data(relation_id, "web/0")["user"]
'web'
>>> harness.cleanup()

With pytest::

    def test_it_waits_for_a_database():
        ctx = testing.Context(Web)             # reads the metadata beside the charm
        out = ctx.run(ctx.on.start(), testing.State())
        assert out.unit_status == testing.UnknownStatus()

Workloads in containers are pretended as well: layers and services, files in a real directory, commands that a
test answers, notices and checks.  An error in a handler comes out with its own traceback, and says which event
and handler it was.

Two environment variables are for those who debug a test: ``SCENARIO_BARE_CHARM_ERRORS=true`` lets errors of the
charm out of `Context.run` as they are, ``SCENARIO_SKIP_CONSISTENCY_CHECKS=1`` runs what does not fit together.
"""

from __future__ import annotations

# Modules that old tests reach through this one.
from .. import charm, framework, model, pebble, storage
from .._index import publish
from ..charm import CharmBase, CharmMeta, RelationRole
from ..model import RelationNotFoundError
from ..pebble import ExecProcess
from . import errors
from ._action import ActionFailed, ActionOutput
from ._container_parts import CheckInfo, Container, Exec, Mount, Notice, layer_from_rockcraft
from ._context import CharmType, Context, Manager
from ._events import CharmEvents
from ._harness import (
    AppUnitOrName,
    ExecHandler,
    Harness,
    ReadableBuffer,
    YAMLStringOrFile,
    _TestingModelBackend,
)
from ._life import Step
from ._parts import (
    Address,
    AnyJson,
    BindAddress,
    CloudCredential,
    CloudSpec,
    DeferredEvent,
    ICMPPort,
    JujuLogLine,
    Model,
    Network,
    Port,
    RawSecretRevisionContents,
    Resource,
    Secret,
    Storage,
    StoredState,
    TCPPort,
    UDPPort,
    UnitID,
)
from ._pebble import ExecArgs, ExecResult, _TestingPebbleClient
from ._relation_parts import PeerRelation, RawDataBagContents, Relation, RelationBase, SubordinateRelation
from ._show import diff_states, pytest_assertrepr_compare
from ._state import State
from ._statuses import (
    ActiveStatus,
    BlockedStatus,
    ErrorStatus,
    MaintenanceStatus,
    UnknownStatus,
    WaitingStatus,
)

__all__ = [
    "ActionFailed",
    "ActionOutput",
    "ActiveStatus",
    "Address",
    "AnyJson",
    "AppUnitOrName",
    "BindAddress",
    "BlockedStatus",
    "CharmBase",
    "CharmEvents",
    "CharmMeta",
    "CharmType",
    "CheckInfo",
    "CloudCredential",
    "CloudSpec",
    "Container",
    "Context",
    "DeferredEvent",
    "ErrorStatus",
    "Exec",
    "ExecArgs",
    "ExecHandler",
    "ExecProcess",
    "ExecResult",
    "Harness",
    "ICMPPort",
    "JujuLogLine",
    "MaintenanceStatus",
    "Manager",
    "Model",
    "Mount",
    "Network",
    "Notice",
    "PeerRelation",
    "Port",
    "RawDataBagContents",
    "RawSecretRevisionContents",
    "ReadableBuffer",
    "Relation",
    "RelationBase",
    "RelationNotFoundError",
    "RelationRole",
    "Resource",
    "Secret",
    "State",
    "Step",
    "Storage",
    "StoredState",
    "SubordinateRelation",
    "TCPPort",
    "UDPPort",
    "UnitID",
    "UnknownStatus",
    "WaitingStatus",
    "YAMLStringOrFile",
    "charm",
    "diff_states",
    "errors",
    "framework",
    "layer_from_rockcraft",
    "model",
    "pebble",
    "pytest_assertrepr_compare",
    "storage",
]

publish(
    __name__,
    *(
        value
        for name, value in tuple(globals().items())
        if name in __all__ and getattr(value, "__module__", "").startswith(f"{__name__}._")
    ),
)

# Tests replace methods of these.
assert _TestingModelBackend is not None
assert _TestingPebbleClient is not None
