"""One life of a model, with a fault at every single write of it.

The life is cut into chapters.  Each starts with processes that start anew on what the chapters before it left,
and ends when everything rests; a fault is injected at the first write, at the second, … until there are no more.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from processes import TTL_S
from recorder import AGENT, BESIDE, DB, WEB
from sim_store import Fault
from simulation import MODEL, Simulation, Snapshot


def deploy_the_provider(sim: Simulation) -> None:
    sim.add_model()
    sim.deploy("db", DB, 2)


def deploy_one_unit(sim: Simulation) -> None:
    sim.deploy("agent", AGENT, 1)


def deploy_the_requirer(sim: Simulation) -> None:
    sim.deploy("web", WEB, 2)


def integrate(sim: Simulation) -> None:
    sim.integrate("web", "db")


def change_an_option(sim: Simulation) -> None:
    sim.configure("web", color="red")


def lose_the_worker_of_a_leader(sim: Simulation) -> None:
    sim.rest()
    sim.away_s = 2 * TTL_S
    sim.kill(sim.workers[0])


def run_actions(sim: Simulation) -> None:
    sim.run_action("db/0", "db/1")
    sim.run_action("web/leader", action="aside")
    sim.run_action("db/0")
    sim.cancel_last(1)
    sim.run_on_machine("0", "1")
    sim.run_on_machine("0", parallel=False)


def run_scripts(sim: Simulation) -> None:
    sim.rest()
    for unit in ("db/0", "web/1", "db/0"):
        sim.run_script(unit)
    sim.configure("db", color="blue")


def hand_in_resources(sim: Simulation) -> None:
    sim.attach("web", "first")
    sim.rest()
    sim.attach("web", "second")
    sim.run_script("web/0")


def move_storage(sim: Simulation) -> None:
    sim.detach_storage(0)
    sim.rest()
    sim.attach_storage("web/0", 0)
    sim.add_storage("web/1")
    sim.rest()
    sim.remove_storage(2, force=True)


def use_storage_of_their_own(sim: Simulation) -> None:
    sim.create_pool("fast")
    sim.add_storage("web/1", "fast")
    sim.import_filesystem("0:/srv/a")
    sim.rest()
    for name in ("web/0", "web/1"):  # one of them is on its machine
        sim.attach_storage(name, 4)
    sim.rest()
    sim.remove_storage(3, force=True)
    sim.rest()
    sim.remove_pool("fast")


def bind_elsewhere(sim: Simulation) -> None:
    sim.add_space("inner", "10.1.0.0/24")
    sim.bind("db", clients="inner")
    sim.rest()
    sim.rename_space("inner", "data")
    sim.move_to_space("alpha", "10.1.0.0/24")
    sim.rest()
    sim.remove_space("data", force=True)


def refresh(sim: Simulation) -> None:
    sim.refresh("db", DB)


def refresh_in_batches(sim: Simulation) -> None:
    sim.refresh("db", DB, batch=1)


def take_back(sim: Simulation) -> None:
    sim.refresh("db", DB, batch=1)
    sim.take_back("db")


def remove_the_relation(sim: Simulation) -> None:
    sim.remove_relation("web", "db")


def integrate_anew(sim: Simulation) -> None:
    sim.integrate("web", "db")


def put_subordinates_beside(sim: Simulation) -> None:
    sim.deploy("beside", BESIDE)
    sim.integrate("beside", "db")


def remove_a_unit(sim: Simulation) -> None:
    sim.run_action("db/0", "db/1")
    sim.remove_unit("db/0")


def destroy_the_model(sim: Simulation) -> None:
    sim.run_action("db/1", "web/0")
    sim.run_on_machine("1")
    sim.destroy_model()


Chapter = Callable[[Simulation], None]

LIFE: tuple[Chapter, ...] = (
    deploy_the_provider,
    deploy_one_unit,
    deploy_the_requirer,
    integrate,
    change_an_option,
    run_actions,
    run_scripts,
    hand_in_resources,
    lose_the_worker_of_a_leader,
    move_storage,
    use_storage_of_their_own,
    bind_elsewhere,
    refresh,
    refresh_in_batches,
    take_back,
    remove_the_relation,
    integrate_anew,
    put_subordinates_beside,
    remove_a_unit,
    destroy_the_model,
)


@cache
def left_by_chapters_before(number: int) -> Snapshot | None:
    if number == 0:
        return None
    sim = Simulation(after=left_by_chapters_before(number - 1))
    LIFE[number - 1](sim)
    sim.rest()
    return sim.snapshot()


def live_through(number: int, at: int, fault: Fault) -> bool:
    """Live one chapter with a fault at write *at*; say whether there was such a write."""
    # A process that dies returns at once, or so late that others have taken over.
    away_s = 0.0 if at % 2 else 2.0 * TTL_S
    sim = Simulation(after=left_by_chapters_before(number), fault_at={at: fault}, away_s=away_s)
    try:
        LIFE[number](sim)
        sim.rest()
        if LIFE[number] is destroy_the_model:
            sim.promises.check_nothing_is_left(MODEL)
    except BaseException as broken:
        story = "\n".join(sim.story)
        raise AssertionError(f"{LIFE[number].__name__}, {fault.value} {at}: {broken}\n{story}") from broken
    return sim.writes >= at


@pytest.mark.parametrize("number", range(len(LIFE)), ids=[chapter.__name__ for chapter in LIFE])
@pytest.mark.parametrize("fault", [Fault.DIES_BEFORE, Fault.DIES_AFTER], ids=lambda fault: fault.value)
def test_a_crash_at_any_write_leads_to_the_same_place(number: int, fault: Fault) -> None:
    at = 1
    while live_through(number, at, fault):
        at += 1
    assert at > 3, "the chapter has hardly any writes"


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(LIFE)), ids=[chapter.__name__ for chapter in LIFE])
@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.UNKNOWN_LANDED], ids=lambda fault: fault.value)
def test_a_lost_answer_to_any_write_leads_to_the_same_place(number: int, fault: Fault) -> None:
    at = 1
    while live_through(number, at, fault):
        at += 1


def test_a_life_without_faults_takes_the_hooks_that_it_needs() -> None:
    """Pins what the other tests rely on: the life has every kind of hook in it."""
    sim = Simulation(after=left_by_chapters_before(len(LIFE) - 1))
    destroy_the_model(sim)
    sim.rest()
    hooks = {unit: [hook.name for hook in book.hooks] for unit, book in sim.promises.books.items()}
    assert {hook for landed in hooks.values() for hook in landed} >= {
        "install", "leader-elected", "leader-settings-changed", "config-changed", "start", "upgrade-charm",
        "clients-relation-created", "clients-relation-joined", "clients-relation-changed",
        "clients-relation-departed", "clients-relation-broken", "ring-relation-created", "ring-relation-departed",
        "stop", "remove", "data-storage-attached", "data-storage-detaching",
    }  # fmt: skip
    assert all(landed[-2:] == ["stop", "remove"] for landed in hooks.values())
