"""Real processes: the gate, the minder's deadline and end, daemons, and output line by line."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from coordinator.errors import Unavailable
from coordinator.store.session import boot_clock
from coordinator.worker import minder as minder_program
from coordinator.worker.dispatch import Ended, Minder, Run, Runs
from coordinator.worker.output import LINE_BYTES_MAX, Kept
from coordinator.worker.script import SHELL, script_file

WAIT_S = 30.0


@pytest.fixture
def minder() -> Iterator[Minder]:
    minder = Minder()
    yield minder
    minder.close()


class Hook:
    """A script as a hook; `lines` is what it puts out."""

    def __init__(self, folder: Path, minder: Minder, script: str, **environment: str) -> None:
        program = folder / "dispatch"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        self.lines: list[tuple[str, str]] = []
        self._said = threading.Condition()
        path = {"PATH": os.environ["PATH"], **environment}
        self.run = Run(program, cwd=folder, environment=path, minder=minder, emit=self._emit)

    def _emit(self, stream: str, line: str) -> None:
        with self._said:
            self.lines.append((stream, line))
            self._said.notify_all()

    def in_background(self) -> Callable[[], Ended]:
        """Wait for the end in a thread; return what waits for that."""
        found: Future[Ended] = Future()

        def wait() -> None:
            try:
                found.set_result(self.run.wait())
            except Unavailable as gone:
                found.set_exception(gone)

        threading.Thread(target=wait, daemon=True).start()
        return lambda: found.result(WAIT_S)

    def says(self, line: str) -> None:
        """Wait until the hook has put out *line*."""
        with self._said:
            assert self._said.wait_for(lambda: ("stdout", line) in self.lines, WAIT_S), self.lines


def is_gone(pid: int) -> bool:
    """Wait until a process has ended."""
    deadline_s = time.monotonic() + WAIT_S
    while time.monotonic() < deadline_s:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        os.sched_yield()
    return False


def test_a_hook_runs_in_its_folder_with_its_environment_and_no_input(tmp_path: Path, minder: Minder) -> None:
    hook = Hook(tmp_path, minder, 'pwd; echo "$COLOR"; cat; echo err >&2; exit 7', COLOR="red")
    assert hook.run.wait() == Ended(7)
    assert [line for stream, line in hook.lines if stream == "stdout"] == [str(tmp_path), "red"]
    assert ("stderr", "err") in hook.lines


@pytest.mark.parametrize(
    ("script", "ended", "text"),
    [
        ("exit 0", Ended(0), "exit status 0"),
        ("exit 3", Ended(3), "exit status 3"),
        ("kill -9 $$", Ended(None, 9), "signal 9"),
        ("kill -15 $$", Ended(None, 15), "signal 15"),
    ],
)
def test_how_a_hook_ended_is_told(tmp_path: Path, minder: Minder, script: str, ended: Ended, text: str) -> None:
    found = Hook(tmp_path, minder, script).run.wait()
    assert (found, found.text) == (ended, text)


def test_lines_are_passed_on_while_the_hook_runs(tmp_path: Path, minder: Minder) -> None:
    hook = Hook(tmp_path, minder, "echo ready; sleep 60")
    ended = hook.in_background()
    hook.says("ready")
    hook.run.kill()
    assert ended() == Ended(None, 9)


def test_long_lines_are_cut_and_the_last_one_needs_no_end(tmp_path: Path, minder: Minder) -> None:
    size = 2 * LINE_BYTES_MAX + 5
    hook = Hook(tmp_path, minder, f"head -c {size} /dev/zero | tr '\\0' x; echo; echo; printf 'the end'")
    hook.run.wait()
    said = [line for _, line in hook.lines]
    assert [len(line) for line in said] == [LINE_BYTES_MAX, LINE_BYTES_MAX, 5, 0, 7]
    assert said[-1] == "the end"


def test_bytes_that_are_no_text_do_not_stop_the_log(tmp_path: Path, minder: Minder) -> None:
    hook = Hook(tmp_path, minder, r"printf '\377\n'; echo on")
    hook.run.wait()
    assert [line for _, line in hook.lines] == ["\ufffd", "on"]


def test_a_daemon_that_holds_the_output_does_not_hold_the_hook_and_outlives_it(
    tmp_path: Path, minder: Minder
) -> None:
    hook = Hook(tmp_path, minder, "setsid sleep 60 & echo $!; exit 0")
    assert hook.in_background()() == Ended(0)
    daemon = int(hook.lines[0][1])
    assert Path(f"/proc/{daemon}").exists()
    os.kill(daemon, signal.SIGKILL)


def test_killing_ends_what_the_hook_started_too(tmp_path: Path, minder: Minder) -> None:
    hook = Hook(tmp_path, minder, "sleep 60 & echo $!; echo ready; wait")
    ended = hook.in_background()
    hook.says("ready")
    runs = Runs()
    with runs.running(hook.run, "web/0"):
        runs.kill()
    assert ended() == Ended(None, 9)
    assert is_gone(int(hook.lines[0][1]))


# --- the minder ------------------------------------------------------------------------------------------------


def test_when_the_time_is_over_running_hooks_are_killed(tmp_path: Path, minder: Minder) -> None:
    minder.allow_until(boot_clock() + 60)
    hook = Hook(tmp_path, minder, "echo ready; sleep 60")
    ended = hook.in_background()
    hook.says("ready")
    minder.allow_until(boot_clock() + 0.05)
    assert ended() == Ended(None, 9)


def test_a_hook_that_starts_after_the_time_is_over_never_gets_through_the_gate(
    tmp_path: Path, minder: Minder
) -> None:
    """Such as one that a worker was about to start when it was frozen."""
    minder.allow_until(boot_clock() - 1)
    for _ in range(3):
        hook = Hook(tmp_path, minder, "echo started")
        assert hook.run.wait() == Ended(None, 9)
        assert hook.lines == []
    minder.allow_until(boot_clock() + 60)
    assert Hook(tmp_path, minder, "exit 0").run.wait() == Ended(0)


def test_a_hook_that_has_ended_is_not_killed_later(tmp_path: Path, minder: Minder) -> None:
    """Its process group may belong to somebody else by then."""
    hook = Hook(tmp_path, minder, "exit 0")
    hook.run.wait()
    other = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        minder.mind(other.pid)
        minder.release(other.pid)
        minder.allow_until(boot_clock() - 1)
        assert Hook(tmp_path, minder, "exit 0").run.wait() == Ended(None, 9)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_when_the_worker_is_gone_its_minder_ends_the_hooks_and_itself(tmp_path: Path) -> None:
    minder = Minder()
    hook = Hook(tmp_path, minder, "echo $$; echo ready; sleep 60")
    ended = hook.in_background()
    hook.says("ready")
    minder.close()
    with pytest.raises(Unavailable, match="the minder process is gone"):
        ended()
    assert is_gone(int(hook.lines[0][1]))


def test_without_a_minder_nothing_starts(tmp_path: Path) -> None:
    minder = Minder()
    minder.close()
    with pytest.raises(Unavailable) as refused:
        Hook(tmp_path, minder, "echo started > out")
    assert refused.value.why == "the minder process is gone"
    assert not (tmp_path / "out").exists()


def test_the_minder_ignores_what_a_terminal_sends(tmp_path: Path, minder: Minder) -> None:
    hook = Hook(tmp_path, minder, "exit 0")
    for number in (signal.SIGINT, signal.SIGTERM):
        minder._process.send_signal(number)
    assert hook.run.wait() == Ended(0)
    assert Hook(tmp_path, minder, "exit 0").run.wait() == Ended(0)


def test_minder_and_session_read_the_same_clock() -> None:
    assert abs(minder_program.boot_clock() - boot_clock()) < 1


def test_a_script_runs_although_a_process_that_starts_meanwhile_has_it_open(minder, tmp_path):
    kept = Kept(100)
    with script_file(tmp_path, "echo here") as file, file.open("a"):
        run = Run(SHELL, str(file), cwd=tmp_path, environment={}, minder=minder, emit=lambda *_: None, keep=kept)
        assert run.wait() == Ended(0)
    assert kept.of("stdout") == b"here\n"
    assert not list(tmp_path.iterdir())
