"""Names of `ops.testing` at a second address, at which public tests of charms replace methods of them."""

from __future__ import annotations

from ..testing._action import ActionFailed, ActionOutput
from ..testing._harness import (
    AppUnitOrName,
    CharmType,
    ExecHandler,
    Harness,
    ReadableBuffer,
    YAMLStringOrFile,
    _TestingModelBackend,
)
from ..testing._pebble import ExecArgs, ExecResult, _TestingPebbleClient

__all__ = [
    "ActionFailed",
    "ActionOutput",
    "AppUnitOrName",
    "CharmType",
    "ExecArgs",
    "ExecHandler",
    "ExecResult",
    "Harness",
    "ReadableBuffer",
    "YAMLStringOrFile",
    "_TestingModelBackend",
    "_TestingPebbleClient",
]
