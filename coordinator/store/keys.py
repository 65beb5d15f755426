"""The one place that spells a key, and reads one.

Role: Ref <-> key, as one table.  Pure.
A key's parts are names that were checked at the door (domain/names.py), so none holds a slash; the one that
could, a charm-chosen sequence name, is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from coordinator.domain.refs import Kind, Ref

ROOT = "/coordinator/"

#: Where each kind lives below the root; a star stands for one name of the Ref's path.
PATTERNS: Mapping[Kind, str] = {
    Kind.SCHEMA: "schema",
    Kind.USER: "users/*",
    Kind.MACHINE_SEQUENCE: "machine-sequence",
    Kind.MACHINE: "machines/*",
    Kind.WORKER: "machines/*/worker",
    Kind.CONTROLLER: "controllers/*",
    Kind.CONTROLLER_LEADER: "controllers/leader",
    Kind.CHARM: "charms/*",
    Kind.CHARM_CHUNK: "charms/*/chunks/*",
    Kind.RESOURCE: "resources/*",
    Kind.RESOURCE_CHUNK: "resources/*/chunks/*",
    Kind.MODEL: "models/*",
    Kind.JOURNAL: "models/*/journal",
    Kind.SEQUENCE: "models/*/sequences/*",
    Kind.APPLICATION: "models/*/applications/*",
    Kind.CONFIG: "models/*/applications/*/config",
    Kind.LEADER: "models/*/applications/*/leader",
    Kind.LEADER_SETTINGS: "models/*/applications/*/leader-settings",
    Kind.APPLICATION_STATUS: "models/*/applications/*/status",
    Kind.UNIT: "models/*/units/*/*",
    Kind.CLAIM: "models/*/units/*/*/claim",
    Kind.MEMORY: "models/*/units/*/*/memory",
    Kind.RELATION_MEMORY: "models/*/units/*/*/memory/relations/*",
    Kind.STATE: "models/*/units/*/*/state",
    Kind.STATUS: "models/*/units/*/*/status",
    Kind.AGENT: "models/*/units/*/*/agent",
    Kind.QUEUED: "models/*/units/*/*/queue/*",
    Kind.MACHINE_QUEUED: "models/*/machines/*/queue/*",
    Kind.OPERATION: "models/*/operations/*",
    Kind.TASK: "models/*/tasks/*",
    Kind.TASK_LOG: "models/*/tasks/*/log",
    Kind.TASK_STREAM: "models/*/tasks/*/streams/*",
    Kind.STORAGE: "models/*/storage/*/*",
    Kind.STORAGE_POOL: "models/*/storage-pools/*",
    Kind.SPACE: "models/*/spaces/*",
    Kind.RELATION: "models/*/relations/*",
    Kind.MEMBER: "models/*/relations/*/members/*/*",
    Kind.APPLICATION_BAG: "models/*/relations/*/data/*",
    Kind.UNIT_BAG: "models/*/relations/*/data/*/*",
    Kind.SECRET: "models/*/secrets/*",
    Kind.SECRET_REVISION: "models/*/secrets/*/revisions/*",
    Kind.SECRET_CONSUMER: "models/*/secrets/*/consumers/*/*",
    # Not below their model, which every worker mirrors.
    Kind.PIECES_OF_MODEL: "pieces/*",
    Kind.PIECES: "pieces/*/*/*",
    Kind.PIECE: "pieces/*/*/*/*",
}


def key_of(ref: Ref) -> str:
    """Return the key under which *ref* is stored."""
    names = iter(ref.path)
    parts = PATTERNS[ref.kind].split("/")
    key = ROOT + "/".join(next(names) if part == "*" else part for part in parts)
    assert next(names, None) is None, f"{ref} has too many names"
    return key


@lru_cache(maxsize=262_144)
def ref_of(key: str) -> Ref | None:
    """Return what *key* names; None for a key that is not ours."""
    if not key.startswith(ROOT):
        return None
    parts = key[len(ROOT) :].split("/")
    for kind, pattern in _BY_LENGTH.get(len(parts), ()):
        if all(want in ("*", part) for want, part in zip(pattern, parts, strict=True)):
            path = tuple(part for want, part in zip(pattern, parts, strict=True) if want == "*")
            return Ref(kind, path)
    return None


_BY_LENGTH: dict[int, list[tuple[Kind, list[str]]]] = {}
for _kind, _pattern in PATTERNS.items():
    _BY_LENGTH.setdefault(_pattern.count("/") + 1, []).append((_kind, _pattern.split("/")))
# A literal part beats a star: `charms/*/chunks/*` must not be taken for something else of its length.
for _rows in _BY_LENGTH.values():
    _rows.sort(key=lambda row: row[1].count("*"))


def prefix_end(prefix: str) -> str:
    """Return the first key after all those that start with *prefix* (which ends in an ASCII character)."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def below(ref: Ref) -> tuple[str, str]:
    """Return the range of everything stored under *ref*, without *ref* itself."""
    start = key_of(ref) + "/"
    return start, prefix_end(start)


def below_without(ref: Ref, *kinds: Kind) -> list[tuple[str, str]]:
    """Return the ranges of everything stored under *ref* but what lives there in the places of *kinds*."""
    start, end = below(ref)
    ranges = []
    for place in sorted(PATTERNS[kind].removeprefix(PATTERNS[ref.kind] + "/").split("/")[0] for kind in kinds):
        ranges.append((start, f"{key_of(ref)}/{place}/"))
        start = prefix_end(f"{key_of(ref)}/{place}/")
    return [*ranges, (start, end)]


def everything(kind: Kind) -> tuple[str, str]:
    """Return the range of all keys whose first part is that of *kind* (machines, models, users, charms)."""
    start = ROOT + PATTERNS[kind].split("/")[0] + "/"
    return start, prefix_end(start)


#: What workers and controllers mirror: controllers, machines and all models; nothing else is between them.
MIRRORED = (everything(Kind.CONTROLLER)[0], everything(Kind.MODEL)[1])
