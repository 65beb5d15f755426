"""Leadership that becomes free, or is taken away, in the middle of a hook."""

from __future__ import annotations

from collections.abc import Callable

from people import MODEL
from processes import TTL_S
from recorder import DB, Run
from simulation import Simulation

from coordinator.domain import refs
from coordinator.store import keys


class MidHook(Simulation):
    """Everything goes well, but for what `middle` does in the middle of each hook."""

    middle: Callable[[Run], None] = staticmethod(lambda run: None)

    def interlude(self, process) -> None:
        for run in list(getattr(process, "running", ())):
            self.middle(run)

    def leader(self) -> str:
        found = self.store.read(keys.key_of(refs.leader(MODEL, "db"))).items
        return found[0].value.decode() if found else ""


def two_units() -> MidHook:
    sim = MidHook()
    sim.add_model()
    sim.deploy("db", DB, 2)
    sim.rest()
    return sim


def worker_of(sim: Simulation, unit: str):
    return next(w for w in sim.workers if any(str(place[1]) == unit for place in w.agents))


def other_than(unit: str) -> str:
    return "db/1" if unit == "db/0" else "db/0"


def test_a_unit_leads_while_its_hook_runs_that_goes_on_as_one_that_does_not():
    sim = two_units()
    old = sim.leader()
    seen = []

    def lose_the_leader(run: Run) -> None:
        if str(run.world.unit) == old or seen:
            return
        seen.append(run)
        sim.away_s = 4 * TTL_S
        sim.kill(worker_of(sim, old))
        sim.pass_time(TTL_S + 1)
        sim.go_on_beside()
        assert sim.leader() == other_than(old)
        assert not run.is_killed

    sim.middle = lose_the_leader
    sim.configure("db", color="red")
    sim.rest()
    [run] = seen
    assert not run.saw_leader
    book = sim.promises.books[run.world.unit]
    assert run.id in book.runs, "the effects of the hook are lost"
    assert [hook.name for hook in book.hooks[-2:]] == ["config-changed", "leader-elected"]


def test_a_hook_that_was_told_of_a_lead_which_somebody_took_away_is_ended_and_runs_again():
    sim = two_units()
    leader = sim.leader()
    ended = []

    def unseat(run: Run) -> None:
        if str(run.world.unit) == leader and not ended:
            ended.append(run)
            sim.unseat("db")
            sim.go_on_beside()
            assert run.is_killed
            assert sim.leader() != ""

    sim.middle = unseat
    sim.configure("db", color="red")
    sim.rest()
    [run] = ended
    assert run.id not in sim.promises.books[run.world.unit].runs
    assert [hook.name for hook in sim.promises.books[run.world.unit].hooks].count("config-changed") == 2


def test_a_unit_that_shall_go_does_not_lead_any_more():
    sim = two_units()
    old, heir = sim.leader(), other_than(sim.leader())
    seen = []

    def lose_the_leader(run: Run) -> None:
        if str(run.world.unit) == heir and not seen:
            seen.append(run)
            sim.remove_unit(heir)
            sim.away_s = 4 * TTL_S
            sim.kill(worker_of(sim, old))
            sim.pass_time(TTL_S + 1)
            sim.go_on_beside()
            assert sim.leader() == ""

    sim.middle = lose_the_leader
    sim.configure("db", color="red")
    sim.rest()
    assert seen
    assert sim.leader() == old
