"""Private names that the released packages' own tests use, for running these tests against ours.

Role: a plugin of pytest in the process that runs them (test_released_suites.py): gives ours those private names
that have a counterpart, and tells which tests failed.
Not here: names of the public API, and of what ours does not have inside.
"""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path

import pytest

import ops.log
import scenario  # type: ignore[import-not-found]
from ops import testing
from ops.testing import _charm_spec, _consistency, _events, _parts, _relation_parts, _statuses

_Event = _events._Event


class _Kinds:
    """`_EventType`: what an event is about, by a name in capitals."""

    def __getattr__(self, name: str) -> str:
        return sys.intern("builtin" if name == "FRAMEWORK" else name.lower())


def _kind_is(kind: str) -> property:
    return property(lambda event: event.kind == kind)


for _kind in ("relation", "storage", "workload", "secret", "action"):
    setattr(_Event, f"_is_{_kind}_event", _kind_is(_kind))
_Event._juju_name = property(lambda event: event.hook)  # type: ignore[attr-defined]
_Event._path = property(lambda event: types.SimpleNamespace(type=event.kind))  # type: ignore[attr-defined]
_Event._is_builtin_event = lambda event, spec: not event.is_custom  # type: ignore[attr-defined]

testing.Context._tmp_path = property(lambda ctx: ctx._path())  # type: ignore[attr-defined]

vars(sys.modules["scenario.context"])["_DEFAULT_JUJU_VERSION"] = "3.6.14"
vars(sys.modules["scenario.state"]).update(
    _Action=_events._Action,
    _Event=_Event,
    _EventType=_Kinds(),
    _next_action_id=_events._next_action_id,
    _CharmSpec=_charm_spec.CharmSpec,
    CharmType=object,
    _EntityStatus=_statuses._EntityStatus,
    _DEFAULT_JUJU_DATABAG=_relation_parts.DEFAULT_JUJU_DATABAG,
    _RELATION_EVENTS_SUFFIX={suffix for suffix, kind in _events.SUFFIXES.items() if kind == "relation"},
    _next_relation_id=_relation_parts._next_relation_id,
    _next_relation_id_counter=1,
    _next_storage_index=_parts._next_storage_index,
)
_checker = types.ModuleType("scenario._consistency_checker")
_checker.check_consistency = _consistency.check_consistency  # type: ignore[attr-defined]
sys.modules[_checker.__name__] = _checker
scenario.__path__ = []
# The library asks for neither of them more than once.
ops.log._get_juju_log_and_app_id = types.SimpleNamespace(cache_clear=lambda: None)  # type: ignore[attr-defined]


@pytest.fixture
def benchmark():
    """Stands in for that of a plugin: the code to be measured is run once."""
    return lambda function, *args, **kwargs: function(*args, **kwargs)


def _tell(what: str, nodeid: str) -> None:
    with Path(os.environ["DIFFER_RESULTS"]).open("a") as file:
        file.write(f"{what} {nodeid}\n")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        _tell("failed", report.nodeid)
    elif report.when == "call":
        _tell(report.outcome, report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _tell("failed", report.nodeid)
