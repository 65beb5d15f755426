"""Secrets on the command line: what they hold as people give it, and the table of `secrets`.

Role: shared by the commands about secrets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from coordinator.cli import times, values
from coordinator.cli.render import table
from coordinator.domain.secret import Content, parse_content
from coordinator.errors import NotFound, Refused

COLUMNS = ("ID", "Name", "Owner", "Rotation", "Revision", "Last updated")


def content(words: Sequence[str], path: str | None) -> dict[str, str]:
    """Return values by key in base64: what *words* and the YAML file *path* say; empty when they say nothing."""
    document = None
    if path is not None:
        document = {str(key): _text(key, value) for key, value in values.read_yaml(path).items()}
    found = parse_content(words, document, _read)
    return (found or Content({})).coded()


def _text(key: Any, value: Any) -> str:
    if not isinstance(value, str):
        raise Refused(f'the value of "{key}" is no text', fix="put it in quotes")
    return value


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as cause:
        raise NotFound(f"cannot read {path}", why="no such file or directory", fix="check the path") from cause
    except OSError as cause:
        raise Refused(f"cannot read {path}", why=cause.strerror or str(cause)) from cause


def table_of(found: Mapping[str, Any], now: datetime) -> str:
    """Return secrets as people read them: by owner, the newest revision first."""
    ordered = sorted(found.items(), key=lambda item: (item[1]["owner"], -item[1]["revision"], item[0]))
    rows = [
        (
            secret_id,
            secret.get("name", "-"),
            secret["owner"],
            secret.get("rotation", "never"),
            str(secret["revision"]),
            times.age(secret["updated"], now),
        )
        for secret_id, secret in ordered
    ]
    return table(COLUMNS, rows)
