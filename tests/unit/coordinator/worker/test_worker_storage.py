"""Directories of storage: made, linked where the charm wants them, deleted; every step may come twice."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from build import MODEL, charm, unit, world
from stage import Stage

from coordinator.domain import refs
from coordinator.domain.charm import StorageMeta
from coordinator.domain.life import Life
from coordinator.domain.refs import Ref
from coordinator.domain.storage import Storage
from coordinator.domain.unit import Unit
from coordinator.engine.world import World
from coordinator.errors import Refused
from coordinator.store.live import LiveTree
from coordinator.worker.directory import (
    Interrupted,
    delete_tree,
    is_on_itself,
    mount,
    mounted_below,
    unmount,
)
from coordinator.worker.observe import storage_home
from coordinator.worker.storage import StorageKeeper
from coordinator.worker.storage_tender import StorageTender

WAIT_S = 20.0

DATA = Storage(name="data", number=0, pool="rootfs", size_mb=1, created="", owner=unit("web/0"), attachment=1)


def seen(tmp_path: Path, location: str = "", **more: Any) -> World:
    data = StorageMeta(name="data", type="filesystem", count_max=1, location=location, **more)
    meta = charm("web", storage={"data": data})
    home = storage_home(str(tmp_path), MODEL, "uuid")
    return world("web/0", charm=meta, model_uuid="uuid", storage_home=home)


def directory(tmp_path: Path, number: int = 0) -> Path:
    return tmp_path / "models" / "demo-uuid" / "storage" / "data" / str(number)


def nobody() -> list[Storage]:
    """Return the other storage of the model."""
    return []


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
    for before in (replace(DATA, number=7), replace(DATA, number=8, directory=str(tmp_path / "imported"))):
        keeper.provide(at, before, nobody)
        with pytest.raises(Refused, match="is there already and leads to"):
            keeper.provide(at, DATA, lambda before=before: [before])
        keeper.provide(at, DATA, lambda before=before: [replace(before, owner=None)])
        assert place.readlink() == directory(tmp_path)
        place.unlink()
        keeper = StorageKeeper(tmp_path)
    keeper.provide(at, replace(DATA, number=7), nobody)
    keeper.provide(at, DATA, nobody)  # of which there is no other any more
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


# --- pools, and directories of people's own ------------------------------------------------------------------


def test_a_pool_says_where_it_is_and_who_may_enter(tmp_path: Path) -> None:
    elsewhere = tmp_path / "disk" / "demo-uuid" / "storage" / "data" / "0"
    storage = replace(DATA, directory=str(elsewhere), mode="0750")
    place = tmp_path / "srv"
    keeper = StorageKeeper(tmp_path / "w")
    keeper.provide(seen(tmp_path / "w", str(place)), storage, nobody)
    assert elsewhere.stat().st_mode & 0o777 == 0o750
    assert place.readlink() == elsewhere
    keeper.delete(MODEL, "uuid", storage)
    assert list(elsewhere.parent.iterdir()) == []


def test_a_disk_without_room_says_so_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="MiB free") as refused:
        StorageKeeper(tmp_path).provide(seen(tmp_path), replace(DATA, size_mb=2**40), nobody)
    assert refused.value.fix.startswith("make room")
    assert not directory(tmp_path).exists()


def test_what_is_imported_is_taken_as_it_is(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    storage = replace(DATA, directory=str(mine), imported=True, size_mb=2**40)
    keeper = StorageKeeper(tmp_path / "w")
    with pytest.raises(Refused, match="there is no directory of that name here"):
        keeper.provide(seen(tmp_path / "w"), storage, nobody)
    assert not mine.exists()
    mine.mkdir()
    (mine / "note").touch()
    keeper.provide(seen(tmp_path / "w"), storage, nobody)
    keeper.delete(MODEL, "uuid", storage)
    assert not mine.exists()


@pytest.mark.parametrize("place", ["w", "", "."])
def test_what_the_worker_lives_from_is_no_storage(tmp_path: Path, place: str) -> None:
    (tmp_path / "w").mkdir()
    storage = replace(DATA, directory=str(tmp_path / place), imported=True)
    keeper = StorageKeeper(tmp_path / "w")
    for use in (
        lambda: keeper.provide(seen(tmp_path / "w"), storage, nobody),
        lambda: keeper.delete(MODEL, "uuid", storage),
    ):
        with pytest.raises(Refused, match="the worker keeps its data in"):
            use()
    assert (tmp_path / "w").is_dir()


def may_mount(tmp_path: Path) -> bool:
    place = tmp_path / "probe"
    place.mkdir()
    if mount(place, "--bind", str(place)):
        return False
    unmount(place)
    return True


def test_nobody_writes_to_what_a_charm_only_reads_or_the_unit_says_why(tmp_path: Path) -> None:
    storage = replace(DATA, directory=str(tmp_path / "mine"), imported=True)
    (tmp_path / "mine").mkdir()
    note = tmp_path / "mine" / "note"
    note.write_text("kept")
    keeper, reader = StorageKeeper(tmp_path / "w"), seen(tmp_path / "w", read_only=True)
    if not may_mount(tmp_path):
        with pytest.raises(Refused, match="cannot provide storage data/0 read-only: mounting"):
            keeper.provide(reader, storage, nobody)
        return
    try:
        for each in (keeper, StorageKeeper(tmp_path / "w")):  # a worker that starts anew
            each.provide(reader, storage, nobody)
            assert mounted_below(tmp_path) == [tmp_path / "mine"]
            with pytest.raises(OSError, match="Read-only"):
                note.write_text("changed")
        keeper.provide(seen(tmp_path / "w"), replace(storage, attachment=2), nobody)
        note.write_text("by one that may")
        keeper.provide(reader, replace(storage, attachment=3), nobody)
        keeper.withdraw(reader, storage)
        assert mounted_below(tmp_path) == []
        keeper.provide(reader, replace(storage, attachment=4), nobody)
        keeper.delete(MODEL, "uuid", storage)
        assert not note.parent.exists()
    finally:
        for place in mounted_below(tmp_path):
            unmount(place)


def tender_of(stage: Stage, keeper: StorageKeeper) -> StorageTender:
    """Return the one of machine 0, which sees *stage* as it is now."""
    live = LiveTree(stage.store)
    live.poll()
    return StorageTender(live, stage.repository, "0", keeper)


def test_what_a_worker_that_died_kept_from_writing_the_next_one_lets_write_unless_a_unit_has_it(
    tmp_path: Path,
) -> None:
    if not may_mount(tmp_path):
        pytest.skip("nothing can be mounted here")
    stage, stays, goes = Stage(), tmp_path / "stays", tmp_path / "goes"
    meta = charm("web", storage={"data": StorageMeta(name="data", type="filesystem", count_max=1, read_only=True)})
    stage.deploy("web", meta, 1)
    stage.put(refs.unit(MODEL, unit("web/0")), Unit(name=unit("web/0"), created="", machine="0"))
    kept = [replace(DATA, number=number, directory=str(place)) for number, place in enumerate((stays, goes))]
    try:
        for storage in kept:
            StorageKeeper(tmp_path / "w").provide(seen(tmp_path / "w", read_only=True), storage, nobody)
        stage.put(refs.storage(MODEL, "data", 0), kept[0])
        stage.put(refs.storage(MODEL, "data", 1), replace(kept[1], owner=None, machine="0"))
        tender_of(stage, StorageKeeper(tmp_path / "w")).step()
        assert mounted_below(tmp_path) == [stays]
        (goes / "note").touch()

        stage.put(refs.storage(MODEL, "data", 0), replace(kept[0], owner=unit("web/7")))  # which is gone
        tender_of(stage, StorageKeeper(tmp_path / "w")).step()
        assert mounted_below(tmp_path) == []
        assert not list((tmp_path / "w" / "read-only").iterdir())
    finally:
        for place in mounted_below(tmp_path):
            unmount(place)


def test_what_somebody_is_in_is_let_write_when_they_have_left(tmp_path: Path) -> None:
    if not may_mount(tmp_path):
        pytest.skip("nothing can be mounted here")
    stage, keeper = Stage(), StorageKeeper(tmp_path / "w")
    storage = replace(DATA, directory=str(tmp_path / "mine"))
    tender = tender_of(stage, keeper)
    try:
        keeper.provide(seen(tmp_path / "w", read_only=True), storage, nobody)
        inside = os.open(tmp_path / "mine", os.O_RDONLY)
        try:
            assert not tender.step()
        finally:
            os.close(inside)
        assert tender.step()
        assert mounted_below(tmp_path) == []
    finally:
        for place in mounted_below(tmp_path):
            unmount(place)


def test_what_others_mounted_is_neither_undone_nor_emptied(tmp_path: Path) -> None:
    if not may_mount(tmp_path):
        pytest.skip("nothing can be mounted here")
    disk = tmp_path / "a disk"
    disk.mkdir()
    assert mount(disk, "-t", "tmpfs", "tmpfs") == ""
    (disk / "note").touch()
    keeper, storage = StorageKeeper(tmp_path / "w"), replace(DATA, directory=str(disk), imported=True)
    try:
        keeper.provide(seen(tmp_path / "w", read_only=True), storage, nobody)
        assert is_on_itself(disk)
        keeper.withdraw(seen(tmp_path / "w", read_only=True), storage)
        assert mounted_below(tmp_path) == [disk]
        with pytest.raises(OSError, match="something is mounted there"):
            keeper.delete(MODEL, "uuid", storage)
        assert (disk / "note").exists()
    finally:
        for place in mounted_below(tmp_path):
            unmount(place)


# --- much to delete --------------------------------------------------------------------------------------


def filled(directory: Path, *, files: int) -> Path:
    """Make *directory* with so many files in it and as many below."""
    for place in (directory, directory / "inner" / "deep"):
        place.mkdir(parents=True, exist_ok=True)
        for number in range(files):
            (place / str(number)).touch()
    (directory / "inner" / "link").symlink_to(directory.parent)
    return directory


def left(directory: Path) -> int:
    return sum(1 for _ in directory.rglob("*"))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


def test_who_is_told_to_stop_stops_between_two_files_and_goes_on_later(tmp_path: Path) -> None:
    directory = filled(tmp_path / "a", files=50)
    (tmp_path / "beside").touch()
    asked = iter([False] * 30 + [True])
    with pytest.raises(Interrupted):
        delete_tree(directory, lambda: next(asked))
    assert 100 - 30 <= left(directory) < 104
    delete_tree(directory, lambda: False)
    assert [path.name for path in tmp_path.iterdir()] == ["beside"]


def test_a_directory_that_is_not_there_is_deleted(tmp_path: Path) -> None:
    delete_tree(tmp_path / "never", lambda: False)


def test_a_link_in_the_place_of_a_directory_is_not_followed(tmp_path: Path) -> None:
    filled(tmp_path / "precious", files=1)
    (tmp_path / "storage").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError):
        delete_tree(tmp_path / "storage", lambda: False)
    assert (tmp_path / "precious" / "0").exists()


class Stopping(StorageKeeper):
    """Waits in the middle of each deletion until it is told to stop; `begun` says that it got there."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir)
        self.begun = threading.Event()

    def delete(
        self, model: str, model_uuid: str, storage: Storage, is_stopping: Callable[[], bool] = lambda: False
    ) -> None:
        files = iter(range(100))

        def wait() -> bool:
            if next(files) < 30:
                return False
            self.begun.set()
            wait_for(is_stopping)
            return True

        super().delete(model, model_uuid, storage, wait)


def test_nobody_waits_for_a_large_deletion_and_a_new_worker_goes_on_with_it(tmp_path: Path) -> None:
    stage = Stage()
    stage.machine("0")
    gone = [replace(DATA, number=n, owner=None, machine="0", life=Life.DYING) for n in (0, 1)]
    others = [replace(DATA, number=2, owner=None, machine="0"), replace(gone[0], number=3, machine="1")]
    for storage in (*gone, *others):
        stage.put(refs.storage(MODEL, "data", storage.number), storage)
        filled(directory(tmp_path, storage.number), files=50)

    def started(keeper: StorageKeeper) -> StorageTender:
        tender = StorageTender(live, stage.repository, "0", keeper)
        tender.start()
        return tender

    def tell(moved: list[Ref]) -> None:
        for each in found:
            each.moved(moved)

    live = LiveTree(stage.store, tell)
    found: list[StorageTender] = []
    live.start()
    try:
        slow = Stopping(tmp_path)
        found.append(started(slow))
        assert slow.begun.wait(WAIT_S)
        found.pop().close()  # in the middle
        assert 0 < left(directory(tmp_path, 0)) < 104
        assert stage.view().peek(refs.storage(MODEL, "data", 0)) == gone[0], "it is there until nothing is left"

        found.append(started(StorageKeeper(tmp_path)))
        wait_for(lambda: not stage.view().peek(refs.storage(MODEL, "data", 1)))
        stage.put(refs.storage(MODEL, "data", 2), replace(others[0], life=Life.DYING))
        wait_for(lambda: not stage.view().peek(refs.storage(MODEL, "data", 2)))
        found.pop().close()
    finally:
        live.close()
    assert sorted(path.name for path in (directory(tmp_path).parent).iterdir()) == ["3"]


def test_a_directory_that_was_imported_and_is_not_there_is_noted_until_it_is(tmp_path: Path) -> None:
    stage = Stage()
    stage.machine("0")
    mine = tmp_path / "mine"
    free = replace(DATA, owner=None, machine="0", directory=str(mine), imported=True)
    others = [
        replace(free, number=1, machine="1"),
        replace(free, number=2, owner=unit("web/0")),
        replace(free, number=3, directory=str(tmp_path)),
        replace(free, number=4, directory=None, imported=False),
    ]
    for storage in (free, *others):
        stage.put(refs.storage(MODEL, "data", storage.number), storage)
    live = LiveTree(stage.store)
    tender = StorageTender(live, stage.repository, "0", StorageKeeper(tmp_path / "worker"))

    def look() -> tuple[bool, list[bool]]:
        live.poll()
        is_done = tender.step()
        return is_done, [stage.find(refs.storage(MODEL, "data", number)).is_missing for number in range(5)]

    assert look() == (False, [True, False, False, False, False])
    revision = stage.view().revision
    assert (look()[0], stage.view().revision) == (False, revision), "what is known is not written again"
    mine.mkdir()
    assert look() == (True, [False] * 5)
