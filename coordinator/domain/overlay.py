"""Overlays: documents that change a bundle, merged into it as YAML that was read.

Role: what may be only there, and how one document changes another.  Not here: what the result means (bundle.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from coordinator.errors import Refused

_ONLY_IN_OVERLAYS = ("offers", "exposed-endpoints")
_APPLICATIONS = "applications"


def merged(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the first of *documents* as the others, in their order, change it.

    Raises:
        Refused: the first has what only overlays may have.
    """
    bundle, *overlays = map(_with_new_names, documents)
    for name, app in (bundle.get(_APPLICATIONS) or {}).items():
        for key in _ONLY_IN_OVERLAYS:
            if isinstance(app, Mapping) and key in app:
                raise Refused(
                    f"{name}.{key} can only appear in an overlay section",
                    why="it belongs to one deployment of the bundle",
                    fix="move it to an overlay: a file for --overlay, or a document of its own after ---",
                )
    for overlay in overlays:
        bundle = _changed(bundle, overlay)
    return bundle


def _with_new_names(document: Mapping[str, Any]) -> dict[str, Any]:
    tree = dict(document)
    if "services" in tree:
        tree.setdefault(_APPLICATIONS, tree.pop("services"))
    return tree


def _changed(bundle: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Return *bundle* with what *overlay* says: relations on top, machines instead; an application that is null
    there goes with its relations."""
    after = {**bundle, **{key: value for key, value in overlay.items() if key not in (_APPLICATIONS, "saas")}}
    after["relations"] = [*(bundle.get("relations") or []), *(overlay.get("relations") or [])]
    for section in (_APPLICATIONS, "saas"):
        parts = dict(bundle.get(section) or {})
        for name, part in (overlay.get(section) or {}).items():
            if part is None:
                parts.pop(name, None)
                after["relations"] = [each for each in after["relations"] if not _names(each, str(name))]
            else:
                parts[name] = _merged(parts.get(name), part)
        after[section] = parts
    return after


def _merged(before: Any, after: Any) -> Any:
    """Return *after* in place of *before*; of mappings key by key, where null deletes, and {} clears."""
    if not (isinstance(before, Mapping) and isinstance(after, Mapping) and after):
        return after
    both = {key: _merged(before.get(key), value) for key, value in after.items()}
    return {key: value for key, value in {**before, **both}.items() if value is not None}


def _names(ends: Any, app: str) -> bool:
    """Say whether a relation, in one of the forms that bundles have, names *app*."""
    if isinstance(ends, list):
        return any(_names(end, app) for end in ends)
    return str(ends).partition(":")[0] == app
