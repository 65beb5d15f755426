"""The program that tells released helpers of charms which version they are told."""

from __future__ import annotations

import subprocess

from coordinator import ANNOUNCED_VERSION
from coordinator.worker.toolfiles import announce_version


def test_the_version_is_told_where_helpers_look_for_it(tmp_path):
    assert announce_version(tmp_path) == announce_version(tmp_path) == ""
    (program,) = tmp_path.glob("tools/machine-*/jujud")
    told = subprocess.run([program, "version"], capture_output=True, text=True, check=True).stdout
    assert told.startswith(f"{ANNOUNCED_VERSION}-ubuntu-")


def test_what_we_told_before_is_replaced_and_what_somebody_else_tells_is_not(tmp_path):
    announce_version(tmp_path)
    (program,) = tmp_path.glob("tools/machine-*/jujud")
    program.write_text("older")
    announce_version(tmp_path)
    assert ANNOUNCED_VERSION in program.read_text()
    program.unlink()
    theirs = tmp_path / "tools" / "machine-3" / "jujud"
    theirs.parent.mkdir()
    theirs.write_text("theirs")
    assert announce_version(tmp_path) == ""
    assert (list(tmp_path.glob("tools/machine-*/jujud")), theirs.read_text()) == ([theirs], "theirs")


def test_where_nothing_can_be_written_it_says_why(tmp_path):
    (tmp_path / "tools").write_text("in the way")
    assert "Not a directory" in announce_version(tmp_path)
