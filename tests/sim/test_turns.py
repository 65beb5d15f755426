"""Whose turn it is on a machine while the write of a hook is on its way to the store."""

from __future__ import annotations

from dataclasses import dataclass, field

from processes import OneAtATime
from recorder import WEB, Run
from simulation import Simulation

from coordinator.domain.unit_state import Hook, HookKind


@dataclass
class HeldWrites(Simulation):
    """Everything goes well, but the write of a hook of `held` waits until nothing else can go on."""

    machines: int = 1
    held: HookKind | None = None
    #: Hooks whose write was held, each with those that ran to their end meanwhile.
    meanwhile: list[tuple[Run, list[Run]]] = field(default_factory=list)

    def interlude(self, process) -> None:
        last = self.runs[-1] if self.runs else None
        if last is None or self._depth or not is_of(last, self.held) or not is_on_its_way(self, last):
            return
        before = len(self.runs)
        self.meanwhile.append((last, []))
        self._depth += 1
        self.go_on_beside()
        self._depth -= 1
        self.meanwhile[-1] = last, [run for run in self.runs[before:] if run.is_over]
        assert is_on_its_way(self, last), "nothing was held"


def is_of(run: Run, kind: HookKind | None) -> bool:
    return isinstance(run.work, Hook) and run.work.kind is kind


def is_on_its_way(sim: Simulation, run: Run) -> bool:
    return run.is_over and run.id not in sim.promises.books[run.world.unit].runs


def two_units(held: HookKind) -> HeldWrites:
    sim = HeldWrites()
    sim.add_model()
    sim.deploy("web", WEB, 2)
    sim.rest()
    sim.held = held
    return sim


def test_the_next_hook_of_a_machine_runs_while_the_write_of_the_last_one_is_on_its_way():
    sim = two_units(HookKind.CONFIG_CHANGED)
    sim.configure("web", color="red")
    sim.rest()
    (first, [second]), *_ = sim.meanwhile
    assert {str(run.world.unit) for run in (first, second)} == {"web/0", "web/1"}
    assert second.work.kind is HookKind.CONFIG_CHANGED


def test_what_a_unit_lets_go_of_keeps_the_machine_until_that_is_written():
    sim = two_units(HookKind.STORAGE_DETACHING)
    sim.detach_storage(0)
    sim.configure("web", color="red")
    sim.rest()
    (_, meanwhile), *_ = sim.meanwhile
    assert meanwhile == []


def test_the_lock_of_the_simulation_is_one():
    """Pins what the others rely on."""
    lock, refused = OneAtATime(), []
    with lock:
        try:
            with lock:
                pass
        except BaseException as wait:
            refused.append(wait)
    assert len(refused) == 1
