"""Log lines: which of them a person wants, and how they read.  Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone, tzinfo
from fnmatch import fnmatchcase
from typing import Any

from coordinator.cli.render import styled
from coordinator.domain.names import is_unit_name

LEVELS = ("TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_STYLES = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}

Line = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What to show: kinds of conditions are ANDed, several of one kind ORed.  Empty: everything."""

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    include_module: Sequence[str] = ()
    exclude_module: Sequence[str] = ()
    level: str = "TRACE"

    def wants(self, line: Line) -> bool:
        entity, module = line["entity"], line["module"]
        if _rank(line["level"]) < _rank(self.level):
            return False
        if self.include and not any(is_entity(entity, name) for name in self.include):
            return False
        if any(is_entity(entity, name) for name in self.exclude):
            return False
        if self.include_module and not any(_is_below(module, prefix) for prefix in self.include_module):
            return False
        return not any(_is_below(module, prefix) for prefix in self.exclude_module)


def is_entity(entity: str, name: str) -> bool:
    """Say whether *entity*, like `unit-web-0`, is what a person calls *name*.

    That is: `web/0`, `unit-web-0`, `machine-0`, `0`, `web` for all units of it, or a full name with `*`.
    """
    if name == entity or fnmatchcase(entity, name):
        return True
    if is_unit_name(name) or "/" in name:
        return fnmatchcase(entity, "unit-" + name.replace("/", "-"))
    if name.isdecimal():
        return entity == f"machine-{name}"
    kind, _, rest = entity.partition("-")
    app, _, number = rest.rpartition("-")
    return kind == "unit" and number.isdecimal() and fnmatchcase(app, name)


def _is_below(module: str, prefix: str) -> bool:
    return module == prefix or module.startswith((prefix + ".", prefix + "/"))


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else LEVELS.index("INFO")


@dataclass(frozen=True, kw_only=True)
class Style:
    """How lines read.  `zone` None: that of this machine."""

    date: bool = False
    ms: bool = False
    utc: bool = False
    as_json: bool = False
    colour: bool = False
    zone: tzinfo | None = None

    def text(self, line: Line) -> str:
        """Return a line as `ENTITY: TIME LEVEL MODULE MESSAGE`, or as JSON."""
        moment = datetime.fromtimestamp(line["at_s"], timezone.utc)
        if self.as_json:
            stamp = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            fields = {key: line[key] for key in ("entity", "level", "module", "message")}
            return json.dumps({"timestamp": stamp, **fields}, separators=(",", ":"), ensure_ascii=False) + "\n"
        if not self.utc:
            moment = moment.astimezone(self.zone)
        shown = moment.strftime("%Y-%m-%d %H:%M:%S" if self.date else "%H:%M:%S")
        if self.ms:
            shown += f".{moment.microsecond // 1000:03}"
        level = styled(line["level"], _STYLES.get(line["level"], "")) if self.colour else line["level"]
        return f"{line['entity']}: {shown} {level} {line['module']} {line['message']}\n"
