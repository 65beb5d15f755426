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

from coordinator.domain.crowd import Crowd
from coordinator.domain.names import UnitName
from coordinator.domain.ranges import Ranges, contains, numbers_missing, with_number, without_number


@dataclass(frozen=True, kw_only=True, slots=True)
class Members:
    """`units` has the numbers by application.  Of what each wrote, all up to revision `until` is handled; of those
    in `apart`, up to the revision that stands there."""

    units: Mapping[str, Ranges] = field(default_factory=dict)
    until: int = 0
    apart: Mapping[UnitName, int] = field(default_factory=dict)

    def __contains__(self, unit: object) -> bool:
        assert isinstance(unit, UnitName)
        return contains(self.units.get(unit.app, ()), unit.number)

    def __iter__(self) -> Iterator[UnitName]:
        """Yield the members, sorted."""
        return _missing(self.units, {})

    def __len__(self) -> int:
        return sum(last - first + 1 for ranges in self.units.values() for first, last in ranges)

    def gone_from(self, crowd: Crowd) -> Iterator[UnitName]:
        """Yield the members that are not in *crowd* any more, sorted."""
        return _missing(self.units, crowd.units)

    def new_in(self, crowd: Crowd) -> Iterator[UnitName]:
        """Yield those in *crowd* that are not members yet, sorted."""
        return _missing(crowd.units, self.units)

    def behind(self, crowd: Crowd) -> set[UnitName]:
        """Return the members in *crowd* of which something is not handled yet."""
        late = {unit for unit, _ in crowd.since(self.until) if unit in self}
        late.update(unit for unit in self.apart if unit in crowd)
        return {unit for unit in late if not self.has_handled(unit, crowd[unit])}

    def has_handled(self, unit: UnitName, revision: int) -> bool:
        """Return whether what the member *unit* wrote at *revision* is handled."""
        return revision <= self.apart.get(unit, self.until)

    def handled(self, unit: UnitName, revision: int, now: Crowd) -> Members:
        """Return these and *unit*, of which everything up to *revision* is handled.

        *now* are the units that are there at this moment, the one that the hook saw: whatever is written later
        has a greater revision.
        """
        apart = {**self.apart, unit: revision}
        ranges = with_number(self.units.get(unit.app, ()), unit.number)
        after = replace(self, units={**self.units, unit.app: ranges}, apart=apart)
        # Who is behind, and who is out of sight, keeps a revision of its own when the others get a common one.
        behind = {member: apart.get(member, self.until) for member in (*after.behind(now), *after.gone_from(now))}
        if len(behind) > len(apart):
            return after
        return replace(after, until=max(self.until, now.revision), apart=behind)

    def without(self, unit: UnitName) -> Members:
        """Return these without *unit*."""
        ranges = without_number(self.units.get(unit.app, ()), unit.number)
        units = {app: others for app, others in {**self.units, unit.app: ranges}.items() if others}
        return replace(self, units=units, apart={name: at for name, at in self.apart.items() if name != unit})


def _missing(units: Mapping[str, Ranges], among: Mapping[str, Ranges]) -> Iterator[UnitName]:
    for app in sorted(units):
        for number in numbers_missing(units[app], among.get(app, ())):
            yield UnitName(app, number)
