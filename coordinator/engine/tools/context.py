"""What a running hook can see: the World of one revision, with the hook's own Effects on top.

Role: every question that a hook command may have about the unit and its relations, answered with
read-your-writes and with the rules of who may read what.
Not here: how a command reads its arguments (_flags.py), what is stored in the end (engine/settle.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from coordinator.domain.charm import Role
from coordinator.domain.life import Life
from coordinator.domain.names import UnitName
from coordinator.domain.relation import BAG_BYTES_MAX, Scope
from coordinator.domain.storage import Storage
from coordinator.domain.task import Task
from coordinator.domain.unit_state import Hook, HookKind, Memory, RelationState
from coordinator.engine.effects import Effects, Owner, merged
from coordinator.engine.network import address_entries
from coordinator.engine.world import World, WorldRelation
from coordinator.errors import Refused

# Limits of what one hook may leave behind.  They are met when the command is called, with a text that names
# them, and not by a failed transaction at the end of the hook.
STATE_BYTES_MAX = 1024 * 1024  # all of a unit's stored state; it is one key
HOOK_BYTES_MAX = 1_300_000  # everything together: etcd refuses requests above 1.5 MiB, and memory comes on top
ACTION_BYTES_MAX = 500_000  # the same of an action, whose results, output and progress are in the same request


@dataclass(frozen=True, kw_only=True, slots=True)
class HookContext:
    """One hook at work.  `hook` is None in actions, and for commands that run outside of any hook; `task` is the
    action that runs, None otherwise.

    `now_s`: when it began, in seconds since the epoch.  `entropy`: random bytes that no other hook has.
    """

    world: World
    memory: Memory
    hook: Hook | None = None
    task: Task | None = None
    effects: Effects = field(default_factory=Effects)
    now_s: float = 0.0
    entropy: bytes = b""

    def with_effects(self, effects: Effects) -> HookContext:
        return replace(self, effects=effects)

    # --- relations ---------------------------------------------------------------------------------------

    def find_relation(self, relation_id: int) -> WorldRelation | None:
        """Return the relation if the unit knows it: from its relation-created to the end of its broken.

        One that was removed by force under the unit's feet is known as dead and empty, so that the hooks that
        are still to run for it can read.
        """
        entering = self._is(HookKind.RELATION_CREATED, relation_id)
        state = self.memory.relations.get(relation_id)
        if state is None and not entering:
            return None
        relation = self.world.relations.get(relation_id)
        return self._vanished(relation_id, state) if relation is None and state is not None else relation

    def _vanished(self, relation_id: int, state: RelationState) -> WorldRelation:
        endpoint = self.world.charm.find_endpoint(state.endpoint)
        hook = self.hook
        told = hook.remote_app if hook is not None and hook.relation == relation_id else None
        others = [*state.apps, *state.members.units]
        return WorldRelation(
            id=relation_id,
            endpoint=state.endpoint,
            interface=endpoint.interface if endpoint else "",
            role=endpoint.role if endpoint else Role.REQUIRES,
            remote_app=told or next(iter(others), ""),
            remote_endpoint="",
            life=Life.DEAD,
        )

    def relation_ids(self, endpoint: str) -> list[str]:
        """Return the ids at *endpoint*, like `db:7`, sorted by text.

        Left out are relations that only wait for their broken hook, and the one whose broken hook runs: charms
        must not set anything up for them any more.
        """
        numbers = set(self.memory.relations)
        if self.hook is not None and self.hook.relation is not None:
            numbers.add(self.hook.relation)  # the one being entered is not in the memory yet
        known = map(self.find_relation, numbers)
        return sorted(
            f"{relation.endpoint}:{relation.id}"
            for relation in known
            if relation is not None and relation.endpoint == endpoint and not self._is_over(relation)
        )

    def _is_over(self, relation: WorldRelation) -> bool:
        if self._is(HookKind.RELATION_BROKEN, relation.id):
            return True
        if relation.is_peer or (self.hook is not None and self.hook.relation == relation.id):
            return False
        leaving = relation.life is not Life.ALIVE or self.world.life is not Life.ALIVE
        state = self.memory.relations.get(relation.id)
        return leaving and not (state and state.members)

    def members(self, relation_id: int) -> list[UnitName]:
        """Return the remote units that are in the relation as far as the charm was told, sorted.

        The unit of a running joined hook is in already, the one of a departed hook is out already.
        """
        state = self.memory.relations.get(relation_id)
        if state is None or self._is(HookKind.RELATION_BROKEN, relation_id):
            return []
        members = set(state.members)
        remote = self.hook.remote_unit if self.hook is not None else None
        if remote is not None and self._is(HookKind.RELATION_JOINED, relation_id):
            members.add(remote)
        elif remote is not None and self._is(HookKind.RELATION_DEPARTED, relation_id):
            members.discard(remote)
        return sorted(members)

    def _is(self, kind: HookKind, relation_id: int) -> bool:
        return self.hook is not None and self.hook.kind is kind and self.hook.relation == relation_id

    # --- bags --------------------------------------------------------------------------------------------

    def bag(self, relation: WorldRelation, owner: Owner) -> dict[str, str]:
        """Return a bag as this hook sees it, without asking whether it may; see `read_bag`."""
        stored: Mapping[str, str] = relation.bag(owner)
        if owner == self.world.unit and self._is(HookKind.RELATION_CREATED, relation.id):
            # The bag is stored when this hook is settled; the charm finds its addresses there from the start.
            stored = merged(stored, address_entries(self.world, relation.endpoint))
        return merged(stored, self.effects.bags.get((relation.id, owner), {}))

    def read_bag(self, relation: WorldRelation, owner: Owner) -> dict[str, str]:
        """Return the bag of *owner*: own writes included, empty for an application that never wrote.

        Raises:
            Refused: "permission denied", for an owner that the unit may not read; "cannot read settings", for a
                remote unit that never was in the relation.
        """
        if not self._may_read(relation, owner):
            raise Refused("permission denied", why=f"{self.world.unit} may not read {owner} in {_id(relation)}")
        remote_unit = isinstance(owner, UnitName) and owner != self.world.unit
        if remote_unit and relation.life is not Life.DEAD and str(owner) not in relation.bags:
            raise Refused(
                f'cannot read settings for unit "{owner}" in relation "{_id(relation)}": '
                f'unit "{owner}": settings not found',
                fix=f"`relation-list -r {_id(relation)}` lists the units that can be read",
            )
        return self.bag(relation, owner)

    def _may_read(self, relation: WorldRelation, owner: Owner) -> bool:
        mine = self.world.unit
        if owner == mine:
            return True
        if owner == mine.app:
            return relation.is_peer or self.world.is_leader
        if not isinstance(owner, UnitName):
            return owner == relation.remote_app
        if owner.app != (mine.app if relation.is_peer else relation.remote_app):
            return False
        if relation.scope is Scope.GLOBAL:
            return True
        state = self.memory.relations.get(relation.id)
        return owner in relation.units or (state is not None and owner in state.members)

    def write_bag(self, relation: WorldRelation, owner: Owner, entries: Mapping[str, str]) -> Effects:
        """Return the effects after writing; an empty value deletes its key.

        Raises:
            Refused: the application's bag without being leader, or the bag would become too large.
        """
        if not entries:
            return self.effects
        if not isinstance(owner, UnitName) and not self.world.is_leader:
            # An equal text for every leader-only write of relations: ops sorts its errors by it.
            raise Refused(
                "cannot write relation settings",
                why=f"{self.world.unit} is not the leader",
                fix="ask is-leader first",
            )
        changes = {key: value or None for key, value in entries.items()}
        effects = self.effects.with_bag(relation.id, owner, changes)
        size = json_bytes(self.with_effects(effects).bag(relation, owner))
        if size > BAG_BYTES_MAX:
            raise too_large(f"relation data of {owner} in {_id(relation)}", size, BAG_BYTES_MAX)
        return effects

    # --- the rest ----------------------------------------------------------------------------------------

    def state(self) -> dict[str, str]:
        """Return the charm's stored state, own writes included."""
        return merged(self.world.state, self.effects.state)

    def leader_settings(self) -> dict[str, str]:
        """Return what the leader has told the units, own writes included."""
        return merged(self.world.leader_settings, self.effects.leader_settings)

    def ports(self) -> Mapping[str, tuple[str, ...]]:
        """Return the unit's open ports, own changes included: endpoint ("" for all) to ranges."""
        return self.world.status.ports if self.effects.ports is None else self.effects.ports

    def storage(self) -> dict[str, Storage]:
        """Return what the charm was told that it has, the instance of a running hook included, by id."""
        told = self.memory.unit.storage
        current = self.hook.storage if self.hook is not None else None
        return {
            text: stored.value
            for text, stored in self.world.storage.items()
            if text == current or told.get(text) == stored.value.attachment
        }

    def check_total(self) -> None:
        """Refuse when what this hook is going to write does not fit into one transaction.

        Raises:
            Refused: it does not; the text names the limit.
        """
        total = json_bytes(self.state()) if self.effects.state else 0
        total += json_bytes(self.leader_settings()) if self.effects.leader_settings else 0
        for relation_id, owner in self.effects.bags:
            relation = self.find_relation(relation_id)
            total += json_bytes(self.bag(relation, owner)) if relation is not None else 0
        total += sum(edit.content.size for edit in self.effects.secrets.values() if edit.content is not None)
        what, limit = ("hook", HOOK_BYTES_MAX) if self.task is None else ("action", ACTION_BYTES_MAX)
        if total > limit:
            raise too_large(f"what this {what} writes in all", total, limit)


def json_bytes(content: Mapping[str, str]) -> int:
    """Return the size of *content* as it is stored."""
    return len(json.dumps(content, ensure_ascii=False).encode())


def too_large(what: str, size: int, limit: int) -> Refused:
    return Refused(
        f"{what} would be too large",
        why=f"it would have {size} bytes, the limit is {limit}",
        fix="store less, or keep large content elsewhere and store where to find it",
    )


def _id(relation: WorldRelation) -> str:
    return f"{relation.endpoint}:{relation.id}"
