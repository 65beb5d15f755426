"""The architecture as a test: who may import whom, what the core may not touch, and docs in step with code."""

from __future__ import annotations

import ast
from dataclasses import fields
from pathlib import Path

import pytest

from coordinator.cli.help import reference
from coordinator.cli.usage import load
from coordinator.settings import ControllerSettings, WorkerSettings

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / "coordinator"
SOURCES = sorted(path.relative_to(ROOT) for path in HOME.rglob("*.py"))

#: Modules at the root of the package that every shell may lean on.
BASE = {"errors"}
TOOLS = {"clock", "log", "settings"}

MAY_IMPORT = {
    "domain": BASE,
    "engine": BASE | {"domain"},
    "commands": BASE | {"domain"},
    "reconcile": BASE | {"domain"},
    "store": BASE | TOOLS | {"domain"},
    "wire": BASE | {"domain"},
    "worker": BASE | TOOLS | {"domain", "engine", "store"},
    "controller": BASE | TOOLS | {"domain", "reconcile", "store", "api"},
    "api": BASE | TOOLS | {"domain", "commands", "store", "wire"},
    "cli": BASE | TOOLS | {"domain", "wire"},
    "errors": set(),
    "clock": BASE,
    "log": BASE,
    "settings": BASE,
    "__main__": {"cli"},
    "__init__": set(),
}

#: Commands that start the processes themselves, rather than talk to them.
STARTERS = {
    "coordinator/cli/cmd_up.py": {"store"},
    "coordinator/cli/cmd_worker.py": {"worker"},
    "coordinator/cli/cmd_controller.py": {"controller"},
}

PURE = ("domain", "engine", "commands", "reconcile")
IMPURE = {
    "os", "socket", "subprocess", "threading", "time", "random", "pathlib", "logging", "urllib", "asyncio",
    "datetime", "structlog", "grpc",
}  # fmt: skip
#: Paths inside an archive are names, not files.
PURE_EXCEPTIONS = {"coordinator/domain/archive.py": {"pathlib"}}


def home_of(path: Path) -> str:
    return path.parts[1].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """Every module that *path* imports, wherever in the file the import stands."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_no_import_hides_its_package(path):
    nodes = ast.walk(ast.parse((ROOT / path).read_text()))
    assert not [node for node in nodes if isinstance(node, ast.ImportFrom) and node.level]


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_imports_point_inwards(path):
    ours = {name.split(".")[1] for name in imports_of(path) if name.startswith("coordinator.")}
    known = {target for target in ours if target in MAY_IMPORT}
    allowed = MAY_IMPORT[home_of(path)] | {home_of(path)} | STARTERS.get(str(path), set())
    assert known <= allowed, (
        f"{path} imports {sorted(known - allowed)}; it may import {sorted(allowed)}. "
        "Move the code, or change the table and say why in the commit."
    )


@pytest.mark.parametrize("path", [path for path in SOURCES if home_of(path) in PURE], ids=str)
def test_the_core_touches_nothing_outside(path):
    roots = {name.split(".")[0] for name in imports_of(path)}
    assert not roots & (IMPURE - PURE_EXCEPTIONS.get(str(path), set()))


def test_the_library_for_charms_and_the_system_never_import_each_other():
    for path in sorted((ROOT / "ops").rglob("*.py")):
        assert not [name for name in imports_of(path.relative_to(ROOT)) if name.split(".")[0] == "coordinator"], (
            path
        )
    for path in SOURCES:
        assert not [name for name in imports_of(path) if name.split(".")[0] == "ops"], path


def test_the_programs_that_start_often_use_the_standard_library_only():
    for name in ("toolclient", "minder"):
        roots = {module.split(".")[0] for module in imports_of(Path(f"coordinator/worker/{name}.py"))}
        assert "coordinator" not in roots


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_every_module_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse((ROOT / path).read_text())), f"{path} has no docstring"


@pytest.mark.parametrize(
    "name", sorted({field.name for kind in (WorkerSettings, ControllerSettings) for field in fields(kind)})
)
def test_the_readme_names_every_setting(name):
    assert f"COORDINATOR_{name.upper()}" in (ROOT / "README.md").read_text()


def test_the_readme_names_only_files_that_exist():
    words = (ROOT / "README.md").read_text().replace("`", " ").replace(":", " ").split()
    named = {word for word in words if word.endswith(".py") and "/" in word and "*" not in word}
    missing = [word for word in named if not ((ROOT / word).exists() or (HOME / word).exists())]
    assert named
    assert not missing


def test_the_readme_has_the_commands_as_they_are():
    table = reference(load)
    assert table in (ROOT / "README.md").read_text(), "put in what `coordinator help reference` prints"
