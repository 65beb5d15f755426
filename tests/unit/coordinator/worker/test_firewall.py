"""What a worker hands to its firewaller: at once when it starts, and when something of its machine moves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from build import MODEL, WEB, unit
from stage import Stage

from coordinator.domain import refs
from coordinator.domain.firewall import Opening, Plan
from coordinator.domain.network import Address, Interface
from coordinator.domain.space import Space
from coordinator.domain.status import UnitStatus
from coordinator.domain.unit import Application
from coordinator.store.live import LiveTree
from coordinator.worker.firewall import Firewall

WAIT_S = 20.0


class Applied:
    """Takes plans; `next` is the one after those that were seen."""

    def __init__(self) -> None:
        self._plans: list[Plan] = []
        self._news = threading.Condition()

    def apply(self, plan: Plan) -> None:
        with self._news:
            self._plans.append(plan)
            self._news.notify_all()

    def next(self, seen: int) -> Plan:
        with self._news:
            assert self._news.wait_for(lambda: len(self._plans) > seen, WAIT_S), "there was no plan"
            return self._plans[seen]


@pytest.fixture
def stage() -> Stage:
    """web/0 is placed on machine 0, where nobody runs it yet, and has a port open."""
    stage = Stage()
    stage.machine("0")
    stage.deploy("web", WEB)
    stage.reconcile()
    stage.put(refs.status(MODEL, unit("web/0")), UnitStatus(ports={"": ("80/tcp",)}))
    return stage


@pytest.fixture
def applied(stage: Stage) -> Iterator[Applied]:
    applied = Applied()
    live = LiveTree(stage.store, lambda moved: firewall.moved(moved))
    firewall = Firewall(live, "0", applied)
    live.start()
    firewall.start()
    yield applied
    firewall.close()
    live.close()


def test_the_first_plan_has_what_is_open_although_nobody_runs_the_units_yet(applied: Applied) -> None:
    assert applied.next(0).openings == (Opening("80/tcp"),)


def test_what_is_exposed_or_closed_later_makes_a_new_plan(stage: Stage, applied: Applied) -> None:
    applied.next(0)
    ref = refs.application(MODEL, "web")
    application: Application = stage.find(ref)
    stage.put(ref, replace(application, exposed={"": ("10.0.0.0/8",)}))
    assert applied.next(1).openings == (Opening("80/tcp", ("10.0.0.0/8",)),)
    stage.put(refs.status(MODEL, unit("web/0")), UnitStatus())
    assert applied.next(2).openings == ()


def test_what_is_exposed_to_a_space_follows_the_networks_of_it(stage: Stage, applied: Applied) -> None:
    applied.next(0)
    ref, space = refs.application(MODEL, "web"), Space(name="office", id="1", cidrs=("10.9.0.0/16",))
    stage.put(refs.space(MODEL, "office"), space)
    stage.put(ref, replace(stage.find(ref), exposed={"": ("office", "203.0.113.0/24")}))
    assert applied.next(1).openings == (Opening("80/tcp", ("10.9.0.0/16", "203.0.113.0/24")),)
    stage.put(refs.space(MODEL, "office"), replace(space, cidrs=()))
    assert applied.next(2).openings == (Opening("80/tcp", ("203.0.113.0/24",)),)
    stage.put(ref, replace(stage.find(ref), exposed={"": ("alpha",)}))
    assert applied.next(3).openings == (Opening("80/tcp"),), "the machine has told of no subnet"
    interface = Interface(name="eth0", addresses=(Address(value="10.0.0.1", cidr="10.0.0.0/24"),))
    machine = refs.machine("0")
    stage.put(machine, replace(stage.find(machine), interfaces=(interface,)))
    assert applied.next(4).openings == (Opening("80/tcp", ("10.0.0.0/24",)),)
