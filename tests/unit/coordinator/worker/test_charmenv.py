"""Which Python a charm gets: its own libraries in venv/ or lib/, or ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from coordinator.errors import CharmInvalid
from coordinator.worker import charmenv
from coordinator.worker.charmenv import python_directory


@pytest.fixture
def charm(tmp_path: Path) -> Path:
    path = tmp_path / "charm"
    path.mkdir()
    return path


def silent(level: str, message: str) -> None:
    pass


def with_file(charm: Path, name: str, text: str = "") -> None:
    (charm / name).parent.mkdir(parents=True, exist_ok=True)
    (charm / name).write_text(text)


@pytest.mark.parametrize(
    "path", ["lib/ops/__init__.py", "venv/ops/__init__.py", "venv/lib/python3.11/site-packages/ops/__init__.py"]
)
def test_a_charm_that_brings_ops_uses_it(charm: Path, tmp_path: Path, path: str) -> None:
    with_file(charm, path)
    with_file(charm, "requirements.txt", "ops")
    assert python_directory(charm, tmp_path / "environments", silent) is None
    assert not (tmp_path / "environments").exists()


@pytest.mark.parametrize("path", ["src/charm.py", "lib/charms/data/v0/lib.py", "venv/other.py"])
def test_a_charm_without_ops_gets_ours_once(charm: Path, tmp_path: Path, path: str) -> None:
    with_file(charm, path)
    first = python_directory(charm, tmp_path / "environments", silent)
    assert first == tmp_path / "environments" / "ours"
    before = (first / "python3").stat()
    assert python_directory(charm, tmp_path / "environments", silent) == first
    assert (first / "python3").stat().st_mtime_ns == before.st_mtime_ns
    said = subprocess.run(
        [first / "python3", "-c", "import ops, sys; print(ops.__file__, sys.executable)"],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[4],
    ).stdout.split()  # fmt: skip
    assert said == [str(Path(__file__).parents[4] / "ops" / "__init__.py"), sys.executable]


def test_requirements_are_installed_once_per_content(
    charm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def install(command: list[str], **_: object) -> subprocess.CompletedProcess:
        asked.append(command)
        site = Path(command[command.index("--target") + 1])
        site.mkdir()
        (site / "brought.py").write_text("WORD = 'brought'")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(charmenv.subprocess, "run", install)
    with_file(charm, "requirements.txt", "brought==1")
    places = [python_directory(charm, tmp_path / "environments", silent) for _ in range(2)]
    with_file(charm, "requirements.txt", "brought==2")
    places.append(python_directory(charm, tmp_path / "environments", silent))
    monkeypatch.undo()
    assert len(asked) == 2
    assert places[0] == places[1] != places[2]
    said = subprocess.run(
        [places[0] / "python3", "-c", "import brought; print(brought.WORD)"],
        capture_output=True, text=True, check=True, env={"PYTHONPATH": "/nowhere"},
    )  # fmt: skip
    assert said.stdout == "brought\n"


def test_requirements_that_cannot_be_installed_are_the_charms_problem_and_are_tried_again(
    charm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def fail(command: list[str], **_: object) -> subprocess.CompletedProcess:
        asked.append(command)
        return subprocess.CompletedProcess(command, 1, "", "no such package: nope")

    monkeypatch.setattr(charmenv.subprocess, "run", fail)
    with_file(charm, "requirements.txt", "nope")
    for _ in range(2):
        with pytest.raises(CharmInvalid) as refused:
            python_directory(charm, tmp_path / "environments", silent)
        assert refused.value.why == "no such package: nope"
    assert len(asked) == 2
