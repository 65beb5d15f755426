"""Members of a relation in little space say the same as a plain map from unit to revision."""

from __future__ import annotations

from build import unit
from hypothesis import given
from hypothesis import strategies as st

from coordinator.domain.crowd import Crowd
from coordinator.domain.members import Members
from coordinator.domain.names import UnitName
from coordinator.store.codec import dump

NAMES = [unit(f"{app}/{number}") for app in ("a", "b") for number in range(5)]

names = st.sampled_from(NAMES)
steps = st.lists(
    st.tuples(st.sampled_from(["write", "write", "handle", "handle", "come", "hide", "leave"]), names), max_size=60
)


@given(steps)
def test_they_say_the_same_as_a_plain_map(steps: list[tuple[str, UnitName]]) -> None:
    members, plain = Members(), {}
    written = dict.fromkeys(NAMES, 0)
    there: set[UnitName] = set()
    revision = 0
    for what, name in steps:
        now = Crowd.of({each: written[each] for each in there})
        if what == "write":
            revision += 1
            written[name] = revision
        elif what == "come":
            there.add(name)
        elif what == "hide":
            there.discard(name)
        elif what == "handle" and name in there:
            members, plain[name] = members.handled(name, written[name], now), written[name]
        elif what == "leave" and name in plain:
            members = members.without(name)
            del plain[name]
        assert list(members) == sorted(plain)
        assert bool(members) == bool(plain)
        for each in NAMES:
            assert (each in members) == (each in plain)
            if each in plain:
                assert members.has_handled(each, written[each]) == (plain[each] == written[each]), each
        now = Crowd.of({each: written[each] for each in there})
        assert list(members.gone_from(now)) == sorted(plain.keys() - there)
        assert list(members.new_in(now)) == sorted(there - plain.keys())
        assert members.behind(now) == {each for each in there & plain.keys() if plain[each] != written[each]}
        assert len(members) == len(plain)


def test_what_is_stored_does_not_grow_with_the_units_that_have_nothing_new() -> None:
    sizes = {}
    for count in (2, 500):
        now = {UnitName("db", number): 1_000 + number for number in range(count)}
        members = Members()
        for name, revision in now.items():
            members = members.handled(name, revision, Crowd.of(now))
            assert len(members.apart) <= 1, "they came one after the other, in order"
        sizes[count] = len(dump(members))
    assert sizes[500] <= sizes[2] + 4


def test_units_that_changed_at_the_same_time_are_kept_apart_until_it_is_their_turn() -> None:
    now = {UnitName("db", number): 10 + number for number in range(100)}
    members = Members()
    for name, revision in now.items():
        members = members.handled(name, revision, Crowd.of(now))
    later = {name: revision + 1_000 for name, revision in now.items()}
    kept_apart = []
    for name, revision in later.items():
        members = members.handled(name, revision, Crowd.of(later))
        kept_apart.append(len(members.apart))
    assert max(kept_apart) <= 51, "whichever are fewer: those that are done, or those that are not"
    assert members == Members(units={"db": ((0, 99),)}, until=1_109)
