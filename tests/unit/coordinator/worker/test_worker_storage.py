"""Directories of storage: made, linked where the charm wants them, deleted; every step may come twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from build import charm, unit, world

from coordinator.domain.charm import StorageMeta
from coordinator.domain.storage import Storage
from coordinator.engine.world import World
from coordinator.errors import Refused
from coordinator.worker.observe import storage_home
from coordinator.worker.storage import StorageKeeper

DATA = Storage(name="data", number=0, pool="rootfs", size_mb=1, created="", owner=unit("web/0"), attachment=1)


def seen(tmp_path: Path, location: str = "") -> World:
    meta = charm("web", storage={"data": StorageMeta(name="data", type="filesystem", location=location)})
    return world("web/0", charm=meta, storage_home=storage_home(str(tmp_path), "demo", "uuid"))


def directory(tmp_path: Path, number: int = 0) -> Path:
    return tmp_path / "models" / "demo-uuid" / "storage" / "data" / str(number)


def nobody(text: str) -> bool:
    return True


def somebody(text: str) -> bool:
    return False


def test_a_directory_is_made_once_and_what_is_in_it_stays(tmp_path: Path) -> None:
    StorageKeeper(tmp_path).provide(seen(tmp_path), DATA, nobody)
    (directory(tmp_path) / "note").write_text("kept")
    for keeper in (StorageKeeper(tmp_path), StorageKeeper(tmp_path)):
        keeper.provide(seen(tmp_path), DATA, nobody)
    assert (directory(tmp_path) / "note").read_text() == "kept"


def test_the_charm_finds_it_where_it_wants_it(tmp_path: Path) -> None:
    place = tmp_path / "srv" / "data"
    keeper = StorageKeeper(tmp_path)
    keeper.provide(seen(tmp_path, str(place)), DATA, nobody)
    (place / "note").write_text("here")
    assert (directory(tmp_path) / "note").read_text() == "here"
    keeper.withdraw(seen(tmp_path, str(place)), DATA)
    assert not place.is_symlink()
    assert (directory(tmp_path) / "note").exists()


def test_a_place_that_former_storage_left_is_taken_over_and_one_in_use_is_not(tmp_path: Path) -> None:
    place = tmp_path / "data"
    keeper, at = StorageKeeper(tmp_path), seen(tmp_path, str(place))
    keeper.provide(at, replace(DATA, number=7), nobody)
    with pytest.raises(Refused, match="is there already and leads to"):
        keeper.provide(at, DATA, somebody)
    keeper.provide(at, DATA, nobody)
    assert place.readlink() == directory(tmp_path)


@pytest.mark.parametrize("content", ["file", "directory", "link"])
def test_what_others_made_is_left_alone(tmp_path: Path, content: str) -> None:
    place = tmp_path / "data"
    if content == "file":
        place.write_text("mine")
    elif content == "directory":
        (place / "inner").mkdir(parents=True)
    else:
        place.symlink_to("/nowhere")
    with pytest.raises(Refused) as refused:
        StorageKeeper(tmp_path).provide(seen(tmp_path, str(place)), DATA, nobody)
    assert "cannot provide storage data/0" in refused.value.what
    assert place.is_symlink() or place.exists()


def test_an_empty_directory_gives_way(tmp_path: Path) -> None:
    place = tmp_path / "data"
    place.mkdir()
    StorageKeeper(tmp_path).provide(seen(tmp_path, str(place)), DATA, nobody)
    assert place.readlink() == directory(tmp_path)


def test_a_place_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused) as refused:
        StorageKeeper(tmp_path).provide(seen(tmp_path, str(tmp_path / "file" / "data")), DATA, nobody)
    assert refused.value.fix.startswith("give the worker the right to write there")


def test_it_is_deleted_with_all_that_is_in_it_and_again_without_harm(tmp_path: Path) -> None:
    keeper = StorageKeeper(tmp_path)
    keeper.provide(seen(tmp_path), DATA, nobody)
    (directory(tmp_path) / "inner").mkdir()
    (directory(tmp_path) / "inner" / "note").write_text("gone")
    for _ in range(2):
        keeper.delete("demo", "uuid", DATA)
    assert not directory(tmp_path).exists()
    keeper.provide(seen(tmp_path), DATA, nobody)
    assert list(directory(tmp_path).iterdir()) == []
