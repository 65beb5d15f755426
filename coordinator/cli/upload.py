"""Bring a local charm to the controller: find it, pack it, send it, and say how far that is."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from coordinator.cli.client import Tree
from coordinator.cli.console import QUIET_FOR_S, Console
from coordinator.cli.pack import METADATA, read_charm
from coordinator.cli.target import Target
from coordinator.errors import NotFound

MIB = 1024 * 1024


def upload(target: Target, path: str, *, missing: str = "no charm was found at") -> Tree:
    """Send the charm at *path* and return what the controller says of it: sha256, name, subordinate."""
    archive = read_charm(path, missing=missing)
    return target.client.upload_charm(archive, progress_of(target.console, "charm", len(archive)))


def progress_of(console: Console, what: str, size: int) -> Callable[[int], None]:
    """Return what takes how many of *size* bytes are sent, and says so where there is something to wait for.

    How long the command took until now is no reason to: what goes in one piece, or at once, is told nowhere.
    """
    started_s = time.monotonic()

    def progress(sent: int) -> None:
        if sent < size and time.monotonic() - started_s >= QUIET_FOR_S:
            console.progress(f"Uploading {what}: {sent / MIB:.1f} of {size / MIB:.1f} MiB")

    return progress


def local_path(text: str) -> str:
    """Return *text*, the CHARM of `deploy`, if it is a path.

    Raises:
        NotFound: it is the name of a charm in a store, and there is no store.
    """
    path = Path(text).expanduser()
    if text.startswith((".", "/", "~")) or "/" in text or path.suffix == ".charm":
        return text
    here = path.is_dir() and any((path / name).is_file() for name in METADATA)
    raise NotFound(
        f'charm "{text}" not found',
        why="a bare word names a charm in a store, and there is no charm store here",
        fix=f"./{text} is a charm: coordinator deploy ./{text}"
        if here
        else "give the path of a charm directory or .charm file, like ./my-charm",
    )
