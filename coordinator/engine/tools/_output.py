"""How the value of a hook command is printed: smart, yaml or json.

The three differ where bash charms need it: smart prints bare words, and nothing at all for what is empty.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

try:
    from yaml import CSafeDumper as _Dumper
except ImportError:  # PyYAML without libyaml: the same, slower
    from yaml import SafeDumper as _Dumper  # type: ignore[assignment]

# What the original escapes in JSON; a few charms compare texts rather than values.
_ESCAPED = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}

_json = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def render(value: Any, form: str) -> bytes:
    """Return *value* as *form* ("smart", "yaml" or "json") prints it; None is "nothing"."""
    if form == "json":
        return (_json(value).translate(_ESCAPED) + "\n").encode()
    if value is None:
        return b""
    if form == "smart":
        if isinstance(value, (bool, int, float, str)):
            return f"{value}\n".encode() if value != "" else b""
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return "".join(f"{item}\n" for item in value).encode()
    return _yaml(value)


def _yaml(value: Any) -> bytes:
    text = yaml.dump(value, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, width=2**31 - 1)
    # PyYAML ends a bare scalar with the mark for the end of a document.
    return text.removesuffix("...\n").encode() if text.endswith("\n...\n") else text.encode()
