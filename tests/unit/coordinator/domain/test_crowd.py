"""A crowd that is renewed step by step is the one that a look at everything would find."""

from __future__ import annotations

from build import CREATED, stored, unit
from hypothesis import given
from hypothesis import strategies as st

from coordinator.domain import refs
from coordinator.domain.crowd import Crowd
from coordinator.domain.life import Life
from coordinator.domain.names import UnitName
from coordinator.domain.ranges import numbers_missing, with_number
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.relation import Member
from coordinator.domain.unit import Unit
from coordinator.domain.view import Tree

MODEL = "m"
UNITS = [unit(f"{app}/{number}") for app in ("db", "web") for number in range(4)]
THINGS = [refs.relation(MODEL, 1)] + [
    ref
    for name in UNITS
    for ref in (
        refs.unit(MODEL, name),
        refs.member(MODEL, 1, name),
        refs.bag(MODEL, 1, name),
        refs.member(MODEL, 2, name),
    )
]

moves = st.lists(
    st.tuples(st.sampled_from(["put", "put", "put", "dying", "remove", "look"]), st.sampled_from(THINGS)),
    max_size=60,
)
sets_of_numbers = st.sets(st.integers(0, 12))


@given(moves)
def test_it_is_what_a_look_at_everything_finds(steps: list[tuple[str, Ref]]) -> None:
    tree = Tree()
    seen: list[tuple[Crowd, dict[UnitName, int]]] = []
    for revision, (what, ref) in enumerate(steps, start=1):
        if what == "remove":
            tree.remove(ref)
        elif what != "look":
            tree.put(ref, stored(_entity(ref, dying=what == "dying"), revision))
        if what == "look":
            crowd = tree.crowd(MODEL, 1, "db")
            assert crowd == _found(tree), "renewed or new"
            assert list(crowd.values()) == sorted(crowd.values()), "the last to write is the last"
            assert list(crowd.since(revision // 2)) == [
                (name, at) for name, at in reversed(list(crowd.items())) if at > revision // 2
            ]
            assert Crowd.of(crowd).units == crowd.units
            seen.append((crowd, dict(crowd)))
    assert all(crowd == was for crowd, was in seen), "who keeps one keeps what was at that moment"


def _entity(ref: Ref, *, dying: bool) -> object:
    if ref.kind is Kind.UNIT:
        return Unit(name=refs.unit_of(ref), created=CREATED, life=Life.DYING if dying else Life.ALIVE)
    return Member(unit=refs.unit_of(ref)) if ref.kind is Kind.MEMBER else {}


def _found(tree: Tree) -> dict[UnitName, int]:
    found = {}
    for name in UNITS:
        entity, bag = (tree.entries.get(ref) for ref in (refs.unit(MODEL, name), refs.bag(MODEL, 1, name)))
        is_member = refs.member(MODEL, 1, name) in tree.entries
        if name.app == "db" and is_member and entity is not None and entity.value.life is Life.ALIVE:
            found[name] = bag.revision if bag else 0
    return found


@given(moves)
def test_a_snapshot_never_changes(steps: list[tuple[str, Ref]]) -> None:
    tree = Tree()
    seen = []
    for revision, (what, ref) in enumerate(steps, start=1):
        if what == "remove":
            tree.remove(ref)
        elif what != "look":
            tree.put(ref, stored(_entity(ref, dying=False), revision))
        else:
            found = tree.snapshot(Kind.UNIT_BAG, MODEL, "1")
            assert found == {each: at for each, at in tree.entries.items() if each.kind is Kind.UNIT_BAG}
            seen.append((found, dict(found)))
    assert all(found == was for found, was in seen)


@given(sets_of_numbers, sets_of_numbers)
def test_ranges_say_the_same_as_sets(some: set[int], others: set[int]) -> None:
    first, second = (), ()
    for number in some:
        first = with_number(first, number)
    for number in others:
        second = with_number(second, number)
    assert list(numbers_missing(first, second)) == sorted(some - others)
