"""Upgrades in batches: who is let through, where they stop, and how they go on or back."""

from __future__ import annotations

import pytest
from build import CREATED, MODEL, charm, unit
from stage import Stage

from coordinator.commands import application, resource, rollout
from coordinator.domain import refs
from coordinator.domain.resource import Blob
from coordinator.domain.unit import Application
from coordinator.domain.unit_state import Failure, Hook, HookKind
from coordinator.domain.view import View
from coordinator.errors import Refused

WEB = charm("web")
FAILURE = Failure(hook=Hook(kind=HookKind.UPGRADE_CHARM), reason="exit status 1", attempts=1, at_s=0.0)


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.deploy("web", WEB, units=5)
    stage.machine("0")
    stage.reconcile()
    for number in range(5):
        upgrade(stage, number, version=1)
    return stage


def upgrade(stage: Stage, number: int, *, version: int, failed: Failure | None = None, half: bool = False) -> None:
    """Let a unit have run upgrade-charm, and, unless *half*, the config-changed after it."""
    stage.remember(f"web/{number}", charm_version=version, config=None if half else 0, failed=failed)


def refresh(stage: Stage, **more: object) -> None:
    sha256 = stage.charm(WEB)
    stage.do(lambda view: application.refresh(view, MODEL, "web", charm=sha256, now=CREATED, **more))


def web(stage: Stage) -> Application:
    return stage.find(refs.application(MODEL, "web"))


def let_through(stage: Stage) -> list[int]:
    versions = {n: stage.find(refs.unit(MODEL, unit(f"web/{n}"))).charm_version for n in range(5)}
    return [number for number, version in versions.items() if version == web(stage).charm_version]


def test_a_batch_at_a_time_is_let_through_in_the_order_of_numbers(stage: Stage) -> None:
    refresh(stage, batch=2)
    assert stage.reconcile() == ["web/0 may upgrade", "web/1 may upgrade"]
    upgrade(stage, 1, version=2, half=True)
    assert stage.reconcile() == [], "config-changed comes with it"
    upgrade(stage, 1, version=2)
    assert stage.reconcile() == ["web/2 may upgrade"]
    for number in range(5):
        upgrade(stage, number, version=2)
    assert stage.reconcile() == ["web/3 may upgrade", "web/4 may upgrade", "upgrade of web is done"]
    assert web(stage).rollout is None


def test_it_stops_at_the_first_unit_in_error_until_a_person_says_to_go_on(stage: Stage) -> None:
    refresh(stage, batch=1)
    stage.reconcile()
    upgrade(stage, 0, version=2, failed=FAILURE)
    assert stage.reconcile() == ["upgrade of web stops at web/0"]
    upgrade(stage, 0, version=2)
    assert stage.reconcile() == [], "a person stopped to look at it: it goes on when told to"
    stage.do(lambda view: rollout.go_on(view, MODEL, "web"))
    assert stage.reconcile() == ["web/1 may upgrade"]


def test_going_on_does_not_wait_for_what_is_in_error_then_but_for_what_fails_later(stage: Stage) -> None:
    refresh(stage, batch=1)
    stage.reconcile()
    upgrade(stage, 0, version=1, failed=FAILURE)
    stage.reconcile()
    stage.do(lambda view: rollout.go_on(view, MODEL, "web"))
    assert stage.reconcile() == ["web/1 may upgrade"]
    upgrade(stage, 1, version=2, failed=FAILURE)
    assert stage.reconcile() == ["upgrade of web stops at web/1"]


def test_a_unit_in_error_that_was_not_let_through_stops_nothing(stage: Stage) -> None:
    upgrade(stage, 4, version=1, failed=FAILURE)
    refresh(stage, batch=1)
    assert stage.reconcile() == ["web/0 may upgrade"]


def test_going_back_concerns_only_units_that_had_upgraded_and_no_version_is_given_twice(stage: Stage) -> None:
    before = web(stage)
    refresh(stage, batch=1)
    stage.reconcile()
    upgrade(stage, 0, version=2, failed=FAILURE)
    stage.reconcile()
    stage.do(lambda view: rollout.go_back(view, MODEL, "web"))
    back = web(stage)
    assert (back.charm, back.charm_version, back.charm_revision) == (before.charm, 1, before.charm_revision)
    upgrade(stage, 0, version=1)
    assert stage.reconcile() == [*(f"web/{n} may upgrade" for n in range(5)), "upgrade of web is done"]
    refresh(stage)
    assert web(stage).charm_version == 3, "a unit that was away may still remember 2"


def test_going_back_brings_back_what_was_handed_in_and_the_new_charm_did_not_declare(stage: Stage) -> None:
    stage.put(refs.resource("sha"), Blob(sha256="sha", size=1, chunks=1))

    def view() -> View:
        found = stage.view()
        stage.repository.add_constant(found, [refs.resource("sha")])
        return found

    declares = charm("site", resources={"pages": {"type": "file"}})
    stage.deploy("site", declares)
    attached = resource.attach(view(), MODEL, "site", "pages", "sha", by="alice", now=CREATED)
    stage.do(lambda view: attached)
    sha256 = stage.charm(charm("site"))
    stage.do(lambda view: application.refresh(view, MODEL, "site", charm=sha256, now=CREATED))
    assert not stage.find(refs.application(MODEL, "site")).resources
    stage.do(lambda view: rollout.go_back(view, MODEL, "site"))
    assert stage.find(refs.application(MODEL, "site")).resources["pages"].sha256 == "sha"


def test_a_refresh_without_batches_lets_everybody_through(stage: Stage) -> None:
    refresh(stage, batch=1)
    stage.reconcile()
    refresh(stage)
    assert web(stage).rollout is None
    assert stage.reconcile() == []


def test_what_makes_no_sense_is_refused(stage: Stage) -> None:
    with pytest.raises(Refused, match="not being upgraded in batches"):
        stage.do(lambda view: rollout.go_on(view, MODEL, "web"))
    with pytest.raises(Refused, match="cannot take"):
        stage.do(lambda view: rollout.go_back(view, MODEL, "web"))
