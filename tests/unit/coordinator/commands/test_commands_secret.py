"""The commands of secrets that people keep: what they write and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
from build import CREATED, DB, MODEL, WEB
from stage import ALICE, Stage

from coordinator.commands import secret
from coordinator.commands.application import remove_application
from coordinator.commands.model import destroy_model
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.refs import Kind
from coordinator.domain.secret import MODEL as PEOPLE
from coordinator.domain.secret import Content, Grant, NewRevision, Secret
from coordinator.errors import BadRequest, Contended, NotFound, Refused
from coordinator.store.keyring import Keyring

ONE, TWO = Content({"token": b"one"}), Content({"token": b"two"})
OF_CHARM = "9m4e2mr0ui3e8a215n4g"
NOBODYS = "0" * 20
NOW = {"now": CREATED, "now_s": 1_000.0}


@pytest.fixture
def stage() -> Stage:
    """Two applications, and a secret of one of them."""
    stage = Stage()
    stage.repository.keyring = Keyring([bytes(32)])
    stage.deploy("web", WEB)
    stage.deploy("db", DB)
    stage.put(refs.secret(MODEL, OF_CHARM), Secret(id=OF_CHARM, owner="db", created=CREATED, updated=CREATED))
    return stage


def add(
    stage: Stage, name: str = "apikey", content: Content = ONE, *, entropy: bytes = b"", **more: Any
) -> Secret:
    random = entropy or name.encode().ljust(16, b"-")
    change = stage.do(lambda view: secret.add_secret(view, MODEL, name, content, entropy=random, **NOW, **more))
    assert change is not None
    (added,) = (value for ref, value in change.puts.items() if ref.kind is Kind.SECRET)
    return added


def update(stage: Stage, who: str, **more: Any) -> Change | None:
    opened = stage.repository.keyring.open
    return stage.do(lambda view: secret.update_secret(view, MODEL, who, opened, **NOW, **more))


def share(stage: Stage, who: str, *apps: str, granted: bool = True) -> Change | None:
    return stage.do(lambda view: secret.share_secret(view, MODEL, who, apps, granted=granted, **NOW))


def remove(stage: Stage, who: str, revision: int | None = None) -> Change | None:
    return stage.do(lambda view: secret.remove_secret(view, MODEL, who, revision=revision, **NOW))


def find(stage: Stage, kept: Secret) -> Secret:
    return stage.find(refs.secret(MODEL, kept.id))


def content(stage: Stage, kept: Secret, revision: int) -> Content:
    ref = refs.secret_revision(MODEL, kept.id, revision)
    return stage.repository.keyring.open(ref, stage.find(ref))


# --- adding and changing ---------------------------------------------------------------------------------


def test_a_secret_is_kept_with_its_first_revision_and_the_journal_tells_only_its_name(stage: Stage) -> None:
    change = stage.do(
        lambda view: secret.add_secret(
            view, MODEL, "apikey", ONE, entropy=bytes(16), description="for tests", **NOW
        )
    )
    assert change is not None
    assert change.did == "add-secret apikey"
    (kept,) = (value for ref, value in change.puts.items() if ref.kind is Kind.SECRET)
    assert (kept.owner, kept.name, kept.description, kept.revisions) == (PEOPLE, "apikey", "for tests", (1,))
    assert content(stage, kept, 1) == ONE
    assert find(stage, kept) == kept


def test_a_name_is_given_once_and_again_when_its_secret_is_gone(stage: Stage) -> None:
    first, other = add(stage), add(stage, "other")
    with pytest.raises(Refused, match='secret with name "apikey" already exists'):
        add(stage, entropy=bytes(16))
    with pytest.raises(Refused, match='secret with name "apikey" already exists'):
        update(stage, "other", name="apikey")
    assert update(stage, "other", name="other") is None, "it has that name"
    remove(stage, "apikey")
    assert update(stage, "other", name="apikey").did == "update-secret other"
    assert find(stage, other).name == "apikey"
    assert find(stage, first) is None


def test_two_who_give_the_same_name_at_once_do_not_both_get_it(stage: Stage) -> None:
    late = stage.view()
    change = secret.add_secret(late, MODEL, "apikey", TWO, entropy=bytes(16), **NOW)
    add(stage)
    with pytest.raises(Contended):
        stage.repository.commit(late, change, ALICE)
    assert [each for each in stage.names(Kind.SECRET) if each != OF_CHARM] == [find_named(stage, "apikey").id]


def find_named(stage: Stage, name: str) -> Secret:
    return secret.find_secret(stage.view(), MODEL, name)


@pytest.mark.parametrize("name", ["", "-a", "a-", "a b", "ä", "a.b", "x" * 256, NOBODYS])
def test_what_is_no_name_is_refused(stage: Stage, name: str) -> None:
    with pytest.raises(BadRequest, match=r"secret name .* not valid"):
        add(stage, name, entropy=bytes(16))
    add(stage)
    with pytest.raises(BadRequest, match=r"secret name .* not valid"):
        update(stage, "apikey", name=name)


def test_new_content_is_a_new_revision_and_equal_content_none(stage: Stage) -> None:
    kept = add(stage)
    assert update(stage, kept.uri, content=ONE) is None
    update(stage, "apikey", content=TWO)
    assert find(stage, kept).revisions == (1, 2)
    assert (content(stage, kept, 1), content(stage, kept, 2)) == (ONE, TWO)
    update(stage, "apikey", content=ONE)
    assert find(stage, kept).revisions == (1, 2, 3), "only the newest counts"
    update(stage, kept.id, description="new", auto_prune=True)
    after = find(stage, kept)
    assert (after.description, after.auto_prune, after.name, after.revisions) == ("new", True, "apikey", (1, 2, 3))
    assert update(stage, "apikey", description="new", auto_prune=True) is None
    assert update(stage, "apikey") is None


def test_equal_content_with_a_new_description_changes_only_that(stage: Stage) -> None:
    kept = add(stage)
    change = update(stage, "apikey", content=ONE, description="new")
    assert change is not None
    assert not [ref for ref, value in change.puts.items() if isinstance(value, NewRevision)]
    assert (find(stage, kept).revision, find(stage, kept).description) == (1, "new")


# --- removing --------------------------------------------------------------------------------------------


def test_one_revision_is_removed_or_all_and_numbers_do_not_come_back(stage: Stage) -> None:
    kept = add(stage)
    update(stage, "apikey", content=TWO)
    assert remove(stage, "apikey", 2).did == "remove-secret apikey --revision 2"
    assert (find(stage, kept).revision, find(stage, kept).revisions) == (1, (1,))
    assert stage.find(refs.secret_revision(MODEL, kept.id, 2)) is None
    update(stage, "apikey", content=TWO)
    assert find(stage, kept).revisions == (1, 3)
    with pytest.raises(NotFound, match='secret "apikey" revision 2 not found'):
        remove(stage, "apikey", 2)
    remove(stage, "apikey")
    assert find(stage, kept) is None
    assert not stage.names(Kind.SECRET_REVISION)


def test_with_the_last_revision_the_secret_goes(stage: Stage) -> None:
    kept = add(stage)
    remove(stage, "apikey", 1)
    assert find(stage, kept) is None
    assert not stage.names(Kind.SECRET_REVISION)


# --- sharing ---------------------------------------------------------------------------------------------


def test_grants_are_given_once_and_taken_back(stage: Stage) -> None:
    kept = add(stage)
    assert share(stage, "apikey", "web", "db").did == "grant-secret apikey web,db"
    assert find(stage, kept).grants == (Grant(target="web"), Grant(target="db"))
    assert share(stage, "apikey", "db", "web") is None
    assert share(stage, "apikey", "web", granted=False).did == "revoke-secret apikey web"
    assert find(stage, kept).grants == (Grant(target="db"),)
    assert share(stage, "apikey", "web", granted=False) is None


def test_all_applications_get_it_or_none(stage: Stage) -> None:
    kept = add(stage)
    with pytest.raises(NotFound, match='failed to grant secret: application "nobody" not found'):
        share(stage, "apikey", "web", "nobody")
    assert find(stage, kept).grants == ()


def test_an_application_that_goes_gets_none_and_can_lose_one(stage: Stage) -> None:
    add(stage)
    share(stage, "apikey", "web")
    stage.do(lambda view: remove_application(view, MODEL, "web", force_at_s=None))
    with pytest.raises(Refused, match="failed to grant secret: application "):
        share(stage, "apikey", "web")
    assert share(stage, "apikey", "web", granted=False) is not None


# --- what is not there, and not theirs -------------------------------------------------------------------

WHO = ("nothing", f"secret:{NOBODYS}", f"secret://uuid/{NOBODYS}", NOBODYS, "")


@pytest.mark.parametrize("who", WHO)
def test_what_is_not_there_is_not_found(stage: Stage, who: str) -> None:
    for do in (
        lambda: update(stage, who, content=TWO),
        lambda: remove(stage, who),
        lambda: share(stage, who, "web"),
        lambda: share(stage, who, "web", granted=False),
    ):
        with pytest.raises(NotFound, match=f'secret "{who}" not found'):
            do()


def test_what_a_charm_keeps_people_do_not_change(stage: Stage) -> None:
    before = stage.find(refs.secret(MODEL, OF_CHARM))
    for do in (
        lambda: update(stage, OF_CHARM, content=TWO),
        lambda: remove(stage, f"secret:{OF_CHARM}"),
        lambda: share(stage, OF_CHARM, "web"),
    ):
        with pytest.raises(Refused, match=f'cannot change secret ".*{OF_CHARM}": db owns it'):
            do()
    assert stage.find(refs.secret(MODEL, OF_CHARM)) == before


def test_nothing_is_added_to_a_model_that_ends(stage: Stage) -> None:
    kept = add(stage)
    stage.do(lambda view: destroy_model(view, MODEL, force_at_s=None))
    with pytest.raises(Refused, match="is being destroyed"):
        add(stage, "other")
    assert remove(stage, "apikey") is not None
    assert find(stage, kept) is None


def test_without_a_key_nothing_is_kept(stage: Stage) -> None:
    stage.repository.keyring = Keyring()
    with pytest.raises(Refused, match="cannot keep a secret"):
        add(stage)
    assert stage.names(Kind.SECRET) == [OF_CHARM]
