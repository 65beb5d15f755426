"""What people write about storage, and what of it fits a charm."""

from __future__ import annotations

from dataclasses import replace

import pytest
from build import charm, unit
from hypothesis import given
from hypothesis import strategies as st

from coordinator.domain.charm import StorageMeta, read_charm
from coordinator.domain.life import Life
from coordinator.domain.storage import (
    Storage,
    StorageId,
    carried_over,
    check_storage_change,
    detached,
    made_for,
    parse_directive,
    wanted,
)
from coordinator.domain.storage_pool import Pools
from coordinator.domain.unit import Directive, Unit
from coordinator.errors import BadRequest, CharmInvalid, CoordinatorError, NotFound, Refused


def keeper(**more: object) -> StorageMeta:
    return StorageMeta(**{"name": "data", "type": "filesystem", "count_max": 1, **more})  # type: ignore[arg-type]


def with_storage(*found: StorageMeta):
    return charm("web", storage={each.name: each for each in found})


# --- what a charm says ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("yaml", "meaning"),
    [
        ("{type: filesystem}", {}),
        ("{type: filesystem, location: /srv/x, description: d}", {"location": "/srv/x", "description": "d"}),
        ("{type: filesystem, multiple: {range: 2}}", {"count_min": 2, "count_max": 2}),
        ("{type: filesystem, multiple: {range: 0-1}}", {"count_min": 0, "count_max": 1}),
        ("{type: filesystem, multiple: {range: 1-}}", {"count_min": 1, "count_max": None}),
        ("{type: filesystem, multiple: {range: 3+}}", {"count_min": 3, "count_max": None}),
        ("{type: filesystem, minimum-size: 1.5G}", {"minimum_size_mb": 1536}),
        ("{type: block, read-only: true, shared: true}", {"type": "block", "read_only": True, "shared": True}),
    ],
)
def test_what_a_charm_says_of_its_storage(yaml: str, meaning: dict) -> None:
    meta = read_charm({"metadata.yaml": f"name: web\nstorage:\n  data: {yaml}\n"})
    assert meta.storage == {"data": keeper(**meaning)}


@pytest.mark.parametrize(
    ("yaml", "problem"),
    [
        ("{type: disk}", "type of storage 'data' is 'disk'; it can be filesystem or block"),
        ("{}", "'type' is missing"),
        ("{type: filesystem, location: srv}", "location of storage 'data' is 'srv'; it must be an absolute path"),
        ("{type: filesystem, location: /srv/../etc}", "it must be an absolute path"),
        ("{type: filesystem, multiple: {range: many}}", "range of storage 'data' is 'many'"),
        ("{type: filesystem, multiple: {range: 3-2}}", "it ends before it begins"),
        ("{type: filesystem, minimum-size: big}", "minimum-size of storage 'data' is 'big'"),
    ],
)
def test_what_is_wrong_with_it_is_said_with_its_line(yaml: str, problem: str) -> None:
    with pytest.raises(CharmInvalid) as invalid:
        read_charm({"metadata.yaml": f"name: web\nstorage:\n  data: {yaml}\n"})
    assert "metadata.yaml:3: " in invalid.value.why
    assert problem in invalid.value.why


# --- what people ask for -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("", Directive()),
        ("3", Directive(count=3)),
        ("2G", Directive(size_mb=2048)),
        ("0.5GiB", Directive(size_mb=512)),
        ("tmpfs", Directive(pool="tmpfs")),
        ("rootfs,2G,3", Directive(pool="rootfs", size_mb=2048, count=3)),
        ("3,rootfs,2G", Directive(pool="rootfs", size_mb=2048, count=3)),
    ],
)
def test_a_directive_says_pool_count_and_size_in_any_order(text: str, meaning: Directive) -> None:
    assert parse_directive(text, "data", Pools()) == meaning


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("ebs", NotFound, 'storage pool "ebs" not found'),
        ("1,2", BadRequest, "it has two counts"),
        ("1G,2G", BadRequest, "it has two sizes"),
        ("0", BadRequest, "a count is at least 1"),
        ("1,,2G", BadRequest, "a part of it is empty"),
        ("-1", NotFound, 'storage pool "-1" not found'),
    ],
)
def test_a_directive_that_means_nothing_is_refused(text: str, kind: type[Refused], words: str) -> None:
    with pytest.raises(kind) as refused:
        parse_directive(text, "data", Pools())
    assert words in str(refused.value)


@given(st.text(max_size=20))
def test_whatever_people_write_is_understood_or_refused(text: str) -> None:
    try:
        directive = parse_directive(text, "data", Pools())
    except CoordinatorError:
        return
    assert directive.pool in ("", *Pools())
    assert directive.count is None or directive.count > 0


@pytest.mark.parametrize(
    ("declared", "given", "gets"),
    [
        (keeper(), {}, Directive("rootfs", 1, 1024)),
        (keeper(count_min=0, count_max=None), {}, Directive("rootfs", 0, 1024)),
        (keeper(count_min=0, count_max=None), {"data": Directive(pool="tmpfs")}, Directive("tmpfs", 1, 1024)),
        (keeper(count_max=4), {"data": Directive(count=3, size_mb=9)}, Directive("rootfs", 3, 9)),
        (keeper(minimum_size_mb=64), {"data": Directive(size_mb=9)}, Directive("rootfs", 1, 64)),
        (keeper(type="block", count_min=0), {}, Directive("rootfs", 0, 1024)),
    ],
)
def test_what_a_new_unit_gets(declared: StorageMeta, given: dict, gets: Directive) -> None:
    assert wanted(with_storage(declared), given) == {"data": gets}


@pytest.mark.parametrize(
    ("declared", "given", "words"),
    [
        (keeper(), {"logs": Directive()}, 'charm "web" has no store called "logs"'),
        (keeper(), {"data": Directive(count=2)}, "at most 1 instances supported, 2 specified"),
        (keeper(count_min=2, count_max=3), {"data": Directive(count=1)}, "2 instances required, 1 specified"),
        (keeper(count_max=None), {"data": Directive(count=101)}, "the limit is 100"),
        (keeper(type="block"), {}, "it is a block device"),
        (keeper(type="block", count_min=0), {"data": Directive(count=1)}, "it is a block device"),
    ],
)
def test_what_does_not_fit_the_charm_is_refused(declared: StorageMeta, given: dict, words: str) -> None:
    with pytest.raises(Refused) as refused:
        wanted(with_storage(declared), given)
    assert words in str(refused.value)


@pytest.mark.parametrize("text", ["data", "data/", "/0", "data/x", "data/-1", "Data/0", "data/0/1", ""])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        StorageId.parse(text)


def test_an_id_reads_as_it_prints_and_sorts_by_number() -> None:
    ids = [StorageId.parse(text) for text in ("data/10", "data/9", "cache/11")]
    assert [str(each) for each in sorted(ids)] == ["cache/11", "data/9", "data/10"]


# --- another charm -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "fits"),
    [
        ([keeper()], True),
        ([keeper(count_max=None)], True),
        ([keeper(), keeper(name="logs")], True),
        ([], False),
        ([keeper(type="block")], False),
        ([keeper(location="/srv")], False),
        ([keeper(count_min=0, count_max=0)], False),
    ],
)
def test_a_charm_that_could_not_go_on_with_what_units_have_is_refused(after: list, fits: bool) -> None:
    if fits:
        check_storage_change(with_storage(keeper()), with_storage(*after))
        return
    with pytest.raises(Refused, match="cannot refresh"):
        check_storage_change(with_storage(keeper()), with_storage(*after))


def test_what_was_asked_for_is_carried_over_and_grows_with_the_need() -> None:
    before = {"data": Directive("tmpfs", 1, 64), "old": Directive("rootfs", 1, 64)}
    after = with_storage(keeper(count_min=2, count_max=5), keeper(name="logs"))
    assert carried_over(after, before, {}) == {"data": Directive("tmpfs", 2, 64)}
    asked = {"data": Directive(count=3)}
    assert carried_over(after, before, asked) == {"data": Directive("tmpfs", 3, 64)}


# --- steps -----------------------------------------------------------------------------------------------------

WEB_0 = Unit(name=unit("web/0"), created="", machine="4")
DATA = Storage(name="data", number=0, pool="rootfs", size_mb=1, created="", owner=WEB_0.name, attachment=1)


def test_new_instances_are_numbered_together_whatever_their_names() -> None:
    wanted = {"b": Directive("", 2), "a": Directive("", 1), "c": Directive("", 0)}
    made = made_for(WEB_0.name, wanted, 7, now="", pools=Pools(), home="demo-uuid")
    assert [str(each.id) for each in made] == ["a/7", "b/8", "b/9"]


@pytest.mark.parametrize(
    ("storage", "owner", "after"),
    [
        (DATA, WEB_0, replace(DATA, owner=None, machine="4")),
        (replace(DATA, machine="4", location="/x"), None, replace(DATA, owner=None, machine="4")),
        (DATA, replace(WEB_0, machine=None), None),
        (DATA, None, None),
        (DATA, replace(WEB_0, destroy_storage=True), replace(DATA, owner=None, machine="4", life=Life.DYING)),
        (replace(DATA, life=Life.DYING), WEB_0, replace(DATA, owner=None, machine="4", life=Life.DYING)),
        (replace(DATA, detaching=True), WEB_0, replace(DATA, owner=None, machine="4")),
    ],
)
def test_what_becomes_of_storage_that_its_unit_lets_go_of(
    storage: Storage, owner: Unit | None, after: Storage | None
) -> None:
    assert detached(storage, owner) == after
