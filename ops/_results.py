"""Results of actions: nested mappings to flat ones with keys that the controller takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_SEGMENT = r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?"


def flatten_results(results: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return *results* with the keys of nested mappings joined by dots; empty mappings vanish.

    Raises:
        ValueError: a key is no text, has other characters than lower-case letters, digits, inner hyphens
            and dots, or two paths come to the same key.
    """
    flat: dict[str, Any] = {}
    for key, value in results.items():
        if not isinstance(key, str) or not re.fullmatch(_SEGMENT, key):
            raise ValueError(
                f"the result key {key!r} is invalid: must be similar to 'key', 'some-key2', or 'some.key'"
            )
        path = f"{prefix}.{key}" if prefix else key
        pairs = flatten_results(value, path) if isinstance(value, Mapping) else {path: value}
        for each, leaf in pairs.items():
            if each in flat:
                raise ValueError(f"duplicate key detected in dictionary passed to 'action-set': {each!r}")
            flat[each] = leaf
    return flat
