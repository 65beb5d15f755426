"""One life of a model, with a fault at every single write of it.

The life is cut into chapters.  Each starts with processes that rest after they started anew on what the chapters
before it left, and ends when everything rests; a fault is injected at the first write of it, at the second, …
until there are no more.  `start_anew` is the chapter of the start itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from people import MODEL, PAGES
from processes import TTL_S
from recorder import AGENT, BESIDE, DB, WEB
from sim_store import Fault
from simulation import Simulation, Snapshot

from coordinator.domain.refs import Kind
from coordinator.domain.storage import StorageId


def start_anew(sim: Simulation) -> None:
    pass


def let_others_in_a_model_that_goes(sim: Simulation) -> None:
    sim.add_model()
    sim.add_user("bob")
    sim.grant("bob", "write")
    sim.add_user("eve")
    sim.grant("eve", "admin")
    sim.revoke("eve", "write")
    sim.renew_token("eve")
    sim.disable_user("eve")
    sim.disable_user("eve", disabled=False)
    sim.remove_user("eve")
    sim.destroy_model()


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


def change_the_model(sim: Simulation) -> None:
    sim.set_settings(logging_config="<root>=DEBUG")
    sim.set_constraints(mem="1")
    sim.constrain("web", mem="2")
    sim.expose("web", cidrs=["10.0.0.0/8"], spaces=["alpha"])
    sim.trust("web")


def change_it_back(sim: Simulation) -> None:
    sim.set_settings("logging-config")
    sim.expose("web", endpoints=["db"])
    sim.unexpose("web", "db")
    sim.unexpose("web")
    sim.configure("web", "trust")


def share_a_secret(sim: Simulation) -> None:
    sim.add_secret("code", "one")
    sim.share_secret("code", "web")
    sim.configure_secret("web", "code")


def give_it_new_content(sim: Simulation) -> None:
    sim.update_secret("code", "two", name="word", description="changed", auto_prune=True)


def give_it_more(sim: Simulation) -> None:
    sim.update_secret("word", "three", auto_prune=False)
    sim.rest()
    sim.update_secret("word", "four")
    sim.remove_secret("word", revision=3)


def encrypt_it_with_another_key(sim: Simulation) -> None:
    sim.reseal()
    sim.configure("web", color="resealed")  # its unit reads it again


def take_it_away(sim: Simulation) -> None:
    sim.add_secret("other", "one")
    sim.share_secret("word", "web", granted=False)
    sim.remove_secret("word")


def revoke_in_a_hook(sim: Simulation) -> None:
    sim.configure("db", color="green")


def grant_in_a_hook(sim: Simulation) -> None:
    sim.configure("db", color="red")


def let_hours_pass(sim: Simulation) -> None:
    sim.pass_time(2 * 3600 + 60)


def reboot_after_a_hook(sim: Simulation) -> None:
    sim.configure("agent", color="gray")


def reboot_at_once(sim: Simulation) -> None:
    sim.configure("agent", color="black")


def run_actions(sim: Simulation) -> None:
    sim.run_action("db/0", "db/1")
    sim.run_action("web/leader", action="aside")
    sim.run_action("db/0", timeout_s=60.0, parallel=True)
    sim.run_action("db/1", execution_group="others")
    sim.cancel_last(1)


def run_on_machines(sim: Simulation) -> None:
    sim.run_action("web/1", action="grow")
    sim.run_on_machine("0", "1")
    sim.run_on_machine("0", parallel=False)
    sim.run_on_machine("0", has_input=True, keeps_output=True)
    sim.hand_in()
    sim.hand_in(is_last=True)
    sim.rest()
    sim.fetch_output()


def run_scripts(sim: Simulation) -> None:
    for unit in ("db/0", "web/1", "db/0"):
        sim.run_script(unit)
    sim.configure("db", color="blue")


def hand_in_a_resource(sim: Simulation) -> None:
    sim.attach("web", PAGES[0])


def hand_in_another(sim: Simulation) -> None:
    sim.attach("web", PAGES[1])
    sim.run_script("web/0")


def lose_the_worker_of_a_leader(sim: Simulation) -> None:
    sim.away_s = 2 * TTL_S
    sim.kill(sim.workers[0])


def move_storage(sim: Simulation) -> None:
    sim.detach_storage(0)
    sim.rest()
    sim.attach_storage("web/0", 0)
    sim.add_storage("web/1")


def use_storage_of_their_own(sim: Simulation) -> None:
    sim.remove_storage(last_storage(sim).number, force=True)
    sim.rest()
    sim.create_pool("fast")
    sim.add_storage("web/1", "fast")


def import_storage(sim: Simulation) -> None:
    sim.detach_storage(last_storage(sim).number)
    sim.import_filesystem("0:/srv/a")
    sim.rest()
    for unit in ("web/0", "web/1"):  # one of them is on its machine
        sim.attach_storage(unit, last_storage(sim).number)


def take_storage_away(sim: Simulation) -> None:
    imported = last_storage(sim).number
    sim.remove_storage(imported - 1)
    sim.detach_storage(imported, force=True)
    sim.rest()
    sim.remove_storage(imported, destroy=False)
    sim.update_pool("fast")
    sim.remove_pool("fast")


def bind_elsewhere(sim: Simulation) -> None:
    sim.add_space("inner", "10.1.0.0/24")
    sim.bind("db", clients="inner", force=True)


def move_the_space(sim: Simulation) -> None:
    sim.rename_space("inner", "data")
    sim.move_to_space("alpha", "10.1.0.0/24", force=True)


def deploy_in_detail(sim: Simulation) -> None:
    sim.remove_space("data", force=True)
    sim.add_space("inner", "10.1.0.0/24")
    sim.create_pool("fast")
    sim.import_filesystem("1:/srv/c")
    sim.deploy(
        "extra", WEB, 1,
        to=["1"], config={"color": "red"}, constraints={"mem": "2"}, bindings={"": "inner"}, trust=True,
        resources={"pages": sim.upload(PAGES[2])}, by="alice",
        storage={"data": "fast,2"}, attach=[last_storage(sim)],
    )  # fmt: skip


def add_a_unit_in_detail(sim: Simulation) -> None:
    number = last_storage(sim).number
    sim.detach_storage(number)
    sim.rest()
    sim.add_unit("extra", to="1", attach=number)


def refresh_in_detail(sim: Simulation) -> None:
    sim.refresh(
        "extra", WEB,
        config={"color": "blue"}, resources={"pages": sim.upload(PAGES[0])}, by="alice",
        storage={"data": "rootfs,1"}, bindings={"db": "alpha"}, force_units=True,
    )  # fmt: skip


def remove_it_with_its_storage(sim: Simulation) -> None:
    sim.remove_unit("extra/1", destroy_storage=True)
    sim.remove_application("extra", destroy_storage=True)


def last_storage(sim: Simulation) -> StorageId:
    """Return the storage that was made last."""
    return max((each.id for each in sim.stored(Kind.STORAGE)), key=lambda id: id.number)


def refresh(sim: Simulation) -> None:
    sim.refresh("db", DB)


def refresh_in_batches(sim: Simulation) -> None:
    sim.refresh("db", DB, batch=1)


def go_on_after_a_failure(sim: Simulation) -> None:
    sim.fails = {"upgrade-charm"}
    sim.refresh("db", DB, batch=1)
    sim.rest(but_for_failures=True)
    sim.fails = set()
    sim.continue_refresh("db")


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


def lose_a_machine(sim: Simulation) -> None:
    sim.run_on_machine("1", has_input=True, keeps_output=True)
    sim.hand_in()
    sim.remove_machine("1", force=True)


def bring_in_another(sim: Simulation) -> None:
    sim.join_machine("2")
    sim.add_unit("db")


def destroy_the_model(sim: Simulation) -> None:
    sim.run_action("db/leader", "web/0")
    sim.run_on_machine("2", has_input=True, keeps_output=True)
    sim.hand_in()
    sim.destroy_model()


Chapter = Callable[[Simulation], None]

LIFE: tuple[Chapter, ...] = (
    let_others_in_a_model_that_goes,
    deploy_the_provider,
    deploy_one_unit,
    deploy_the_requirer,
    integrate,
    start_anew,
    change_an_option,
    change_the_model,
    change_it_back,
    share_a_secret,
    give_it_new_content,
    give_it_more,
    encrypt_it_with_another_key,
    take_it_away,
    revoke_in_a_hook,
    grant_in_a_hook,
    let_hours_pass,
    reboot_after_a_hook,
    reboot_at_once,
    run_actions,
    run_on_machines,
    run_scripts,
    hand_in_a_resource,
    hand_in_another,
    lose_the_worker_of_a_leader,
    move_storage,
    use_storage_of_their_own,
    import_storage,
    take_storage_away,
    bind_elsewhere,
    move_the_space,
    deploy_in_detail,
    add_a_unit_in_detail,
    refresh_in_detail,
    remove_it_with_its_storage,
    refresh,
    refresh_in_batches,
    go_on_after_a_failure,
    take_back,
    remove_the_relation,
    integrate_anew,
    put_subordinates_beside,
    remove_a_unit,
    lose_a_machine,
    bring_in_another,
    destroy_the_model,
)


@cache
def left_by_chapters_before(number: int) -> Snapshot | None:
    if number == 0:
        return None
    sim = Simulation(after=left_by_chapters_before(number - 1))
    sim.rest()
    LIFE[number - 1](sim)
    sim.rest()
    return sim.snapshot()


def live_through(number: int, at: int, fault: Fault) -> bool:
    """Live one chapter with a fault at write *at*; say whether there was such a write."""
    # A process that dies returns at once, or so late that others have taken over.
    away_s = 0.0 if at // 2 % 2 else 2.0 * TTL_S
    sim = Simulation(after=left_by_chapters_before(number), away_s=away_s)
    if LIFE[number] is not start_anew:
        sim.rest()
    sim.writes, sim.fault_at = 0, {at: fault}
    try:
        LIFE[number](sim)
        sim.rest()
        if LIFE[number] is destroy_the_model:
            sim.promises.check_nothing_is_left(MODEL)
    except BaseException as broken:
        story = "\n".join(sim.story)
        raise AssertionError(f"{LIFE[number].__name__}, {fault.value} {at}: {broken}\n{story}") from broken
    return sim.writes >= at


def go_through(number: int, *faults: Fault) -> int:
    """Live a chapter once for each of its writes, with *faults* in turn; return how many there were."""
    at = 1
    while live_through(number, at, faults[at % len(faults)]):
        at += 1
    return at - 1


chapters = pytest.mark.parametrize("number", range(len(LIFE)), ids=[chapter.__name__ for chapter in LIFE])
#: The same, of which the quick run has one in four.
chapters_by_turns = pytest.mark.parametrize(
    "number",
    [
        pytest.param(number, id=chapter.__name__, marks=[pytest.mark.slow] if number % 4 else [])
        for number, chapter in enumerate(LIFE)
    ],
)


@chapters_by_turns
def test_a_crash_before_or_after_any_write_leads_to_the_same_place(number: int) -> None:
    assert go_through(number, Fault.DIES_BEFORE, Fault.DIES_AFTER) >= 3, "the chapter has hardly any writes"


@pytest.mark.slow
@chapters
def test_so_does_the_other_one_of_the_two(number: int) -> None:
    go_through(number, Fault.DIES_AFTER, Fault.DIES_BEFORE)


@pytest.mark.slow
@chapters
def test_a_lost_answer_to_any_write_leads_to_the_same_place(number: int) -> None:
    go_through(number, Fault.UNAVAILABLE, Fault.UNKNOWN_LANDED, Fault.UNKNOWN_LOST)


def test_a_life_without_faults_takes_the_hooks_that_it_needs() -> None:
    """Pins what the other tests rely on: the life has every kind of hook in it."""
    sim = Simulation(after=left_by_chapters_before(len(LIFE) - 1))
    sim.rest()
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
