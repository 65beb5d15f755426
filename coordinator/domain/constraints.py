"""Constraints: what a machine must have for a unit to be placed there.

Role: the keys, what a value of each is, and which machines meet them.  A machine must have that much; nothing of
it is reserved.  Machines are hosts that are there already, not ones that are ordered to measure, so some keys have
no meaning: they are kept and shown, and nothing is placed by them (HONOURED has the others).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from coordinator.domain.charm import SIZE, size_mb
from coordinator.domain.model import Machine
from coordinator.domain.space import Space, space_of
from coordinator.errors import BadRequest

_TAG = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")

#: Architectures, by the names that people know of their packages.
ARCHITECTURES = ("amd64", "arm64", "armhf", "i386", "ppc64el", "riscv64", "s390x")


def _arch(text: str) -> str:
    if text and text not in ARCHITECTURES:
        raise ValueError(f"expected one of {', '.join(ARCHITECTURES)}")
    return text


def _whole(text: str) -> int:
    if text and not (text.isascii() and text.isdigit()):
        raise ValueError("expected a whole number")
    return int(text or 0)


def _size_mb(text: str) -> int:
    if not text or (text.isascii() and text.isdigit()):
        return int(text or 0)
    if (match := SIZE.fullmatch(text)) is None:
        raise ValueError("expected a size like 512M or 2G")
    return size_mb(match[1], match[2])


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("expected true or false")
    return text == "true"


def _list(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def _names(text: str) -> list[str]:
    names = _list(text)
    if "^" in names:
        raise ValueError("expected names, and ^NAME for what shall not be")
    return names


def parse_tags(text: str) -> tuple[str, ...]:
    """Return the tags of a machine, given as words separated by commas, each once and sorted.

    Raises:
        BadRequest: one cannot be a tag.
    """
    tags = [part.strip() for part in text.split(",") if part.strip()]
    for tag in tags:
        if not _TAG.fullmatch(tag):
            raise BadRequest(
                f'"{tag}" is not a valid tag',
                why="it is letters, digits and . _ - inside, 63 at most",
                fix="write them like gpu,rack-3",
            )
    return tuple(sorted(set(tags)))


#: What the value of a key is; sizes are in MiB.  An empty text demands nothing, whatever the model demands.
CONSTRAINTS: Mapping[str, Callable[[str], Any]] = {
    "allocate-public-ip": _flag,
    "arch": _arch,
    "container": str,
    "cores": _whole,
    "cpu-power": _whole,
    "image-id": str,
    "instance-role": str,
    "instance-type": str,
    "mem": _size_mb,
    "root-disk": _size_mb,
    "root-disk-source": str,
    "spaces": _names,
    "tags": _names,
    "virt-type": str,
    "zones": _list,
}
SIZES = frozenset({"mem", "root-disk"})

#: Whether a machine that has addresses in some spaces meets the value of a key.
HONOURED: Mapping[str, Callable[[Any, Machine, Collection[str]], bool]] = {
    "arch": lambda wanted, machine, _: wanted in ("", machine.arch),
    "cores": lambda wanted, machine, _: wanted <= machine.cores,
    "mem": lambda wanted, machine, _: wanted <= machine.memory_mb,
    "root-disk": lambda wanted, machine, _: wanted <= machine.root_disk_mb,
    "spaces": lambda wanted, _, spaces: _agree(wanted, spaces),
    "tags": lambda wanted, machine, _: _agree(wanted, machine.tags),
}


def _agree(wanted: Iterable[str], there: Collection[str]) -> bool:
    """Say whether all names are there, and none of those that are written `^NAME`."""
    return all((name.removeprefix("^") in there) is not name.startswith("^") for name in wanted)


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


def as_typed(values: Mapping[str, Any]) -> list[str]:
    """Return constraints, of `constraint_values`, as people type them: `mem=2048M`."""
    return [f"{key}={_word(key, value)}" for key, value in values.items()]


def _word(key: str, value: Any) -> str:
    if isinstance(value, list):
        return ",".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    if value == 0:
        return ""
    return f"{value}M" if key in SIZES else str(value)


def unmet(values: Mapping[str, Any], machine: Machine, spaces: Mapping[str, Space]) -> dict[str, Any]:
    """Return those of *values*, of `constraint_values`, that *machine* does not meet; *spaces* are its model's."""
    if not values:
        return {}
    there = {space_of(spaces, address) for address in machine.addresses}
    return {
        key: value for key, value in values.items() if key in HONOURED and not HONOURED[key](value, machine, there)
    }


def spaces_named(constraints: Mapping[str, str]) -> set[str]:
    """Return the spaces that *constraints* name, be it that a machine shall not be there."""
    return {name.removeprefix("^") for name in _list(constraints.get("spaces", ""))}


def with_space_renamed(constraints: Mapping[str, str], name: str, to: str | None) -> dict[str, str]:
    """Return *constraints* with *to* in place of the space *name*; None: without it."""
    if name not in spaces_named(constraints):
        return dict(constraints)
    renamed = {name: to, f"^{name}": to and f"^{to}"}
    kept = [renamed.get(each, each) for each in _list(constraints["spaces"])]
    found = {**constraints, "spaces": ",".join(filter(None, kept))}
    return found if found["spaces"] else {key: text for key, text in found.items() if key != "spaces"}
