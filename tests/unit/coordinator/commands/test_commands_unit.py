"""add-unit, remove-unit and resolved: what they write, what they refuse, and that many units fit."""

from __future__ import annotations

import pytest
from build import CREATED, DB, MODEL, WEB, charm, relation_hook, unit
from stage import Stage

from coordinator.commands.application import remove_application
from coordinator.commands.unit import NAMES_PER_STEP_MAX, add_units, in_steps, remove_units, resolve
from coordinator.domain import refs
from coordinator.domain.life import Life
from coordinator.domain.refs import Kind
from coordinator.domain.unit import Resolved, Unit
from coordinator.domain.unit_state import Failure, HookKind
from coordinator.errors import BadRequest, NotFound, Refused

FAILED = Failure(
    hook=relation_hook(HookKind.RELATION_JOINED, "db/0"), reason="exit status 1", attempts=1, at_s=1.0
)


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.deploy("web", WEB, 2)
    return stage


def add(stage: Stage, app: str = "web", count: int = 1, **more):
    return stage.do(lambda view: add_units(view, MODEL, app, count=count, now=CREATED, **more))


def remove(stage: Stage, *names: str, **more):
    return stage.do(lambda view: remove_units(view, MODEL, [unit(name) for name in names], **more))


def resolved(stage: Stage, *names: str, retry: bool = True):
    return stage.do(lambda view: resolve(view, MODEL, [unit(name) for name in names], retry=retry))


def test_added_units_take_the_next_numbers_and_are_counted_by_their_application(stage: Stage) -> None:
    change = add(stage, count=2)
    assert change.did == "add-unit web -n 2"
    assert stage.names(Kind.UNIT) == ["web/0", "web/1", "web/2", "web/3"]
    assert stage.find(refs.unit(MODEL, unit("web/3"))) == Unit(name=unit("web/3"), created=CREATED)
    assert stage.find(refs.application(MODEL, "web")).units_wanted == 4


def test_a_number_is_never_used_again(stage: Stage) -> None:
    remove(stage, "web/1")
    stage.reconcile()
    add(stage)
    assert stage.names(Kind.UNIT) == ["web/0", "web/2"]


def test_units_go_to_the_machines_that_are_named_first_come_first_served(stage: Stage) -> None:
    stage.machine("7")
    add(stage, count=2, to=["7"])
    placed = [stage.find(refs.unit(MODEL, unit(name))).machine for name in ("web/2", "web/3")]
    assert placed == ["7", None]


@pytest.mark.parametrize(
    ("app", "more", "kind", "text"),
    [
        pytest.param("web", {"count": 0}, BadRequest, "--num-units must be a positive integer", id="none at all"),
        pytest.param("web", {"count": 501}, Refused, "cannot add 501 units at once", id="too many at once"),
        pytest.param("nope", {}, NotFound, 'application "nope" not found', id="of nothing"),
        pytest.param("web", {"to": ["9"]}, NotFound, 'machine "9" not found', id="to no machine"),
        pytest.param("sub", {}, Refused, 'cannot add units to "sub"', id="of a subordinate"),
        pytest.param("old", {}, Refused, 'application "old" is being removed', id="of what is being removed"),
    ],
)
def test_add_unit_refuses(stage: Stage, app: str, more: dict, kind: type, text: str) -> None:
    stage.deploy("sub", charm("sub", subordinate=True))
    stage.deploy("old", DB, 1)
    stage.do(lambda view: remove_application(view, MODEL, "old"))
    before = list(stage.all_keys())
    with pytest.raises(kind) as refused:
        add(stage, app, **more)
    assert refused.value.what == text
    assert list(stage.all_keys()) == before


def test_a_removed_unit_is_dying_and_no_longer_counted(stage: Stage) -> None:
    change = remove(stage, "web/1")
    assert change.did == "remove-unit web/1"
    assert stage.find(refs.unit(MODEL, unit("web/1"))).life is Life.DYING
    assert stage.find(refs.application(MODEL, "web")).units_wanted == 1


def test_removing_a_unit_twice_writes_once_unless_force_is_added(stage: Stage) -> None:
    remove(stage, "web/1")
    assert remove(stage, "web/1") is None
    assert remove(stage, "web/1", force_at_s=5.0).did == "remove-unit web/1 --force"
    assert remove(stage, "web/1", force_at_s=9.0) is None
    assert stage.find(refs.unit(MODEL, unit("web/1"))).force_at_s == 5.0
    assert stage.find(refs.application(MODEL, "web")).units_wanted == 1


def test_one_unknown_name_keeps_all_units(stage: Stage) -> None:
    with pytest.raises(NotFound, match='removing unit web/9 failed: unit "web/9" not found'):
        remove(stage, "web/0", "web/9")
    assert stage.find(refs.unit(MODEL, unit("web/0"))).life is Life.ALIVE


@pytest.mark.parametrize(("retry", "said"), [(True, Resolved.RETRY), (False, Resolved.SKIP)])
def test_resolved_says_what_becomes_of_the_failed_hook(stage: Stage, retry: bool, said: Resolved) -> None:
    stage.remember("web/0", failed=FAILED)
    resolved(stage, "web/0", retry=retry)
    assert stage.find(refs.unit(MODEL, unit("web/0"))).resolved is said


def test_resolved_refuses_what_has_not_failed_and_what_is_resolved_already(stage: Stage) -> None:
    stage.remember("web/1")
    for name in ("web/0", "web/1"):
        with pytest.raises(Refused, match=f'unit "{name}" is not in an error state'):
            resolved(stage, name)
    stage.remember("web/0", failed=FAILED)
    resolved(stage, "web/0")
    with pytest.raises(Refused, match="already resolved"):
        resolved(stage, "web/0", retry=False)
    with pytest.raises(NotFound, match='unit "web/9" not found'):
        resolved(stage, "web/9")


def test_three_hundred_units_are_deployed_placed_failed_resolved_and_removed_within_the_limits_of_a_write() -> (
    None
):
    """Every change goes through the memory store, which refuses what etcd would refuse."""
    stage = Stage()
    for number in range(3):
        stage.machine(str(number))
    stage.deploy("db", DB, 200)
    add(stage, "db", 100)
    names = [unit(f"db/{number}") for number in range(300)]
    assert len(stage.reconcile()) == 10  # 32 units are placed at a time
    for name in names:
        stage.claim(str(name))
        stage.remember(str(name), failed=FAILED)
    for some in in_steps(names):
        resolved(stage, *map(str, some))
    assert {stage.find(refs.unit(MODEL, name)).resolved for name in names} == {Resolved.RETRY}
    for some in in_steps(names):
        remove(stage, *map(str, some))
    assert stage.reconcile() == []  # all of them are dying, and each waits for its own hooks
    for name in names:
        stage.put(refs.unit(MODEL, name), Unit(name=name, created=CREATED, life=Life.DEAD))
    assert len(stage.reconcile()) == 300
    assert stage.names(Kind.UNIT) == []


def test_units_of_many_applications_fit_into_one_step() -> None:
    stage = Stage()
    names = [f"app-x{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(NAMES_PER_STEP_MAX)]
    for name in names:
        stage.deploy(name, DB, 1)
    remove(stage, *(f"{name}/0" for name in names))


def test_names_are_taken_once_and_in_order() -> None:
    names = [unit(f"web/{number % 100}") for number in range(150)]
    assert [len(step) for step in in_steps(names)] == [60, 40]
    assert [name for step in in_steps(names) for name in step] == names[:100]
