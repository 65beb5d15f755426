"""What one unit sees of the stored entities, and with which charm's words its hooks run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from build import CREATED, DB, MODEL, WEB, Story, charm, unit, world

from coordinator.domain import refs
from coordinator.domain.charm import Option, Role
from coordinator.domain.life import Life
from coordinator.domain.relation import Member, Relation, Scope, Side
from coordinator.domain.unit import Unit
from coordinator.domain.unit_state import Hook, HookKind
from coordinator.domain.view import View
from coordinator.engine.operation import SkipHook
from coordinator.worker.observe import observe, seen_by

BESIDE = charm("beside", requires={"host": "juju-info"}, subordinate=True)


def test_upgrade_charm_sees_the_new_words_and_every_other_hook_those_of_what_is_deployed() -> None:
    before = world(charm=WEB, charm_wanted="new")
    charms = {"new": DB}
    for kind in HookKind:
        seen = seen_by(Hook(kind=kind), before, charms.__getitem__)
        assert seen.charm == (DB if kind is HookKind.UPGRADE_CHARM else WEB), kind


def test_upgrade_charm_can_ask_for_options_that_only_the_new_charm_has() -> None:
    story = Story()
    story.deploy("web", WEB)
    story.run_all()
    story.on("web", "upgrade-charm", "config-get size")
    story.refresh("web", replace(WEB, options=(*WEB.options, Option(name="size", type="string", default="big"))))
    story.run_all()
    assert story.printed == ["big"]


def test_a_claim_of_another_session_is_not_ours_and_neither_is_its_lead() -> None:
    story = Story()
    story.deploy("web", WEB)
    view = View(story.tree)
    for session, ours in (("session", True), ("another", False)):
        sight = observe(view, MODEL, unit("web/0"), session=session, charm=story.charms.__getitem__)
        assert sight is not None
        assert (sight[1].claim is not None, sight[1].is_leader) == (ours, ours)


@pytest.mark.parametrize(
    "gone", [refs.unit(MODEL, unit("web/0")), refs.application(MODEL, "web"), refs.model(MODEL)]
)
def test_a_unit_without_its_entity_its_application_or_its_model_sees_nothing(gone: refs.Ref) -> None:
    story = Story()
    story.deploy("web", WEB)
    story.tree.remove(gone)
    assert observe(View(story.tree), MODEL, unit("web/0"), session="s", charm=story.charms.__getitem__) is None


# --- relations of container scope ------------------------------------------------------------------------------


def beside(story: Story, **places: dict) -> dict[str, list[str]]:
    """Relate `beside` and `db` on their machines; return whom each unit sees.  *places*: unit to its fields."""
    for name, fields in places.items():
        place = unit(name.replace("_", "/"))
        story.put(refs.unit(MODEL, place), Unit(name=place, created=CREATED, **fields))
        story.put(refs.member(MODEL, 9, place), Member(unit=place))
    sides = (
        Side(app="beside", endpoint="host", role=Role.REQUIRES),
        Side(app="db", endpoint="juju-info", role=Role.PROVIDES),
    )
    relation = Relation(id=9, interface="juju-info", sides=sides, created=CREATED, scope=Scope.CONTAINER)
    story.put(refs.relation(MODEL, 9), relation)
    return {name: sorted(map(str, story.look(name)[1].relations[9].units)) for name in story.units()}


@pytest.fixture
def story() -> Story:
    story = Story()
    story.deploy("beside", BESIDE, 0, leader=None)
    story.deploy("db", DB, 0, leader=None)
    return story


def test_units_of_one_machine_see_each_other(story: Story) -> None:
    seen = beside(
        story,
        beside_0={"machine": "0"}, beside_1={"machine": "1"}, db_0={"machine": "0"}, db_1={"machine": "1"},
        db_2={"machine": None},
    )  # fmt: skip
    assert seen == {
        "beside/0": ["db/0"],
        "beside/1": ["db/1"],
        "db/0": ["beside/0"],
        "db/1": ["beside/1"],
        "db/2": [],
    }


def test_where_it_is_said_who_lives_with_whom_only_those_two_see_each_other(story: Story) -> None:
    seen = beside(
        story,
        beside_0={"machine": "0", "principal": unit("db/0")}, beside_1={"machine": "0", "principal": unit("db/1")},
        db_0={"machine": "0"}, db_1={"machine": "0"},
    )  # fmt: skip
    assert seen == {"beside/0": ["db/0"], "beside/1": ["db/1"], "db/0": ["beside/0"], "db/1": ["beside/1"]}


# --- what every application offers without declaring it --------------------------------------------------------


@pytest.fixture
def related() -> Story:
    story = Story()
    story.deploy("beside", BESIDE)
    story.deploy("db", DB)
    story.run_all()
    story.relate("beside:host", "db:juju-info")
    return story


def test_the_implicit_side_enters_without_a_hook_and_is_found_with_its_addresses(related: Story) -> None:
    related.on("beside", "host-relation-joined", "relation-get private-address")
    hooks = related.run_all()
    assert hooks == {
        "beside/0": ["host-relation-created", "host-relation-joined db/0", "host-relation-changed db/0"]
    }
    assert related.find(refs.member(MODEL, 0, unit("db/0"))) == Member(unit=unit("db/0"))
    assert related.printed == ["10.0.2.1"]


def test_the_implicit_side_leaves_without_a_hook_too(related: Story) -> None:
    related.run_all()
    related.remove_relation(0)
    assert related.run_all() == {"beside/0": ["host-relation-departed db/0", "host-relation-broken"]}
    assert related.find(refs.relation(MODEL, 0)) is None
    assert related.look("db/0")[0].relations == {}


def test_a_dying_unit_leaves_the_implicit_side_before_it_stops(related: Story) -> None:
    related.run_all()
    related.remove_unit("db/0")
    left = related.step("db/0")
    assert isinstance(left, SkipHook)
    assert left.hook.name == "juju-info-relation-broken"
    assert related.run("db/0") == ["stop", "remove"]
    assert related.get(refs.unit(MODEL, unit("db/0"))).life is Life.DEAD
