"""Bundles: what has to be done so that a model is as one says; files; and a model as a bundle."""

from __future__ import annotations

import base64
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from build import CREATED, DB, MODEL, WEB
from stage import Stage

from coordinator.api.bundle import contents
from coordinator.cli import bundle as files
from coordinator.cli.bundle_plan import Content, plan
from coordinator.cli.bundle_steps import Contents
from coordinator.cli.bundle_text import documents
from coordinator.commands import application, relation
from coordinator.domain.bundle import read_bundle
from coordinator.domain.names import EndpointName
from coordinator.domain.overlay import merged
from coordinator.errors import BadRequest, NotFound, Refused

TREE: dict[str, Any] = {
    "applications": {
        "web": {
            "charm": "/web", "num_units": 2, "to": ["db", "1"], "options": {"color": "red"},
            "constraints": "mem=1M", "expose": True,
        },
        "db": {"charm": "/db", "num_units": 1, "bindings": {"": "alpha"}},
    },
    "machines": {"1": None},
    "relations": [["web:db", "db"]],
}  # fmt: skip
CONTENT = Content(charms={"/web": "sha-web-0", "/db": "sha-db-1"}, resources={})


def steps(tree: dict[str, Any], present: dict[str, Any], content: Content = CONTENT) -> list[str]:
    return [str(step) for step in plan(read_bundle(tree), present, content, {"1": "7"})]


@pytest.fixture
def stage() -> Stage:
    """What TREE says, deployed."""
    stage = Stage()
    stage.machine("7")
    stage.deploy("web", WEB, 2, to=["7", "7"], config={"color": "red"}, constraints={"mem": "1M"})
    stage.deploy("db", DB, 1)
    stage.do(lambda view: application.expose(view, MODEL, "web"))
    ends = EndpointName("web"), EndpointName("db")
    stage.do(lambda view: relation.integrate(view, MODEL, *ends, now=CREATED))
    return stage


def test_an_empty_model_needs_everything_in_order() -> None:
    assert steps(TREE, {"applications": {}, "relations": []}) == [
        "upload charm /db",
        "upload charm /web",
        "deploy application db with charm /db",
        "deploy application web with charm /web",
        "expose all endpoints of web and allow access from CIDRs 0.0.0.0/0, ::/0",
        "add unit of db",
        "add unit of web to the machine of unit 0 of db",
        "add unit of web to machine 7",
        "add relation web:db - db",
    ]


def test_a_model_that_is_as_the_bundle_says_needs_nothing(stage: Stage) -> None:
    assert steps(TREE, contents(stage.view(), MODEL)) == []


def test_only_the_difference_is_done(stage: Stage) -> None:
    changed = merged(
        [
            TREE,
            {
                "applications": {
                    "web": {
                        "num_units": 3, "options": {"color": "blue"}, "constraints": "mem=2M", "trust": True,
                        "exposed-endpoints": {"db": {"expose-to-spaces": ["alpha"]}}, "bindings": {"db": "inner"},
                    },
                    "db": {"num_units": 0},
                }
            },
        ]
    )  # fmt: skip
    assert steps(changed, contents(stage.view(), MODEL)) == [
        "set application options for web: color",
        "bind web to db=inner",
        "set constraints for web to mem=2M",
        "trust web",
        "expose endpoint db of web and allow access from spaces alpha",
        "add unit of web to machine 7",
    ]


def test_another_charm_is_refreshed_to_and_takes_its_options_along(stage: Stage) -> None:
    content = Content(charms={**CONTENT.charms, "/web": "sha-other"}, resources={})
    changed = merged([TREE, {"applications": {"web": {"options": {"color": "blue"}}}}])
    assert steps(changed, contents(stage.view(), MODEL), content) == [
        "upload charm /web",
        "refresh application web with charm /web",
    ]


@pytest.mark.parametrize(
    ("has", "wanted", "same"),
    [(True, "true", True), (True, False, False), (5, "5", True), ("5", 5, False), (None, "", False)],
)
def test_an_option_is_set_only_where_it_would_change(stage: Stage, has: Any, wanted: Any, same: bool) -> None:
    present = contents(stage.view(), MODEL)
    present["applications"]["web"]["options"]["color"] = has
    changed = merged([TREE, {"applications": {"web": {"options": {"color": wanted}}}}])
    assert (steps(changed, present) == []) is same


# --- a model as a bundle ---------------------------------------------------------------------------------------


def test_a_model_is_written_down_so_that_deploying_it_changes_nothing(stage: Stage) -> None:
    present = contents(stage.view(), MODEL)
    bundle, overlay = documents(present)
    assert bundle["applications"]["web"] == {
        "charm": "local:web-0", "num_units": 2, "to": ["7", "7"], "expose": True, "options": {"color": "red"},
        "constraints": "mem=1M",
    }  # fmt: skip
    assert (bundle["machines"], bundle["relations"]) == ({"7": {}}, [["web:db", "db:clients"]])
    for app, tree in bundle["applications"].items():
        tree["charm"] = f"/{app}"
    again = read_bundle(merged([bundle, overlay]))
    assert plan(again, present, CONTENT, {"7": "7"}) == []


def test_defaults_are_written_down_when_asked_for() -> None:
    tree = {"defaults": {"a": 1, "b": 2}, "options": {"b": 3}}
    app = {
        **tree, "charm": "x", "revision": 0, "units": {"x/0": None}, "subordinate": False, "exposed": {},
        "constraints": {}, "storage": {"data": "2G"}, "bindings": {}, "trust": True, "life": "alive",
    }  # fmt: skip
    present = {"applications": {"x": app, "y": {**app, "life": "dying"}}, "relations": [[["x", "a"], ["y", "b"]]]}
    [bundle] = documents(present, with_defaults=True)
    assert bundle["applications"] == {
        "x": {
            "charm": "local:x-0", "num_units": 1, "options": {"a": 1, "b": 3}, "storage": {"data": "2G"},
            "trust": True,
        }
    }  # fmt: skip
    assert "relations" not in bundle


# --- files -----------------------------------------------------------------------------------------------------


def write(path: Path, *trees: Any) -> str:
    path.write_text(yaml.safe_dump_all(trees))
    return str(path)


def test_paths_are_from_the_file_that_has_them_and_inclusions_are_read(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("ä")
    (tmp_path / "more").mkdir()
    options = {"text": "include-file://note", "data": "include-base64://note", "plain": "./note"}
    base = {
        "applications": {"web": {"charm": "./web", "options": options, "resources": {"f": "../f", "i": "reg/i"}}}
    }
    overlay = {"services": {"db": {"charm": "./db"}}}
    first, *rest = files._documents(write(tmp_path / "bundle.yaml", base, overlay))
    assert first["applications"]["web"] == {
        "charm": f"{tmp_path}/web",
        "options": {"text": "ä", "data": base64.b64encode("ä".encode()).decode(), "plain": "./note"},
        "resources": {"f": f"{tmp_path.parent}/f", "i": "reg/i"},
    }
    assert rest == [{"services": {"db": {"charm": f"{tmp_path}/db"}}}]
    elsewhere = write(tmp_path / "more" / "o.yaml", {"applications": {"web": {"charm": "./web"}}})
    assert files._overlay(elsewhere) == [{"applications": {"web": {"charm": f"{tmp_path}/more/web"}}}]
    assert files.is_bundle(str(tmp_path))
    assert not files.is_bundle(str(tmp_path / "more"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[1]", "is no bundle"),
        ("", "is no bundle"),
        ("a: [", "cannot read"),
        ("applications: {a: {charm: ./a, options: {x: include-file://nope}}}", "which the bundle includes"),
    ],
)
def test_a_file_that_is_no_bundle_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "b.yaml"
    path.write_text(text)
    with pytest.raises(Refused, match=says):
        files._documents(str(path))
    with pytest.raises(NotFound, match=f'unable to process overlays: "{tmp_path}/nope" not found'):
        files._overlay(f"{tmp_path}/nope")


def test_a_charm_can_be_one_that_the_model_has(stage: Stage) -> None:
    present = contents(stage.view(), MODEL)
    tree = {"charm": "local:web-0"}
    found = Contents.of(read_bundle({"applications": {"web": tree, "shop": tree}}), present)
    assert (found.charms, found.hashes().charms["local:web-0"]) == ({}, "sha-web-0")
    with pytest.raises(NotFound, match='charm "local:web-7" of application "web" not found'):
        Contents.of(read_bundle({"applications": {"web": {"charm": "local:web-7"}}}), present)


def test_a_zip_with_a_bundle_is_one(tmp_path: Path) -> None:
    for name in ("bundle.yaml", "metadata.yaml"):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            archive.writestr(name, "applications: {web: {charm: ./web}}")
    assert files.is_bundle(str(tmp_path / "bundle.yaml.zip"))
    assert not files.is_bundle(str(tmp_path / "metadata.yaml.zip"))
    [document] = files._documents(str(tmp_path / "bundle.yaml.zip"))
    assert document == {"applications": {"web": {"charm": f"{tmp_path}/web"}}}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("existing", {"0": "0", "1": "1"}),
        ("0=3,1=3", {"0": "3", "1": "3"}),
        ("existing,1=3", {"0": "0", "1": "3"}),
        ("1=3,existing", {"0": "0", "1": "3"}),
        (None, 'the bundle places units on its machine "0"'),
        ("0=1", 'the bundle places units on its machine "1"'),
        ("existing,5=1", '--map-machines names machine "5"'),
        ("existing,1=9", 'machine "9" not found'),
        ("0:1", 'malformed --map-machines "0:1"'),
    ],
)
def test_people_say_which_machines_those_of_a_bundle_are(words: str | None, found: Any) -> None:
    target: Any = SimpleNamespace(client=SimpleNamespace(machines=lambda: dict.fromkeys(("0", "1", "3"))))
    app = {"charm": "/x", "num_units": 2, "to": ["0", "1"]}
    bundle = read_bundle({"applications": {"x": app}, "machines": {"0": {}, "1": {}}})
    if isinstance(found, dict):
        assert files._machines(target, bundle, words) == found
    else:
        with pytest.raises(Refused, match=found):
            files._machines(target, bundle, words)


def test_storage_of_an_application_can_be_said_on_the_command_line() -> None:
    tree: dict[str, Any] = {"applications": {"db": {"charm": "/db", "storage": {"logs": "1G"}}}}
    files._add_storage(tree, {"db:data": "rootfs,2G"})
    assert tree["applications"]["db"]["storage"] == {"logs": "1G", "data": "rootfs,2G"}
    with pytest.raises(BadRequest, match='malformed storage "data=2G"'):
        files._add_storage(tree, {"data": "2G"})
    with pytest.raises(NotFound, match='application "web" is not in the bundle'):
        files._add_storage(tree, {"web:data": "2G"})
