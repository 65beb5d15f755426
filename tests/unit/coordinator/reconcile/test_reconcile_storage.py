"""What people do with storage, what becomes of it when its unit, machine or model goes, and how it is shown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from build import CREATED, MODEL, charm, unit
from stage import Stage

from coordinator.api.status import status_of
from coordinator.cli.storage_text import size, storage_table
from coordinator.commands.application import deploy, refresh, remove_application
from coordinator.commands.machine import remove_machine
from coordinator.commands.model import destroy_model
from coordinator.commands.storage import add_storage, attach_storage, detach_storage, remove_storage
from coordinator.commands.unit import add_units, remove_units
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.charm import StorageMeta
from coordinator.domain.life import Life
from coordinator.domain.refs import Kind
from coordinator.domain.storage import Storage, StorageId
from coordinator.errors import NotFound, Refused

KEEPER = charm("keeper", storage={"data": StorageMeta(name="data", type="filesystem", count_max=2)})
DATA_0 = StorageId("data", 0)


@pytest.fixture
def stage() -> Stage:
    """keeper/0 on machine 0, and data/0 attached to it."""
    stage = Stage()
    stage.machine("0")
    stage.deploy("keeper", KEEPER, 1)
    stage.reconcile()
    stage.claim("keeper/0")
    stage.remember("keeper/0", storage={"data/0": 1})
    change(stage, 0, machine="0", location="/x")
    return stage


def find(stage: Stage, number: int) -> Storage | None:
    return stage.find(refs.storage(MODEL, "data", number))


def change(stage: Stage, number: int, **fields: Any) -> None:
    stage.put(refs.storage(MODEL, "data", number), replace(find(stage, number), **fields))


def free(stage: Stage) -> None:
    change(stage, 0, owner=None, location=None)


def end(stage: Stage, name: str, **more: Any) -> None:
    """Remove a unit that has run its last hook, but not let go of anything."""
    stage.do(lambda view: remove_units(view, MODEL, [unit(name)], **more))
    ref = refs.unit(MODEL, unit(name))
    stage.put(ref, replace(stage.find(ref), life=Life.DEAD))
    stage.reconcile()


# --- units get it ----------------------------------------------------------------------------------------------


def test_it_is_made_with_its_unit_in_one_write() -> None:
    stage = Stage()
    sha256 = stage.charm(KEEPER)
    made = stage.do(
        lambda view: deploy(
            view, MODEL, "keeper", charm=sha256, now=CREATED, units=2, storage={"data": "tmpfs,2,64M"}
        )
    )
    assert made is not None
    found = [value for ref, value in made.puts.items() if ref.kind is Kind.STORAGE]
    assert [(str(each.id), str(each.owner), each.pool, each.size_mb) for each in found] == [
        ("data/0", "keeper/0", "tmpfs", 64),
        ("data/1", "keeper/0", "tmpfs", 64),
        ("data/2", "keeper/1", "tmpfs", 64),
        ("data/3", "keeper/1", "tmpfs", 64),
    ]


def test_numbers_go_on_for_all_names_and_are_never_used_again(stage: Stage) -> None:
    stage.do(lambda view: add_storage(view, MODEL, unit("keeper/0"), "data", "512M", now=CREATED))
    assert find(stage, 1).size_mb == 512
    stage.do(lambda view: detach_storage(view, MODEL, StorageId("data", 1), force=True))
    stage.do(lambda view: remove_storage(view, MODEL, StorageId("data", 1), destroy=False))
    stage.do(lambda view: add_units(view, MODEL, "keeper", count=1, now=CREATED))
    assert stage.names(Kind.STORAGE) == ["data/0", "data/2"]


def test_a_charm_that_needs_more_gets_it_for_the_units_that_are_there(stage: Stage) -> None:
    need = replace(KEEPER.storage["data"], count_min=2)
    sha256 = stage.charm(replace(KEEPER, storage={"data": need}))
    stage.do(lambda view: refresh(view, MODEL, "keeper", charm=sha256, now=CREATED))
    assert stage.names(Kind.STORAGE) == ["data/0", "data/1"]
    assert find(stage, 1).owner == unit("keeper/0")


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (lambda v: add_storage(v, MODEL, unit("keeper/9"), "data", "", now=""), 'unit "keeper/9" not found'),
        (lambda v: add_storage(v, MODEL, unit("keeper/0"), "logs", "", now=""), 'no store called "logs"'),
        (lambda v: add_storage(v, MODEL, unit("keeper/0"), "data", "2", now=""), "at most 2 instances"),
        (lambda v: attach_storage(v, MODEL, unit("keeper/0"), [DATA_0]), "keeper/0 has it"),
        (lambda v: remove_storage(v, MODEL, DATA_0), "failed to remove data/0: storage is attached"),
        (lambda v: remove_storage(v, MODEL, DATA_0, destroy=False, force_at_s=1.0), "cannot be released"),
        (lambda v: detach_storage(v, MODEL, StorageId("data", 7)), 'storage "data/7" not found'),
        (lambda v: destroy_model(v, MODEL, force_at_s=None), "0 volumes and 1 filesystems"),
        (lambda v: add_units(v, MODEL, "keeper", count=2, now="", attach=[DATA_0]), "several units"),
        (lambda v: add_units(v, MODEL, "keeper", count=1, now="", attach=[DATA_0]), "keeper/0 has it"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(stage: Stage, plan: Any, words: str) -> None:
    before = stage.store.revision
    with pytest.raises(Refused) as refused:
        stage.do(plan)
    assert words in str(refused.value)
    assert stage.store.revision == before


# --- it is given from one unit to another --------------------------------------------------------------------


def test_it_is_let_go_of_with_a_hook_or_at_once(stage: Stage) -> None:
    stage.do(lambda view: detach_storage(view, MODEL, DATA_0))
    assert (find(stage, 0).owner, find(stage, 0).detaching) == (unit("keeper/0"), True)
    stage.do(lambda view: detach_storage(view, MODEL, DATA_0, force=True))
    assert (find(stage, 0).owner, find(stage, 0).detaching) == (None, False)
    with pytest.raises(Refused, match="nobody has it"):
        stage.do(lambda view: detach_storage(view, MODEL, DATA_0))


def test_a_new_unit_takes_it_instead_of_new_one_where_it_is(stage: Stage) -> None:
    free(stage)
    stage.machine("1")
    stage.do(lambda view: add_units(view, MODEL, "keeper", count=1, now=CREATED, attach=[DATA_0]))
    assert stage.names(Kind.STORAGE) == ["data/0"]
    assert (find(stage, 0).owner, find(stage, 0).attachment) == (unit("keeper/1"), 2)
    assert stage.find(refs.unit(MODEL, unit("keeper/1"))).machine == "0"
    with pytest.raises(Refused, match="has it"):
        stage.do(lambda view: add_units(view, MODEL, "keeper", count=1, now="", to=["1"], attach=[DATA_0]))


def test_a_unit_elsewhere_cannot_have_it(stage: Stage) -> None:
    stage.machine("1")
    stage.do(lambda view: add_units(view, MODEL, "keeper", count=1, now=CREATED, to=["1"]))
    free(stage)
    with pytest.raises(Refused) as refused:
        stage.do(lambda view: attach_storage(view, MODEL, unit("keeper/1"), [DATA_0]))
    assert refused.value.why == "it is a directory of machine 0, and keeper/1 is on machine 1"
    stage.do(lambda view: attach_storage(view, MODEL, unit("keeper/0"), [DATA_0]))
    assert find(stage, 0).attachment == 2


# --- and goes --------------------------------------------------------------------------------------------------


def test_it_outlives_its_unit(stage: Stage) -> None:
    end(stage, "keeper/0")
    assert (find(stage, 0).owner, find(stage, 0).machine, find(stage, 0).life) == (None, "0", Life.ALIVE)


@pytest.mark.parametrize("by", ["unit", "application"])
def test_it_goes_with_its_unit_when_that_is_said(stage: Stage, by: str) -> None:
    if by == "application":
        stage.do(lambda view: remove_application(view, MODEL, "keeper", destroy_storage=True))
        stage.reconcile()
    end(stage, "keeper/0", destroy_storage=by == "unit", force_at_s=None)
    assert (find(stage, 0).owner, find(stage, 0).life) == (None, Life.DYING)


def test_what_was_on_no_machine_goes_with_its_unit() -> None:
    stage = Stage()
    stage.deploy("keeper", KEEPER, 1)
    stage.do(lambda view: remove_units(view, MODEL, [unit("keeper/0")]))
    stage.reconcile()
    assert stage.names(Kind.STORAGE) == []


def test_what_is_forced_goes_though_no_worker_answers(stage: Stage) -> None:
    stage.do(lambda view: remove_storage(view, MODEL, DATA_0, force_at_s=stage.now_s + 5))
    stage.reconcile()
    assert (find(stage, 0).life, find(stage, 0).detaching) == (Life.DYING, True)
    stage.now_s += 5
    stage.reconcile()
    assert find(stage, 0) is None


def test_a_machine_that_holds_some_is_not_removed_but_by_force(stage: Stage) -> None:
    end(stage, "keeper/0")
    with pytest.raises(Refused, match="machine 0 has storage data/0"):
        stage.do(lambda view: remove_machine(view, "0"))
    stage.do(lambda view: remove_machine(view, "0", force_at_s=stage.now_s))
    stage.reconcile()
    assert (stage.find(refs.machine("0")), find(stage, 0)) == (None, None)


@pytest.mark.parametrize("released", [True, False])
def test_a_model_destroys_it_or_leaves_it_behind(stage: Stage, released: bool) -> None:
    stage.do(
        lambda view: destroy_model(
            view, MODEL, force_at_s=None, destroy_storage=not released, release_storage=released
        )
    )
    stage.reconcile()
    ref = refs.unit(MODEL, unit("keeper/0"))
    stage.put(ref, replace(stage.find(ref), life=Life.DEAD))
    stage.reconcile()
    assert (find(stage, 0) is None) is released
    if not released:
        assert find(stage, 0).life is Life.DYING
        gone = Change(did="deleted", deletes=frozenset({refs.storage(MODEL, "data", 0)}))
        stage.do(lambda view: gone)
        stage.reconcile()
    assert stage.find(refs.model(MODEL)) is None


def test_it_cannot_be_given_to_a_unit_that_goes(stage: Stage) -> None:
    free(stage)
    stage.do(lambda view: remove_units(view, MODEL, [unit("keeper/0")]))
    with pytest.raises(Refused, match="is being removed"):
        stage.do(lambda view: attach_storage(view, MODEL, unit("keeper/0"), [DATA_0]))
    with pytest.raises(NotFound):
        stage.do(lambda view: attach_storage(view, MODEL, unit("keeper/7"), [DATA_0]))


# --- how it is shown -------------------------------------------------------------------------------------------


def test_status_shows_who_has_it_where(stage: Stage) -> None:
    tree = status_of(stage.view(), MODEL, controller="c", now=CREATED)["storage"]
    attached = {"keeper/0": {"life": "alive", "machine": "0", "location": "/x"}}
    status = {"current": "attached", "since": CREATED}
    assert tree == {
        "storage": {
            "data/0": {
                "kind": "filesystem",
                "life": "alive",
                "status": status,
                "persistent": True,
                "attachments": {"units": attached},
            }
        },
        "filesystems": {
            "0/0": {
                "provider-id": "0/0",
                "storage": "data/0",
                "pool": "rootfs",
                "size": 1024,
                "life": "alive",
                "status": status,
                "attachments": {
                    "machines": {"0": {"mount-point": "/x", "read-only": False, "life": "alive"}},
                    "units": attached,
                },
            }
        },
    }
    assert storage_table(tree).splitlines() == [
        "Unit      Storage ID  Type        Pool    Size   Status    Message",
        "keeper/0  data/0      filesystem  rootfs  1 GiB  attached",
    ]


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"location": None}, "attaching"),
        ({"detaching": True}, "detaching"),
        ({"owner": None}, "detached"),
        ({"owner": None, "life": Life.DYING}, "destroying"),
    ],
)
def test_the_words_of_its_status(stage: Stage, fields: dict, word: str) -> None:
    change(stage, 0, **fields)
    tree = status_of(stage.view(), MODEL, controller="c", now=CREATED)["storage"]
    assert tree["storage"]["data/0"]["status"]["current"] == word


@pytest.mark.parametrize(("mb", "text"), [(0, ""), (64, "64 MiB"), (1536, "1.5 GiB"), (40960, "40 GiB")])
def test_sizes_as_people_read_them(mb: int, text: str) -> None:
    assert size(mb) == text
