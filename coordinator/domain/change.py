"""Change: entities as they shall be, and what must still hold when they are written.

Role: the one shape in which the core asks for a write.  store/repository.py turns it into a transaction,
adds the journal entry, and is the only writer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from coordinator.domain.refs import Ref
from coordinator.domain.view import Token


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The entity is still at *revision*; 0: it still does not exist."""

    ref: Ref
    revision: int


@dataclass(frozen=True, slots=True)
class Present:
    """The entity exists."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class Held:
    """The claim or term is still ours."""

    ref: Ref
    token: Token


Condition = Unchanged | Present | Held


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One write, whole or not at all.

    `did` is what the journal says ("config web color=red", "db-relation-changed").  `prunes` delete an entity
    together with everything stored below it.  `conditions` are on top of what the View adds by itself.
    `leased` names the puts that end with the writer's session.  `why` is the revision of the change that this one
    answers, for the journal; None when a person or time asked for it.
    """

    did: str
    puts: Mapping[Ref, Any] = field(default_factory=dict)
    deletes: frozenset[Ref] = frozenset()
    prunes: frozenset[Ref] = frozenset()
    conditions: tuple[Condition, ...] = ()
    leased: frozenset[Ref] = frozenset()
    why: int | None = None

    def __bool__(self) -> bool:
        return bool(self.puts or self.deletes or self.prunes)
