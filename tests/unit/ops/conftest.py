"""Fixtures for the tests of ops; what they give is in ops_stage.py."""

from __future__ import annotations

import logging
import pathlib
import sys
import warnings
from collections.abc import Iterator

import pytest
from ops_stage import METADATA, Program, Stage, Tools, context

import ops
from ops import _backend


@pytest.fixture
def interpreter() -> Iterator[None]:
    """Put back what a run leaves in the interpreter when it raises: hooks for Python's last words."""
    root = logging.getLogger()
    before = sys.excepthook, warnings.showwarning, root.level, list(root.handlers)
    yield
    sys.excepthook, warnings.showwarning, root.level, root.handlers[:] = before


@pytest.fixture
def stage(tmp_path: pathlib.Path, interpreter: None) -> Stage:
    stage = Stage(tmp_path)
    stage.write("metadata.yaml", METADATA)
    return stage


@pytest.fixture
def tools() -> Iterator[Tools]:
    """The pretend controller alone, behind the door."""
    tools = Tools()
    with _backend.through(tools):
        yield tools


@pytest.fixture
def backend(tools: Tools) -> ops.model._ModelBackend:
    return ops.model._ModelBackend(juju_context=context())


@pytest.fixture
def model(backend: ops.model._ModelBackend) -> ops.Model:
    return ops.Model(ops.CharmMeta(METADATA), backend)


@pytest.fixture
def framework(model: ops.Model, tmp_path: pathlib.Path) -> Iterator[ops.Framework]:
    storage = ops.storage.SQLiteStorage(":memory:")
    framework = ops.Framework(storage, tmp_path, ops.CharmMeta(METADATA), model)
    yield framework
    framework.close()


@pytest.fixture
def program(tmp_path: pathlib.Path) -> Program:
    return Program(tmp_path)
