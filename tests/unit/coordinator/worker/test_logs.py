"""The logs of units: written at once, rotated, read back since a moment, and a cut line is no harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordinator.clock import ManualClock
from coordinator.worker import logs
from coordinator.worker.logs import FILES_KEPT, Line, Logs, ModelLog


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1000.0)


@pytest.fixture
def log(tmp_path: Path, clock: ManualClock) -> ModelLog:
    return Logs(tmp_path, clock).of("demo")


def messages(log: ModelLog, **more: float) -> list[str]:
    return [line.message for line in log.read(**more)]


def test_a_line_is_read_back_as_it_was_written(log: ModelLog) -> None:
    log.write("unit-web-0", "INFO", "unit.web/0.juju-log", "grüße\n\tzwei")
    assert list(log.read()) == [Line(1000.0, "unit-web-0", "INFO", "unit.web/0.juju-log", "grüße\n\tzwei")]


def test_only_lines_after_the_moment_are_read(log: ModelLog, clock: ManualClock) -> None:
    for number in range(4):
        log.write("unit-web-0", "INFO", "m", str(number))
        clock.sleep(1)
    assert messages(log, since_s=1001.0) == ["2", "3"]


def test_old_files_are_kept_in_order_and_the_oldest_goes(
    log: ModelLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "FILE_BYTES_MAX", 400)
    for number in range(60):
        log.write("unit-web-0", "INFO", "m", f"line {number}")
    found = messages(log)
    assert found == [f"line {number}" for number in range(60 - len(found), 60)]
    assert 4 <= len(found) < 60
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["demo.1.jsonl", "demo.2.jsonl", "demo.3.jsonl", "demo.jsonl"]
    assert len(files) == FILES_KEPT
    assert all(path.stat().st_size <= 400 for path in tmp_path.iterdir())


def test_a_line_that_a_crash_cut_short_is_left_out(log: ModelLog, tmp_path: Path, clock: ManualClock) -> None:
    log.write("unit-web-0", "INFO", "m", "whole")
    with (tmp_path / "demo.jsonl").open("a") as file:
        file.write('{"at_s": 10, "enti\n')
    again = Logs(tmp_path, clock).of("demo")
    again.write("unit-web-0", "INFO", "m", "after")
    assert messages(again) == ["whole", "after"]


def test_a_line_without_an_end_spoils_none_that_follows(log: ModelLog, tmp_path: Path, clock: ManualClock) -> None:
    with (tmp_path / "demo.jsonl").open("a") as file:
        file.write('{"at_s": 10, "enti')
    again = Logs(tmp_path, clock).of("demo")
    again.write("unit-web-0", "INFO", "m", "after")
    assert messages(again) == ["after"]


def test_models_have_files_of_their_own(tmp_path: Path, clock: ManualClock) -> None:
    both = Logs(tmp_path, clock)
    both.of("one").write("unit-web-0", "INFO", "m", "1")
    both.of("two").write("unit-web-0", "INFO", "m", "2")
    assert messages(both.of("one")) == ["1"]
    assert both.of("one") is both.of("one")
    both.close()


def test_a_full_disk_costs_lines_and_nothing_else_and_the_next_line_says_so(log: ModelLog, tmp_path: Path) -> None:
    file = tmp_path / "demo.jsonl"
    file.symlink_to("/dev/full")
    log.write("unit-web-0", "INFO", "m", "lost")
    log.write("unit-web-0", "INFO", "m", "lost too")
    file.unlink()
    log.write("unit-web-0", "INFO", "m", "after")
    assert messages(log) == ["2 lines before this one could not be written, and are lost", "after"]


def test_a_directory_that_cannot_be_made_costs_lines_and_nothing_else(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "logs").write_text("no directory")
    log = Logs(tmp_path / "logs", clock).of("demo")
    log.write("unit-web-0", "INFO", "m", "lost")
    (tmp_path / "logs").unlink()
    log.write("unit-web-0", "INFO", "m", "after")
    assert messages(log)[1:] == ["after"]
