"""Bring the content of resources to the controller."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from coordinator.cli.target import Target
from coordinator.cli.upload import progress_of
from coordinator.cli.usage import pairs
from coordinator.errors import NotFound, Refused


def handed_in(target: Target, words: Iterable[str]) -> dict[str, str]:
    """Send the content that `NAME=FILE` *words* name, and return its hashes by name.

    A FILE that does not exist and looks like an image stands for where to pull that from.

    Raises:
        BadRequest: a word is no pair.
        NotFound: there is no such file.
    """
    return {name: _send(target, name, content_of(name, value)) for name, value in pairs(words).items()}


def content_of(name: str, value: str) -> bytes:
    """Return the content of resource *name*: that of the file *value*, or where to pull the image *value* from.

    Raises:
        NotFound: there is no such file.
        Refused: it cannot be read.
    """
    path = Path(value).expanduser()
    try:
        return path.read_bytes()
    except FileNotFoundError as cause:
        if value.startswith((".", "/", "~")) or not ("/" in value or ":" in value):
            raise NotFound(
                f'cannot read {value} for resource "{name}"', why="no such file", fix="check the path"
            ) from cause
        return f"registrypath: {value}\n".encode()
    except OSError as cause:
        raise Refused(f'cannot read {value} for resource "{name}"', why=cause.strerror or str(cause)) from cause


def _send(target: Target, name: str, data: bytes) -> str:
    progress = progress_of(target.console, f"resource {name}", len(data))
    return target.client.upload_resource(data, progress)["sha256"]
