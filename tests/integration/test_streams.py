"""What commands on machines read and print, and files that are copied: there and back, as they were."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from system import CHARMS, ROOT, People, System, running, wait_for

from coordinator.domain.task_stream import STREAM_BYTES_MAX

pytestmark = pytest.mark.slow

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with running(workers=1) as system:
        system.add_model()
        system.deploy(CHARMS / "actor", "web")
        system.wait_settled(1)
        yield system


class Shell:
    """`coordinator ssh` and its like, with bytes."""

    def __init__(self, system: System) -> None:
        self.environment = People(system).environment

    def start(self, *words: str, **more: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "coordinator", *words],
            cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more,
        )  # fmt: skip

    def __call__(self, *words: str, **more: Any) -> tuple[int | None, bytes, bytes]:
        given = more.pop("input", None)
        process = self.start(*words, stdin=subprocess.DEVNULL if given is None else subprocess.PIPE, **more)
        out, said = process.communicate(given, timeout=60)
        return process.returncode, out, said


@pytest.fixture
def shell(system: System) -> Iterator[Shell]:
    yield Shell(system)
    assert system.keys_below("/coordinator/pieces/") == [], "pieces are left"


def test_bytes_go_in_and_come_back_as_they_were(shell):
    data = os.urandom(3 * MIB) + bytes(range(256))
    assert shell("ssh", "web/0", "cat", input=data) == (0, data, b"")
    assert shell("ssh", "0", "cat; printf '\\377' >&2; exit 3", input=b"\0\xff") == (3, b"\0\xff", b"\xff")


def test_flags_of_the_command_are_its_own(shell):
    for words in (("ssh", "--pty=false", "web/0"), ("exec", "-u", "web/0", "--parallel=true")):
        done = shell(*words, "echo", "--quiet=false", "--verbose=true")
        assert done[:2] == (0, b"--quiet=false --verbose=true\n"), words


def test_without_input_a_command_reads_nothing(shell):
    assert shell("ssh", "web/0", "cat") == (0, b"", b"")
    assert shell("ssh", "web/0", "-n", "cat", input=b"not for it") == (0, b"", b"")


def test_a_pipe_that_is_held_open_holds_up_nobody(shell):
    process = shell.start("ssh", "web/0", "echo there", stdin=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.read() == b"there\n", "it ended while nothing came"
    assert process.wait(60) == 0
    process.communicate()


def test_what_is_typed_later_reaches_the_program_while_it_runs(system, shell, tmp_path):
    process = shell.start(
        "ssh", "web/0", f"read -r line; echo $line >{tmp_path}/first; cat", stdin=subprocess.PIPE
    )
    assert process.stdin is not None
    for number in range(2):
        process.stdin.write(b"line %d\n" % number)
        process.stdin.flush()
        wait_for((tmp_path / "first").exists, "the program to run")
    assert process.communicate(timeout=60)[0] == b"line 1\n"
    assert (tmp_path / "first").read_bytes() == b"line 0\n"


def test_a_program_that_does_not_read_its_input_ends_all_the_same(shell):
    assert shell("ssh", "web/0", "head -c 3", input=b"abc" + bytes(4 * MIB)) == (0, b"abc", b"")


def test_too_much_is_refused_and_the_program_does_not_take_it_for_all(system, shell, tmp_path):
    target = tmp_path / "whole"
    code, out, said = shell("ssh", "0", f"cat >/dev/null && touch {target}", input=bytes(STREAM_BYTES_MAX + 1))
    assert (code, out) == (1, b"")
    assert said.startswith(b"ERROR cannot take so much input: the limit is 16 MiB")
    number = max(int(each["task-ids"][0]) for each in system.client.operations("m"))
    assert system.wait_task(number)["status"] == "aborted"
    assert not target.exists()
    code, out, said = shell("ssh", "0", f"head -c {STREAM_BYTES_MAX + 1} /dev/zero")
    assert (code, len(out)) == (1, STREAM_BYTES_MAX)
    assert b"ERROR the end of the output is missing: at most 16 MiB are kept" in said


def test_who_goes_away_takes_the_command_along(system, shell, tmp_path):
    process = shell.start(
        "ssh", "web/0", f"read -r line; touch {tmp_path}/runs; cat; touch {tmp_path}/whole", stdin=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # also where that is ignored
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(b"begin\n")
    process.stdin.flush()
    wait_for((tmp_path / "runs").exists, "the program to run")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode != 0, said
    number = max(int(each["task-ids"][0]) for each in system.client.operations("m"))
    assert system.wait_task(number)["status"] == "aborted"
    assert not (tmp_path / "whole").exists()


def test_a_worker_that_dies_meanwhile_leaves_nothing_of_the_input(system, shell, tmp_path):
    process = shell.start("ssh", "web/0", f"touch {tmp_path}/runs; cat", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"some")
    process.stdin.flush()
    wait_for((tmp_path / "runs").exists, "the program to run")
    wait_for(lambda: system.keys_below("/coordinator/pieces/"), "the input to be stored")
    system.workers[0].kill()
    system.workers[0].start()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"ERROR the command was not run to its end: failed: action terminated" in said


# --- scp -------------------------------------------------------------------------------------------------


def files_below(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A directory of this machine; the other one is `there`, beside it."""
    for name, data in {
        "one": b"1\0\xff",
        "tree/two": b"2",
        "tree/inner/three": os.urandom(MIB),
        "-odd": b"-",
    }.items():
        (tmp_path / "here" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "here" / name).write_bytes(data)
    (tmp_path / "there").mkdir()
    return tmp_path / "here"


def test_files_and_directories_go_there_and_come_back(shell, here, tmp_path):
    there, back = tmp_path / "there", tmp_path / "back"
    assert shell("scp", "-r", f"{here}/one", f"{here}/tree", f"{here}/-odd", f"web/0:{there}") == (0, b"", b"")
    assert files_below(there) == files_below(here)
    back.mkdir()
    assert shell("scp", "-r", f"web/leader:{there}/*", str(back)) == (0, b"", b"")
    assert files_below(back) == files_below(here)
    assert shell("scp", f"0:{there}/tree/two", f"web/0:{there}/one", str(there / "tree")) == (0, b"", b"")
    assert (there / "tree" / "one").read_bytes() == b"1\0\xff"
    assert [*there.rglob(".*"), *back.rglob(".*")] == [], "work is left"


def test_a_copy_takes_the_name_and_keeps_the_mode_of_what_was_there(shell, here, tmp_path):
    there = tmp_path / "there"
    (there / "old").write_bytes(b"old")
    (there / "old").chmod(0o600)
    assert shell("scp", f"{here}/one", f"0:{there}/old") == (0, b"", b"")
    assert shell("scp", "-r", "--", f"{here}/tree", f"web/0:{there}/wood") == (0, b"", b"")
    assert sorted(files_below(there)) == ["old", "wood/inner/three", "wood/two"]
    assert ((there / "old").read_bytes(), (there / "old").stat().st_mode & 0o777) == (b"1\0\xff", 0o600)
    (here / "mine").write_bytes(b"mine")
    (here / "mine").chmod(0o640)
    os.utime(there / "old", (1_000_000_000, 1_000_000_000))
    assert shell("scp", "-p", f"0:{there}/old", f"{here}/mine") == (0, b"", b"")
    stat = (here / "mine").stat()
    assert ((here / "mine").read_bytes(), stat.st_mode & 0o777, stat.st_mtime) == (b"1\0\xff", 0o640, 1e9)
    assert shell("scp", "-rpP", "22", f"web/0:{there}/wood", f"{here}/forest") == (0, b"", b"")
    assert sorted(files_below(here / "forest")) == ["inner/three", "two"]


def test_a_path_without_a_slash_begins_at_home(shell, here):
    name = f"scp-{os.getpid()}"
    try:
        assert shell("scp", f"{here}/one", f"0:{name}") == (0, b"", b"")
        assert Path("~", name).expanduser().read_bytes() == b"1\0\xff"
        assert shell("scp", f"0:~/{name}", f"{here}/") == (0, b"", b"")
    finally:
        Path("~", name).expanduser().unlink(missing_ok=True)
    assert (here / name).read_bytes() == b"1\0\xff"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("HERE/nope web/0:THERE", "HERE/nope: No such file or directory"),
        ("web/0:THERE/nope HERE", "THERE/nope: No such file or directory"),
        ("web/0:THERE/*.nope HERE", "THERE/*.nope: No such file or directory"),
        ("HERE/tree web/0:THERE", "HERE/tree: Is a directory"),
        ("web/0:THERE HERE", "THERE: Is a directory"),
        ("HERE/one web/0:THERE/no/such", "THERE/no/such: No such file or directory"),
        ("HERE/one HERE/-odd web/0:THERE/new", "THERE/new: Not a directory"),
        ("HERE/one web/0:THERE/new/", "THERE/new/: Not a directory"),
        ("HERE/one 0:/proc", "mktemp: "),
        ("web/0:THERE/a HERE/no/such", "HERE/no/such: No such file or directory"),
        ("HERE/one web/9:THERE", 'unit "web/9" not found'),
        ("0:THERE/x web/0:THERE/y", "cannot copy from one machine to another"),
        ("HERE/big web/0:THERE", "cannot copy so much: packed it has more than 16 MiB"),
        ("web/0:HERE/big THERE", "cannot copy so much: of what is packed there, only 16 MiB can be taken"),
    ],
)
def test_what_cannot_be_copied_is_said_and_nothing_is_written(shell, here, tmp_path, words, text):
    there = tmp_path / "there"
    if "big" in words:
        (here / "big").write_bytes(os.urandom(STREAM_BYTES_MAX + MIB))
    before = sorted(files_below(tmp_path))
    named = words.replace("THERE", "\0").replace("HERE", str(here)).replace("\0", str(there))
    code, out, said = shell("scp", *named.split())
    assert (code, out) == (1, b"")
    wanted = text.replace("THERE", "\0").replace("HERE", str(here)).replace("\0", str(there))
    assert said.decode().startswith(f"ERROR {wanted}")
    assert sorted(files_below(tmp_path)) == before
    assert [*there.iterdir()] == []
