"""Secrets: identifiers, content, what is known besides, and grants."""

from __future__ import annotations

import datetime

import pytest
from ops_stage import METADATA, context

import ops

UUID = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def secret(model):
    return ops.Secret(model._backend, id="secret:abc", label="mine")


@pytest.mark.parametrize(
    ("given", "full", "unique"),
    [
        ("abc", f"secret://{UUID}/abc", "abc"),
        (" secret:abc ", "secret:abc", "abc"),
        (f"secret://{UUID}/abc", f"secret://{UUID}/abc", "abc"),
    ],
)
def test_identifiers_are_completed(backend, given, full, unique):
    secret = ops.Secret(backend, id=given)
    assert (secret.id, secret.unique_identifier) == (full, unique)


def test_a_secret_is_known_by_id_or_label(backend, model):
    with pytest.raises(TypeError):
        ops.Secret(backend)
    with pytest.raises(TypeError):
        model.get_secret()
    by_label = ops.Secret(backend, label="l")
    assert (by_label.id, by_label.unique_identifier, by_label.label) == (None, None, "l")


def test_getting_a_secret_reads_it_at_once(tools, model):
    tools.answers["secret-get --format=json secret:abc --label l"] = {"key": "value"}
    secret = model.get_secret(id="secret:abc", label="l")
    assert secret.get_content() == {"key": "value"}
    assert len(tools.calls) == 1
    tools.fail("secret-get --format=json --label gone", 'ERROR consumer label "gone" not found')
    with pytest.raises(ops.SecretNotFoundError):
        model.get_secret(label="gone")


def test_content_is_kept_until_it_is_refreshed_and_peeking_is_never_kept(tools, secret):
    line = "secret-get --format=json secret:abc --label mine"
    tools.answers[line] = {"key": "1"}
    tools.answers[f"{line} --peek"] = {"key": "3"}
    tools.answers[f"{line} --refresh"] = {"key": "2"}
    secret.get_content()["key"] = "changed by the reader"
    assert secret.get_content() == {"key": "1"}
    assert secret.peek_content() == {"key": "3"} == secret.peek_content()
    assert secret.get_content() == {"key": "1"}
    assert secret.get_content(refresh=True) == {"key": "2"} == secret.get_content()
    assert len(tools.calls) == 4


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ({}, ValueError),
        ("text", TypeError),
        ({"ab": "v"}, ValueError),
        ({"a-b": "v"}, ValueError),
        ({"a--bc": "v"}, ValueError),
        ({"1abc": "v"}, ValueError),
        ({"Abc": "v"}, ValueError),
        ({7: "v"}, TypeError),
        ({"abc": 7}, TypeError),
    ],
)
def test_content_that_the_controller_would_refuse_is_refused(tools, model, secret, content, error):
    for change in (model.unit.add_secret, model.app.add_secret, secret.set_content):
        with pytest.raises(error):
            change(content)
    assert tools.calls == []


def test_a_new_secret_has_its_content_and_its_owner(tools, model):
    tools.answers["secret-add --label l --description d --rotate daily --owner unit a-bc=v"] = "secret:new\n"
    secret = model.unit.add_secret({"a-bc": "v"}, label="l", description="d", rotate=ops.SecretRotate.DAILY)
    assert (secret.id, secret.label, secret.get_content()) == ("secret:new", "l", {"a-bc": "v"})
    tools.answers["secret-add --owner application abc=v"] = "secret:app"
    assert model.app.add_secret({"abc": "v"}).id == "secret:app"
    assert len(tools.calls) == 2


def test_the_moment_of_expiry_is_sent_in_utc(tools, model):
    moment = datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    tools.answers["secret-add --expire 2030-01-02T03:04:05Z --owner unit abc=v"] = "secret:a"
    assert model.unit.add_secret({"abc": "v"}, expire=moment).id == "secret:a"
    with pytest.raises(TypeError):
        model.unit.add_secret({"abc": "v"}, expire="tomorrow")  # type: ignore[arg-type]


def test_a_length_of_time_counts_from_now(tools, secret):
    secret.set_info(expire=datetime.timedelta(days=1))
    sent = tools.calls[-1].split("--expire ")[1].split()[0]
    expires = datetime.datetime.fromisoformat(sent.replace("Z", "+00:00"))
    ahead = expires - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(hours=23) < ahead <= datetime.timedelta(days=1)


def test_changing_nothing_is_a_mistake(secret):
    with pytest.raises(TypeError):
        secret.set_info()


def test_a_change_of_content_or_facts_is_one_command(tools, secret):
    secret.set_content({"abc": "v"})
    secret.set_info(label="l", rotate=ops.SecretRotate.NEVER)
    assert tools.calls == [
        "secret-set --owner application secret:abc abc=v",
        "secret-set --label l --rotate never --owner application secret:abc",
    ]
    assert secret.label == "mine"


def test_old_controllers_get_complete_changes(tools):
    backend = ops.model._ModelBackend(juju_context=context(JUJU_VERSION="3.5.9"))
    tools.answers["secret-info-get --format=json secret:abc"] = {
        "abc": {"revision": 2, "label": "l", "rotation": "daily", "expiry": "2030-01-01T00:00:00Z"}
    }
    tools.answers["secret-get --format=json secret:abc --peek"] = {"abc": "old"}
    ops.Secret(backend, id="secret:abc").set_info(description="d")
    assert tools.calls[-1] == (
        "secret-set --label l --description d --expire 2030-01-01T00:00:00Z --rotate daily "
        "--owner application secret:abc abc=old"
    )


def test_a_secret_known_by_its_label_is_asked_for_its_id_once(tools, backend, model):
    tools.answers["secret-info-get --format=json --label l"] = {"abc": {"revision": 1}}
    secret = ops.Secret(backend, label="l")
    secret.remove_revision(1)
    secret.remove_all_revisions()
    assert tools.calls == [
        "secret-info-get --format=json --label l",
        f"secret-remove secret://{UUID}/abc --revision 1",
        f"secret-remove secret://{UUID}/abc",
    ]


def test_facts_are_read_as_they_are_printed(tools, secret):
    tools.answers["secret-info-get --format=json secret:abc"] = {
        "abc": {
            "revision": 3,
            "label": "l",
            "description": "d",
            "rotation": "fortnightly",
            "rotates": "2030-01-01 00:00:00Z",
        }
    }
    info = secret.get_info()
    assert (info.id, info.revision, info.label, info.description) == (f"secret://{UUID}/abc", 3, "l", "d")
    assert (info.expires, info.rotation) == (None, None)
    assert info.rotates == datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)


def test_facts_without_a_model_warn():
    with pytest.warns(DeprecationWarning, match="model_uuid"):
        ops.SecretInfo("abc", None, 1, None, None, None)


def test_grants_are_for_a_relation_or_a_unit_of_it(tools, model, secret):
    tools.relate("db", 1, {"sql/0": {}}, app="sql")
    relation = model.get_relation("db")
    secret.grant(relation)
    secret.grant(relation, unit=model.get_unit("sql/0"))
    secret.revoke(relation)
    assert tools.of("secret-grant", "secret-revoke") == [
        "secret-grant --relation 1 secret:abc",
        "secret-grant --relation 1 --unit sql/0 secret:abc",
        "secret-revoke --relation 1 secret:abc",
    ]


def test_an_option_that_is_a_secret_is_loaded_as_one(stage):
    class Charm(ops.CharmBase):
        def __init__(self, framework):
            super().__init__(framework)
            options = self.load_config(dict)
            stage.seen.append((options["api_key"].id, options["port"]))

    stage.write("metadata.yaml", METADATA)
    stage.write("config.yaml", {"options": {"api-key": {"type": "secret"}, "port": {"type": "int"}}})
    stage.tools.answers["config-get --format=json"] = {"api-key": "secret:abc", "port": 1}
    stage.play(Charm)
    assert stage.seen == [("secret:abc", 1)]
    assert not stage.tools.of("secret-get")
