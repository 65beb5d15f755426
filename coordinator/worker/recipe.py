"""How a charm starts its Python program: read from its `dispatch`, where that is one of the usual few lines.

Role: pure; from a script's text to what it would run.  A script that does anything else is a program of its
own, and is run as one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ASSIGNMENT = r'[A-Za-z_]\w*=(?:"[^"`]*"|[^\s"\'`;&|<>()]*)'
_COMMAND = re.compile(
    rf"(?P<assignments>(?:{_ASSIGNMENT}\s+)*)(?:exec\s+)?(?P<assignments2>(?:{_ASSIGNMENT}\s+)*)"
    r"(?P<interpreter>(?:/usr/bin/env\s+)?python3\s+)?"
    r"(?P<program>(?:\./)?[\w.][\w./-]*\.py)"
    r"(?:\s+\"\$@\")?"
)
_SHELLS = ("#!/bin/sh", "#!/bin/bash", "#!/usr/bin/env sh", "#!/usr/bin/env bash")
#: What a shell makes of these the environment of a hook says already.
_KNOWN = {"JUJU_DISPATCH_PATH": ('"${JUJU_DISPATCH_PATH:-$0}"', "${JUJU_DISPATCH_PATH:-$0}")}


@dataclass(frozen=True, slots=True)
class Recipe:
    """What `dispatch` runs: a Python program, relative to the charm directory, and what it searches for modules.

    `python_path` has relative directories as they are written; None means that PYTHONPATH is left alone.
    `by_itself`: the program is started by its own first line, see `is_python`, and not by a `python3` in front
    of it.
    """

    program: str
    by_itself: bool
    python_path: tuple[str, ...] | None = None
    variables: tuple[tuple[str, str], ...] = ()


def read_recipe(dispatch: str) -> Recipe | None:
    """Return what the script *dispatch* runs, or None if it does more than to run one Python program."""
    first, *rest = dispatch.splitlines() or [""]
    if first.strip().removesuffix(" -e") not in _SHELLS:
        return None
    lines = [line.strip() for line in rest if line.strip() and not line.strip().startswith("#")]
    match = _COMMAND.fullmatch(lines[0]) if len(lines) == 1 else None
    if match is None or ".." in match["program"].split("/"):
        return None
    python_path: tuple[str, ...] | None = None
    variables: list[tuple[str, str]] = []
    for text in re.findall(_ASSIGNMENT, match["assignments"] + match["assignments2"]):
        name, _, value = text.partition("=")
        if value in _KNOWN.get(name, ()):
            continue
        value = value.strip('"')
        if name == "PYTHONPATH":
            # An earlier PYTHONPATH is empty in the environment of a hook.
            parts = [part for part in value.split(":") if part not in ("$PYTHONPATH", "${PYTHONPATH}")]
            if "$" in "".join(parts):
                return None
            python_path = tuple(part for part in parts if part)
        elif "$" in value:
            return None
        else:
            variables.append((name, value))
    program = match["program"].removeprefix("./")
    return Recipe(program, match["interpreter"] is None, python_path, tuple(variables))


def is_python(first_line: str) -> bool:
    """Return whether a program that begins like this is run by the `python3` in the search path."""
    return first_line.strip() == "#!/usr/bin/env python3"
