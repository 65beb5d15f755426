"""Resources: files that a charm declares and people hand in.

Role: what is declared, what was given, and under which name a unit finds it.
Not here: the content (store/archives.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coordinator.domain.charm import CharmMeta
from coordinator.errors import NotFound

IMAGE_FILE = "content.yaml"  # what stands for an image: where to pull it from


@dataclass(frozen=True, kw_only=True, slots=True)
class Blob:
    """The content of a resource, named by its hash; `chunks` 0: it is at the blob location."""

    sha256: str
    size: int
    chunks: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """One resource of an application as it was handed in last.  `uploaded`: RFC 3339 in UTC; `by`: the user."""

    sha256: str
    size: int
    revision: int
    uploaded: str
    by: str


def declared(meta: CharmMeta, name: str) -> Mapping[str, Any]:
    """Return what the charm says of its resource *name*.

    Raises:
        NotFound: it has none of that name.
    """
    if name not in meta.resources:
        known = ", ".join(sorted(meta.resources)) or "none"
        raise NotFound(f'resource "{name}" not found', why=f'charm "{meta.name}" declares {known}')
    found = meta.resources[name]
    return found if isinstance(found, Mapping) else {}


def kind_of(meta: CharmMeta, name: str) -> str:
    """Return `file` or `oci-image`."""
    return str(declared(meta, name).get("type", "file"))


def filename_of(meta: CharmMeta, name: str) -> str:
    """Return under which name a unit finds the resource: one part of a path, whatever the charm says."""
    if kind_of(meta, name) == "oci-image":
        return IMAGE_FILE
    told = str(declared(meta, name).get("filename") or name).replace("\\", "/").rpartition("/")[2]
    return told if told not in ("", ".", "..") else name
