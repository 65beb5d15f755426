"""Names of models, applications, units and endpoints: parse, check, print.

Role: the door where text becomes a type; inside, nobody splits strings on a slash.
Source of the rules and of the texts that clients match on: tests/contract/test_juju_facts.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from coordinator.errors import BadRequest

_MODEL = re.compile(r"[a-z0-9]+(-*[a-z0-9]+)*")
_APPLICATION = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]*[a-z][a-z0-9]*)*")
_NUMERIC_END = re.compile(r"(.*)-\d+")
_UNIT = re.compile(rf"({_APPLICATION.pattern})/(0|[1-9]\d*)")

PATH_LENGTH_MAX = 1024
NAME_LENGTH_MAX = 63  # names end up in keys, host names and file names


@dataclass(frozen=True, order=True, slots=True)
class UnitName:
    """One unit of an application: prints as `web/0`, sorts by application and then by number."""

    app: str
    number: int

    @classmethod
    def parse(cls, text: str) -> UnitName:
        """Return the unit called *text*.

        Raises:
            BadRequest: *text* is not an application name, a slash and a number.
        """
        found = _parse_unit(text)
        if found is None:
            raise BadRequest(
                f'unit name "{text}" not valid',
                why="a unit is an application name, a slash and a number",
                fix="write it like web/0",
            )
        return found

    def __str__(self) -> str:
        return f"{self.app}/{self.number}"

    @property
    def dashed(self) -> str:
        """The form used in directory names and log entities: `unit-web-0`."""
        return f"unit-{self.app}-{self.number}"


@lru_cache(maxsize=65_536)
def _parse_unit(text: str) -> UnitName | None:
    match = _UNIT.fullmatch(text)
    return UnitName(match[1], int(match[match.lastindex or 0])) if match else None


def is_unit_name(text: str) -> bool:
    """Say whether *text* names a unit (of whatever application)."""
    return _parse_unit(text) is not None


def check_model_name(name: str) -> str:
    """Return *name* if a model may be called so.

    Raises:
        BadRequest: it has other characters than lower-case letters, digits and inner hyphens, or is too long.
    """
    if len(name) > NAME_LENGTH_MAX or not _MODEL.fullmatch(name):
        raise BadRequest(
            f'"{name}" is not a valid name: model names may only contain lowercase letters, digits and hyphens',
            fix=f"choose a name of at most {NAME_LENGTH_MAX} such characters, like demo",
        )
    return name


def check_application_name(name: str) -> str:
    """Return *name* if an application may be called so.

    Raises:
        BadRequest: it breaks a rule; the text says which.
    """
    if len(name) <= NAME_LENGTH_MAX and _APPLICATION.fullmatch(name):
        return name
    if any(letter.isupper() for letter in name):
        why = "unexpected uppercase character"
    elif numeric := _NUMERIC_END.fullmatch(name):
        why = "unexpected number(s) found after last hyphen"
        name_fix = numeric[1]
        raise _bad_application(name, why, f"choose a name that does not end in a number, like {name_fix}")
    elif len(name) > NAME_LENGTH_MAX:
        raise _bad_application(f"{name[:20]}…", f"it has {len(name)} characters", f"use {NAME_LENGTH_MAX} at most")
    elif odd := next((each for each in name if not (each.isascii() and (each.isalnum() or each == "-"))), None):
        why = f"unexpected character {odd}"
    else:
        why = "a name starts with a letter and every part between hyphens has one"
    raise _bad_application(name, why, "use lower-case letters, digits and hyphens, like my-app")


def _bad_application(name: str, why: str, fix: str) -> BadRequest:
    return BadRequest(f'invalid application name "{name}", {why}', fix=fix)


@dataclass(frozen=True, order=True, slots=True)
class EndpointName:
    """What a person writes to `integrate`: an application, and maybe one endpoint of it."""

    app: str
    endpoint: str | None = None

    @classmethod
    def parse(cls, text: str) -> EndpointName:
        app, colon, endpoint = text.partition(":")
        check_application_name(app)
        if colon and not endpoint:
            raise BadRequest(f'endpoint "{text}" not valid', fix=f"write {app} or {app}:ENDPOINT")
        return cls(app, endpoint or None)

    def __str__(self) -> str:
        return f"{self.app}:{self.endpoint}" if self.endpoint else self.app


def check_path(text: str) -> str:
    """Return *text* if it is the path of a directory below the root, written in the one way that there is.

    Raises:
        BadRequest: it is not.
    """
    parts = text.split("/")
    plain = len(text) <= PATH_LENGTH_MAX and text.isprintable()
    if not plain or parts[0] or len(parts) < 2 or any(part in ("", ".", "..") for part in parts[1:]):
        raise BadRequest(
            f'path "{text[:80]}" not valid',
            why="it is absolute, has no empty parts, no . and no .., and is not the root",
            fix="write it like /srv/data",
        )
    return text


def natural(text: str) -> tuple[tuple[int, int | str], ...]:
    """Return a key that sorts `web/2` before `web/10`."""
    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", text) if part)
