"""Remove a machine."""

from __future__ import annotations

from dataclasses import replace

from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.life import Life
from coordinator.domain.refs import Kind
from coordinator.domain.view import View
from coordinator.errors import NotFound, Refused


def remove_machine(view: View, machine_id: str, *, force_at_s: float | None = None) -> Change | None:
    """Begin to end a machine.  With *force_at_s* its units go with it from then on, answering or not."""
    ref = refs.machine(machine_id)
    machine = view.find(ref)
    if machine is None:
        raise NotFound(
            f'removing machine {machine_id} failed: machine "{machine_id}" not found',
            fix="`coordinator machines` lists them",
        )
    hosted = [
        unit
        for model, _ in view.list(Kind.MODEL)
        for _, unit in view.list(Kind.UNIT, model.path[0])
        if unit.machine == machine_id
    ]
    if hosted and force_at_s is None:
        raise Refused(
            f'removing machine {machine_id} failed: machine {machine_id} has unit "{hosted[0].name}" assigned',
            fix=f"first `coordinator remove-unit {hosted[0].name}`; or add --force to lose its units",
        )
    kept = [
        storage.id
        for model, _ in view.list(Kind.MODEL)
        for _, storage in view.list(Kind.STORAGE, model.path[0])
        if storage.machine == machine_id and storage.life is Life.ALIVE
    ]
    if kept and force_at_s is None:
        raise Refused(
            f"removing machine {machine_id} failed: machine {machine_id} has storage {kept[0]}",
            fix=f"first `coordinator remove-storage {kept[0]}`; or add --force to lose it",
        )
    if machine.life is not Life.ALIVE and (force_at_s is None or machine.force_at_s is not None):
        return None
    dying = replace(machine, life=Life.DYING, force_at_s=force_at_s)
    return Change(did=f"remove-machine {machine_id}", puts={ref: dying})
