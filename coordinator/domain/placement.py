"""What a unit needs of the machine that it is placed on: by its application's bindings, its constraints, and those
of its model.

Role: the one rule that decides which machine fits (reconcile/placement.py) and says what is missing
(api/status.py).  A person who names a machine, with --to or by `worker --unit`, is not asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from coordinator.domain.constraints import as_typed, constraint_values, unmet
from coordinator.domain.model import Machine, Model
from coordinator.domain.space import Space, lacking
from coordinator.domain.unit import Application


@dataclass(frozen=True, slots=True)
class Needs:
    """`constraints` have typed values; those of the application come before its model's, key by key."""

    bindings: Mapping[str, str] = field(default_factory=dict)
    constraints: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Model, app: Application) -> Needs:
        return cls(app.bindings, constraint_values({**model.constraints, **app.constraints}))

    def are_met(self, machine: Machine, spaces: Mapping[str, Space]) -> bool:
        return not lacking(spaces, self.bindings, machine) and not unmet(self.constraints, machine, spaces)

    def missing(self, machine: Machine, spaces: Mapping[str, Space]) -> list[str]:
        """Return what *machine* would have to have in words, spaces first; none: it fits."""
        unbound = lacking(spaces, self.bindings, machine)
        words = as_typed(unmet(self.constraints, machine, spaces))
        return [*([f"an address in space {', '.join(unbound)}"] if unbound else []), *words]
