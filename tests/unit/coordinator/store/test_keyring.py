"""What a secret holds is readable with its key, in its own place, and not otherwise."""

from __future__ import annotations

import pytest
from build import MODEL

from coordinator.domain import refs
from coordinator.domain.secret import Content, NewRevision
from coordinator.errors import Corrupt, Refused
from coordinator.store.keyring import Keyring, key_id

OLD, NEW = bytes(32), bytes(range(32))
PLACE = refs.secret_revision(MODEL, "0" * 20, 1)
HELD = NewRevision(created="", content=Content({"token": b"hunter2\n\x00", "other": "ü".encode()}))


def test_the_first_key_encrypts_and_each_decrypts() -> None:
    sealed = Keyring([OLD]).seal(PLACE, HELD)
    assert "hunter2" not in repr(sealed)
    both = Keyring([NEW, OLD])
    assert both.open(PLACE, sealed) == HELD.content
    assert both.seal(PLACE, HELD).key == key_id(NEW)


def test_another_place_cannot_pass_it_off_as_its_own() -> None:
    keyring = Keyring([OLD])
    with pytest.raises(Corrupt):
        keyring.open(refs.secret_revision(MODEL, "0" * 20, 2), keyring.seal(PLACE, HELD))


def test_without_its_key_the_error_says_which_one_is_missing() -> None:
    with pytest.raises(Refused) as refusal:
        Keyring([NEW]).open(PLACE, Keyring([OLD]).seal(PLACE, HELD))
    assert key_id(OLD) in str(refusal.value)
    with pytest.raises(Refused, match="no key to encrypt it with"):
        Keyring().seal(PLACE, HELD)
