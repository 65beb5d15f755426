"""Go on with an upgrade that stopped, or go back to the charm before it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from coordinator.commands.application import alive_application, charm_of, check_endpoints_in_use
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.config import carry_over
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.unit_state import UnitState
from coordinator.domain.view import View
from coordinator.errors import Refused


def go_on(view: View, model: str, app: str) -> Change | None:
    """Let an upgrade that stopped at units in error go on without waiting for them."""
    application = alive_application(view, model, app)
    if application.rollout is None:
        raise Refused(
            f'"{app}" is not being upgraded in batches', fix=f"coordinator refresh {app} --path PATH --batch 1"
        )
    if application.rollout.halted is None:
        return None
    passed = tuple(sorted({*application.rollout.passed, *_failing(view, model, app)}))
    rollout = replace(application.rollout, halted=None, passed=passed)
    return Change(
        did=f"refresh {app} --continue", puts={refs.application(model, app): replace(application, rollout=rollout)}
    )


def go_back(view: View, model: str, app: str, *, force_units: bool = False) -> Change:
    """Let an application run the charm again that it ran before the last refresh.

    Units that have not upgraded yet have nothing to do.
    """
    application = alive_application(view, model, app)
    former = application.former
    if former is None:
        raise Refused(f'cannot take "{app}" back', why="it was not refreshed since it was deployed or taken back")
    rollout = application.rollout
    back = replace(
        application,
        charm=former.charm,
        charm_revision=former.revision,
        charm_version=former.version,
        resources=former.resources,
        former=None,
        forced_version=former.version if force_units else None,
        # Nobody waits for those the upgrade failed in: they are why it is taken back.
        rollout=None if rollout is None else replace(rollout, halted=None, passed=_failing(view, model, app)),
    )
    meta = charm_of(view, back).meta
    check_endpoints_in_use(view, model, app, meta)
    puts: dict[Ref, Any] = {refs.application(model, app): back}
    explicit = view.find(refs.config(model, app)) or {}
    kept = carry_over(meta, explicit)
    if kept != explicit:
        puts[refs.config(model, app)] = kept
    return Change(did=f"refresh {app} --back ({application.charm_name}-{former.revision})", puts=puts)


def _failing(view: View, model: str, app: str) -> tuple[UnitName, ...]:
    """Return the units whose hook has failed."""
    found = []
    for _, unit in view.list(Kind.UNIT, model, app):
        memory: UnitState | None = view.peek(refs.memory(model, unit.name))
        if memory is not None and memory.failed is not None:
            found.append(unit.name)
    return tuple(sorted(found))
