"""What a charm declares about itself: metadata, actions and options, as plain mappings and as `ops.CharmMeta`.

Role: find it, whether a test gives mappings (`Context`), texts (`Harness`), or nothing, so that the files beside
the charm's source are read.  A file is parsed once in a process for as long as it stays the same.
Not here: what extensions of charmcraft add (_extensions.py), and whether it all fits a state (_consistency.py).
"""

from __future__ import annotations

import functools
import inspect
import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TextIO, TypeVar

from .. import _yaml
from .._charm import CharmBase
from .._meta import CharmMeta
from ._extensions import expanded
from .errors import ContextSetupError, MetadataNotFoundError

_CharmT = TypeVar("_CharmT", bound=CharmBase)
_CharmT_co = TypeVar("_CharmT_co", bound=CharmBase, covariant=True)

NAMELESS = "test-charm"
"""Name of a charm in a `Harness` that has no metadata at all."""

OLD_FILES = ("metadata.yaml", "actions.yaml", "config.yaml")
"""What a charm has instead of a ``charmcraft.yaml``, and what a packed one always has."""


@dataclass(frozen=True)
class CharmSpec(Generic[_CharmT_co]):
    """A charm's class, and what would be in its files.  The mappings are never changed."""

    charm_type: type[_CharmT_co]
    """Class of the charm."""

    meta: dict[str, Any]
    """Content of ``metadata.yaml``."""

    actions: dict[str, Any] | None = None
    """Content of ``actions.yaml``; None for no such file."""

    config: dict[str, Any] | None = None
    """Content of ``config.yaml``; None for no such file."""

    is_autoloaded: bool = False
    """Whether it comes from the files beside the charm."""

    charm_dir: Path | None = None
    """Directory above the one of the charm's source, if what was looked for was found there."""

    @functools.cached_property
    def charm_meta(self) -> CharmMeta:
        """The same as the charm sees it.

        Raises:
            KeyError: the metadata has no name.
        """
        if not self.meta.get("name"):
            raise KeyError("the metadata has no 'name'; add one, like {'name': 'my-charm'}")
        return CharmMeta(self.meta, self.actions, self.config)

    @property
    def files(self) -> dict[str, Any]:
        """Contents by name of the file; None for one that is not there."""
        return {"metadata.yaml": self.meta, "actions.yaml": self.actions, "config.yaml": self.config}

    @functools.cached_property
    def key(self) -> str:
        """Text that is the same for the same files, and for no others."""
        return json.dumps(self.files, sort_keys=True, default=repr)

    @classmethod
    def load(
        cls,
        charm_type: type[_CharmT],
        meta: Mapping[str, Any] | None = None,
        *,
        actions: Mapping[str, Any] | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> CharmSpec[_CharmT]:
        """Return what is given; if that is nothing, what is in the charm's directory.

        *meta* may be the content of a ``charmcraft.yaml``, with actions and options in it.

        Raises:
            ContextSetupError: nothing is given, and nothing is there.
            ValueError: actions or options are given twice, and differ.
        """
        if not any((meta, actions, config)):
            try:
                return cls.autoload(charm_type)
            except MetadataNotFoundError as cause:
                raise ContextSetupError(
                    f"nothing says what {charm_type.__name__} declares: {cause}; "
                    "or pass meta={'name': …} with what would be in its metadata"
                ) from cause
        own = dict(meta or {"name": charm_type.__name__})
        return CharmSpec(
            charm_type,
            actions=_only_once("actions", own.pop("actions", None), actions),
            config=_only_once("config", own.pop("config", None), config),
            meta=own,
        )

    @classmethod
    def autoload(cls, charm_type: type[_CharmT]) -> CharmSpec[_CharmT]:
        """Return what is in the directory above that of the charm's source.

        That is ``charmcraft.yaml`` if it is the whole description of a charm; else ``metadata.yaml``,
        ``actions.yaml`` and ``config.yaml``.

        Raises:
            MetadataNotFoundError: there is neither, or the source has no file at all.
            ValueError: ``charmcraft.yaml`` and an extension of charmcraft contradict each other.
        """
        directory = find_charm_dir(charm_type)
        if directory is None:
            raise MetadataNotFoundError(
                f"{charm_type.__name__} is not in a file, beside which there could be metadata"
            )
        charmcraft = read_yaml(directory / "charmcraft.yaml")
        if charmcraft.get("type") == "charm" and {"name", "summary", "description"} <= charmcraft.keys():
            content = expanded(charmcraft)
            actions, config = content.pop("actions", None), content.pop("config", None)
            return CharmSpec(charm_type, content, actions, config, is_autoloaded=True, charm_dir=directory)
        meta = read_yaml(directory / "metadata.yaml")
        if not meta:
            raise MetadataNotFoundError(
                f"{directory} has neither a charmcraft.yaml with type: charm, name, summary and description, "
                "nor a metadata.yaml"
            )
        return CharmSpec(
            charm_type,
            meta,
            read_yaml(directory / "actions.yaml") or None,
            read_yaml(directory / "config.yaml") or None,
            is_autoloaded=True,
            charm_dir=directory,
        )

    @classmethod
    def from_yaml(
        cls,
        charm_type: type[_CharmT],
        *,
        meta: str | TextIO | None = None,
        actions: str | TextIO | None = None,
        config: str | TextIO | None = None,
    ) -> CharmSpec[_CharmT]:
        """Return what the given YAML says, and what is in the charm's directory in place of None.

        ``charmcraft.yaml`` comes first, part by part.  Without any metadata the charm is called `NAMELESS`.
        """
        directory = find_charm_dir(charm_type)
        charmcraft: dict[str, Any] = {}
        if directory is not None:
            charmcraft = read_yaml(directory / "charmcraft.yaml")

        def part(given: str | TextIO | None, section: Any, file: str) -> dict[str, Any] | None:
            if given is not None:
                return _parse_text(given)
            if section or directory is None:
                return section
            return read_yaml(directory / file) or None

        described = charmcraft if charmcraft.keys() & {"name", "summary", "description"} else None
        found = part(meta, described, "metadata.yaml")
        is_there = directory is not None and (
            bool(charmcraft) or any((directory / name).is_file() for name in OLD_FILES)
        )
        return CharmSpec(
            charm_type,
            {"name": NAMELESS} if found is None else found,
            part(actions, charmcraft.get("actions"), "actions.yaml"),
            part(config, charmcraft.get("config"), "config.yaml"),
            is_autoloaded=meta is None and found is not None,
            charm_dir=directory if is_there else None,
        )


def _only_once(what: str, in_meta: Any, given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the one that is there.  Saying the same twice is fine: many tests pass all of ``charmcraft.yaml``.

    Raises:
        ValueError: both are there, and differ.
    """
    if in_meta is not None and given is not None and in_meta != given:
        raise ValueError(
            f"`{what}` is in `meta` and an argument of its own, and they differ: leave one of them away"
        )
    found = in_meta if given is None else given
    return None if found is None else dict(found)


def find_charm_dir(charm_type: type[Any]) -> Path | None:
    """Return the directory above that of the source of *charm_type*; None if it has no source file."""
    try:
        return Path(inspect.getfile(charm_type)).parent.parent
    except (TypeError, OSError):
        return None


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping that is in a file, as a copy; an empty one if there is no such file, or nothing in it.

    Raises:
        MetadataNotFoundError: something else than a mapping is in it.
        yaml.YAMLError: it is no YAML.
    """
    try:
        now = path.stat()
    except OSError:
        return {}
    content = _parse_file(path, now.st_mtime_ns, now.st_size)
    if content is not None and not isinstance(content, dict):
        raise MetadataNotFoundError(f"{path} must have a mapping in it, not a {type(content).__name__}")
    return _copied(content or {})


# The time and size of the file are only there to tell one content from the next.
@functools.lru_cache(maxsize=64)
def _parse_file(path: Path, mtime_ns: int, size: int) -> Any:
    with path.open(encoding="utf-8") as file:
        return _yaml.load(file)


def _parse_text(given: str | TextIO) -> dict[str, Any]:
    """Return the mapping that a text says, which may be indented as a whole; nothing says an empty one."""
    text = given if isinstance(given, str) else given.read()
    return _copied(_parse_known_text(text) or {})


@functools.lru_cache(maxsize=64)
def _parse_known_text(text: str) -> Any:
    return _yaml.load(textwrap.dedent(text))


def _copied(value: Any) -> Any:
    """Return a copy of what YAML can say."""
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_copied(each) for each in value]
    return value
