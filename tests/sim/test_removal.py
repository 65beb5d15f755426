"""Removal of anything, in any order, ends: with units dead or alive, and nothing is left.

Each life goes as in test_schedules.py; then things are removed in an order that the seed decides, while things go
on going wrong.  A failure prints its seed and its story: `COORDINATOR_SIM_SEED=…` lives it again.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from people import MODEL
from seeds import seeds
from simulation import Chaos, Simulation
from test_schedules import STEPS, Event, events_of

from coordinator.domain.refs import Kind

SEEDS = 40
GROUPS = 4
REMOVING_STEPS = 40

#: What a model has after everything that people made in it was removed: what has been, and output to be fetched.
KEPT = {Kind.MODEL, Kind.JOURNAL, Kind.SEQUENCE, Kind.OPERATION, Kind.TASK, Kind.TASK_LOG, Kind.TASK_STREAM}


def removals_of(rng: random.Random) -> list[Event]:
    """Return what removes things, some of them twice, in some order; what is not there is refused."""
    apps = ("web", "db", "agent", "beside")
    found: list[Event] = [
        *(lambda sim, app=app, force=force: sim.remove_application(app, force=force)
          for app in apps for force in (False, True)),
        *(lambda sim, app=app, number=number: sim.remove_unit(f"{app}/{number}", force=sim.rng.random() < 0.5)
          for app in apps for number in range(3)),
        *(lambda sim, number=number: sim.remove_relation_number(number) for number in range(4)),
        *(lambda sim, number=number: sim.remove_storage(number, force=sim.rng.random() < 0.5)
          for number in range(4)),
        lambda sim: sim.remove_relation("web", "db", force=True),
        lambda sim: sim.remove_space("inner", force=True),
        lambda sim: sim.remove_pool("fast"),
        lambda sim: sim.remove_secret("code"),
        lambda sim: sim.remove_machine("0", force=True),
        lambda sim: sim.remove_machine("1"),
        lambda sim: sim.destroy_model(release_storage=sim.rng.random() < 0.5),
    ]  # fmt: skip
    return rng.sample(found, rng.randint(1, len(found)))


@contextmanager
def told(sim: Simulation) -> Iterator[None]:
    try:
        yield
    except BaseException as broken:
        story = "\n".join(sim.story)
        raise AssertionError(f"{broken}\n{story}\nto live it again: COORDINATOR_SIM_SEED={sim.seed}") from broken


def lived(seed: int) -> Simulation:
    sim = Simulation(seed=seed, controllers=2, chaos=Chaos())
    sim.unroll(STEPS, list(events_of(random.Random(seed))))
    return sim


@pytest.mark.parametrize("group", range(GROUPS))
def test_a_model_that_is_destroyed_by_force_goes_whoever_is_dead(group: int) -> None:
    for seed in seeds(range(SEEDS))[group::GROUPS]:
        sim = lived(seed)
        with told(sim):
            for worker in sim.rng.sample(sim.workers, sim.rng.randint(0, len(sim.workers))):
                sim.kill(worker, for_good=True)
            sim.unroll(REMOVING_STEPS, removals_of(random.Random(seed)))
            sim.heal()
            sim.destroy_model(force=True)
            sim.rest()
            sim.promises.check_nothing_is_left(MODEL)


@pytest.mark.parametrize("group", range(GROUPS))
def test_a_model_of_which_everything_is_removed_is_empty(group: int) -> None:
    for seed in seeds(range(SEEDS, 2 * SEEDS))[group::GROUPS]:
        sim = lived(seed)
        with told(sim):
            remove_everything(sim)
            assert {ref.kind for ref in sim.all_refs()} <= KEPT


def remove_everything(sim: Simulation) -> None:
    """Remove one thing after the other, in some order, without force; a machine is no part of the model."""
    applications = [each.name for each in sim.stored(Kind.APPLICATION)]
    removals: list[Event] = [
        *(lambda sim, app=app: sim.remove_application(app, destroy_storage=sim.rng.random() < 0.5)
          for app in applications),
        lambda sim: sim.remove_secret("code"),
    ]  # fmt: skip
    sim.unroll(REMOVING_STEPS, sim.rng.sample(removals, len(removals)))
    sim.heal()
    for app in [each.name for each in sim.stored(Kind.APPLICATION)]:  # deployed meanwhile, or nobody was answered
        sim.remove_application(app)
    sim.rest()
    for storage in sim.stored(Kind.STORAGE):
        sim.remove_storage(storage.number, destroy=sim.rng.random() < 0.5)
    for secret in sim.stored(Kind.SECRET):
        sim.remove_secret(secret.name)
    for space in sim.stored(Kind.SPACE):
        sim.remove_space(space.name, force=True)
    sim.rest()
    for pool in sim.stored(Kind.STORAGE_POOL):
        sim.remove_pool(pool.name)
    sim.rest()
