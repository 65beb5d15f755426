"""A whole life of a unit, event by event, in the order of a real controller.

The order is that of a new unit, of a charm upgrade, and of a removal; what has no order there (relations among
each other) goes by number here, peers last.  A relation is in the state from its created event on, a unit on
the other side from its joined event on, so that each event meets what it would meet in a hook.  That of the
peers is there to the end, as long as the application.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ._events import _Event
from ._part import changed
from ._relation_parts import PeerRelation, Relation, RelationBase
from ._state import State

if TYPE_CHECKING:
    from ._context import Context


class Step(NamedTuple):
    """One event of a life."""

    event: str
    """Name of the hook, such as ``db-relation-changed``."""

    state: State
    """The state after it."""


def run_life(ctx: Context[Any], state: State) -> list[Step]:
    """Run all events from install to remove around *state*; return the state after each."""
    life = _Life(ctx, state)
    life.set_up()
    life.relate()
    life.upgrade()
    life.tear_down()
    return life.steps


class _Life:
    def __init__(self, ctx: Context[Any], state: State):
        self.ctx = ctx
        self.steps: list[Step] = []
        self.relations = sorted(state.relations, key=lambda each: (isinstance(each, PeerRelation), each.id))
        self.storages = sorted(state.storages, key=lambda each: (each.name, each.index))
        self.containers = sorted(state.containers, key=lambda each: each.name)
        self.state = dataclasses.replace(
            state,
            relations=(),
            storages=(),
            containers=[dataclasses.replace(each, can_connect=False) for each in state.containers],
        )

    def set_up(self) -> None:
        """A new unit, until its workload could run."""
        on = self.ctx.on
        for storage in self.storages:
            self._set(storages={*self.state.storages, storage})
            self._emit(on.storage_attached(storage))
        self._emit(on.install())
        for relation in self.relations:
            self._put(_among(relation, {}))
            self._emit(on.relation_created(self._now(relation)))
        self._emit(on.leader_elected() if self.state.leader else _Event("leader_settings_changed"))
        self._emit(on.config_changed())
        self._emit(on.start())
        for container in self.containers:
            ready = dataclasses.replace(self.state.get_container(container.name), can_connect=True)
            others = {each for each in self.state.containers if each.name != container.name}
            self._set(containers={*others, ready})
            self._emit(on.pebble_ready(ready))

    def relate(self) -> None:
        """Units on the other sides come, and tell what they have to tell."""
        on = self.ctx.on
        for relation in self.relations:
            if getattr(relation, "remote_app_data", None):
                by_app = on.relation_changed(self._now(relation))
                self._emit(dataclasses.replace(by_app, relation_of_app=True))
            for number in sorted(relation._remote_units):
                come = {each: bag for each, bag in relation._remote_units.items() if each <= number}
                self._put(_among(self._now(relation), come))
                self._emit(on.relation_joined(self._now(relation), remote_unit=number))
                self._emit(on.relation_changed(self._now(relation), remote_unit=number))

    def upgrade(self) -> None:
        """Some time goes by; then the charm is replaced."""
        on = self.ctx.on
        for event in (on.update_status(), on.upgrade_charm(), on.config_changed()):
            self._emit(event)

    def tear_down(self) -> None:
        """The unit is removed."""
        on = self.ctx.on
        for storage in self.storages:
            self._emit(on.storage_detaching(storage))
            self._set(storages=self.state.storages - {storage})
        for relation in self.relations:
            self._leave(relation)
        self._emit(on.stop())
        self._emit(on.remove())

    def _leave(self, relation: RelationBase) -> None:
        on = self.ctx.on
        for number in sorted(relation._remote_units):
            departed = on.relation_departed(self._now(relation), remote_unit=number)
            self._emit(dataclasses.replace(departed, relation_is_left=True, relation_unit_is_gone=True))
            rest = {each: bag for each, bag in self._now(relation)._remote_units.items() if each != number}
            self._put(_among(self._now(relation), rest))
        # That of the peers lasts as long as the application.
        if not isinstance(relation, PeerRelation):
            self._emit(on.relation_broken(self._now(relation)))
            self._set(relations={each for each in self.state.relations if each.id != relation.id})

    # --- what each step does ---

    def _emit(self, event: _Event) -> None:
        self.state = self.ctx.run(event, self.state)
        self.steps.append(Step(event.hook, self.state))

    def _set(self, **fields: Any) -> None:
        self.state = dataclasses.replace(self.state, **fields)

    def _now(self, relation: RelationBase) -> RelationBase:
        """Return a relation as it has become."""
        return self.state.get_relation(relation.id)

    def _put(self, relation: RelationBase) -> None:
        self._set(relations={relation, *(each for each in self.state.relations if each.id != relation.id)})


def _among(relation: RelationBase, units: Mapping[int, Mapping[str, str]]) -> RelationBase:
    """Return *relation* with *units* on the other side.  That of a subordinate has always its one unit."""
    if isinstance(relation, PeerRelation):
        return changed(relation, peers_data=dict(units))
    if isinstance(relation, Relation):
        return changed(relation, remote_units_data=dict(units))
    return relation
