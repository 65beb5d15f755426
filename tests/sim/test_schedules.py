"""Many lives with everything that can go wrong, in an order that a seed decides.

A failure prints its seed and its story.  `COORDINATOR_SIM_SEED=… pytest tests/sim/test_schedules.py` lives it
again, or others (tests/seeds.py).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest
from people import MODEL, PAGES
from recorder import AGENT, BESIDE, DB, REBOOTS, WEB
from seeds import seeds
from simulation import Chaos, Simulation

from coordinator.domain.user import MODEL_LEVELS

SEEDS = 200
GROUPS = 8  # tests that share the seeds, so that they can run beside each other
STEPS = 80

Event = Callable[[Simulation], None]


def events_of(rng: random.Random) -> Iterator[Event]:
    """Yield what people do in one life."""
    yield lambda sim: sim.add_model()
    yield lambda sim: sim.deploy("web", WEB, rng.randint(1, 2))
    yield lambda sim: sim.deploy("db", DB, rng.randint(1, 2))
    yield lambda sim: sim.integrate("web", "db")
    for _ in range(rng.randint(2, 8)):
        yield rng.choice(ANY_TIME)
    for _ in range(rng.randint(0, 6)):
        yield rng.choice((*ACTIONS, *ANY_TIME[:4]))


def _unit(sim: Simulation, app: str) -> str:
    return f"{app}/{sim.rng.randint(0, 2)}"


def _app(sim: Simulation) -> str:
    return sim.rng.choice(["web", "db"])


ANY_TIME: tuple[Event, ...] = (
    lambda sim: sim.configure(_app(sim), color=sim.rng.choice(["red", "green", "blue"])),
    lambda sim: sim.configure(_app(sim), color=sim.rng.choice(["red", "green", "blue"])),
    lambda sim: sim.add_unit(_app(sim)),
    lambda sim: sim.remove_unit(_unit(sim, _app(sim))),
    lambda sim: sim.remove_unit(_unit(sim, _app(sim)), force=True),
    lambda sim: sim.remove_relation("web", "db"),
    lambda sim: sim.remove_relation("web", "db", force=True),
    lambda sim: sim.integrate("web", "db"),
    lambda sim: sim.integrate("web", "db"),
    lambda sim: sim.refresh("web", WEB),
    lambda sim: sim.refresh("web", WEB, batch=1, force_units=sim.rng.random() < 0.5),
    lambda sim: sim.continue_refresh("web"),
    lambda sim: sim.take_back("web"),
    lambda sim: sim.unseat("web"),
    lambda sim: sim.attach("web", sim.rng.choice(PAGES)),
    lambda sim: sim.deploy("agent", AGENT, 1),
    lambda sim: sim.integrate("agent", "db"),
    lambda sim: sim.add_storage(_unit(sim, "web")),
    lambda sim: sim.detach_storage(sim.rng.randint(0, 3), force=sim.rng.random() < 0.3),
    lambda sim: sim.attach_storage(_unit(sim, "web"), sim.rng.randint(0, 3)),
    lambda sim: sim.remove_storage(sim.rng.randint(0, 3), force=sim.rng.random() < 0.5),
    lambda sim: sim.create_pool("fast"),
    lambda sim: sim.add_storage(_unit(sim, "web"), "fast"),
    lambda sim: sim.update_pool("fast"),
    lambda sim: sim.remove_pool("fast"),
    lambda sim: sim.import_filesystem(sim.rng.choice(["0:/srv/a", "1:/srv/a", "0:/srv/a/b"])),
    lambda sim: sim.add_space("inner", "10.1.0.0/24"),
    lambda sim: sim.move_to_space(
        sim.rng.choice(["inner", "alpha"]),
        sim.rng.choice(["10.0.0.0/24", "10.1.0.0/24"]),
        force=sim.rng.random() < 0.7,
    ),
    lambda sim: sim.bind("db", clients=sim.rng.choice(["inner", "alpha"]), force=sim.rng.random() < 0.7),
    lambda sim: sim.bind("web", usual=sim.rng.choice(["inner", "alpha"]), force=sim.rng.random() < 0.7),
    lambda sim: sim.constrain(_app(sim), mem=sim.rng.choice(["", "1", "2"])),
    lambda sim: sim.constrain(_app(sim), spaces=sim.rng.choice(["alpha", "inner", "^inner"])),
    lambda sim: sim.rename_space("inner", "other"),
    lambda sim: sim.remove_space(sim.rng.choice(["inner", "other"]), force=sim.rng.random() < 0.5),
    lambda sim: sim.deploy("beside", BESIDE),
    lambda sim: sim.integrate("beside", _app(sim)),
    lambda sim: sim.remove_relation("beside", _app(sim), force=sim.rng.random() < 0.3),
    lambda sim: sim.remove_application(
        _app(sim), force=sim.rng.random() < 0.3, destroy_storage=sim.rng.random() < 0.3
    ),
    lambda sim: sim.remove_unit(_unit(sim, "web"), destroy_storage=True),
    lambda sim: sim.add_unit("web", to=sim.rng.choice(["0", "1"]), attach=sim.rng.randint(0, 3)),
    lambda sim: sim.remove_storage(sim.rng.randint(0, 3), destroy=False),
    lambda sim: sim.remove_relation_number(sim.rng.randint(0, 3)),
    lambda sim: sim.configure(_app(sim), "color"),
    lambda sim: sim.configure(_app(sim), color=sim.rng.choice([*REBOOTS])),
    lambda sim: sim.set_settings(update_status_hook_interval="5m"),
    lambda sim: sim.set_constraints(mem="1"),
    lambda sim: sim.expose(_app(sim), spaces=[sim.rng.choice(["inner", "alpha"])]),
    lambda sim: sim.unexpose(_app(sim)),
    lambda sim: sim.trust(_app(sim), trust=sim.rng.random() < 0.5),
    lambda sim: sim.add_secret("code", "one"),
    lambda sim: sim.reseal(),
    lambda sim: sim.share_secret("code", "web", granted=sim.rng.random() < 0.7),
    lambda sim: sim.configure_secret("web", "code"),
    lambda sim: sim.update_secret(
        "code", sim.rng.choice(["one", "two", "three"]), auto_prune=sim.rng.random() < 0.5
    ),
    lambda sim: sim.remove_secret("code", revision=sim.rng.choice([None, 1, 2])),
    lambda sim: sim.pass_time(sim.rng.choice([3700.0, 7300.0])),
    lambda sim: sim.add_user("bob"),
    lambda sim: sim.grant("bob", sim.rng.choice(MODEL_LEVELS)),
    lambda sim: sim.revoke("bob", sim.rng.choice(MODEL_LEVELS)),
    lambda sim: sim.renew_token("bob"),
    lambda sim: sim.disable_user("bob", disabled=sim.rng.random() < 0.5),
    lambda sim: sim.remove_user("bob"),
    lambda sim: sim.lose_machine("1"),
    lambda sim: sim.deploy("web", WEB, 1),
)

ACTIONS: tuple[Event, ...] = (
    lambda sim: sim.run_action(f"{_app(sim)}/0"),
    lambda sim: sim.run_action(f"{_app(sim)}/0", action="aside"),
    lambda sim: sim.run_action(f"{_app(sim)}/leader", action=sim.rng.choice(["go", "aside"])),
    lambda sim: sim.run_action("web/0", "web/1"),
    lambda sim: sim.run_action("web/leader", action="grow"),
    lambda sim: sim.run_on_machine(sim.rng.choice(["0", "1"]), parallel=sim.rng.random() < 0.5),
    lambda sim: sim.run_on_machine(sim.rng.choice(["0", "1"]), has_input=True, keeps_output=True),
    lambda sim: sim.hand_in(is_last=sim.rng.random() < 0.5),
    lambda sim: sim.fetch_output(),
    lambda sim: sim.run_script(_unit(sim, _app(sim))),
    lambda sim: sim.run_script(_unit(sim, _app(sim))),
    lambda sim: sim.cancel_last(2),
    lambda sim: sim.remove_unit(_unit(sim, _app(sim)), force=sim.rng.random() < 0.5),
)


def live(seed: int) -> None:
    """Live one life: while everything goes wrong, then until it rests, then to its end."""
    sim = Simulation(seed=seed, controllers=2, chaos=Chaos())
    try:
        sim.unroll(STEPS, list(events_of(random.Random(seed))))
        sim.heal()
        sim.rest()
        sim.destroy_model(release_storage=seed % 2 == 0, force=seed % 3 == 0)
        sim.rest()
        sim.promises.check_nothing_is_left(MODEL)
    except BaseException as broken:
        story = "\n".join(sim.story)
        raise AssertionError(f"{broken}\n{story}\nto live it again: COORDINATOR_SIM_SEED={seed}") from broken


@pytest.mark.parametrize(
    "group", [pytest.param(group, marks=[pytest.mark.slow] if group > 1 else []) for group in range(GROUPS)]
)
def test_whatever_goes_wrong_the_promises_hold(group: int) -> None:
    for seed in seeds(range(SEEDS))[group::GROUPS]:
        live(seed)


def test_a_seed_decides_everything() -> None:
    stories = []
    for _ in range(2):
        sim = Simulation(seed=7, controllers=2, chaos=Chaos())
        sim.unroll(STEPS, list(events_of(random.Random(7))))
        stories.append(sim.story)
    assert stories[0] == stories[1]
