"""What a charm declares about itself, and what its context says."""

from __future__ import annotations

import io

import pytest
from ops_stage import IDENTITY, context

import ops


def test_everything_has_a_default():
    meta = ops.CharmMeta()
    assert (meta.name, meta.summary, meta.description) == ("", "", "")
    assert (meta.tags, meta.terms, meta.series, meta.maintainers) == ([], [], [], [])
    assert (meta.subordinate, meta.min_juju_version, meta.charm_user) == (False, None, "root")
    assert meta.relations == meta.storages == meta.containers == meta.config == meta.actions == {}
    assert meta.links == ops.MetadataLinks(websites=[], sources=[], issues=[], documentation=None)
    assert meta.assumes == ops.JujuAssumes([])


def test_empty_documents_count_as_empty_mappings():
    assert ops.CharmMeta.from_yaml("", "", "").name == ""
    assert ops.CharmMeta.from_yaml(io.StringIO("name: a")).name == "a"


def test_three_files_are_read_and_only_the_first_is_needed(tmp_path):
    with pytest.raises(FileNotFoundError):
        ops.CharmMeta.from_charm_root(tmp_path)
    (tmp_path / "metadata.yaml").write_text("name: a")
    assert ops.CharmMeta.from_charm_root(str(tmp_path)).name == "a"
    (tmp_path / "actions.yaml").write_text("do-it: {description: d}")
    (tmp_path / "config.yaml").write_text("options: {o: {type: int, default: 1}}")
    meta = ops.CharmMeta.from_charm_root(tmp_path)
    assert meta.actions["do-it"].description == "d"
    assert meta.config["o"] == ops.ConfigMeta("o", "int", 1, None)


def test_maintainers_and_links_come_from_both_layouts():
    meta = ops.CharmMeta(
        {
            "maintainer": "one",
            "maintainers": ["two"],
            "website": "top",
            "docs": "d",
            "links": {"contact": "three", "website": ["below"], "source": ["s1", "s2"], "issues": "i"},
        }
    )
    assert meta.maintainers == ["one", "two", "three"]
    assert meta.links == ops.MetadataLinks(websites=["top"], sources=["s1", "s2"], issues=["i"], documentation="d")


def test_endpoints_are_put_together_by_role():
    raw = {role: {role[:4]: {"interface": role}} for role in ("peers", "provides", "requires")}
    meta = ops.CharmMeta(raw)
    assert list(meta.relations) == ["requ", "prov", "peer"]
    assert [each.role.is_peer() for each in meta.relations.values()] == [False, False, True]
    assert (meta.requires["requ"].scope, meta.requires["requ"].limit, meta.requires["requ"].optional) == (
        "global",
        None,
        False,
    )


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, KeyError),
        ({"interface": "i", "limit": "1"}, TypeError),
        ({"interface": "i", "scope": "local"}, TypeError),
    ],
)
def test_endpoints_that_are_wrong_are_refused(body, error):
    with pytest.raises(error):
        ops.CharmMeta({"requires": {"a": body}})


@pytest.mark.parametrize(
    ("text", "expected"),
    [(2, (2, 2)), ("2", (2, 2)), ("2+", (2, None)), ("2-", (2, None)), ("2-4", (2, 4)), (None, None)],
)
def test_how_many_storage_instances_there_may_be(text, expected):
    body = {"type": "block", **({} if text is None else {"multiple": {"range": text}})}
    assert ops.CharmMeta({"storage": {"s": body}}).storages["s"].multiple_range == expected


def test_a_type_is_needed_where_there_are_several():
    for section in ("storage", "resources", "payloads"):
        with pytest.raises(KeyError):
            ops.CharmMeta({section: {"a": {}}})
    with pytest.raises(RuntimeError, match="option o"):
        ops.CharmMeta(config_raw={"options": {"o": {"default": 1}}})
    assert ops.CharmMeta(config_raw={"options": None}).config == {}


def test_containers_have_mounts_and_an_image_or_bases():
    mounts = [
        {"storage": "s", "location": "/a"},
        {"storage": "s", "location": "/b"},
        {"storage": "t", "location": "/c"},
        {"storage": "u"},
    ]
    bases = [{"name": "ubuntu", "channel": "22.04", "architectures": ["amd64"]}]
    meta = ops.CharmMeta(
        {"containers": {"a": None, "b": {"resource": "r", "mounts": mounts}, "c": {"bases": bases}}}
    )
    assert (meta.containers["a"].bases, meta.containers["a"].mounts) == (None, {})
    assert set(meta.containers["b"].mounts) == {"s", "t"}
    assert meta.containers["b"].mounts["s"].locations == ["/a", "/b"]
    assert meta.containers["b"].mounts["t"].location == "/c"
    with pytest.raises(RuntimeError, match="locations"):
        _ = meta.containers["b"].mounts["s"].location
    assert meta.containers["c"].bases == [ops.ContainerBase("ubuntu", "22.04", ["amd64"])]
    with pytest.raises(ops.ModelError):
        ops.CharmMeta({"containers": {"d": {"resource": "r", "bases": bases}}})


def test_features_are_assumed_in_nested_lists():
    assumes = ops.JujuAssumes.from_list(["juju >= 3", {"any-of": ["a", {"all-of": ["b"]}]}])
    inner = ops.JujuAssumes(["b"], ops.JujuAssumesCondition.ALL)
    assert assumes.features == ["juju >= 3", ops.JujuAssumes(["a", inner], ops.JujuAssumesCondition.ANY)]
    with pytest.raises(ValueError):
        ops.JujuAssumes.from_list([{"none-of": []}])


@pytest.mark.parametrize(
    ("version", "expected"), [(None, True), ("3.6.4", True), ("4.0-beta1", True), ("4.0.0", False)]
)
def test_whether_actions_take_undeclared_parameters_changed_with_4(monkeypatch, version, expected):
    monkeypatch.delenv("JUJU_VERSION", raising=False)
    if version:
        monkeypatch.setenv("JUJU_VERSION", version)
    assert ops.ActionMeta("a").additional_properties is expected
    assert ops.ActionMeta("a", {"additionalProperties": not expected}).additional_properties is not expected


# --- versions ---


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("3.6", "3.6.0"),
        ("3.6.4", "3.6.4"),
        ("3.6.4.2", "3.6.4.2"),
        ("3.6.4.0", "3.6.4"),
        ("4.0-beta2", "4.0-beta2"),
        ("4.0-rc1.7", "4.0-rc1.7"),
    ],
)
def test_a_version_is_shown_in_its_normal_form(text, shown):
    assert repr(ops.JujuVersion(text)) == shown


@pytest.mark.parametrize("text", ["", "3", "3.x", "1.2.3-beta1", "3.6.4.5.6", "3.6-Beta1", "3.6-beta"])
def test_other_forms_are_no_versions(text):
    with pytest.raises(RuntimeError, match="not a valid Juju version"):
        ops.JujuVersion(text)


def test_versions_are_ordered_with_tags_before_the_release():
    ordered = ["2.9.9", "3.0-beta1", "3.0-beta2", "3.0-beta2.1", "3.0-rc1", "3.0", "3.0.0.1", "3.0.1", "3.1"]
    versions = [ops.JujuVersion(text) for text in ordered]
    assert sorted(versions, key=lambda version: version) == versions
    assert all(low < high and high > low and low <= high for low, high in zip(versions, ordered[1:], strict=False))
    assert ops.JujuVersion("3.6") == "3.6.0" != ops.JujuVersion("3.6.1")


def test_a_version_compares_with_nothing_else_and_is_no_key():
    for other in (None, 3, 3.6):
        with pytest.raises(RuntimeError):
            _ = ops.JujuVersion("3.6") == other
    with pytest.raises(TypeError):
        hash(ops.JujuVersion("3.6"))


@pytest.mark.parametrize(
    ("feature", "first", "before"),
    [
        ("has_secrets", "3.0.3", "3.0.2"),
        ("supports_open_port_on_k8s", "3.0.3", "3.0.2"),
        ("supports_exec_service_context", "3.1.6", "3.1.5"),
        ("supports_exec_service_context", "3.2.1", "3.2.0"),
        ("supports_pebble_log_forwarding", "3.4.0", "3.3.9"),
        ("supports_pebble_identities", "3.6.4", "3.6.3"),
        ("supports_pebble_metrics", "3.6.4", "3.6.3"),
        ("has_app_data", "2.7.0", "2.6.9"),
        ("is_dispatch_aware", "2.8.0", "2.7.9"),
        ("has_controller_storage", "2.8.0", "2.7.9"),
    ],
)
def test_since_when_there_is_a_feature(feature, first, before):
    def has(text):
        answer = getattr(ops.JujuVersion(text), feature)
        return answer() if callable(answer) else answer

    assert (has(before), has(first)) == (False, True)


def test_the_version_of_the_environment_is_deprecated(monkeypatch):
    monkeypatch.delenv("JUJU_VERSION", raising=False)
    with pytest.warns(DeprecationWarning, match="juju_version"):
        assert ops.JujuVersion.from_environ() == "0.0.0"


# --- the context ---


def environment(hook, **more):
    return {**IDENTITY, "JUJU_DISPATCH_PATH": f"hooks/{hook}", "JUJU_HOOK_NAME": hook, **more}


@pytest.mark.parametrize(
    ("hook", "needed"),
    [
        ("install", {}),
        ("secret-changed", {"JUJU_SECRET_ID": "secret:a"}),
        ("secret-expired", {"JUJU_SECRET_ID": "secret:a", "JUJU_SECRET_REVISION": "1"}),
        ("a-pebble-ready", {"JUJU_WORKLOAD_NAME": "a"}),
        ("a-pebble-check-failed", {"JUJU_WORKLOAD_NAME": "a", "JUJU_PEBBLE_CHECK_NAME": "c"}),
        (
            "a-pebble-custom-notice",
            {
                "JUJU_WORKLOAD_NAME": "a",
                "JUJU_NOTICE_ID": "1",
                "JUJU_NOTICE_KEY": "k",
                "JUJU_NOTICE_TYPE": "custom",
            },
        ),
        ("d-storage-attached", {"JUJU_STORAGE_ID": "d/0"}),
        ("r-relation-broken", {"JUJU_RELATION": "r", "JUJU_RELATION_ID": "r:1", "JUJU_REMOTE_APP": "b"}),
        (
            "r-relation-departed",
            {
                "JUJU_RELATION": "r",
                "JUJU_RELATION_ID": "r:1",
                "JUJU_REMOTE_APP": "b",
                "JUJU_REMOTE_UNIT": "b/0",
                "JUJU_DEPARTING_UNIT": "b/0",
            },
        ),
    ],
)
def test_each_hook_has_variables_that_it_cannot_do_without(hook, needed):
    complete = environment(hook, **needed)
    assert ops.JujuContext.from_environ(complete).hook_name == hook
    for missing in needed:
        with pytest.raises(ValueError, match=missing):
            ops.JujuContext.from_environ({name: value for name, value in complete.items() if name != missing})


@pytest.mark.parametrize("missing", ["JUJU_UNIT_NAME", "JUJU_VERSION", "JUJU_HOOK_NAME", "JUJU_DISPATCH_PATH"])
def test_every_hook_says_who_and_where_it_is(missing):
    incomplete = {name: value for name, value in environment("start").items() if name != missing}
    with pytest.raises(ValueError, match=missing):
        ops.JujuContext.from_environ(incomplete)


def test_an_action_says_which_one_it_is():
    action = {**environment(""), "JUJU_DISPATCH_PATH": "actions/a", "JUJU_ACTION_NAME": "a"}
    with pytest.raises(ValueError, match="JUJU_ACTION_UUID"):
        ops.JujuContext.from_environ(action)


def test_empty_variables_count_as_absent_where_none_is_possible():
    empty = context(JUJU_REMOTE_UNIT="", JUJU_SECRET_LABEL="", JUJU_RELATION_ID="", JUJU_STORAGE_ID="")
    assert (empty.remote_unit_name, empty.secret_label, empty.relation_id) == (None, None, None)
    assert (empty.storage_name, empty.storage_index, empty.principal_unit) == (None, None, None)


def test_texts_become_numbers_and_sets(tmp_path):
    seen = context(
        JUJU_RELATION_ID="a:b:12",
        JUJU_STORAGE_ID="disk/3",
        JUJU_SECRET_REVISION="4",
        JUJU_DEBUG_AT=" hook, here ,,",
        JUJU_DEBUG="",
        JUJU_CHARM_DIR=str(tmp_path / "." / "x" / ".."),
    )
    assert (seen.relation_id, seen.storage_name, seen.storage_index, seen.secret_revision) == (12, "disk", 3, 4)
    assert (seen.debug_at, seen.debug, seen.charm_dir) == ({"hook", "here"}, True, tmp_path)


def test_without_a_charm_directory_it_is_three_above_the_package():
    import pathlib

    assert context().charm_dir == pathlib.Path(ops.__file__).parents[2]
    assert context().version == "3.6.4"
