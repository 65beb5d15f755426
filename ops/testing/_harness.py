"""Harness: one charm that a test keeps, and changes around it that emit events at once."""

from __future__ import annotations

from typing import Any, Generic, TextIO, TypeVar

from .._charm import CharmBase
from .._entities import Application, Unit
from ._backend import MemoryBackend
from ._pebble_exec import ExecHandler

CharmType = TypeVar("CharmType", bound=CharmBase)
ReadableBuffer = Any
YAMLStringOrFile = str | TextIO
AppUnitOrName = str | Application | Unit

__all__ = ["AppUnitOrName", "ExecHandler", "Harness", "ReadableBuffer", "YAMLStringOrFile"]


class _TestingModelBackend(MemoryBackend):
    """Hook commands for the model of a charm in a `Harness`."""


class Harness(Generic[CharmType]):
    """To be written."""
