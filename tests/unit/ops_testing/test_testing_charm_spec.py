"""What a charm declares: from mappings, texts, or the files beside its source."""

from __future__ import annotations

import importlib
import io
import os
import sys
import textwrap

import pytest
import yaml

import ops
from ops import testing
from ops.testing import errors
from ops.testing._charm_spec import CharmSpec, read_yaml
from ops.testing._extensions import _OPTIONS, expanded

WHOLE = {"type": "charm", "name": "web", "summary": "s", "description": "d"}


class Web(ops.CharmBase): ...


@pytest.fixture
def charm(tmp_path, monkeypatch):
    """Return a function that writes files beside a charm's source, and returns the charm's class."""

    def write(**files) -> type[ops.CharmBase]:
        source = tmp_path / "src"
        source.mkdir(exist_ok=True)
        (source / "charm_for_test.py").write_text("import ops\nclass Web(ops.CharmBase): ...\n")
        for name, content in files.items():
            path = tmp_path / f"{name}.yaml"
            path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        monkeypatch.syspath_prepend(str(source))
        monkeypatch.delitem(sys.modules, "charm_for_test", raising=False)
        return importlib.import_module("charm_for_test").Web

    yield write
    sys.modules.pop("charm_for_test", None)


ACTIONS, CONFIG = {"do": {}}, {"options": {"port": {"type": "int", "default": 80}}}

#: Files, and what is found: metadata, actions, options.
FOUND = {
    "a whole charmcraft.yaml": (
        {"charmcraft": {**WHOLE, "actions": ACTIONS, "config": CONFIG}},
        (WHOLE, ACTIONS, CONFIG),
    ),
    "a whole charmcraft.yaml, and old files that do not count": (
        {"charmcraft": WHOLE, "metadata": {"name": "old"}, "actions": ACTIONS, "config": CONFIG},
        (WHOLE, None, None),
    ),
    "old files": (
        {"metadata": {"name": "old"}, "actions": ACTIONS, "config": CONFIG},
        ({"name": "old"}, ACTIONS, CONFIG),
    ),
    "a charmcraft.yaml for packing only": (
        {"charmcraft": {"type": "charm", "parts": {}}, "metadata": {"name": "old"}},
        ({"name": "old"}, None, None),
    ),
    "a charmcraft.yaml of a bundle": (
        {"charmcraft": {**WHOLE, "type": "bundle"}, "metadata": {"name": "old"}},
        ({"name": "old"}, None, None),
    ),
    "old files without anything in them": (
        {"metadata": {"name": "old"}, "actions": "", "config": "# nothing\n"},
        ({"name": "old"}, None, None),
    ),
}


@pytest.mark.parametrize(("files", "expected"), FOUND.values(), ids=FOUND)
def test_the_files_beside_the_charm_are_found(charm, files, expected):
    spec = CharmSpec.autoload(charm(**files))
    assert (spec.meta, spec.actions, spec.config) == expected
    assert spec.is_autoloaded
    assert spec.charm_meta.name == expected[0]["name"]


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"charmcraft": {"name": "web"}},
        {"charmcraft": {**WHOLE, "type": "bundle"}},
        {"metadata": ""},
        {"metadata": "[1]"},
        {"actions": ACTIONS},
    ],
)
def test_without_metadata_nothing_can_be_run(charm, files):
    web = charm(**files)
    with pytest.raises(errors.MetadataNotFoundError):
        CharmSpec.autoload(web)
    with pytest.raises(errors.ContextSetupError, match="meta="):
        testing.Context(web)


def test_a_class_without_a_file_has_no_metadata():
    nowhere = type("Nowhere", (ops.CharmBase,), {"__module__": "builtins"})
    with pytest.raises(errors.ContextSetupError, match="Nowhere"):
        CharmSpec.load(nowhere)


def test_a_file_that_is_no_yaml_is_named(charm):
    web = charm(metadata="{")
    with pytest.raises(yaml.YAMLError, match=r"metadata\.yaml"):
        CharmSpec.autoload(web)


#: What is passed, and what it means.
GIVEN = {
    "metadata": (({"name": "web"}, None, None), ({"name": "web"}, None, None)),
    "options only": ((None, None, CONFIG), ({"name": "Web"}, None, CONFIG)),
    "actions only": ((None, ACTIONS, None), ({"name": "Web"}, ACTIONS, None)),
    "all of charmcraft.yaml": (
        ({"name": "web", "actions": ACTIONS, "config": CONFIG}, None, None),
        ({"name": "web"}, ACTIONS, CONFIG),
    ),
    "all of charmcraft.yaml, and parts of it again": (
        ({"name": "web", "actions": ACTIONS, "config": CONFIG}, ACTIONS, CONFIG),
        ({"name": "web"}, ACTIONS, CONFIG),
    ),
}


@pytest.mark.parametrize(("given", "expected"), GIVEN.values(), ids=GIVEN)
def test_mappings_are_taken_as_they_are(given, expected):
    meta, actions, config = given
    before = repr(given)
    spec = CharmSpec.load(Web, meta, actions=actions, config=config)
    assert (spec.meta, spec.actions, spec.config) == expected
    assert not spec.is_autoloaded
    assert repr(given) == before


@pytest.mark.parametrize("what", ["actions", "config"])
def test_the_same_cannot_be_said_in_two_ways(what):
    with pytest.raises(ValueError, match=what):
        CharmSpec.load(Web, {"name": "web", what: {"a": {}}}, **{what: {"b": {}}})


def test_a_charm_needs_a_name():
    with pytest.raises(KeyError, match="name"):
        CharmSpec.load(Web, {"summary": "s"}).charm_meta  # noqa: B018


def test_a_spec_knows_what_would_be_in_files():
    spec = CharmSpec.load(Web, {"name": "web", "actions": ACTIONS})
    assert spec.files == {"metadata.yaml": {"name": "web"}, "actions.yaml": ACTIONS, "config.yaml": None}
    assert spec.key == CharmSpec(Web, {"name": "web"}, {"do": {}}).key
    assert spec.key != CharmSpec(Web, {"name": "web"}).key
    assert spec.charm_meta is spec.charm_meta
    assert set(spec.charm_meta.actions) == {"do"}


# --- texts, for Harness ---


def test_texts_may_be_indented_and_open_files():
    spec = CharmSpec.from_yaml(
        Web,
        meta="""
            name: web
            requires: {db: {interface: sql}}
        """,
        actions=io.StringIO("do: {}"),
        config="",
    )
    assert spec.meta == {"name": "web", "requires": {"db": {"interface": "sql"}}}
    assert (spec.actions, spec.config) == ({"do": {}}, {})


@pytest.mark.parametrize(
    ("files", "given", "expected"),
    [
        ({}, {}, ({"name": "test-charm"}, None, None)),
        ({"metadata": {"name": "old"}, "config": CONFIG}, {}, ({"name": "old"}, None, CONFIG)),
        ({"metadata": {"name": "old"}, "config": CONFIG}, {"config": "{}"}, ({"name": "old"}, None, {})),
        (
            {"metadata": {"name": "old"}, "actions": ACTIONS},
            {"meta": "name: new"},
            ({"name": "new"}, ACTIONS, None),
        ),
        (
            {"charmcraft": {"parts": {}, "actions": ACTIONS}, "metadata": {"name": "o"}},
            {},
            ({"name": "o"}, ACTIONS, None),
        ),
    ],
)
def test_what_no_text_says_comes_from_the_files(charm, files, given, expected):
    spec = CharmSpec.from_yaml(charm(**files), **given)
    assert (spec.meta, spec.actions, spec.config) == expected
    assert (spec.charm_dir is not None) == bool(files)


def test_of_charmcraft_a_name_is_enough_for_texts(charm):
    spec = CharmSpec.from_yaml(charm(charmcraft={"name": "cc", "config": CONFIG}, metadata={"name": "old"}))
    assert spec.meta["name"] == "cc"
    assert spec.config == CONFIG


# --- read once ---


def test_a_file_is_parsed_once_as_long_as_it_stays_the_same(tmp_path, monkeypatch):
    parsed = []
    load = ops._yaml.load  # type: ignore[attr-defined]
    monkeypatch.setattr("ops._yaml.load", lambda source: parsed.append(1) or load(source))
    path = tmp_path / "metadata.yaml"
    path.write_text("name: one")
    first = read_yaml(path)
    first["name"] = "changed by a test"
    assert read_yaml(path) == {"name": "one"}
    assert len(parsed) == 1
    path.write_text("name: two")
    os.utime(path, ns=(1, 1))
    assert read_yaml(path) == {"name": "two"}
    assert len(parsed) == 2
    path.unlink()
    assert read_yaml(path) == {}


# --- extensions of charmcraft ---


@pytest.mark.parametrize("extension", _OPTIONS)
def test_an_extension_adds_what_a_web_application_needs(extension):
    content = expanded({**WHOLE, "extensions": [extension]})
    assert "extensions" not in content
    meta = ops.CharmMeta(content, content["actions"], content["config"])
    assert set(meta.requires) == {"ingress", "logging"}
    assert set(meta.peers) == {"secret-storage"}
    assert set(meta.provides) == {"grafana-dashboard", "metrics-endpoint"}
    assert [each.resource for each in meta.containers.values()] == list(meta.resources)
    assert "rotate-secret-key" in meta.actions
    assert any(option.type == "secret" for option in meta.config.values())
    assert content["assumes"] == ["k8s-api"]


@pytest.mark.parametrize(
    ("mine", "text"),
    [
        ({"requires": {"ingress": {"interface": "x"}}}, r"overlapping keys.*requires.*ingress.*go-framework"),
        ({"config": {"options": {"app-port": {"type": "int"}}}}, r"overlapping keys.*config\.options.*app-port"),
        ({"actions": {"rotate-secret-key": {}}}, r"overlapping keys.*actions.*rotate-secret-key"),
    ],
)
def test_nothing_may_be_said_twice(mine, text):
    with pytest.raises(ValueError, match=text):
        expanded({**WHOLE, "extensions": ["go-framework"], **mine})


def test_what_a_charm_has_itself_stays():
    mine = {
        "requires": {"db": {"interface": "sql"}},
        "config": {"options": {"mine": {"type": "string"}}},
        "assumes": ["juju >= 3.1", "k8s-api"],
    }
    content = expanded({**WHOLE, "extensions": ["django-framework"], **mine})
    assert list(content["requires"]) == ["db", "ingress", "logging"]
    assert {"mine", "django-debug"} <= content["config"]["options"].keys()
    assert content["assumes"] == ["k8s-api", "juju >= 3.1"]
    assert "create-superuser" in content["actions"]
    assert mine["requires"] == {"db": {"interface": "sql"}}


def test_an_unknown_extension_is_told_and_left_out(charm):
    with pytest.warns(UserWarning, match="Unknown charmcraft extension 'cobol-framework'"):
        spec = CharmSpec.autoload(charm(charmcraft={**WHOLE, "extensions": ["cobol-framework"]}))
    assert spec.meta == WHOLE


def test_metadata_of_an_extension_can_be_used_in_a_run(charm):
    ctx = testing.Context(
        charm(
            charmcraft=textwrap.dedent("""
        type: charm
        name: web
        summary: s
        description: d
        extensions: [flask-framework]
    """)
        )
    )
    ingress = testing.Relation("ingress")
    state = testing.State(relations={ingress}, containers={testing.Container("flask-app")})
    assert ctx.run(ctx.on.relation_created(ingress), state).get_relation(ingress).endpoint == "ingress"
