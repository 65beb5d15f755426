"""The units on the other side of a relation, as they are now: who is there, and the revision of what each wrote.

Role: the counterpart of members.py, which has what was handled of them.  A unit looks at its relations after
every change, so to renew a crowd costs a copy of it, and to compare it with members costs next to nothing, however
many units there are.
Not here: what the units wrote (the bags).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from coordinator.domain import refs
from coordinator.domain.life import Life
from coordinator.domain.names import UnitName
from coordinator.domain.ranges import Ranges, with_number, without_number
from coordinator.domain.refs import Kind, Ref


class Crowd(Mapping):
    """An immutable map from unit to the revision of its bag (0: none yet), in ascending order of revisions.

    `units` has the numbers by application.
    """

    __slots__ = ("_revisions", "units")

    def __init__(self, units: Mapping[str, Ranges], revisions: dict[UnitName, int]) -> None:
        self.units, self._revisions = units, revisions

    @classmethod
    def of(cls, revisions: Mapping[UnitName, int]) -> Crowd:
        """Return the crowd of *revisions*, which may be in any order."""
        units: dict[str, Ranges] = {}
        for unit in revisions:
            units[unit.app] = with_number(units.get(unit.app, ()), unit.number)
        return cls(units, _sorted(revisions))

    def __getitem__(self, unit: UnitName) -> int:
        return self._revisions[unit]

    def __iter__(self) -> Iterator[UnitName]:
        return iter(self._revisions)

    def __len__(self) -> int:
        return len(self._revisions)

    def __contains__(self, unit: object) -> bool:
        return unit in self._revisions

    @property
    def revision(self) -> int:
        """The greatest revision of all; 0 for a crowd of nobody."""
        return self._revisions[next(reversed(self._revisions))] if self._revisions else 0

    def since(self, revision: int) -> Iterator[tuple[UnitName, int]]:
        """Yield who wrote after *revision*, and when, the last one first."""
        for unit in reversed(self._revisions):
            if self._revisions[unit] <= revision:
                return
            yield unit, self._revisions[unit]

    def with_unit(self, unit: UnitName, revision: int) -> Crowd:
        """Return this crowd and *unit*, whose bag is at *revision*."""
        in_order = revision >= self.revision
        revisions = dict(self._revisions)
        revisions.pop(unit, None)  # to the end of the order
        revisions[unit] = revision
        units = {**self.units, unit.app: with_number(self.units.get(unit.app, ()), unit.number)}
        return Crowd(units, revisions if in_order else _sorted(revisions))

    def without(self, unit: UnitName) -> Crowd:
        """Return this crowd but for *unit*."""
        if unit not in self._revisions:
            return self
        revisions = dict(self._revisions)
        del revisions[unit]
        ranges = without_number(self.units[unit.app], unit.number)
        units = {app: others for app, others in {**self.units, unit.app: ranges}.items() if others}
        return Crowd(units, revisions)


NOBODY = Crowd({}, {})


def _sorted(revisions: Mapping[UnitName, int]) -> dict[UnitName, int]:
    return dict(sorted(revisions.items(), key=lambda item: item[1]))


class Crowds:
    """The crowds that somebody asked for, renewed as stored entities move."""

    def __init__(self, entries: Mapping[Ref, Any]) -> None:
        self._entries = entries
        self._known: dict[tuple[str, str, str], Crowd] = {}  # by model, relation and application
        self._relations: defaultdict[tuple[str, str], set[str]] = defaultdict(set)  # by model and application

    def of(self, model: str, relation: int, app: str, members: Iterable[Ref]) -> Crowd:
        """Return the units of *app* in *relation* that stay: one departs from a dying unit at once.

        *members* are the members of the relation, looked at when nobody asked for this crowd before.
        """
        key = (model, str(relation), app)
        crowd = self._known.get(key)
        if crowd is None:
            units = [refs.unit_of(member) for member in members if member.path[2] == app]
            found = {unit: self._revision(key, unit) for unit in units}
            crowd = Crowd.of({unit: revision for unit, revision in found.items() if revision is not None})
            self._known[key] = crowd
            self._relations[model, app].add(str(relation))
        return crowd

    def renew(self, ref: Ref) -> None:
        """Take in that *ref* has moved: was written, or is gone."""
        if ref.kind is Kind.MEMBER or ref.kind is Kind.UNIT_BAG:
            self._renew((ref.path[0], ref.path[1], ref.path[2]), refs.unit_of(ref))
        elif ref.kind is Kind.UNIT:
            model, app, _ = ref.path
            for relation in self._relations.get((model, app), ()):
                self._renew((model, relation, app), refs.unit_of(ref))
        elif ref.kind is Kind.RELATION and ref not in self._entries:
            for model, relation, app in [key for key in self._known if key[:2] == ref.path]:
                del self._known[model, relation, app]
                self._relations[model, app].discard(relation)

    def _renew(self, key: tuple[str, str, str], unit: UnitName) -> None:
        if (crowd := self._known.get(key)) is not None:
            revision = self._revision(key, unit)
            self._known[key] = crowd.without(unit) if revision is None else crowd.with_unit(unit, revision)

    def _revision(self, key: tuple[str, str, str], unit: UnitName) -> int | None:
        """Return the revision of the bag of *unit*; None when it is not there, or does not stay."""
        model, relation, app = key
        path = (app, str(unit.number))
        entity = self._entries.get(Ref(Kind.UNIT, (model, *path)))
        if entity is None or entity.value.life is not Life.ALIVE:
            return None
        if Ref(Kind.MEMBER, (model, relation, *path)) not in self._entries:
            return None
        bag = self._entries.get(Ref(Kind.UNIT_BAG, (model, relation, *path)))
        return bag.revision if bag is not None else 0
