"""Constraints: which machines people would like, as they write it.

Role: the keys and what a value of each is.  They are recorded and shown, and nothing is placed by them: machines
are hosts that are there already, not ones that could be ordered to measure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from coordinator.domain.charm import SIZE, size_mb
from coordinator.errors import BadRequest


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError("expected a whole number")
    return int(text)


def _size_mb(text: str) -> int:
    if text.isascii() and text.isdigit():
        return int(text)
    if (match := SIZE.fullmatch(text)) is None:
        raise ValueError("expected a size like 512M or 2G")
    return size_mb(match[1], match[2])


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("expected true or false")
    return text == "true"


def _list(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


#: What the value of a key is; sizes are in MiB.
CONSTRAINTS: Mapping[str, Callable[[str], Any]] = {
    "allocate-public-ip": _flag,
    "arch": str,
    "container": str,
    "cores": _whole,
    "cpu-power": _whole,
    "image-id": str,
    "instance-role": str,
    "instance-type": str,
    "mem": _size_mb,
    "root-disk": _size_mb,
    "root-disk-source": str,
    "spaces": _list,
    "tags": _list,
    "virt-type": str,
    "zones": _list,
}


def constraint_values(given: Mapping[str, str]) -> dict[str, Any]:
    """Return constraints with typed values, by key.

    Raises:
        BadRequest: a key is unknown, or its value is not of its type.
    """
    found = {}
    for key, text in sorted(given.items()):
        if key not in CONSTRAINTS:
            raise BadRequest(f'unknown constraint "{key}"', fix=f"known are {', '.join(sorted(CONSTRAINTS))}")
        try:
            found[key] = CONSTRAINTS[key](text)
        except ValueError as cause:
            raise BadRequest(f'constraint "{key}" cannot be "{text}"', why=str(cause)) from cause
    return found
