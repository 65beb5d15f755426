"""Users come and go, and what they may do is given and taken back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from build import CREATED, MODEL
from stage import Stage

from coordinator.commands import model
from coordinator.commands.user import add_user, grant, remove_user, renew_token, revoke, set_disabled
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.life import Life
from coordinator.domain.model import Model
from coordinator.domain.user import ADMIN, EVERYWHERE, User
from coordinator.domain.view import View
from coordinator.errors import BadRequest, NotFound, Refused


@pytest.fixture
def stage() -> Stage:
    """A model, the first user, and bob."""
    stage = Stage()
    stage.put(refs.user(ADMIN), User(name=ADMIN, token_hash="", created=CREATED, roles={EVERYWHERE: "superuser"}))
    stage.do(lambda view: add_user(view, "bob", token_hash="one", now=CREATED, display_name="Bob Builder"))
    return stage


def bob(stage: Stage) -> User:
    return stage.find(refs.user("bob"))


def test_who_is_new_may_log_in_and_nothing_else(stage: Stage) -> None:
    assert (bob(stage).roles, bob(stage).access, bob(stage).display_name) == ({}, "login", "Bob Builder")


def test_what_a_user_has_stays_while_they_are_kept_out_and_when_they_get_another_token(stage: Stage) -> None:
    stage.do(lambda view: grant(view, "bob", "write", [MODEL]))
    stage.do(lambda view: set_disabled(view, "bob", disabled=True))
    assert bob(stage).disabled
    assert stage.do(lambda view: set_disabled(view, "bob", disabled=True)) is None
    stage.do(lambda view: renew_token(view, "bob", token_hash="two"))
    assert bob(stage).disabled, "another token does not let anybody in again"
    stage.do(lambda view: set_disabled(view, "bob", disabled=False))
    assert (bob(stage).token_hash, bob(stage).roles, bob(stage).disabled) == ("two", {MODEL: "write"}, False)


@pytest.mark.parametrize(
    ("had", "taken", "left"),
    [
        ("read", "read", None),
        ("write", "write", "read"),
        ("write", "read", None),
        ("admin", "admin", "write"),
        ("admin", "write", "read"),
        ("admin", "read", None),
    ],
)
def test_taking_a_level_back_leaves_what_is_less(stage: Stage, had: str, taken: str, left: str | None) -> None:
    stage.do(lambda view: grant(view, "bob", had, [MODEL]))
    stage.do(lambda view: revoke(view, "bob", taken, [MODEL]))
    assert bob(stage).roles.get(MODEL) == left


def test_access_to_the_controller_is_given_and_taken_back_like_that_to_a_model(stage: Stage) -> None:
    stage.do(lambda view: grant(view, "bob", "superuser", []))
    assert bob(stage).may("admin", "any model")
    stage.do(lambda view: revoke(view, "bob", "superuser", []))
    assert bob(stage).access == "add-model"
    stage.do(lambda view: revoke(view, "bob", "add-model", []))
    assert bob(stage).roles == {}


def test_who_may_add_models_may_do_everything_in_theirs(stage: Stage) -> None:
    stage.do(lambda view: grant(view, "bob", "add-model", []))
    stage.do(lambda view: model.add_model(view, "own", uuid="u", owner="bob", now=CREATED))
    assert (bob(stage).access_to("own"), bob(stage).access_to(MODEL)) == ("admin", "")


def test_what_holds_for_a_model_does_not_for_the_next_one_of_its_name(stage: Stage) -> None:
    """Many have access, so that it takes several writes; and somebody cannot be given any in between."""
    names = [f"user{number}" for number in range(model.ROLES_PER_STEP_MAX + 1)]
    for name in names:
        stage.put(
            refs.user(name),
            User(name=name, token_hash="", created=CREATED, roles={"gone": "admin", MODEL: "read"}),
        )
    with pytest.raises(Refused, match="came and went"):
        stage.do(lambda view: model.add_model(view, "gone", uuid="u", owner=ADMIN, now=CREATED))
    with pytest.raises(NotFound):
        stage.do(lambda view: grant(view, "bob", "read", ["gone"]))
    steps = 0
    while stage.do(lambda view: model.forget_roles(view, "gone")):
        steps += 1
    assert steps == 2
    stage.do(lambda view: model.add_model(view, "gone", uuid="u", owner=ADMIN, now=CREATED))
    assert {tuple(stage.find(refs.user(name)).roles.items()) for name in names} == {((MODEL, "read"),)}
    assert stage.do(lambda view: model.forget_roles(view, MODEL)) is None, "that one is there"


Plan = Callable[[View], Change | None]


@pytest.mark.parametrize(
    ("plan", "error", "text"),
    [
        (lambda v: add_user(v, "bob", token_hash="", now=CREATED), Refused, "already exists"),
        (lambda v: add_user(v, "b/b", token_hash="", now=CREATED), BadRequest, "invalid user name"),
        (lambda v: remove_user(v, "eve"), NotFound, 'user "eve" not found'),
        (lambda v: set_disabled(v, "eve", disabled=True), NotFound, "not found"),
        (lambda v: renew_token(v, "eve", token_hash=""), NotFound, "not found"),
        (lambda v: grant(v, "eve", "read", [MODEL]), NotFound, "not found"),
        (lambda v: grant(v, "bob", "read", ["none"]), NotFound, "not found"),
        (lambda v: grant(v, "bob", "read", [MODEL, "none"]), NotFound, "not found"),
        (lambda v: grant(v, "bob", "write", []), BadRequest, '"write" is not an access level of the controller'),
        (lambda v: grant(v, "bob", "superuser", [MODEL]), BadRequest, "for the whole system"),
        (lambda v: grant(v, "bob", "owner", [MODEL]), BadRequest, "there is read, write, admin"),
        (lambda v: grant(v, "bob", "login", []), Refused, 'user already has "login" access or greater'),
        (lambda v: revoke(v, "bob", "login", []), Refused, "disable-user"),
        (lambda v: revoke(v, "bob", "read", [MODEL]), Refused, 'does not have "read" access'),
        (lambda v: revoke(v, "bob", "superuser", []), Refused, 'does not have "superuser" access'),
        (lambda v: remove_user(v, ADMIN), Refused, "cannot remove user admin"),
        (lambda v: set_disabled(v, ADMIN, disabled=True), Refused, "cannot disable user admin"),
        (lambda v: renew_token(v, ADMIN, token_hash=""), Refused, "COORDINATOR_ADMIN_TOKEN_FILE"),
        (lambda v: revoke(v, ADMIN, "superuser", []), Refused, "cannot revoke access of user admin"),
    ],
)
def test_it_is_refused_with_a_reason_and_nothing_changes(stage: Stage, plan: Plan, error: type, text: str) -> None:
    before = stage.view().revision
    with pytest.raises(error, match=text.replace("(", r"\(")):
        stage.do(plan)
    assert stage.view().revision == before


@pytest.mark.parametrize("level", ["read", "write"])
def test_what_they_have_already_is_refused(stage: Stage, level: str) -> None:
    stage.do(lambda view: grant(view, "bob", "write", [MODEL]))
    with pytest.raises(Refused, match=f'user already has "{level}" access or greater'):
        stage.do(lambda view: grant(view, "bob", level, [MODEL]))


def test_nobody_is_let_into_a_model_that_is_being_destroyed(stage: Stage) -> None:
    dying = Model(name="dying", uuid="u", owner=ADMIN, created=CREATED, life=Life.DYING)
    stage.put(refs.model("dying"), dying)
    with pytest.raises((Refused, NotFound)):
        stage.do(lambda view: grant(view, "bob", "read", ["dying"]))


def test_a_user_that_is_removed_and_added_again_has_nothing_of_before(stage: Stage) -> None:
    stage.do(lambda view: grant(view, "bob", "admin", [MODEL]))
    stage.do(lambda view: remove_user(view, "bob"))
    stage.do(lambda view: add_user(view, "bob", token_hash="", now=CREATED))
    assert bob(stage).roles == {}
