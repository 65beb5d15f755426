"""A charm directory becomes the same archive every time, with what a charm needs and nothing else."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from pathlib import Path

import pytest

from coordinator.api.archive import read_archive
from coordinator.cli.pack import pack, read_charm
from coordinator.errors import CharmInvalid, NotFound


def make_charm(home: Path) -> Path:
    (home / "src").mkdir(parents=True)
    (home / "metadata.yaml").write_text("name: web\n")
    (home / "src" / "charm.py").write_text("print('hi')\n")
    (home / "dispatch").write_text("#!/bin/sh\nexec src/charm.py\n")
    (home / "dispatch").chmod(0o755)
    (home / "hooks").mkdir()
    (home / "hooks" / "install").symlink_to("../dispatch")
    return home


def entries(data: bytes) -> dict[str, int]:
    with zipfile.ZipFile(io.BytesIO(data)) as bundle:
        return {entry.filename: entry.external_attr >> 16 for entry in bundle.infolist()}


def test_modes_and_links_are_kept_and_the_api_takes_it(tmp_path):
    data = pack(make_charm(tmp_path / "web"))

    assert entries(data) == {
        "dispatch": stat.S_IFREG | 0o755,
        "hooks/install": stat.S_IFLNK | 0o777,
        "metadata.yaml": stat.S_IFREG | 0o644,
        "src/charm.py": stat.S_IFREG | 0o644,
    }
    assert zipfile.ZipFile(io.BytesIO(data)).read("hooks/install") == b"../dispatch"
    assert read_archive(data).name == "web"


def test_the_same_files_give_the_same_bytes(tmp_path):
    one, other = make_charm(tmp_path / "one"), make_charm(tmp_path / "other")
    for path in other.rglob("*"):
        if not path.is_symlink():
            os.utime(path, (1_000_000_000, 1_000_000_000))
    (other / "metadata.yaml").chmod(0o600)

    assert pack(one) == pack(other)


def test_what_is_no_part_of_a_charm_stays_behind(tmp_path):
    home = make_charm(tmp_path / "web")
    before = pack(home)
    for name in (
        ".git/config",
        ".venv/bin/python",
        "src/__pycache__/charm.cpython-311.pyc",
        "src/old.pyc",
        "a.charm",
    ):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("x")
    os.mkfifo(home / "pipe")

    assert pack(home) == before


def test_a_link_to_a_directory_is_not_followed(tmp_path):
    home = make_charm(tmp_path / "web")
    (home / "loop").symlink_to(".")

    assert entries(pack(home))["loop"] == stat.S_IFLNK | 0o777


def test_a_packed_charm_is_sent_as_it_is(tmp_path):
    file = tmp_path / "web.charm"
    file.write_bytes(pack(make_charm(tmp_path / "web")))

    assert read_charm(str(file)) == file.read_bytes()


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        pytest.param(lambda path: None, NotFound, 'no charm was found at "{}": no such', id="nothing there"),
        pytest.param(Path.mkdir, NotFound, 'no charm was found at "{}": the directory', id="no charm in it"),
        pytest.param(
            lambda path: path.write_text("x"),
            CharmInvalid,
            'invalid charm or bundle provided at "{}"',
            id="no zip",
        ),
    ],
)
def test_what_is_no_charm_is_refused_by_name(make, kind, text, tmp_path):
    path = tmp_path / "web.charm"
    make(path)

    with pytest.raises(kind) as refusal:
        read_charm(str(path))
    assert str(refusal.value).startswith(text.format(path))
    assert refusal.value.fix


def test_a_file_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    home = make_charm(tmp_path / "web")

    def denied(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(CharmInvalid, match="dispatch: Permission denied"):
        read_charm(str(home))
