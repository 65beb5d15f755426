"""What a charm says of itself: metadata, options and actions, from YAML to types.

Role: `read_charm` takes the texts of a charm's files and returns one value, or reports *every* problem with
its file and line.  Pure: reading the files is the business of whoever holds the archive.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from math import ceil, isfinite
from typing import Any

import yaml

from coordinator.errors import CharmInvalid

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML without libyaml: the same, slower
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

_RESOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # it becomes part of a path
OPTION_TYPES = ("string", "int", "float", "boolean", "secret")
_ACTION = re.compile(r"[a-z](?:[a-z0-9-]*[a-z0-9])?")
CHARM_FILE_BYTES_MAX = 1024 * 1024  # one YAML file of a charm; real ones are below 100 KiB


class Role(str, Enum):
    PROVIDES = "provides"
    REQUIRES = "requires"
    PEER = "peers"


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """One end that a charm can relate with.  `limit`: how many relations at most, None for any number."""

    name: str
    interface: str
    role: Role
    scope: str = "global"
    limit: int | None = None
    optional: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One setting of a charm; `default` is None when it has none."""

    name: str
    type: str
    default: str | int | float | bool | None = None
    description: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """One action; `params` is the JSON schema of its parameters, as written.

    `additional`: whether it takes other parameters too, None when it does not say.
    """

    name: str
    description: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    additional: bool | None = None
    parallel: bool = False
    execution_group: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class StorageMeta:
    """What a charm says of one of its storages.

    `type` is `filesystem` or `block`; `location` the path where it wants it, empty for anywhere.  A unit has
    `count_min` to `count_max` (None: any number) of it.  `minimum_size_mb` is 0 where the charm does not care.
    """

    name: str
    type: str
    description: str = ""
    location: str = ""
    count_min: int = 1
    count_max: int | None = None
    minimum_size_mb: int = 0
    shared: bool = False
    read_only: bool = False

    @property
    def is_multiple(self) -> bool:
        return self.count_max != 1


@dataclass(frozen=True, kw_only=True)  # without slots, so that it can have an index
class CharmMeta:
    """Everything that the system needs to know of a charm without unpacking it."""

    name: str
    summary: str = ""
    subordinate: bool = False
    endpoints: tuple[Endpoint, ...] = ()
    extra_bindings: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    actions: tuple[Action, ...] = ()
    resources: Mapping[str, Any] = field(default_factory=dict)
    storage: Mapping[str, StorageMeta] = field(default_factory=dict)

    def find_endpoint(self, name: str) -> Endpoint | None:
        return self._endpoints.get(name)

    @cached_property
    def _endpoints(self) -> Mapping[str, Endpoint]:
        """Endpoints by name: charms may have hundreds, and every look at a relation asks for one."""
        return {endpoint.name: endpoint for endpoint in self.endpoints}

    def find_action(self, name: str) -> Action | None:
        return next((action for action in self.actions if action.name == name), None)

    def find_option(self, name: str) -> Option | None:
        return next((option for option in self.options if option.name == name), None)

    @property
    def peers(self) -> tuple[Endpoint, ...]:
        return tuple(endpoint for endpoint in self.endpoints if endpoint.role is Role.PEER)


@dataclass(frozen=True, kw_only=True, slots=True)
class Charm:
    """A packed charm: its archive by hash, and what it says of itself.

    `chunks` says in how many pieces the store holds the archive; 0: it is at the blob location.
    """

    sha256: str
    size: int
    chunks: int
    meta: CharmMeta


def read_charm(files: Mapping[str, str]) -> CharmMeta:
    """Return what the charm's files say; *files* maps a file name to its text (absent files are absent).

    `charmcraft.yaml` stands in for the three others where they are missing (newer tooling).

    Raises:
        CharmInvalid: with every problem, each with file and line.
    """
    report = _Report()
    documents = {name: _load(name, text, report) for name, text in files.items()}
    craft = documents.get("charmcraft.yaml")
    meta = documents.get("metadata.yaml") or craft
    if meta is None:
        if not {"metadata.yaml", "charmcraft.yaml"} & set(files):
            report.add("metadata.yaml", None, "is missing, and so is charmcraft.yaml")
        elif not report.problems:
            report.add("metadata.yaml", None, "is empty")
        raise report.error()
    config = documents.get("config.yaml") or (craft.child("config") if craft else None)
    actions = documents.get("actions.yaml") or (craft.child("actions") if craft else None)
    for name, node in meta.mapping("resources").items():
        if not _RESOURCE.fullmatch(name):
            node.problem(f"resource {name!r} has a name that no file can have")
    charm = CharmMeta(
        name=meta.text("name", required=True),
        summary=meta.text("summary"),
        subordinate=meta.flag("subordinate"),
        endpoints=_endpoints(meta),
        extra_bindings=tuple(meta.mapping("extra-bindings")),
        options=_options(config) if config else (),
        actions=_actions(actions) if actions else (),
        resources=meta.plain("resources"),
        storage=_storage(meta),
    )
    if report.problems:
        raise report.error()
    return charm


def _endpoints(meta: _Node) -> tuple[Endpoint, ...]:
    found: dict[str, Endpoint] = {}
    for role in (Role.PROVIDES, Role.REQUIRES, Role.PEER):
        for name, node in meta.mapping(role.value).items():
            if name in found:
                node.problem(f"endpoint {name!r} is declared twice")
            if isinstance(node.value, str):  # the short form: `db: mysql`
                found[name] = Endpoint(name=name, interface=node.value, role=role)
                continue
            scope = node.text("scope") or "global"
            if scope not in ("global", "container"):
                node.problem(f"scope of endpoint {name!r} is {scope!r}; it can be global or container")
            found[name] = Endpoint(
                name=name,
                interface=node.text("interface", required=True),
                role=role,
                scope=scope,
                limit=node.integer("limit"),
                optional=node.flag("optional", default=True),
            )
    return tuple(found.values())


_MULTIPLE = re.compile(r"(\d+)(?:(-)(\d+)?|(\+))?")
SIZE = re.compile(r"(\d+(?:\.\d+)?)([MGTPEZY])(?:i?B)?")


def _storage(meta: _Node) -> dict[str, StorageMeta]:
    found = {}
    for name, node in meta.mapping("storage").items():
        kind = node.text("type", required=True)
        if kind and kind not in ("filesystem", "block"):
            node.problem(f"type of storage {name!r} is {kind!r}; it can be filesystem or block", "type")
        location = node.text("location")
        if location and not (location.startswith("/") and ".." not in location.split("/")):
            node.problem(f"location of storage {name!r} is {location!r}; it must be an absolute path", "location")
        count_min, count_max = _multiple(name, node)
        found[name] = StorageMeta(
            name=name,
            type=kind,
            description=node.text("description"),
            location=location,
            count_min=count_min,
            count_max=count_max,
            minimum_size_mb=_size_mb(name, node),
            shared=node.flag("shared"),
            read_only=node.flag("read-only"),
        )
    return found


def _multiple(name: str, node: _Node) -> tuple[int, int | None]:
    """Return how many of a storage a unit has: `range: 2`, `0-1`, `1-` or `2+` below `multiple`."""
    multiple = node.child("multiple")
    given = multiple.plain_value("range") if multiple is not None else None
    if multiple is None:
        return 1, 1
    match = _MULTIPLE.fullmatch(str(given)) if isinstance(given, (str, int)) else None
    if match is None or isinstance(given, bool):
        node.problem(f"range of storage {name!r} is {given!r}; write it like 2, 0-1, 1- or 2+", "multiple")
        return 1, 1
    least = int(match[1])
    most = int(match[3]) if match[3] else None if match[2] or match[4] else least
    if most is not None and most < max(least, 1):
        node.problem(f"range of storage {name!r} is {given!r}; it ends before it begins", "multiple")
    return least, most


def _size_mb(name: str, node: _Node) -> int:
    """Return `minimum-size`, like `2G`, in MiB, rounded up."""
    given = node.plain_value("minimum-size")
    if given is None:
        return 0
    match = SIZE.fullmatch(str(given))
    if match is None and isinstance(given, int) and not isinstance(given, bool):
        return given
    if match is None:
        node.problem(f"minimum-size of storage {name!r} is {given!r}; write it like 2G", "minimum-size")
        return 0
    return size_mb(match[1], match[2])


def size_mb(number: str, unit: str) -> int:
    """Return a size, like `2` and `G`, in MiB, rounded up."""
    return ceil(float(number) * 1024 ** "MGTPEZY".index(unit))


def _options(config: _Node) -> tuple[Option, ...]:
    found = []
    for name, node in config.mapping("options").items():
        kind = node.text("type") or "string"
        if kind not in OPTION_TYPES:
            node.problem(f"option {name!r} has type {kind!r}; it can be {', '.join(OPTION_TYPES)}")
            continue
        default = node.plain_value("default")
        if default is not None and not _fits(kind, default):
            node.problem(f"default of option {name!r} is {default!r}, which is not of type {kind}")
            continue
        if kind == "float" and default is not None:
            default = float(default)
        found.append(Option(name=name, type=kind, default=default, description=node.text("description")))
    return tuple(found)


def _fits(kind: str, value: object) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    kinds = {"string": str, "secret": str, "int": int, "float": (int, float), "boolean": bool}
    return isinstance(value, kinds[kind]) and not (isinstance(value, float) and not isfinite(value))


def _actions(actions: _Node) -> tuple[Action, ...]:
    found = []
    for name, node in actions.children().items():
        if name == "additionalProperties" and not isinstance(node.value, dict):
            continue
        if not _ACTION.fullmatch(name) or name.startswith("juju-"):
            why = "lower-case letters, digits and hyphens, and juju- is not for charms"
            node.problem(f"action name {name!r} is not valid: {why}")
            continue
        if node.value is None:
            found.append(Action(name=name))
            continue
        required = node.plain_value("required") or ()
        if not isinstance(required, (list, tuple)):
            node.problem(f"`required` of action {name!r} must be a list of parameter names")
            required = ()
        found.append(
            Action(
                name=name,
                description=node.text("description"),
                params=node.plain("params"),
                required=tuple(map(str, required)),
                additional=node.flag("additionalProperties") if "additionalProperties" in node.value else None,
                parallel=node.flag("parallel"),
                execution_group=node.text("execution-group"),
            )
        )
    return tuple(found)


class _Report:
    """Collects problems, so that an author sees all of them at once."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def add(self, file: str, line: int | None, text: str) -> None:
        self.problems.append(f"{file}:{line}: {text}" if line else f"{file}: {text}")

    def error(self) -> CharmInvalid:
        count = len(self.problems)
        return CharmInvalid(
            f"charm has {count} problem{'s' if count > 1 else ''}",
            why="\n  ".join(["", *self.problems]).rstrip(),
            fix="correct the files named above, then run the command again",
        )


class _Node:
    """A YAML mapping that knows the file and line of each of its keys."""

    def __init__(self, file: str, value: Any, line: int, lines: Mapping[Any, Any], report: _Report) -> None:
        self.file, self.value, self.line, self._lines, self._report = file, value, line, lines, report

    def problem(self, text: str, key: str | None = None) -> None:
        line = self._lines[key][0] if key in self._lines else self.line
        self._report.add(self.file, line, text)

    def children(self) -> dict[str, _Node]:
        if self.value is None:
            return {}
        if not isinstance(self.value, dict):
            self.problem("expected a mapping")
            return {}
        nodes = {}
        for key, value in self.value.items():
            line, lines = self._lines.get(key, (self.line, {}))
            nodes[str(key)] = _Node(self.file, value, line, lines, self._report)
        return nodes

    def child(self, key: str) -> _Node | None:
        return self.children().get(key)

    def mapping(self, key: str) -> dict[str, _Node]:
        node = self.child(key)
        if node is None or node.value is None:
            return {}
        if not isinstance(node.value, dict):
            node.problem(f"{key!r} must be a mapping")
            return {}
        return node.children()

    def _typed(self, key: str, check: Callable[[Any], bool], expected: str) -> Any:
        value = self.value.get(key) if isinstance(self.value, dict) else None
        if value is not None and not check(value):
            self.problem(f"{key!r} must be {expected}, it is {value!r}", key)
            return None
        return value

    def text(self, key: str, *, required: bool = False) -> str:
        value = self._typed(key, lambda v: isinstance(v, str), "text")
        if required and not value and not (isinstance(self.value, dict) and self.value.get(key) is not None):
            self.problem(f"{key!r} is missing")
        return value or ""

    def flag(self, key: str, *, default: bool = False) -> bool:
        value = self._typed(key, lambda v: isinstance(v, bool), "true or false")
        return default if value is None else value

    def integer(self, key: str) -> int | None:
        return self._typed(key, lambda v: isinstance(v, int) and not isinstance(v, bool), "a whole number")

    def plain(self, key: str) -> dict[str, Any]:
        return self._typed(key, lambda v: isinstance(v, dict), "a mapping") or {}

    def plain_value(self, key: str) -> Any:
        return self.value.get(key) if isinstance(self.value, dict) else None


def _load(file: str, text: str, report: _Report) -> _Node | None:
    """Return the document of *file*; None when it is empty or broken (then it is in the report)."""
    if len(text) > CHARM_FILE_BYTES_MAX:
        report.add(file, None, f"has {len(text)} characters; at most {CHARM_FILE_BYTES_MAX} are read")
        return None
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            value = loader.construct_document(node) if node else None
        finally:
            loader.dispose()
    except yaml.YAMLError as cause:
        mark = getattr(cause, "problem_mark", None)
        problem = getattr(cause, "problem", None) or str(cause)
        report.add(file, mark.line + 1 if mark else None, f"is not YAML: {problem}")
        return None
    if value is None:
        return None
    if not isinstance(value, dict):
        report.add(file, 1, "must be a mapping of names to values")
        return None
    return _Node(file, value, 1, _lines(node), report)


def _lines(node: Any) -> dict[Any, Any]:
    """Return {key: (line, lines of its mapping)} for a mapping node."""
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {key.value: (key.start_mark.line + 1, _lines(value)) for key, value in node.value}
