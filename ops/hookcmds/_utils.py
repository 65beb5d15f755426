"""Call one hook command and read what it prints.

Used by the modules beside it; see _backend.py for how the call is carried out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .. import _backend

HIDDEN = "<hidden>"
"""Stands in an error's command for what must not get into logs."""


class Error(Exception):
    """A hook command ended with a status other than 0."""

    returncode: int
    """Exit status: 2 for wrong arguments, 1 for everything else."""

    cmd: list[str]
    """Name and arguments of the command, without what is secret."""

    stdout: str = ""
    """What the command printed."""

    stderr: str = ""
    """What it said about the failure."""

    def __init__(self, *, returncode: int, cmd: list[str], stdout: str = "", stderr: str = ""):
        super().__init__(
            f"command {' '.join(cmd)!r} failed with exit status {returncode}: {stderr.strip() or 'no text'}"
        )
        self.returncode = returncode
        self.cmd = cmd
        self.stdout = stdout
        self.stderr = stderr


def run(tool: str, *arguments: str, stdin: str | None = None, shown: Sequence[str] | None = None) -> str:
    """Return what *tool* prints.  *shown* replaces the arguments in an error; None shows them all.

    Raises:
        Error: the command ended with a status other than 0.
    """
    reply = _backend.call(tool, arguments, stdin)
    if reply.returncode != 0:
        visible = arguments if shown is None else shown
        raise Error(returncode=reply.returncode, cmd=[tool, *visible], stdout=reply.stdout, stderr=reply.stderr)
    return reply.stdout


def run_json(tool: str, *arguments: str) -> Any:
    """Return what *tool* prints as JSON."""
    return json.loads(run(tool, *arguments))


def relation_reference(id: int | None, endpoint: str | None) -> list[str]:
    """Return the option that names a relation; none if *id* is None.

    With the endpoint in it the controller can tell that a number belongs to another endpoint.
    """
    if id is None:
        return []
    return ["-r", f"{endpoint}:{id}" if endpoint else str(id)]


def flatten(nested: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of nested mappings, keys joined with dots.  An empty mapping has no leaves."""
    for key, value in nested.items():
        path = f"{prefix}.{key}" if prefix else key
        if isinstance(value, Mapping):
            yield from flatten(value, path)
        else:
            yield path, value
