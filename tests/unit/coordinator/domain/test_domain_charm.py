"""What a charm says of itself: every mistake with its file and line, and everything else as a value."""

from __future__ import annotations

import pytest

from coordinator.domain.charm import (
    CHARM_FILE_BYTES_MAX,
    Action,
    CharmMeta,
    Endpoint,
    Option,
    Role,
    StorageMeta,
    read_charm,
)
from coordinator.errors import CharmInvalid

METADATA = """\
name: web
summary: A shop
requires:
  db: {interface: sql, limit: 1, optional: false}
  short: http
provides:
  site:
    interface: http
    scope: container
peers:
  ring: {interface: web-ring}
extra-bindings:
  admin:
storage:
  disk: {type: filesystem}
"""
CONFIG = """\
options:
  color: {type: string, default: blue, description: What it looks like}
  port: {type: int, default: 80}
  ratio: {type: float, default: 1}
  debug: {type: boolean, default: false}
  key: {type: secret}
  free: {}
"""
ACTIONS = """\
backup:
  description: Save it
  params: {to: {type: string}}
  required: [to]
  parallel: true
  execution-group: io
additionalProperties: false
"""


def test_a_charm_is_read_whole() -> None:
    files = {"metadata.yaml": METADATA, "config.yaml": CONFIG, "actions.yaml": ACTIONS}
    assert read_charm(files) == CharmMeta(
        name="web",
        summary="A shop",
        endpoints=(
            Endpoint(name="site", interface="http", role=Role.PROVIDES, scope="container"),
            Endpoint(name="db", interface="sql", role=Role.REQUIRES, limit=1, optional=False),
            Endpoint(name="short", interface="http", role=Role.REQUIRES),
            Endpoint(name="ring", interface="web-ring", role=Role.PEER),
        ),
        extra_bindings=("admin",),
        options=(
            Option(name="color", type="string", default="blue", description="What it looks like"),
            Option(name="port", type="int", default=80),
            Option(name="ratio", type="float", default=1.0),
            Option(name="debug", type="boolean", default=False),
            Option(name="key", type="secret"),
            Option(name="free", type="string"),
        ),
        actions=(
            Action(
                name="backup",
                description="Save it",
                params={"to": {"type": "string"}},
                required=("to",),
                parallel=True,
                execution_group="io",
            ),
        ),
        storage={"disk": StorageMeta(name="disk", type="filesystem", count_max=1)},
    )


def test_charmcraft_stands_in_for_files_that_are_missing() -> None:
    craft = "name: web\nconfig: {options: {a: {type: int}}}\nactions: {go: {}}\n"
    charm = read_charm({"charmcraft.yaml": craft})
    assert (charm.name, charm.options, charm.actions) == (
        "web", (Option(name="a", type="int"),), (Action(name="go"),),
    )  # fmt: skip
    both = read_charm({"charmcraft.yaml": craft, "metadata.yaml": "name: other", "config.yaml": "options: {}"})
    assert (both.name, both.options, both.actions) == ("other", (), (Action(name="go"),))


@pytest.mark.parametrize(
    ("files", "problems"),
    [
        pytest.param({}, ["metadata.yaml: is missing, and so is charmcraft.yaml"], id="nothing"),
        pytest.param({"metadata.yaml": "summary: x"}, ["metadata.yaml:1: 'name' is missing"], id="no name"),
        pytest.param({"metadata.yaml": "name: 5"}, ["metadata.yaml:1: 'name' must be text, it is 5"], id="five"),
        pytest.param({"metadata.yaml": "- a"}, ["metadata.yaml:1: must be a mapping of names to values"], id="[]"),
        pytest.param(
            {"metadata.yaml": "name: web\nrequires:\n  db:\n    limit: 1"},
            ["metadata.yaml:3: 'interface' is missing"],
            id="an endpoint without interface",
        ),
        pytest.param(
            {"metadata.yaml": "name: web\nrequires:\n  db: sql\nprovides:\n  db: sql"},
            ["metadata.yaml:3: endpoint 'db' is declared twice"],
            id="an endpoint twice",
        ),
        pytest.param(
            {"metadata.yaml": "name: web\nrequires:\n  db: {interface: sql, scope: world}"},
            ["metadata.yaml:3: scope of endpoint 'db' is 'world'; it can be global or container"],
            id="an unknown scope",
        ),
        pytest.param(
            {"metadata.yaml": "name: web\nrequires:\n  db:\n    interface: sql\n    limit: many"},
            ["metadata.yaml:5: 'limit' must be a whole number, it is 'many'"],
            id="a limit that is none",
        ),
        pytest.param(
            {"metadata.yaml": "name: web\nrequires: [db]"},
            ["metadata.yaml:2: 'requires' must be a mapping"],
            id="a list of endpoints",
        ),
        pytest.param(
            {"metadata.yaml": "name: web", "config.yaml": "options:\n  a:\n    type: number"},
            ["config.yaml:2: option 'a' has type 'number'; it can be string, int, float, boolean, secret"],
            id="an unknown type",
        ),
        pytest.param(
            {"metadata.yaml": "name: web", "config.yaml": "options:\n  a:\n    type: int\n    default: x"},
            ["config.yaml:2: default of option 'a' is 'x', which is not of type int"],
            id="a default of another type",
        ),
        pytest.param(
            {"metadata.yaml": "name: web", "config.yaml": "options:\n  a: {type: int, default: true}"},
            ["config.yaml:2: default of option 'a' is True, which is not of type int"],
            id="true is no number",
        ),
        pytest.param(
            {"metadata.yaml": "name: web", "config.yaml": "options:\n  a: {type: float, default: .inf}"},
            ["config.yaml:2: default of option 'a' is inf, which is not of type float"],
            id="a number without end",
        ),
        pytest.param(
            {"metadata.yaml": "name: web", "actions.yaml": "go:\n  required: to"},
            ["actions.yaml:1: `required` of action 'go' must be a list of parameter names"],
            id="required is no list",
        ),
        pytest.param(
            {
                "metadata.yaml": "name: web\nsubordinate: maybe\nsummary: 7",
                "config.yaml": "options:\n  a: {type: x}",
            },
            [
                "metadata.yaml:3: 'summary' must be text, it is 7",
                "metadata.yaml:2: 'subordinate' must be true or false, it is 'maybe'",
                "config.yaml:2: option 'a' has type 'x'; it can be string, int, float, boolean, secret",
            ],
            id="all of them at once",
        ),
    ],
)  # fmt: skip
def test_every_mistake_is_told_with_its_file_and_line(files: dict[str, str], problems: list[str]) -> None:
    with pytest.raises(CharmInvalid) as invalid:
        read_charm(files)
    assert [line.strip() for line in invalid.value.why.strip().splitlines()] == problems


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("name: web\n  bad: [", "metadata.yaml:2: is not YAML: "),
        ("name: !!python/object:os.system x", "metadata.yaml:1: is not YAML: could not determine a constructor"),
        ("x" * (CHARM_FILE_BYTES_MAX + 1), "metadata.yaml: has 1048577 characters; at most 1048576 are read"),
    ],
    ids=["no YAML", "code", "too long"],
)
def test_what_cannot_be_read_is_told_and_never_run(text: str, start: str) -> None:
    with pytest.raises(CharmInvalid) as invalid:
        read_charm({"metadata.yaml": text})
    assert invalid.value.why.strip().startswith(start)
