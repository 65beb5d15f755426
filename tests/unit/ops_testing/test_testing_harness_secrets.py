"""Secrets in a Harness: who may read them, which revision, and which events there are."""

from __future__ import annotations

import pytest

import ops
from ops import testing

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")

META = "name: web\nrequires: {db: {interface: sql}}"
EVENTS = ("secret_changed", "secret_rotate", "secret_remove", "secret_expired")


class Recorder(ops.CharmBase):
    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self.seen: list[tuple] = []
        for name in EVENTS:
            framework.observe(getattr(self.on, name), self._on_event)

    def _on_event(self, event: ops.SecretEvent):
        self.seen.append((event.handle.kind, event.secret.label, getattr(event, "revision", None)))


@pytest.fixture
def harness():
    harness = testing.Harness(Recorder, meta=META)
    yield harness
    harness.cleanup()


@pytest.fixture
def relation(harness):
    return harness.add_relation("db", "pg", unit_data={})


@pytest.mark.parametrize("reader", ["web", "web/0"])
@pytest.mark.parametrize("owner", ["pg", "pg/0"])
def test_the_secret_of_another_application_needs_a_grant_through_a_relation(harness, owner, reader):
    secret_id = harness.add_model_secret(owner, {"key": "value"})
    with pytest.raises(RuntimeError, match="add_relation"):
        harness.grant_secret(secret_id, reader)
    relation = harness.add_relation("db", "pg")
    with pytest.raises(ops.SecretNotFoundError):
        harness.model.get_secret(id=secret_id)
    harness.grant_secret(secret_id, reader)
    assert harness.get_secret_grants(secret_id, relation) == {reader}
    assert harness.model.get_secret(id=secret_id).get_content() == {"key": "value"}
    harness.revoke_secret(secret_id, reader)
    with pytest.raises(ops.SecretNotFoundError):
        harness.model.get_secret(id=secret_id)


@pytest.mark.parametrize("reader", ["web/1", "other"])
def test_a_grant_is_for_whom_it_is_for(harness, relation, reader):
    secret_id = harness.add_model_secret("pg", {"key": "value"})
    harness.grant_secret(secret_id, reader)
    with pytest.raises(ops.SecretNotFoundError):
        harness.model.get_secret(id=secret_id)


def test_a_relation_takes_its_grants_along(harness, relation):
    secret_id = harness.add_model_secret("pg", {"key": "value"})
    harness.grant_secret(secret_id, "web")
    harness.remove_relation(relation)
    with pytest.raises(ops.SecretNotFoundError):
        harness.model.get_secret(id=secret_id)


def test_the_secret_of_a_user_is_granted_to_applications(harness):
    secret_id = harness.add_user_secret({"key": "value"})
    harness.grant_secret(secret_id, "web/0")
    with pytest.raises(ops.SecretNotFoundError):
        harness.model.get_secret(id=secret_id)
    harness.grant_secret(secret_id, harness.model.app)
    assert harness.model.get_secret(id=secret_id).get_content() == {"key": "value"}
    harness.revoke_secret(secret_id, "web")
    with pytest.raises(ops.SecretNotFoundError):
        harness.model.get_secret(id=secret_id)


def test_new_content_is_an_event_and_read_on_demand(harness, relation):
    secret_id = harness.add_model_secret("pg", {"key": "old"})
    harness.grant_secret(secret_id, "web")
    harness.begin()
    secret = harness.model.get_secret(id=secret_id, label="mine")
    harness.disable_hooks()
    harness.set_secret_content(secret_id, {"key": "new"})
    assert harness.charm.seen == [("secret_changed", "mine", None)]
    assert (secret.get_content(), secret.peek_content()) == ({"key": "old"}, {"key": "new"})
    assert (
        secret.get_content(refresh=True) == {"key": "new"} == harness.model.get_secret(label="mine").get_content()
    )
    assert harness.get_secret_revisions(secret_id) == [1, 2]


def test_content_has_to_be_possible(harness):
    for content, error in [({}, ValueError), ({"x": "short"}, ValueError), ({"key": 1}, TypeError)]:
        with pytest.raises(error):
            harness.add_model_secret("pg", content)
        with pytest.raises(error):
            harness.add_user_secret(content)


def test_an_identifier_may_be_short_or_long(harness):
    secret_id = harness.add_user_secret({"key": "value"})
    harness.grant_secret(secret_id, "web")
    unique = secret_id.removeprefix("secret:")
    for each in (unique, secret_id, f"secret://{harness.model.uuid}/{unique}"):
        assert harness.model.get_secret(id=each).get_content() == {"key": "value"}


# --- secrets of the charm ---


@pytest.mark.parametrize(("owner", "leads"), [("unit", False), ("unit", True), ("app", True)])
def test_the_owner_manages_a_secret(harness, relation, owner, leads):
    harness.set_leader(leads)
    secret = getattr(harness.model, owner).add_secret({"key": "1"}, label="l")
    secret.set_content({"key": "2"})
    assert (secret.get_content(), secret.peek_content()) == ({"key": "1"}, {"key": "2"})
    assert secret.get_info().revision == 1, "the one that is tracked"
    secret.grant(harness.model.get_relation("db"))
    assert harness.get_secret_grants(secret.id, relation) == {"pg"}
    secret.revoke(harness.model.get_relation("db"))
    secret.grant(harness.model.get_relation("db"), unit=harness.model.get_unit("pg/0"))
    assert harness.get_secret_grants(secret.id, relation) == {"pg/0"}
    assert secret.get_content(refresh=True) == {"key": "2"}
    secret.remove_revision(1)
    assert harness.get_secret_revisions(secret.id) == [2]
    secret.remove_all_revisions()
    with pytest.raises(RuntimeError, match="not found"):
        harness.get_secret_revisions(secret.id)


def test_a_revision_that_is_gone_cannot_be_read(harness):
    secret = harness.model.unit.add_secret({"key": "1"})
    secret.set_content({"key": "2"})
    secret.remove_revision(1)
    with pytest.raises(ops.SecretNotFoundError):
        harness.model.get_secret(id=secret.id)


def test_without_leading_a_secret_of_the_application_can_be_read_only(harness, relation):
    secret = harness.model.app.add_secret({"key": "1"})
    secret = harness.model.get_secret(id=secret.id)
    assert secret.get_content() == {"key": "1"}
    for call in (
        secret.get_info,
        lambda: secret.set_content({"key": "2"}),
        lambda: secret.grant(harness.model.get_relation("db")),
        lambda: secret.revoke(harness.model.get_relation("db")),
        secret.remove_all_revisions,
    ):
        for error in (ops.SecretNotFoundError, RuntimeError):
            with pytest.raises(error):
                call()
    assert harness.get_secret_revisions(secret.id) == [1]


def test_the_test_leaves_secrets_of_the_charm_to_the_charm(harness, relation):
    secret_id = harness.model.unit.add_secret({"key": "1"}).id
    for call in (
        lambda: harness.set_secret_content(secret_id, {"key": "2"}),
        lambda: harness.grant_secret(secret_id, "pg"),
        lambda: harness.revoke_secret(secret_id, "pg"),
    ):
        with pytest.raises(RuntimeError, match="owned by the charm"):
            call()


# --- events ---


def test_events_of_secrets_can_be_triggered(harness):
    secret_id = harness.model.unit.add_secret({"key": "1"}, label="l").id
    harness.begin()
    harness.disable_hooks()
    harness.trigger_secret_rotation(secret_id)
    harness.trigger_secret_rotation(secret_id, label="other")
    harness.trigger_secret_removal(secret_id, 4)
    harness.trigger_secret_expiration(secret_id, 5, label="other")
    assert harness.charm.seen == [
        ("secret_rotate", "l", None),
        ("secret_rotate", "other", None),
        ("secret_remove", "l", 4),
        ("secret_expired", "other", 5),
    ]
    assert harness.get_secret_revisions(secret_id) == [1]


def test_secrets_of_users_neither_rotate_nor_expire(harness):
    harness.begin()
    secret_id = harness.add_user_secret({"key": "1"})
    for call in (
        lambda: harness.trigger_secret_rotation(secret_id),
        lambda: harness.trigger_secret_expiration(secret_id, 1),
        lambda: harness.trigger_secret_rotation("secret:nothing"),
        lambda: harness.trigger_secret_removal("secret:nothing", 1),
    ):
        with pytest.raises(RuntimeError):
            call()
    assert harness.charm.seen == []
