"""What was shown before is read back from the versions that the store keeps, and says what `status` said then."""

from __future__ import annotations

from typing import Any

import pytest
from build import CREATED, MODEL, unit

from coordinator.api.status_log import TYPES, concerned, of_application, of_unit
from coordinator.clock import ManualClock
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.status import AgentStatus, Status, UnitStatus
from coordinator.domain.unit import Claim, Unit
from coordinator.domain.unit_state import Failure, Hook, HookKind, UnitState
from coordinator.store.memory import MemoryStore
from coordinator.store.past import moments
from coordinator.store.repository import Author, Repository

WEB = unit("web/0")
INSTALL = Hook(kind=HookKind.INSTALL)
FAILED = UnitState(failed=Failure(hook=INSTALL, reason="exit 1", attempts=1, at_s=4.0))
INSTALLED = UnitState(installed=True)


class Life:
    """One unit in a store, as its worker writes it; each call is a moment of its own."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self._repository = Repository(self.store, ManualClock())

    def write(self, *deletes: Any, **puts: Any) -> int:
        entities = {getattr(refs, kind)(MODEL, WEB): value for kind, value in puts.items()}
        gone = frozenset(getattr(refs, kind)(MODEL, WEB) for kind in deletes)
        change = Change(did="write", puts=entities, deletes=gone)
        return self._repository.write(change, Author(name="test"), since=0).revision

    def says(self, message: str, at: str) -> int:
        return self.write(status=UnitStatus(workload=Status("active", message, at)), memory=INSTALLED)

    def log(self, asked: str = "unit", *, limit: int = 20, scanned: int = 100) -> list[str]:
        past = moments(self.store, *concerned(MODEL, WEB), limit=scanned)
        found = of_unit(past, MODEL, WEB, TYPES[asked], limit=limit)
        return [
            f"{each['type']} {each['status']} {each['message']} {each.get('since', '')}".rstrip() for each in found
        ]


@pytest.fixture
def life() -> Life:
    life = Life()
    life.write(unit=Unit(name=WEB, created=CREATED, machine="0"))
    life.write(claim=Claim(machine="0", session="s1"))
    return life


def test_a_failed_hook_that_runs_again_is_seen_running_and_an_action_meanwhile_hides_no_error(life: Life):
    life.says("one", "t1")
    life.write(memory=FAILED, agent=AgentStatus(current="executing", message="running install hook", since="1970"))
    life.write(agent=AgentStatus(current="executing", message="running action x", since="2026-01-01"))
    life.write(agent=AgentStatus(current="executing", message="running install hook", since="2026-01-02"))
    assert life.log()[-4:] == [
        'workload error hook failed: "install" 1970-01-01T00:00:04.000Z',
        "juju-unit idle  1970-01-01T00:00:04.000Z",
        "workload active one t1",
        "juju-unit executing running install hook 2026-01-02",
    ]


def test_a_status_has_its_place_where_it_began_however_long_it_lasted(life: Life):
    life.says("one", "t1")
    life.write(agent=AgentStatus(current="executing", message="running x hook", since="t2"))
    life.write(agent=AgentStatus(current="idle", since="t3"))
    assert life.log()[-3:] == [
        "workload active one t1",
        "juju-unit executing running x hook t2",
        "juju-unit idle  t3",
    ]


def test_statuses_are_listed_in_the_order_in_which_people_saw_them(life: Life):
    life.says("one", "t1")
    life.write(agent=AgentStatus(current="idle", since="t1"))
    life.says("two", "t2")
    life.write(memory=FAILED)
    life.write(memory=INSTALLED)
    assert life.log("workload") == [
        f"workload waiting agent initialising {CREATED}",
        "workload active one t1",
        "workload active two t2",
        'workload error hook failed: "install" 1970-01-01T00:00:04.000Z',
        "workload active two t2",
    ]
    assert life.log("workload", limit=2) == life.log("workload")[-2:]
    assert life.log("juju-unit")[-1] == "juju-unit idle  t1"


def test_a_worker_that_went_and_came_back_left_the_unit_lost_between(life: Life):
    life.write(agent=AgentStatus(current="idle", since="t1"))
    life.says("one", "t1")
    life.write("agent", "claim")
    life.write(claim=Claim(machine="0", session="s2"), agent=AgentStatus(current="idle", since="t2"))
    assert [line.split()[1] for line in life.log("juju-unit")] == [
        "allocating",
        "executing",
        "idle",
        "lost",
        "idle",
    ]


def test_what_is_written_again_without_a_difference_is_one_entry(life: Life):
    life.says("one", "t1")
    before = life.log()
    for number in range(5):
        life.write(memory=UnitState(installed=True, hooks=number))
    assert life.log() == before


def test_a_log_begins_where_the_store_has_forgotten(life: Life):
    life.says("one", "t1")
    life.store.compact(life.says("two", "t2"))
    assert life.log("workload") == ["workload active two t2"]


def test_the_unit_before_of_the_same_name_is_another_one(life: Life):
    life.says("of another", "t1")
    life.write("unit", "status", "memory", "claim")
    assert life.log() == []
    life.write(unit=Unit(name=WEB, created="t5", machine="0"))
    assert life.log("workload") == ["workload waiting agent initialising t5"]


def test_no_more_moments_are_looked_at_than_asked(life: Life):
    for number in range(10):
        life.says(f"{number}", f"t{number}")
    assert life.log("workload", scanned=3) == [f"workload active {number} t{number}" for number in (7, 8, 9)]


def test_only_what_changed_is_read_again(life: Life, monkeypatch: pytest.MonkeyPatch):
    for number in range(10):
        life.says(f"{number}", f"t{number}")
    life.write(agent=AgentStatus(current="idle", since="t1"))
    reads: list[str] = []
    read = life.store.read
    monkeypatch.setattr(life.store, "read", lambda key, **more: reads.append(key) or read(key, **more))
    assert len(life.log("workload", scanned=9)) == 8, "the last moment changed the agent"
    assert {key.rpartition("/")[2] for key in reads} == {"status", "memory", "agent"}


def test_of_an_application_the_words_of_its_leaders_are_listed():
    store = MemoryStore()
    repository, ref = Repository(store, ManualClock()), refs.application_status(MODEL, "web")
    for word in ("one", "two"):
        repository.write(Change(did="say", puts={ref: Status("active", word, "t1")}), Author(name="test"), since=0)
    log = of_application(moments(store, ref, limit=9), MODEL, "web", limit=9)
    assert log == [
        {"status": "active", "message": word, "data": {}, "since": "t1", "type": "application"}
        for word in ("one", "two")
    ]
