"""An upgrade in batches: which unit may run the new charm next, and when to stop.

Role: a unit is let through when fewer than a batch are on their way, in the order of their numbers; the upgrade
stops at the first one in error, until a person says how it goes on (commands/rollout.py).
"""

from __future__ import annotations

from dataclasses import replace

from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.life import Life
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Kind
from coordinator.domain.unit import Application, Rollout, Unit
from coordinator.domain.unit_state import UnitState
from coordinator.domain.view import View


def roll_out(view: View, model: str, now_s: float) -> Change | None:
    """Return the next step of an upgrade in batches, or None."""
    for _, app in view.list(Kind.APPLICATION, model):
        if app.rollout is not None and app.life is Life.ALIVE and (change := _step(view, model, app, app.rollout)):
            return change
    return None


def _step(view: View, model: str, app: Application, rollout: Rollout) -> Change | None:
    ref = refs.application(model, app.name)
    units: list[Unit] = [unit for _, unit in view.list(Kind.UNIT, model, app.name) if unit.life is Life.ALIVE]
    units.sort(key=lambda unit: unit.name)
    waiting = [unit for unit in units if unit.charm_version != app.charm_version]
    let_through = [unit.name for unit in units if unit.charm_version == app.charm_version]
    failing = [name for name in let_through if _has_failed(view, model, name) and name not in rollout.passed]
    if failing and rollout.halted is None:
        view.find(ref)
        halted = replace(app, rollout=replace(rollout, halted=failing[0]))
        return Change(did=f"upgrade of {app.name} stops at {failing[0]}", puts={ref: halted})
    if rollout.halted is not None:
        return None
    busy = [name for name in let_through if name not in rollout.passed and not _is_done(view, model, name, app)]
    if waiting and len(busy) < rollout.batch:
        unit = waiting[0]
        view.find(ref)  # the upgrade is still the one that was looked at
        unit_ref = refs.unit(model, unit.name)
        unit = view.find(unit_ref)
        return Change(
            did=f"{unit.name} may upgrade", puts={unit_ref: replace(unit, charm_version=app.charm_version)}
        )
    if not waiting and not busy:
        view.find(ref)
        return Change(did=f"upgrade of {app.name} is done", puts={ref: replace(app, rollout=None)})
    return None


def _has_failed(view: View, model: str, name: UnitName) -> bool:
    memory: UnitState | None = view.peek(refs.memory(model, name))
    return memory is not None and memory.failed is not None


def _is_done(view: View, model: str, name: UnitName, app: Application) -> bool:
    """Say whether a unit has run upgrade-charm and the config-changed after it (or its whole set-up)."""
    memory: UnitState | None = view.peek(refs.memory(model, name))
    return memory is not None and memory.charm_version == app.charm_version and memory.config is not None
