"""Charm directories: upgrades in place, archives that must not be unpacked, and crashes in the middle."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from build import unit

from coordinator.errors import CharmInvalid
from coordinator.worker import charmdir
from coordinator.worker.charmdir import UnitDirectory, unpack

OLD = {"dispatch": "#!/bin/sh\necho old\n", "src/charm.py": "old", "src/gone.py": "gone", "lib/only/old.py": "x"}
NEW = {"dispatch": "#!/bin/sh\necho new\n", "src/charm.py": "new", "src/more.py": "more"}


class Archives:
    """Packed charms by name; `fetched` tells which were asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.fetched: list[str] = []

    def add(self, name: str, files: dict[str, str], *, links: dict[str, str] | None = None) -> Path:
        path = self._folder / f"{name}.charm"
        with zipfile.ZipFile(path, "w") as bundle:
            for file, text in files.items():
                entry = zipfile.ZipInfo(file)
                entry.external_attr = (0o755 if file == "dispatch" else 0o640) << 16
                bundle.writestr(entry, text)
            for file, target in (links or {}).items():
                entry = zipfile.ZipInfo(file)
                entry.external_attr = (stat.S_IFLNK | 0o777) << 16
                bundle.writestr(entry, target)
        return path

    def fetch(self, name: str) -> Path:
        self.fetched.append(name)
        return self._folder / f"{name}.charm"


@pytest.fixture
def archives(tmp_path: Path) -> Archives:
    archives = Archives(tmp_path)
    archives.add("old", OLD)
    archives.add("new", NEW)
    return archives


@pytest.fixture
def directory(tmp_path: Path) -> UnitDirectory:
    return UnitDirectory(tmp_path / "data", "demo", "0b5e0c1e-uuid", unit("web/0"))


def files_in(path: Path) -> dict[str, str]:
    return {str(file.relative_to(path)): file.read_text() for file in path.rglob("*") if file.is_file()}


def test_a_charm_is_deployed_with_its_modes_and_once(directory: UnitDirectory, archives: Archives) -> None:
    for _ in range(2):
        directory.deploy("old", archives.fetch)
    assert archives.fetched == ["old"]
    assert directory.deployed() == "old"
    assert files_in(directory.charm) == OLD
    assert directory.charm.parts[-2:] == ("unit-web-0", "charm")
    modes = [(directory.charm / name).stat().st_mode & 0o777 for name in ("dispatch", "src/charm.py")]
    assert modes == [0o755, 0o640]


def test_an_upgrade_replaces_the_old_files_and_keeps_those_that_the_charm_made(
    directory: UnitDirectory, archives: Archives
) -> None:
    directory.deploy("old", archives.fetch)
    (directory.charm / "src" / "made.db").write_text("precious")
    (directory.charm / ".unit-state.db").write_text("state")
    directory.deploy("new", archives.fetch)
    assert files_in(directory.charm) == {**NEW, "src/made.db": "precious", ".unit-state.db": "state"}
    assert not (directory.charm / "lib" / "only").exists(), "a folder without files of anybody goes"


def test_a_running_program_keeps_its_old_file(directory: UnitDirectory, archives: Archives) -> None:
    directory.deploy("old", archives.fetch)
    with (directory.charm / "src/charm.py").open() as running:
        directory.deploy("new", archives.fetch)
        assert running.read() == "old"


def test_files_folders_and_links_take_each_others_places(directory: UnitDirectory, archives: Archives) -> None:
    archives.add("one", {"thing": "file", "other/inside": "x", "target": "t"}, links={"link": "target"})
    archives.add("two", {"thing/inside": "y", "other": "file", "target": "t", "link/inside": "z"})
    directory.deploy("one", archives.fetch)
    directory.deploy("two", archives.fetch)
    assert files_in(directory.charm) == {"thing/inside": "y", "other": "file", "target": "t", "link/inside": "z"}
    directory.deploy("one", archives.fetch)
    assert (directory.charm / "link").readlink() == Path("target")
    assert (directory.charm / "link").read_text() == "t"


@pytest.mark.parametrize("after", range(4))
def test_a_crash_in_the_middle_is_made_good_by_the_next_call(
    directory: UnitDirectory, archives: Archives, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    directory.deploy("old", archives.fetch)
    (directory.charm / "made.db").write_text("precious")
    left = [after]

    class Crash(BaseException):
        pass

    def crashing(step: Callable[..., None]) -> Callable[..., None]:
        def run(*given: object) -> None:
            if not left[0]:
                raise Crash
            left[0] -= 1
            step(*given)

        return run

    with monkeypatch.context() as patched:
        patched.setattr(charmdir, "_write", crashing(charmdir._write))
        patched.setattr(charmdir, "_remove", crashing(charmdir._remove))
        with pytest.raises(Crash):
            directory.deploy("new", archives.fetch)
    assert directory.deployed() == ""
    directory.deploy("new", archives.fetch)
    assert files_in(directory.charm) == {**NEW, "made.db": "precious"}


def test_going_back_after_a_crash_leaves_nothing_of_the_upgrade(
    directory: UnitDirectory, archives: Archives, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory.deploy("old", archives.fetch)
    with monkeypatch.context() as patched:
        patched.setattr(charmdir, "_remove", lambda path: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            directory.deploy("new", archives.fetch)
    directory.deploy("old", archives.fetch)
    assert files_in(directory.charm) == OLD


@pytest.mark.parametrize(
    "record", ["", "{", "[]", '{"sha256": "old"}'], ids=["empty", "cut", "a list", "without files"]
)
def test_a_damaged_record_means_deploy_again(directory: UnitDirectory, archives: Archives, record: str) -> None:
    directory.deploy("old", archives.fetch)
    (directory.path / "deployed.json").write_text(record)
    directory.deploy("new", archives.fetch)
    assert directory.deployed() == "new"
    assert files_in(directory.charm).items() >= NEW.items()


@pytest.mark.parametrize(
    ("files", "links"),
    [
        pytest.param({"../out": "x"}, {}, id="a name that leads out"),
        pytest.param({"src/../../out": "x"}, {}, id="a name that leads out on a detour"),
        pytest.param({"/etc/out": "x"}, {}, id="an absolute name"),
        pytest.param({"..\\out": "x"}, {}, id="a name that leads out elsewhere"),
        pytest.param({}, {"link": "/etc/passwd"}, id="a link to an absolute name"),
        pytest.param({}, {"src/link": "../../out"}, id="a link that leads out"),
        pytest.param({"link/out": "x"}, {"link": "src"}, id="a name through a link"),
        pytest.param({}, {"link": "x" * 5000}, id="a link with an endless target"),
    ],
)
def test_what_leads_out_of_the_charm_is_refused_and_nothing_is_written(
    directory: UnitDirectory, archives: Archives, tmp_path: Path, files: dict, links: dict
) -> None:
    archives.add("bad", {"dispatch": "x", **files}, links=links)
    with pytest.raises(CharmInvalid):
        directory.deploy("bad", archives.fetch)
    assert directory.deployed() == ""
    assert files_in(directory.charm) == {}
    assert not (tmp_path / "out").exists()


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.charm").write_text("hello")
    with pytest.raises(CharmInvalid) as refused:
        unpack(tmp_path / "x.charm", tmp_path / "into")
    assert refused.value.why == "its archive is not a zip file"


def test_remove_leaves_nothing_and_may_be_done_twice(directory: UnitDirectory, archives: Archives) -> None:
    directory.deploy("old", archives.fetch)
    for _ in range(2):
        directory.remove()
        assert not directory.path.exists()
