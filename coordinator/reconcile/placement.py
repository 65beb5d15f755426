"""Which machine gets a unit: spread, the emptiest first; and the unit that a machine registered itself for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.life import Life
from coordinator.domain.model import Machine, Model
from coordinator.domain.names import UnitName, natural
from coordinator.domain.placement import Needs
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.space import SEQUENCE, Spaces
from coordinator.domain.storage import storage_for
from coordinator.domain.unit import Application, Unit
from coordinator.domain.view import View

UNITS_PER_STEP_MAX = 32


def place(view: View, model: str, now_s: float) -> Change | None:
    """Give units without a machine one of those whose worker is there and that have what they need; wait while
    there is none."""
    waiting = [
        unit
        for _, unit in view.list(Kind.UNIT, model)
        if unit.machine is None and unit.life is Life.ALIVE and unit.principal is None
    ]
    machines = [machine for machine in _ready(view) if machine.dedicated is None]
    if not waiting or not machines:
        return None
    load = _load(view)
    same: Counter[tuple[str, str]] = Counter(
        (unit.machine, unit.name.app) for _, unit in view.list(Kind.UNIT, model) if unit.machine
    )
    puts: dict[Ref, Any] = {}
    fitting = _fitting(view, model, machines)
    places = {refs.model(model), refs.sequence(model, SEQUENCE)}  # what the rule was read from must still hold
    waiting = [unit for unit in waiting if fitting(unit.name.app)]
    for unit in sorted(waiting, key=lambda unit: unit.name)[:UNITS_PER_STEP_MAX]:
        best = min(
            fitting(unit.name.app),
            key=lambda m, app=unit.name.app: (same[m.id, app], load[m.id], natural(m.id)),
        )
        places |= {refs.unit(model, unit.name), refs.machine(best.id), refs.application(model, unit.name.app)}
        load[best.id] += 1
        same[best.id, unit.name.app] += 1
        puts[refs.unit(model, unit.name)] = replace(unit, machine=best.id)
    if not puts:
        return None
    for ref in places:
        view.find(ref)
    names = " ".join(f"{ref.path[1]}/{ref.path[2]}" for ref in puts)
    return Change(did=f"place {names}", puts=puts)


def _fitting(view: View, model: str, machines: Sequence[Machine]) -> Callable[[str], Sequence[Machine]]:
    """Return the function from an application to those of *machines* that have what its units need."""
    spaces = Spaces.of(view, model)
    home: Model | None = view.peek(refs.model(model))

    @cache
    def fitting(app: str) -> Sequence[Machine]:
        application: Application | None = view.peek(refs.application(model, app))
        if application is None or home is None:
            return machines
        needs = Needs.of(home, application)
        return [machine for machine in machines if needs.are_met(machine, spaces)]

    return fitting


def enlist(view: View, model: str, now_s: float) -> Change | None:
    """Make the unit that a machine registered itself for; once, and only while its application is alive."""
    for machine in _ready(view):
        if machine.dedicated is None or machine.enlisted:
            continue
        in_model, _, app = machine.dedicated.partition("/")
        application = view.peek(refs.application(model, app))
        if in_model != model or application is None or application.life is not Life.ALIVE:
            continue
        if application.subordinate:  # its units come with their principals
            continue
        application = view.find(refs.application(model, app))
        sequence = refs.sequence(model, f"unit-{app}")
        name = UnitName(app, view.find(sequence) or 0)
        view.find(refs.machine(machine.id))
        return Change(
            did=f"enlist machine {machine.id} as {name}",
            puts={
                sequence: name.number + 1,
                refs.application(model, app): replace(application, units_wanted=application.units_wanted + 1),
                refs.unit(model, name): Unit(
                    name=name, created=machine.created, machine=machine.id, placement=machine.id
                ),
                refs.machine(machine.id): replace(machine, enlisted=True),
                **storage_for(view, model, {name: application.storage}, now=machine.created),
            },
        )
    return None


def _ready(view: View) -> list[Machine]:
    """Machines that stay and whose worker is there."""
    return [
        machine
        for _, machine in view.list(Kind.MACHINE)
        if machine.life is Life.ALIVE and view.peek(refs.worker(machine.id)) is not None
    ]


def _load(view: View) -> Counter[str]:
    return Counter(
        unit.machine
        for model, _ in view.list(Kind.MODEL)
        for _, unit in view.list(Kind.UNIT, model.path[0])
        if unit.machine
    )
