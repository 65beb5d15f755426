"""Pools of people's own, what is made from them, and directories that become storage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from build import CREATED, MODEL, charm, unit
from stage import ALICE, Stage

from coordinator.api.storage import storage_tree
from coordinator.cli.storage_text import filesystem_table
from coordinator.commands.application import deploy, refresh, remove_application
from coordinator.commands.storage import add_storage, attach_storage, import_filesystem, remove_storage
from coordinator.commands.storage_pool import create_pool, remove_pool, update_pool
from coordinator.commands.unit import add_units
from coordinator.domain import refs
from coordinator.domain.charm import StorageMeta
from coordinator.domain.life import Life
from coordinator.domain.refs import Kind
from coordinator.domain.storage import Storage, StorageId
from coordinator.domain.storage_pool import StoragePool
from coordinator.domain.view import View
from coordinator.errors import BadRequest, NotFound, Refused

KEEPER = charm("keeper", storage={"data": StorageMeta(name="data", type="filesystem", count_max=None)})


@pytest.fixture
def stage() -> Stage:
    """A machine, and a pool of a disk of its own."""
    stage = Stage()
    stage.machine("0")
    stage.do(lambda view: create_pool(view, MODEL, "fast", "rootfs", {"path": "/mnt/nvme", "mode": "0750"}))
    return stage


def pool(stage: Stage, name: str = "fast") -> StoragePool | None:
    return stage.find(refs.storage_pool(MODEL, name))


def storage(stage: Stage, number: int, name: str = "data") -> Storage:
    return stage.find(refs.storage(MODEL, name, number))


def test_what_is_made_from_a_pool_is_where_the_pool_says(stage: Stage) -> None:
    stage.deploy("keeper", KEEPER, 1, storage={"data": "fast,2,10M"})
    first = storage(stage, 0)
    assert (first.pool, first.provider, first.directory, first.mode) == (
        "fast", "rootfs", "/mnt/nvme/demo-uuid/storage/data/0", "0750",
    )  # fmt: skip
    stage.do(lambda view: update_pool(view, MODEL, "fast", {"mode": "", "path": "/mnt/other"}))
    stage.do(lambda view: add_units(view, MODEL, "keeper", count=1, now=CREATED))
    later = storage(stage, 2)
    assert (later.directory, later.mode) == ("/mnt/other/demo-uuid/storage/data/2", None)
    assert storage(stage, 0) == first, "what there is stays where it is"


def test_a_pool_of_memory_is_memory(stage: Stage) -> None:
    stage.do(lambda view: create_pool(view, MODEL, "private", "tmpfs", {"mode": "700"}))
    stage.deploy("keeper", KEEPER, 1)
    stage.do(lambda view: add_storage(view, MODEL, unit("keeper/0"), "data", "private,16M", now=CREATED))
    made = storage(stage, 1)
    assert (made.provider, made.directory, made.mode, made.size_mb) == ("tmpfs", None, "700", 16)
    assert not storage_tree(stage.view(), MODEL)["storage"]["data/1"]["persistent"]


def test_a_refresh_says_where_new_storage_comes_from(stage: Stage) -> None:
    stage.deploy("keeper", KEEPER, 1)
    more = {**KEEPER.storage, "logs": StorageMeta(name="logs", type="filesystem", count_max=1)}
    newer = stage.charm(replace(KEEPER, storage=more))
    asked = {"logs": "fast", "data": "tmpfs"}
    stage.do(lambda view: refresh(view, MODEL, "keeper", charm=newer, now=CREATED, storage=asked))
    assert (storage(stage, 0).pool, storage(stage, 1, "logs").pool) == ("rootfs", "fast")
    stage.do(lambda view: add_units(view, MODEL, "keeper", count=1, now=CREATED))
    assert (storage(stage, 2).pool, storage(stage, 3, "logs").pool) == ("tmpfs", "fast")


def test_a_pool_is_removed_when_nothing_is_from_it_any_more(stage: Stage) -> None:
    stage.deploy("keeper", KEEPER, 0, storage={"data": "fast"})
    with pytest.raises(Refused, match=r"is in use: keeper has storage from it"):
        stage.do(lambda view: remove_pool(view, MODEL, "fast"))
    stage.do(lambda view: remove_application(view, MODEL, "keeper"))
    stage.reconcile()
    stage.do(lambda view: remove_pool(view, MODEL, "fast"))
    assert pool(stage) is None


def during(stage: Stage, plan: Callable[[View], Any], meanwhile: Callable[[], None]) -> Callable[[View], Any]:
    """Return *plan*, between whose first look and write *meanwhile* happens."""
    looks = iter([meanwhile])

    def planned(view: View) -> Any:
        change = plan(view)
        next(looks, lambda: None)()
        return change

    return planned


def test_whoever_removes_a_pool_notices_who_came_to_name_it_meanwhile(stage: Stage) -> None:
    stage.deploy("other", KEEPER, 1)
    sha256 = next(iter(stage.charms))
    plans = [
        lambda view: deploy(view, MODEL, "keeper", charm=sha256, now="", units=0, storage={"data": "fast"}),
        lambda view: add_storage(view, MODEL, unit("other/0"), "data", "fast", now=CREATED),
    ]
    for plan in plans:
        removal = during(stage, lambda view: remove_pool(view, MODEL, "fast"), lambda plan=plan: stage.do(plan))
        with pytest.raises(Refused, match="is in use"):
            stage.do(removal)
    assert pool(stage) is not None


def test_whoever_names_a_pool_notices_that_it_is_gone(stage: Stage) -> None:
    stage.deploy("keeper", KEEPER, 1)
    plan = during(
        stage,
        lambda view: add_storage(view, MODEL, unit("keeper/0"), "data", "fast", now=CREATED),
        lambda: stage.do(lambda view: remove_pool(view, MODEL, "fast")) and None,
    )
    with pytest.raises(NotFound, match='storage pool "fast" not found'):
        stage.do(plan)
    assert stage.names(Kind.STORAGE) == ["data/0"]


@pytest.mark.parametrize(
    ("plan", "kind", "words"),
    [
        (lambda v: create_pool(v, MODEL, "fast", "rootfs", {}), Refused, 'storage pool "fast" already exists'),
        (lambda v: create_pool(v, MODEL, "tmpfs", "tmpfs", {}), Refused, 'storage pool "tmpfs" already exists'),
        (lambda v: create_pool(v, MODEL, "1st", "tmpfs", {}), BadRequest, 'pool name "1st" not valid'),
        (lambda v: create_pool(v, MODEL, "a/b", "tmpfs", {}), BadRequest, 'pool name "a/b" not valid'),
        (lambda v: create_pool(v, MODEL, "new", "ebs", {}), NotFound, 'storage provider "ebs" not found'),
        (lambda v: create_pool(v, MODEL, "new", "tmpfs", {"path": "/x"}), BadRequest, 'has no attribute "path"'),
        (lambda v: create_pool(v, MODEL, "new", "rootfs", {"path": "x"}), BadRequest, 'path "x" not valid'),
        (lambda v: create_pool(v, MODEL, "new", "rootfs", {"path": "/"}), BadRequest, 'path "/" not valid'),
        (lambda v: create_pool(v, MODEL, "new", "rootfs", {"path": "/a/../b"}), BadRequest, "not valid"),
        (lambda v: create_pool(v, MODEL, "new", "rootfs", {"path": "/a\n"}), BadRequest, "not valid"),
        (lambda v: create_pool(v, MODEL, "new", "rootfs", {"mode": "0999"}), BadRequest, 'mode "0999" not valid'),
        (lambda v: update_pool(v, MODEL, "none", {"mode": "0700"}), NotFound, 'storage pool "none" not found'),
        (lambda v: update_pool(v, MODEL, "rootfs", {"mode": "0700"}), Refused, "every model has it as it is"),
        (lambda v: update_pool(v, MODEL, "fast", {}), BadRequest, "no pool attributes specified"),
        (lambda v: update_pool(v, MODEL, "fast", {"size": "1"}), BadRequest, 'has no attribute "size"'),
        (lambda v: remove_pool(v, MODEL, "none"), NotFound, 'storage pool "none" not found'),
        (lambda v: remove_pool(v, MODEL, "tmpfs"), Refused, "every model has it as it is"),
        (lambda v: import_(v, where="1:/srv"), NotFound, 'machine "1" not found'),
        (lambda v: import_(v, where="/srv"), BadRequest, 'filesystem "/srv" not valid'),
        (lambda v: import_(v, where="0:srv"), BadRequest, 'path "srv" not valid'),
        (lambda v: import_(v, where="0:/srv/photos/2024"), Refused, "data/0 is there already, at /srv/photos"),
        (lambda v: import_(v, where="0:/srv"), Refused, "data/0 is there already, at /srv/photos"),
        (lambda v: import_(v, pool="tmpfs"), Refused, 'cannot import a filesystem into pool "tmpfs"'),
        (lambda v: import_(v, pool="none"), NotFound, 'storage pool "none" not found'),
        (lambda v: import_(v, name="My Data"), BadRequest, 'storage name "My Data" not valid'),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    stage: Stage, plan: Any, kind: type[Refused], words: str
) -> None:
    stage.do(import_)
    before = stage.store.revision
    with pytest.raises(kind) as refused:
        stage.do(plan)
    assert words in str(refused.value)
    assert refused.value.why or refused.value.fix
    assert stage.store.revision == before


def import_(view: View, where: str = "0:/srv/photos", pool: str = "rootfs", name: str = "data") -> Any:
    return import_filesystem(view, MODEL, pool, where, name, now=CREATED)


def test_an_imported_directory_is_storage_that_nobody_has(stage: Stage) -> None:
    stage.deploy("keeper", KEEPER, 1)
    stage.reconcile()
    stage.do(lambda view: import_(view, "0:/srv/photos"))
    stage.do(lambda view: import_(view, "0:/srv/photos-2"))
    imported = storage(stage, 1)
    assert (imported.owner, imported.machine, imported.directory, imported.imported) == (
        None, "0", "/srv/photos", True,
    )  # fmt: skip
    tree = storage_tree(stage.view(), MODEL)
    assert tree["storage"]["data/1"]["status"]["current"] == "detached"
    assert tree["filesystems"]["0/1"]["provider-id"] == "0:/srv/photos"
    assert filesystem_table(tree).splitlines()[:3] == [
        "Machine  Unit      Storage ID  ID   Provider ID      Mountpoint  Size   Status     Message",
        "         keeper/0  data/0      0/0  0/0                          1 GiB  attaching",
        "                   data/1      0/1  0:/srv/photos                       detached",
    ]
    stage.do(lambda view: attach_storage(view, MODEL, unit("keeper/0"), [StorageId("data", 1)]))
    assert storage(stage, 1).owner == unit("keeper/0")


def test_it_can_be_forgotten_and_imported_again_or_removed(stage: Stage) -> None:
    stage.do(import_)
    stage.do(lambda view: remove_storage(view, MODEL, StorageId("data", 0), destroy=False))
    stage.do(import_)
    stage.do(lambda view: remove_storage(view, MODEL, StorageId("data", 1)))
    assert storage(stage, 1).life is Life.DYING


def test_two_who_import_the_same_directory_do_not_both_get_it(stage: Stage) -> None:
    other = lambda: stage.do(import_) and None  # noqa: E731
    with pytest.raises(Refused, match="data/0 is there already"):
        stage.repository.transact(stage.view, during(stage, import_, other), ALICE)
    assert stage.names(Kind.STORAGE) == ["data/0"]
