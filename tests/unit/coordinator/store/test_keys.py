"""Keys: every Ref has one, every key of ours names one Ref, and neighbours do not get into each other's ranges."""

from __future__ import annotations

import pytest
from build import unit
from hypothesis import given
from hypothesis import strategies as st

from coordinator.domain import refs
from coordinator.domain.refs import Kind, Ref
from coordinator.store.keys import MIRRORED, PATTERNS, below, everything, key_of, prefix_end, ref_of

NAMES = st.from_regex(r"[a-z0-9][a-z0-9.\-]{0,8}", fullmatch=True)
#: Words that stand for themselves where a name could stand, below some of the kinds.
LITERALS = {part for pattern in PATTERNS.values() for part in pattern.split("/")} - {"*"}


@st.composite
def any_ref(draw: st.DrawFn) -> Ref:
    kind = draw(st.sampled_from(list(Kind)))
    names = NAMES.filter(lambda name: name not in LITERALS)
    return Ref(kind, tuple(draw(names) for _ in range(PATTERNS[kind].count("*"))))


@given(ref=any_ref())
def test_a_key_names_what_it_was_made_for(ref: Ref) -> None:
    assert ref_of(key_of(ref)) == ref


@given(one=any_ref(), other=any_ref())
def test_different_things_have_different_keys(one: Ref, other: Ref) -> None:
    assert (key_of(one) == key_of(other)) is (one == other)


@given(one=any_ref(), other=any_ref())
def test_what_is_below_something_starts_with_its_name(one: Ref, other: Ref) -> None:
    start, end = below(one)
    inside = start <= key_of(other) < end
    assert inside is key_of(other).startswith(key_of(one) + "/")


@pytest.mark.parametrize(
    ("ref", "key"),
    [
        (refs.model("demo"), "/coordinator/models/demo"),
        (refs.unit("demo", unit("web/0")), "/coordinator/models/demo/units/web/0"),
        (refs.memory("demo", unit("web/0")), "/coordinator/models/demo/units/web/0/memory"),
        (
            refs.relation_memory("demo", unit("web/0"), 7),
            "/coordinator/models/demo/units/web/0/memory/relations/7",
        ),
        (refs.bag("demo", 7, "web"), "/coordinator/models/demo/relations/7/data/web"),
        (refs.bag("demo", 7, unit("web/0")), "/coordinator/models/demo/relations/7/data/web/0"),
        (refs.machine("0"), "/coordinator/machines/0"),
        (refs.worker("0"), "/coordinator/machines/0/worker"),
        (refs.machine_sequence(), "/coordinator/machine-sequence"),
    ],
)
def test_keys_are_spelled_as_documented(ref: Ref, key: str) -> None:
    assert key_of(ref) == key


def test_the_leader_of_the_controllers_is_not_a_controller() -> None:
    assert ref_of("/coordinator/controllers/leader") == Ref(Kind.CONTROLLER_LEADER)
    assert ref_of("/coordinator/controllers/one") == Ref(Kind.CONTROLLER, ("one",))


@pytest.mark.parametrize("text", ["unit/10", "unit/1-0", "unit/11/claim", "unit-x/1/claim", "unit/1"])
def test_the_range_below_unit_1_ends_before_its_neighbours(text: str) -> None:
    start, end = below(refs.unit("demo", unit("unit/1")))
    assert not start <= f"/coordinator/models/demo/units/{text}" < end
    assert start <= "/coordinator/models/demo/units/unit/1/claim" < end


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/coordinator",
        "/coordinator/",
        "/coordinator/models",
        "/coordinator/models/demo/units/web",
        "/coordinator/models/demo/units/web/0/claim/more",
        "/coordinator/models/demo/somebody/else",
        "/coordinator/zebra",
        "/coordinator2/models/demo",
        "models/demo",
    ],
)
def test_keys_of_others_name_nothing(key: str) -> None:
    assert ref_of(key) is None


@given(prefix=st.from_regex(r"/[a-z0-9/]{0,6}/", fullmatch=True), key=st.text("/0ab~", max_size=8))
def test_a_prefix_ends_where_it_should(prefix: str, key: str) -> None:
    assert prefix <= prefix + key < prefix_end(prefix)
    assert not prefix_end(prefix).startswith(prefix)
    assert (prefix <= "/" + key < prefix_end(prefix)) is ("/" + key).startswith(prefix)


def test_what_is_mirrored_is_controllers_machines_and_models() -> None:
    start, end = MIRRORED
    inside = {kind for kind in Kind if start <= key_of(Ref(kind, tuple("x" * PATTERNS[kind].count("*")))) < end}
    assert inside == {
        kind for kind, pattern in PATTERNS.items() if pattern.startswith(("controllers/", "machine", "models/"))
    }
    assert everything(Kind.MODEL) == ("/coordinator/models/", "/coordinator/models0")
