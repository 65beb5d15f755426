"""Give public objects the address at which they are documented."""

from __future__ import annotations

from typing import Any


def publish(module: str, *objects: Any) -> None:
    """Make *objects* say that they are of *module*.

    Index pages call this, so that `repr`, tracebacks and pickles name the public module
    (``ops.model.Unit``) and not the private one that holds the code.
    """
    for each in objects:
        each.__module__ = module
