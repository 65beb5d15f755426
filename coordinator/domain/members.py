"""The units that another unit has met in a relation, and how far it has handled what each of them wrote.

Role: a map from unit to revision in little space, for relations with hundreds of units: a hook is about one of
them, and what it rewrites must not grow with the others.  Names are kept as ranges of numbers.  Of the
revisions there is one for all, up to which everything was handled, and those of the few that deviate. Pinned to
the plain map by a property in tests/unit/coordinator/domain/test_members.py.

Revisions are compared in order here, and nowhere else.  That is sound because they are those of one store,
which this memory is in as well: whoever puts back an old state of the store puts back both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from coordinator.domain.names import UnitName

Ranges = tuple[tuple[int, int], ...]  # first and last number, ascending, with gaps between


@dataclass(frozen=True, kw_only=True, slots=True)
class Members:
    """`units` has the numbers by application.  Of what each wrote, all up to revision `until` is handled; of those
    in `apart`, up to the revision that stands there."""

    units: Mapping[str, Ranges] = field(default_factory=dict)
    until: int = 0
    apart: Mapping[UnitName, int] = field(default_factory=dict)

    def __contains__(self, unit: object) -> bool:
        assert isinstance(unit, UnitName)
        return any(first <= unit.number <= last for first, last in self.units.get(unit.app, ()))

    def __iter__(self) -> Iterator[UnitName]:
        """Yield the members, sorted."""
        for app in sorted(self.units):
            for first, last in self.units[app]:
                for number in range(first, last + 1):
                    yield UnitName(app, number)

    def __bool__(self) -> bool:
        return bool(self.units)

    def has_handled(self, unit: UnitName, revision: int) -> bool:
        """Return whether what the member *unit* wrote at *revision* is handled."""
        return revision <= self.apart.get(unit, self.until)

    def handled(self, unit: UnitName, revision: int, now: Mapping[UnitName, int]) -> Members:
        """Return these and *unit*, of which everything up to *revision* is handled.

        *now* are the revisions of all units that are there at this moment, the one that the hook saw: whatever is
        written later has a greater one.
        """
        apart = {**self.apart, unit: revision}
        after = replace(
            self, units={**self.units, unit.app: _with(self.units.get(unit.app, ()), unit.number)}, apart=apart
        )
        # Who is behind, and who is out of sight, keeps a revision of its own when the others get a common one.
        behind = {
            member: apart.get(member, self.until)
            for member in after
            if member not in now or not after.has_handled(member, now[member])
        }
        if len(behind) > len(apart):
            return after
        return replace(after, until=max(self.until, *now.values()) if now else self.until, apart=behind)

    def without(self, unit: UnitName) -> Members:
        """Return these without *unit*."""
        ranges = _without(self.units.get(unit.app, ()), unit.number)
        units = {app: others for app, others in {**self.units, unit.app: ranges}.items() if others}
        return replace(self, units=units, apart={name: at for name, at in self.apart.items() if name != unit})


def _with(ranges: Ranges, number: int) -> Ranges:
    if any(first <= number <= last for first, last in ranges):
        return ranges
    below = [each for each in ranges if each[1] < number]
    above = [each for each in ranges if each[0] > number]
    first = below.pop()[0] if below and below[-1][1] == number - 1 else number
    last = above.pop(0)[1] if above and above[0][0] == number + 1 else number
    return (*below, (first, last), *above)


def _without(ranges: Ranges, number: int) -> Ranges:
    left: list[tuple[int, int]] = []
    for first, last in ranges:
        if first <= number <= last:
            left += [(first, number - 1)] * (first < number) + [(number + 1, last)] * (number < last)
        else:
            left.append((first, last))
    return tuple(left)
