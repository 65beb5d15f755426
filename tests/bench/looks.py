"""What one look of a unit costs by how many units it is related to: projection and decision, nothing else.

Role: in memory, without etcd and processes.  A worker looks several times for each hook, and once for each unit
that a change concerns.
"""

from __future__ import annotations

import time
from dataclasses import replace

from build import DB, MODEL, WEB, Story, unit

from coordinator.domain import refs
from coordinator.domain.members import Members
from coordinator.domain.relation import Member
from coordinator.domain.unit_state import RelationState
from coordinator.engine.decide import decide
from coordinator.engine.operation import Idle
from coordinator.engine.world import Moment
from tests.bench.rows import Row, median, ms

LOOKER = "web/0"


def measure(*, counts: tuple[int, ...], times: int) -> list[Row]:
    """CPU of a look that finds nothing to do, against that of a unit with the first of *counts* remote units."""
    rows: list[Row] = []
    for count in counts:
        story = _settled(count)
        spent_s = median(_look_s(story) for _ in range(times))
        first_s = rows[0].value / 1000 if rows else None
        of = f"{counts[0]} unit" if rows else ""
        rows.append(ms(f"one look with {count} remote units, p50", spent_s, first_s, of))
    return rows


def _look_s(story: Story) -> float:
    started_s = time.thread_time()
    memory, world = story.look(LOOKER)
    operation = decide(memory, world, Moment())
    spent_s = time.thread_time() - started_s
    assert isinstance(operation, Idle), operation
    return spent_s


def _settled(count: int) -> Story:
    """Let one unit on each side handle everything, then add more on the other side, handled as well."""
    story = Story()
    story.deploy("web", WEB)
    story.deploy("db", DB)
    number = story.relate("web:db", "db:clients")
    story.run_all()
    for name in (f"db/{other}" for other in range(1, count)):
        story.add_unit(name)
        story.put(refs.member(MODEL, number, unit(name)), Member(unit=unit(name)))
        story.put(refs.bag(MODEL, number, unit(name)), {"private-address": name})
    known = refs.relation_memory(MODEL, unit(LOOKER), number)
    state: RelationState = story.get(known)
    members = Members(units={"db": ((0, count - 1),)}, until=story.tree.revision)
    story.put(known, replace(state, members=members))
    return story
