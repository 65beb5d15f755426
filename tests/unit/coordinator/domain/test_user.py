"""What a level of access includes, and what users may be called."""

from __future__ import annotations

import pytest
from build import CREATED

from coordinator.domain.user import CONTROLLER_LEVELS, EVERYWHERE, MODEL_LEVELS, User, check_user_name
from coordinator.errors import BadRequest

ALL = (*MODEL_LEVELS, *CONTROLLER_LEVELS)


def bob(**roles: str) -> User:
    named = {EVERYWHERE if where == "everywhere" else where: role for where, role in roles.items()}
    return User(name="bob", token_hash="", created=CREATED, roles=named)


@pytest.mark.parametrize(
    ("user", "there", "elsewhere", "access"),
    [
        (bob(), "", "", "login"),
        (bob(m="read"), "read", "", "login"),
        (bob(m="write"), "read write", "", "login"),
        (bob(m="admin"), "read write admin", "", "login"),
        (bob(everywhere="read"), "read", "read", "login"),
        (bob(everywhere="read", m="admin"), "read write admin", "read", "login"),
        (bob(everywhere="add-model"), "login add-model", "login add-model", "add-model"),
        (bob(everywhere="superuser"), " ".join(ALL), " ".join(ALL), "superuser"),
        (bob(everywhere="a-word-of-a-later-version", m="another"), "", "", "login"),
    ],
)
def test_a_level_includes_those_before_it_and_holds_where_it_was_given(user, there, elsewhere, access):
    assert {need for need in ALL if user.may(need, "m")} == set(there.split())
    assert {need for need in ALL if user.may(need, "other")} == set(elsewhere.split())
    assert {need for need in ALL if user.may(need)} == set(elsewhere.split())
    assert user.access == access
    assert user.access_to("m") == next(
        (level for level in ("admin", "write", "read") if level in there.split()), ""
    )


@pytest.mark.parametrize("name", ["b", "bob", "Bob7", "bob.builder", "bob+ci", "a-b", "7"])
def test_a_user_may_be_called(name):
    assert check_user_name(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "-bob", "bob-", "bob/eve", "bob eve", "*", "böb", "bob\n", "a@b", "x" * 64]
)
def test_a_user_may_not_be_called(name):
    with pytest.raises(BadRequest, match="invalid user name"):
        check_user_name(name)
