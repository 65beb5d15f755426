"""Storage: directories that outlive the units they are attached to; what people ask for, and what fits a charm.

Role: the entity, its steps from made to attached to detached to gone, and the rules of a directive like
`rootfs,2G,3`.  One sequence per model numbers them, whatever their names; a number is never used again.

    made            owner set, nothing is on disk yet
    attached        the unit's `<name>-storage-attached` has run; `location` is where the charm finds it
    detaching       the unit shall let go of it; `<name>-storage-detaching` comes next, if attached ran
    detached        no owner; what is in it stays on `machine`
    dying           once nobody has it, the worker of `machine` deletes what is in it, and then it is gone

What a size means: a directory on a disk is not limited; when it is made, its file system has that much room, which
it shares with everything else there from then on.  Memory is limited to it by the kernel.

Not here: where it comes from (storage_pool.py), directories (worker/storage.py), which hook comes next
(engine/decide.py).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from coordinator.domain import refs
from coordinator.domain.charm import SIZE, CharmMeta, StorageMeta, size_mb
from coordinator.domain.life import Life
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.storage_pool import USUAL, Pools
from coordinator.domain.unit import Directive, Unit
from coordinator.domain.view import View
from coordinator.errors import BadRequest, NotFound, Refused

SIZE_MB_DEFAULT = 1024
SEQUENCE = "storage"
INSTANCES_MAX = 100  # that one unit may get at once; each is an entity of its own

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]*[a-z][a-z0-9]*)*")


@dataclass(frozen=True, order=True, slots=True)
class StorageId:
    """One instance: prints as `data/0`."""

    name: str
    number: int

    @classmethod
    def parse(cls, text: str) -> StorageId:
        """Return the instance called *text*.

        Raises:
            BadRequest: *text* is not a name, a slash and a number.
        """
        name, slash, number = text.partition("/")
        if not slash or not _NAME.fullmatch(name) or not (number.isascii() and number.isdigit()):
            raise BadRequest(
                f'storage id "{text}" not valid',
                why="it is the name of a storage, a slash and a number",
                fix="write it like data/0; `coordinator storage` lists what there is",
            )
        return cls(name, int(number))

    def __str__(self) -> str:
        return f"{self.name}/{self.number}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Storage:
    """One instance.

    `owner` is the unit that has it, None while nobody has.  `attachment` counts how often it was given to a unit;
    `detaching` says that the unit shall let go of it.  `machine` is where its content is, None while there is none
    or the owner's machine is it; `location` is where its charm finds it, None until it was attached; `read_only`:
    that charm cannot write there.  `provider`, `directory` and `mode` are what its pool said when it was made:
    `directory` is where it is on its machine, None for the usual place.  `imported`: people put it there;
    `is_missing`: and its worker found that it is not.
    """

    name: str
    number: int
    pool: str
    provider: str = "rootfs"
    size_mb: int
    created: str
    directory: str | None = None
    mode: str | None = None
    imported: bool = False
    is_missing: bool = False
    owner: UnitName | None = None
    attachment: int = 0
    detaching: bool = False
    machine: str | None = None
    location: str | None = None
    read_only: bool = False
    attached_at: str | None = None
    life: Life = Life.ALIVE
    force_at_s: float | None = None

    @property
    def id(self) -> StorageId:
        return StorageId(self.name, self.number)


def check_storage_name(name: str) -> str:
    """Return *name* if storage may be called that.

    Raises:
        BadRequest: it may not.
    """
    if not _NAME.fullmatch(name):
        raise BadRequest(
            f'storage name "{name}" not valid', why="it is lower-case letters, digits and hyphens", fix="like data"
        )
    return name


def parse_directives(words: Mapping[str, str], pools: Collection[str]) -> dict[str, Directive]:
    """Return what people wrote for each storage name.

    Raises:
        BadRequest, NotFound: see `parse_directive`.
    """
    return {name: parse_directive(text, name, pools) for name, text in words.items()}


def parse_directive(text: str, name: str, pools: Collection[str]) -> Directive:
    """Return what `pool,count,size`, in any order and each at most once, asks for; the pool is one of *pools*.

    Raises:
        BadRequest: a part is empty, comes twice, or is a number below one.
        NotFound: there is no such pool.
    """
    found: dict[str, str | int] = {}

    def note(what: str, value: str | int) -> None:
        if what in found:
            raise BadRequest(f'cannot use storage "{name}={text}"', why=f"it has two {what}s", fix="give one")
        found[what] = value

    for part in text.split(",") if text else ():
        if part.isascii() and part.isdigit():
            if int(part) < 1:
                raise BadRequest(f'cannot use storage "{name}={text}"', why="a count is at least 1")
            note("count", int(part))
        elif match := SIZE.fullmatch(part):
            note("size", size_mb(match[1], match[2]))
        elif part in pools:
            note("pool", part)
        elif not part:
            raise BadRequest(f'cannot use storage "{name}={text}"', why="a part of it is empty")
        else:
            raise NotFound(
                f'storage pool "{part}" not found',
                fix=f"the pools are {' and '.join(pools)}; write sizes like 2G, counts like 3",
            )
    pool, count, size = found.get("pool"), found.get("count"), found.get("size")
    return Directive(
        pool=pool if isinstance(pool, str) else "",
        count=count if isinstance(count, int) else None,
        size_mb=size if isinstance(size, int) else None,
    )


def wanted(meta: CharmMeta, given: Mapping[str, Directive]) -> dict[str, Directive]:
    """Return for each storage of a charm how much of it a new unit gets, where *given* is what people asked for.

    Raises:
        NotFound: the charm has no storage of a given name.
        Refused: a count does not fit the charm, or it would have to be a block device or shared.
    """
    for name in given:
        _declared(meta, name)
    found: dict[str, Directive] = {}
    for declared in meta.storage.values():
        asked = given.get(declared.name, Directive())
        # A storage that is asked for by pool or size alone is wanted once, even when the charm can do without.
        least = max(declared.count_min, 1) if declared.name in given else declared.count_min
        count = least if asked.count is None else asked.count
        if count:
            check_count(meta, declared, count)
        size = max(asked.size_mb or declared.minimum_size_mb or SIZE_MB_DEFAULT, declared.minimum_size_mb)
        found[declared.name] = Directive(pool=asked.pool or USUAL, count=count, size_mb=size)
    return found


def carried_over(
    meta: CharmMeta, before: Mapping[str, Directive], asked: Mapping[str, Directive]
) -> dict[str, Directive]:
    """Return what was asked for with another charm as far as *meta* still has it, and as much as that needs, with
    what is *asked* for now in place of it."""
    kept = {
        name: replace(directive, count=max(directive.count or 0, meta.storage[name].count_min))
        for name, directive in before.items()
        if name in meta.storage
    }
    for name, new in asked.items():
        old = kept.get(name, Directive())
        kept[name] = Directive(
            pool=new.pool or old.pool,
            count=old.count if new.count is None else new.count,
            size_mb=old.size_mb if new.size_mb is None else new.size_mb,
        )
    return kept


def check_storage_change(before: CharmMeta, after: CharmMeta) -> None:
    """Refuse a charm that could not go on with the storage that units have.

    Raises:
        Refused: it lacks one that they need, or wants it of another kind, at another place, or less often.
    """
    for name, old in before.storage.items():
        new = after.storage.get(name)
        if new is None:
            if old.count_min:
                raise _bad_change(after, name, "the new charm does not have it")
            continue
        for what in ("type", "shared", "read_only", "location"):
            if getattr(old, what) != getattr(new, what):
                spelled = what.replace("_", "-")
                raise _bad_change(after, name, f"its {spelled} changed from {getattr(old, what)!r}")
        if new.count_max is not None and (old.count_max is None or new.count_max < old.count_max):
            raise _bad_change(after, name, f"the new charm takes at most {new.count_max} of it")


def _bad_change(after: CharmMeta, name: str, why: str) -> Refused:
    return Refused(
        f'cannot refresh to charm "{after.name}": storage "{name}" does not fit',
        why=why,
        fix="deploy the charm as a new application",
    )


def check_count(meta: CharmMeta, declared: StorageMeta, count: int) -> None:
    """Refuse what the charm does not declare, or this system does not have.

    Raises:
        Refused: *count* instances of *declared* are too few or too many for one unit, need a block device, or are
            shared.
    """
    if declared.type != "filesystem":
        raise Refused(
            f'cannot provide storage "{declared.name}" of charm "{meta.name}"',
            why="it is a block device, and only directories are kept here",
            fix="use a charm whose storage is of type filesystem",
        )
    if declared.shared:
        raise Refused(
            f'cannot provide storage "{declared.name}" of charm "{meta.name}"',
            why="all units of the application would share it, and a directory is on one machine",
            fix="use a charm whose storage is not `shared`, and let its units share through a relation",
        )
    if count < declared.count_min:
        raise Refused(
            f'charm "{meta.name}" store "{declared.name}": {declared.count_min} instances required, '
            f"{count} specified",
            fix=f"--storage {declared.name}={declared.count_min}",
        )
    if declared.count_max is not None and count > declared.count_max:
        raise Refused(
            f'charm "{meta.name}" store "{declared.name}": at most {declared.count_max} instances supported, '
            f"{count} specified",
            fix="ask for less; `multiple` in the charm's metadata.yaml says how many it takes",
        )
    if count > INSTANCES_MAX:
        raise Refused(f"cannot make {count} instances at once", why=f"the limit is {INSTANCES_MAX}")


def check_room(meta: CharmMeta, name: str, has: int, more: int = 1) -> StorageMeta:
    """Return what the charm says of storage *name* if a unit that has *has* of it may get *more*.

    Raises:
        NotFound, Refused: as `wanted`.
    """
    declared = _declared(meta, name)
    check_count(meta, declared, max(has + more, declared.count_min))
    return declared


def _declared(meta: CharmMeta, name: str) -> StorageMeta:
    declared = meta.storage.get(name)
    if declared is None:
        raise NotFound(
            f'charm "{meta.name}" has no store called "{name}"',
            fix=f"it has {', '.join(sorted(meta.storage)) or 'none'}",
        )
    return declared


# --- the steps of an instance ----------------------------------------------------------------------------


def made_for(
    unit: UnitName, directives: Mapping[str, Directive], first: int, *, now: str, pools: Pools, home: str
) -> Iterator[Storage]:
    """Yield new instances for *unit*, numbered from *first* on, as many as the directives say.

    *home* is what the model's own directory is called, in a pool that is a directory: see `home_of`.
    """
    number = first
    for name in sorted(directives):
        directive = directives[name]
        for _ in range(directive.count or 0):
            pool = pools[directive.pool or USUAL]
            yield Storage(
                name=name,
                number=number,
                pool=pool.name,
                provider=pool.provider,
                directory=f"{pool.path}/{home}/storage/{name}/{number}" if pool.path else None,
                mode=pool.mode,
                size_mb=directive.size_mb or SIZE_MB_DEFAULT,
                created=now,
                owner=unit,
                attachment=1,
            )
            number += 1


def home_of(model: str, model_uuid: str) -> str:
    """Return what the directory is called that holds what is of a model on a machine."""
    return f"{model}-{model_uuid[:8]}"


def storage_for(
    view: View, model: str, wants: Mapping[UnitName, Mapping[str, Directive]], *, now: str
) -> dict[Ref, Any]:
    """Return the puts of what each unit gets of new storage, and of the sequence that numbers it."""
    if not any(directive.count for directives in wants.values() for directive in directives.values()):
        return {}
    sequence = refs.sequence(model, SEQUENCE)
    number = view.find(sequence) or 0
    pools, home = Pools.of(view, model), home_of(model, view.peek(refs.model(model)).uuid)
    puts: dict[Ref, Any] = {}
    for unit, directives in wants.items():
        for made in made_for(unit, directives, number + len(puts), now=now, pools=pools, home=home):
            puts[refs.storage(model, made.name, made.number)] = made
    return {**puts, sequence: number + len(puts)}


def storage_of(view: View, model: str, unit: UnitName) -> list[tuple[Ref, Storage]]:
    """Return what *unit* has, by name and number."""
    found = view.list(Kind.STORAGE, model, unit.app, str(unit.number))
    return sorted(found, key=lambda entry: entry[1].id)


def detached(storage: Storage, unit: Unit | None) -> Storage | None:
    """Return *storage* after *unit*, its owner (None: that is gone already), let go of it; None: it goes, too.

    What never was on a machine holds nothing that anybody could want to keep.
    """
    machine = storage.machine or (unit.machine if unit is not None else None)
    if machine is None:
        return None
    destroyed = storage.life is not Life.ALIVE or (unit is not None and unit.destroy_storage)
    return replace(
        storage,
        owner=None,
        detaching=False,
        machine=machine,
        location=None,
        read_only=False,
        attached_at=None,
        life=Life.DYING if destroyed else storage.life,
    )


def find_storage(view: View, model: str, storage_id: StorageId) -> Storage:
    """Return the instance; the write depends on it.

    Raises:
        NotFound: there is none.
    """
    storage = view.find(refs.storage(model, storage_id.name, storage_id.number))
    if storage is None:
        raise NotFound(f'storage "{storage_id}" not found', fix="`coordinator storage` lists what there is")
    return storage


def free_storage(view: View, model: str, storage_id: StorageId, *, to: str) -> Storage:
    """Return the instance if it may be given to somebody (*to*, for the text); the write depends on it.

    Raises:
        NotFound: there is none.
        Refused: somebody has it, or it is being removed.
    """
    storage = find_storage(view, model, storage_id)
    if storage.owner is not None:
        raise Refused(
            f"cannot attach {storage_id} to {to}",
            why=f"{storage.owner} has it",
            fix=f"first `coordinator detach-storage {storage_id}`",
        )
    if storage.life is not Life.ALIVE:
        raise Refused(f"cannot attach {storage_id} to {to}", why="it is being removed")
    return storage


def given_to(storage: Storage, unit: UnitName) -> Storage:
    """Return *storage*, which nobody has, as *unit* has it from now on."""
    return replace(storage, owner=unit, attachment=storage.attachment + 1)


def without(directives: Mapping[str, Directive], taken: Sequence[Storage]) -> dict[str, Directive]:
    """Return what a unit still gets when it gets what is *taken*."""
    names = [storage.name for storage in taken]
    return {
        name: replace(directive, count=max(0, (directive.count or 0) - names.count(name)))
        for name, directive in directives.items()
    }


def is_persistent(storage: Storage) -> bool:
    """Say whether what is in it outlives the unit and a restart of the machine."""
    return storage.provider != "tmpfs"
