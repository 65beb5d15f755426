"""The word that a new user is sent."""

from __future__ import annotations

from string import ascii_letters, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.cli.invitation import Invitation
from coordinator.errors import BadRequest

WORDS = st.text(min_size=1, max_size=20)
INVITATIONS = st.builds(
    Invitation, user=WORDS, controller=WORDS, addresses=st.lists(WORDS), token=WORDS, ca=st.text(max_size=200)
)


@given(INVITATIONS)
def test_what_is_written_is_read(invitation: Invitation) -> None:
    word = invitation.encode()
    assert Invitation.decode(word) == invitation
    assert set(word) <= {*ascii_letters, *digits, "-", "_"}, "it is one word of a shell"


@given(INVITATIONS, st.integers(min_value=1, max_value=30))
def test_a_part_of_it_is_refused(invitation: Invitation, cut: int) -> None:
    with pytest.raises(BadRequest, match="not an invitation"):
        Invitation.decode(invitation.encode()[:-cut])


@pytest.mark.parametrize("word", ["", "x", "é", "eJw", "null", "eJyrVkrOz0lVslIqSy0qzszPUwIAJkoFTg", "e" * 4001])
def test_something_else_is_refused(word: str) -> None:
    with pytest.raises(BadRequest, match="not an invitation"):
        Invitation.decode(word)
