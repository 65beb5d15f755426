"""A charm's metadata, actions and options, as charm authors see them.

Role: from parsed YAML to plain objects.  Reads the three files only in `CharmMeta.from_charm_root`.
Not here: what the controller makes of the same files; ``charmcraft.yaml`` splitting (a packer does that).
"""

from __future__ import annotations

import contextlib
import enum
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TextIO, cast

from . import _context, _yaml
from ._errors import ModelError
from ._value import Value

if TYPE_CHECKING:
    from typing import TypedDict

    from typing_extensions import NotRequired, Required

    class _RelationMetaDict(TypedDict, total=False):
        interface: Required[str]
        limit: int
        optional: bool
        scope: str

    class _MultipleDict(TypedDict):
        range: str

    _StorageMetaDict = TypedDict(
        "_StorageMetaDict",
        {
            "type": Required[str],
            "description": NotRequired[str],
            "shared": NotRequired[bool],
            "read-only": NotRequired[bool],
            "minimum-size": NotRequired[str],
            "location": NotRequired[str],
            "multiple": NotRequired[_MultipleDict],
            "properties": NotRequired[list[str]],
        },
        total=False,
    )

    class _ResourceMetaDict(TypedDict, total=False):
        type: Required[str]
        filename: str
        description: str

    class _ContainerBaseDict(TypedDict):
        name: str
        channel: str
        architectures: list[str]


class RelationRole(enum.Enum):
    """On which side of a relation an endpoint stands."""

    peer = "peer"
    requires = "requires"
    provides = "provides"

    def is_peer(self) -> bool:
        """Return whether both sides are the same application."""
        return self is RelationRole.peer


@dataclass(frozen=True, eq=False, repr=False)
class MetadataLinks(Value):
    """Where people find more about the charm."""

    websites: list[str]
    """Web sites of the charm."""

    sources: list[str]
    """Where its source is."""

    issues: list[str]
    """Where to report problems."""

    documentation: str | None
    """Where its documentation is."""


class JujuAssumesCondition(enum.Enum):
    """How many of a list of features have to be there."""

    ALL = "all-of"
    ANY = "any-of"


@dataclass(frozen=True, eq=False, repr=False)
class JujuAssumes(Value):
    """Features of the controller that the charm needs."""

    features: list[str | JujuAssumes]
    """Texts such as ``juju >= 3.1``, and nested lists."""

    condition: JujuAssumesCondition = JujuAssumesCondition.ALL
    """Whether all or any of *features* are needed."""

    @classmethod
    def from_list(cls, raw: list[Any], condition: JujuAssumesCondition = JujuAssumesCondition.ALL) -> JujuAssumes:
        """Read a list of texts and of mappings from ``all-of`` or ``any-of`` to such lists.

        Raises:
            ValueError: a mapping has another keyword.
        """
        features: list[str | JujuAssumes] = []
        for each in raw:
            if isinstance(each, str):
                features.append(each)
                continue
            for keyword, nested in each.items():
                features.append(cls.from_list(nested, JujuAssumesCondition(keyword)))
        return cls(features=features, condition=condition)


class RelationMeta:
    """An endpoint of the charm.

    Raises:
        KeyError: the endpoint has no interface.
        TypeError: the limit is not a number, or the scope neither ``global`` nor ``container``.
    """

    VALID_SCOPES: ClassVar[list[str]] = ["global", "container"]

    role: RelationRole
    """Side of the relation."""

    relation_name: str
    """Name of the endpoint."""

    interface_name: str | None
    """What both sides speak."""

    limit: int | None
    """How many relations the endpoint may have; None for any number."""

    scope: str
    """``global``, or ``container`` if only units on the same machine see each other."""

    optional: bool
    """Whether the charm works without the relation.  The controller does not look at it."""

    def __init__(self, role: RelationRole, relation_name: str, raw: _RelationMetaDict):
        limit = raw.get("limit")
        if limit is not None and not isinstance(limit, int):
            raise TypeError(f"limit of relation {relation_name} must be an integer, not {limit!r}")
        scope = raw.get("scope", self.VALID_SCOPES[0])
        if scope not in self.VALID_SCOPES:
            raise TypeError(f"scope of relation {relation_name} must be one of {self.VALID_SCOPES}, not {scope!r}")
        self.role = role
        self.relation_name = relation_name
        self.interface_name = raw["interface"]
        self.limit = limit
        self.scope = scope
        self.optional = raw.get("optional", False)


class StorageMeta:
    """A storage that the charm may have.

    Raises:
        KeyError: it has no type.
    """

    storage_name: str
    """Name of the storage."""

    type: str
    """``filesystem`` or ``block``."""

    description: str
    """What the storage is for."""

    shared: bool
    """Whether all units share it."""

    read_only: bool
    """Whether it cannot be written."""

    minimum_size: str | None
    """Smallest size, such as ``1G``."""

    location: str | None
    """Where a filesystem is mounted."""

    multiple_range: tuple[int, int | None] | None
    """Fewest and most instances (None for no upper bound); None if there is exactly one, always."""

    properties: list[str]
    """Further properties, such as ``transient``."""

    def __init__(self, name: str, raw: _StorageMetaDict):
        self.storage_name = name
        self.type = raw["type"]
        self.description = raw.get("description", "")
        self.shared = raw.get("shared", False)
        self.read_only = raw.get("read-only", False)
        self.minimum_size = raw.get("minimum-size")
        self.location = raw.get("location")
        self.multiple_range = None
        if "multiple" in raw:
            self.multiple_range = _parse_range(raw["multiple"]["range"])
        self.properties = raw.get("properties", [])


def _parse_range(text: str | int) -> tuple[int, int | None]:
    """Read ``2`` (exactly), ``2+`` or ``2-`` (at least) or ``2-4``."""
    low, dash, high = str(text).replace("+", "-").partition("-")
    if not dash:
        return int(low), int(low)
    return int(low), int(high) if high else None


class ResourceMeta:
    """A file or image that is delivered with the charm.

    Raises:
        KeyError: it has no type.
    """

    resource_name: str
    """Name of the resource."""

    type: str
    """``file`` or ``oci-image``."""

    filename: str | None
    """Name under which a file is delivered."""

    description: str
    """What the resource is for."""

    def __init__(self, name: str, raw: _ResourceMetaDict):
        self.resource_name = name
        self.type = raw["type"]
        self.filename = raw.get("filename")
        self.description = raw.get("description", "")


class PayloadMeta:
    """A payload, a notion of old controllers.

    Raises:
        KeyError: it has no type.
    """

    payload_name: str
    """Name of the payload."""

    type: str
    """Type of the payload."""

    def __init__(self, name: str, raw: dict[str, Any]):
        self.payload_name = name
        self.type = raw["type"]


class ActionMeta:
    """An action of the charm."""

    def __init__(self, name: str, raw: dict[str, Any] | None = None):
        raw = raw or {}
        # The controller's own default changed with 4.0, and it is the controller that checks parameters.
        open_by_default = _context.version_from_environ() < "4.0.0"
        self.name = name
        self.title = raw.get("title", "")
        self.description = raw.get("description", "")
        self.parameters = raw.get("params", {})
        """JSON schema of each parameter, by name."""
        self.required = raw.get("required", [])
        """Names of the parameters that must be given."""
        self.additional_properties = raw.get("additionalProperties", open_by_default)
        """Whether parameters may be given that are not declared."""


@dataclass(frozen=True, eq=False, repr=False)
class ConfigMeta(Value):
    """An option of the charm."""

    name: str
    """Name of the option."""

    type: Literal["boolean", "int", "float", "string", "secret"]
    """What its values are."""

    default: bool | int | float | str | None
    """Value when nobody set one; None for no default."""

    description: str | None
    """What the option does."""


@dataclass(frozen=True, eq=False, repr=False)
class ContainerBase(Value):
    """An operating system that a workload container may be based on."""

    os_name: str
    """Name of the system, such as ``ubuntu``."""

    channel: str
    """Its channel, such as ``22.04/stable``."""

    architectures: list[str]
    """Processors that it is for."""

    @classmethod
    def from_dict(cls, d: _ContainerBaseDict) -> ContainerBase:
        """Read one entry of ``bases``."""
        return cls(os_name=d["name"], channel=d["channel"], architectures=d["architectures"])


class ContainerStorageMeta:
    """Where a storage is mounted in a workload container."""

    storage: str
    """Name of the storage."""

    def __init__(self, storage: str, location: str):
        self.storage = storage
        self._locations: list[str] = [location]

    def add_location(self, location: str):
        """Add another mount of the same storage."""
        self._locations.append(location)

    @property
    def locations(self) -> list[str]:
        """All places where the storage is mounted."""
        return self._locations

    @property
    def location(self) -> str:
        """The place where the storage is mounted.

        Raises:
            RuntimeError: there are several; use `locations`.
        """
        if len(self._locations) == 1:
            return self._locations[0]
        raise RuntimeError(
            f"storage {self.storage} is mounted at {len(self._locations)} places; use the property locations"
        )


class ContainerMeta:
    """A workload container.

    Raises:
        ModelError: it has both a resource and bases.
    """

    name: str
    """Name of the container."""

    resource: str | None
    """Resource that is its image."""

    bases: list[ContainerBase] | None
    """Systems that it may be based on; None unless declared."""

    def __init__(self, name: str, raw: dict[str, Any]):
        raw = raw or {}
        self.name = name
        self.resource = raw.get("resource")
        self.bases = None
        if "bases" in raw:
            self.bases = [ContainerBase.from_dict(base) for base in raw["bases"] or ()]
        if self.resource and self.bases:
            raise ModelError(f"container {name} has both a resource and bases; it can only have one of them")
        self._mounts: dict[str, ContainerStorageMeta] = {}
        for mount in raw.get("mounts") or ():
            storage, location = mount.get("storage", ""), mount.get("location", "")
            if not location:
                continue
            if storage in self._mounts:
                self._mounts[storage].add_location(location)
            else:
                self._mounts[storage] = ContainerStorageMeta(storage, location)

    @property
    def mounts(self) -> dict[str, ContainerStorageMeta]:
        """Mounts by the name of the storage."""
        return self._mounts


class CharmMeta:
    """What the charm declares about itself.

    The three arguments are the parsed contents of ``metadata.yaml``, ``actions.yaml`` and ``config.yaml``.
    Missing parts are empty, never None, unless said otherwise.
    """

    name: str
    """Name of the charm."""

    summary: str
    """One line about it."""

    description: str
    """More than one line about it."""

    maintainers: list[str]
    """Who looks after it: names with addresses."""

    links: MetadataLinks
    """Where to find more."""

    tags: list[str]
    """Words to find it by."""

    terms: list[str]
    """Terms that a user has to agree to."""

    series: list[str]
    """Systems that it supports, in the way of old controllers."""

    subordinate: bool
    """Whether its units live beside those of another application."""

    min_juju_version: str | None
    """Oldest controller that it works with; None for any."""

    assumes: JujuAssumes
    """Features that it needs."""

    charm_user: Literal["root", "sudoer", "non-root"]
    """As whom it runs on Kubernetes."""

    containers: dict[str, ContainerMeta]
    """Workload containers by name."""

    requires: dict[str, RelationMeta]
    """Endpoints that need something, by name."""

    provides: dict[str, RelationMeta]
    """Endpoints that offer something, by name."""

    peers: dict[str, RelationMeta]
    """Endpoints between its own units, by name."""

    relations: dict[str, RelationMeta]
    """All endpoints by name."""

    storages: dict[str, StorageMeta]
    """Storages by name."""

    resources: dict[str, ResourceMeta]
    """Resources by name."""

    payloads: dict[str, PayloadMeta]
    """Payloads by name."""

    extra_bindings: dict[str, None]
    """Further names that addresses can be asked for."""

    actions: dict[str, ActionMeta]
    """Actions by name."""

    config: dict[str, ConfigMeta]
    """Options by name."""

    def __init__(
        self,
        raw: dict[str, Any] | None = None,
        actions_raw: dict[str, Any] | None = None,
        config_raw: dict[str, Any] | None = None,
    ):
        raw = raw or {}
        self.name = raw.get("name", "")
        self.summary = raw.get("summary", "")
        self.description = raw.get("description", "")
        self.maintainers = _maintainers(raw)
        self.links = _links(raw)
        self.tags = raw.get("tags", [])
        self.terms = raw.get("terms", [])
        self.series = raw.get("series", [])
        self.subordinate = raw.get("subordinate", False)
        self.min_juju_version = raw.get("min-juju-version")
        self.assumes = JujuAssumes.from_list(raw.get("assumes", []))
        self.charm_user = raw.get("charm-user", "root")
        self.containers = {name: ContainerMeta(name, body) for name, body in _section(raw, "containers")}
        self.requires = _endpoints(RelationRole.requires, raw, "requires")
        self.provides = _endpoints(RelationRole.provides, raw, "provides")
        self.peers = _endpoints(RelationRole.peer, raw, "peers")
        self.relations = {**self.requires, **self.provides, **self.peers}
        self.storages = {name: StorageMeta(name, body) for name, body in _section(raw, "storage")}
        self.resources = {name: ResourceMeta(name, body) for name, body in _section(raw, "resources")}
        self.payloads = {name: PayloadMeta(name, body) for name, body in _section(raw, "payloads")}
        self.extra_bindings = raw.get("extra-bindings", {})
        self.actions = {name: ActionMeta(name, body) for name, body in (actions_raw or {}).items()}
        self.config = _options(config_raw or {})

    @staticmethod
    def from_charm_root(charm_root: Path | str) -> CharmMeta:
        """Read ``metadata.yaml``, which must exist, ``actions.yaml`` and ``config.yaml``.

        Raises:
            FileNotFoundError: there is no ``metadata.yaml``.
        """
        root = Path(charm_root)
        stamps, meta = _ahead.pop(str(root), (None, None))
        if meta is not None and stamps == _stamps(str(root)):
            return meta

        def read(name: str) -> str | None:
            path = root / name
            return path.read_text(encoding="utf-8") if path.exists() else None

        metadata = (root / "metadata.yaml").read_text(encoding="utf-8")
        return CharmMeta.from_yaml(metadata, read("actions.yaml"), read("config.yaml"))

    @classmethod
    def from_yaml(
        cls,
        metadata: str | TextIO,
        actions: str | TextIO | None = None,
        config: str | TextIO | None = None,
    ) -> CharmMeta:
        """Read YAML from text or from open files.  An empty document counts as an empty mapping."""
        parts = [None if source is None else _yaml.load(source) for source in (metadata, actions, config)]
        return cls(*(cast("dict[str, Any]", part or {}) for part in parts))


_AHEAD_MAX = 64

#: What was read in advance, by directory: how the files were then, and what is in them.
_ahead: dict[str, tuple[Any, Any]] = {}


def read_ahead(charm_root: str) -> bool:
    """Keep what `CharmMeta.from_charm_root` returns for its next call; return whether it was not kept already.

    For a process that goes on as many others: the files are read once for all of them.
    """
    root = os.path.realpath(charm_root)
    stamps = _stamps(root)
    if root in _ahead and _ahead[root][0] == stamps:
        return False
    while len(_ahead) >= _AHEAD_MAX:
        del _ahead[next(iter(_ahead))]
    with contextlib.suppress(Exception):  # whoever reads them in earnest tells what is wrong
        _ahead[root] = stamps, CharmMeta.from_charm_root(root)
    return True


def _stamps(root: str) -> list[tuple[int, ...] | None]:
    """Return what changes with the files of a charm."""
    found: list[tuple[int, ...] | None] = []
    for name in ("metadata.yaml", "actions.yaml", "config.yaml"):
        try:
            stat = os.stat(os.path.join(root, name))
            found.append((stat.st_mtime_ns, stat.st_size, stat.st_ino))
        except OSError:
            found.append(None)
    return found


def _section(raw: Mapping[str, Any], name: str):
    return (raw.get(name) or {}).items()


def _endpoints(role: RelationRole, raw: Mapping[str, Any], name: str) -> dict[str, RelationMeta]:
    return {endpoint: RelationMeta(role, endpoint, body) for endpoint, body in _section(raw, name)}


def _texts(value: str | list[str] | None) -> list[str]:
    if not value:
        return []
    return [value] if isinstance(value, str) else list(value)


def _maintainers(raw: Mapping[str, Any]) -> list[str]:
    return [
        *_texts(raw.get("maintainer")),
        *_texts(raw.get("maintainers")),
        *_texts((raw.get("links") or {}).get("contact")),
    ]


def _links(raw: Mapping[str, Any]) -> MetadataLinks:
    """Take each link from the top level, or else from the section ``links`` of charmcraft.yaml."""
    links = raw.get("links") or {}
    return MetadataLinks(
        websites=_texts(raw.get("website") or links.get("website")),
        sources=_texts(raw.get("source") or links.get("source")),
        issues=_texts(raw.get("issues") or links.get("issues")),
        documentation=raw.get("docs") or links.get("documentation"),
    )


def _options(raw: Mapping[str, Any]) -> dict[str, ConfigMeta]:
    """Read the section ``options``.

    Raises:
        RuntimeError: an option has no type.
    """
    options: dict[str, ConfigMeta] = {}
    for name, body in _section(raw, "options"):
        if not (body or {}).get("type"):
            raise RuntimeError(f"option {name} in config.yaml has no type")
        options[name] = ConfigMeta(
            name=name,
            type=body["type"],
            default=body.get("default"),
            description=body.get("description"),
        )
    return options
