"""What names a machine's boot: the kernel's, and in a container that of the container."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordinator.worker.register import present_boot


def proc(home: Path, *, boot: str | None = "b1", started: int | None = 3, name: str = "init") -> Path:
    if boot is not None:
        (home / "sys/kernel/random").mkdir(parents=True, exist_ok=True)
        (home / "sys/kernel/random/boot_id").write_text(f"{boot}\n")
    (home / "1").mkdir(exist_ok=True)
    if started is not None:
        fields = ["S", *map(str, range(100, 118)), str(started), "0", "0"]
        (home / "1/stat").write_text(f"1 ({name}) {' '.join(fields)}\n")
    return home


@pytest.mark.parametrize(
    "other", [{"boot": "b2"}, {"started": 4}], ids=["the kernel was booted", "the container was started again"]
)
def test_another_boot_has_another_name(tmp_path: Path, other: dict) -> None:
    before = present_boot(proc(tmp_path))
    assert present_boot(proc(tmp_path)) == before
    assert present_boot(proc(tmp_path, **other)) != before


def test_the_name_of_the_first_process_does_not_matter(tmp_path: Path) -> None:
    assert present_boot(proc(tmp_path, name="a (b) c")) == present_boot(proc(tmp_path))


def test_where_processes_are_hidden_the_boot_of_the_kernel_counts(tmp_path: Path) -> None:
    assert present_boot(proc(tmp_path, started=None)) == "b1"


def test_where_nothing_names_it_the_name_is_empty(tmp_path: Path) -> None:
    assert present_boot(proc(tmp_path, boot=None)) == ""


def test_this_machine_has_one() -> None:
    assert present_boot() == present_boot() != ""
