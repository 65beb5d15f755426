"""Effects: what a running hook asked for; stored only when the hook is settled.

Role: the write set of one hook.  Immutable; each hook command returns a new one.
Not here: rules about what may be asked (tools/), what is written (settle.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from coordinator.domain.names import UnitName
from coordinator.domain.secret import Consumer, SecretEdit
from coordinator.domain.status import Status

Owner = UnitName | str
Entries = Mapping[str, str | None]


class Reboot(str, Enum):
    """When the machine shall reboot: after the hook, or at once."""

    AFTER = "after"
    NOW = "now"


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskEffects:
    """What a running action told: its results (nested), its progress, and why it failed (None: it did not)."""

    results: Mapping[str, Any] = field(default_factory=dict)
    log: tuple[str, ...] = ()
    failure: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Effects:
    """None as a value of `bags`, `state` or `leader_settings` deletes the key.

    `bags`: (relation id, owner) to the entries that change.  `ports`: what the unit's open ports shall be, None
    when the hook did not touch them.  `secrets`: what becomes of secrets, by id; `consumers`: how the unit reads
    secrets from now on, by id.  `status`, `application_status`, `version`: the last one set, None for none.
    `storage`: how many more instances the charm wants, by name.
    """

    bags: Mapping[tuple[int, Owner], Entries] = field(default_factory=dict)
    state: Entries = field(default_factory=dict)
    leader_settings: Entries = field(default_factory=dict)
    ports: Mapping[str, tuple[str, ...]] | None = None
    status: Status | None = None
    application_status: Status | None = None
    version: str | None = None
    reboot: Reboot | None = None
    storage: Mapping[str, int] = field(default_factory=dict)
    task: TaskEffects = field(default_factory=TaskEffects)
    secrets: Mapping[str, SecretEdit] = field(default_factory=dict)
    consumers: Mapping[str, Consumer] = field(default_factory=dict)

    def with_bag(self, relation: int, owner: Owner, entries: Entries) -> Effects:
        """Return these effects with more entries of one bag."""
        merged = {**self.bags.get((relation, owner), {}), **entries}
        return replace(self, bags={**self.bags, (relation, owner): merged})

    @property
    def leader_only(self) -> bool:
        """Whether any of this may only be written by the leader."""
        return bool(
            self.application_status is not None
            or self.leader_settings
            or any(not isinstance(owner, UnitName) for _, owner in self.bags)
            or any("/" not in edit.owner for edit in self.secrets.values())
        )


def merged(stored: Mapping[str, str], entries: Entries) -> dict[str, str]:
    """Return *stored* after *entries*; None deletes a key."""
    result = dict(stored)
    for key, value in entries.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = value
    return result
