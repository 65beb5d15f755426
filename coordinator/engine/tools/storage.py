"""storage-list, storage-get, storage-add."""

from __future__ import annotations

import json
from dataclasses import replace

from coordinator.domain.storage import INSTANCES_MAX, StorageId, check_room
from coordinator.engine.tools._flags import OUTPUT, Args, Command, Flag, Reply
from coordinator.engine.tools.context import HookContext
from coordinator.errors import BadRequest, Refused


def _storage_list(context: HookContext, args: Args) -> Reply:
    name = args.word(0)
    found = [storage.id for storage in context.storage().values() if name in (None, storage.name)]
    return Reply(value=[str(each) for each in sorted(found)])


def _storage_get(context: HookContext, args: Args) -> Reply:
    given = args.text("storage")
    if given is None:
        given = context.hook.storage if context.hook is not None else None
    if given is None:
        raise BadRequest("no storage instance specified")
    try:
        StorageId.parse(given)
    except BadRequest as cause:
        raise BadRequest(f'invalid storage ID "{given}"') from cause
    storage = context.storage().get(given)
    if storage is None:
        raise BadRequest(f'invalid value "{given}" for option -s: storage not found')
    values = {"kind": "filesystem", "location": context.world.location_of(storage)}
    attribute = args.word(0)
    if attribute is None:
        return Reply(value=values)
    if attribute not in values:
        raise Refused(f'invalid storage attribute "{attribute}"')
    return Reply(value=values[attribute])


def _storage_add(context: HookContext, args: Args) -> Reply:
    if not args.words:
        raise BadRequest("storage add requires a storage directive")
    added = dict(context.effects.storage)
    for word in args.words:
        name, equals, text = word.partition("=")
        count = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
        if equals and not count:
            raise BadRequest(f"only count can be specified for {json.dumps(name)}")
        added[name] = added.get(name, 0) + (count if equals else 1)
    for name, count in added.items():
        if name not in context.world.charm.storage or name not in context.world.storage_wanted:
            raise Refused(
                f'storage "{name}" not found',
                why=f'charm "{context.world.charm.name}" has no storage of that name',
            )
        has = sum(stored.value.name == name for stored in context.world.storage.values())
        check_room(context.world.charm, name, has, count)
    if sum(added.values()) > INSTANCES_MAX:
        raise Refused(
            f"cannot add {sum(added.values())} instances in one hook", why=f"the limit is {INSTANCES_MAX}"
        )
    return Reply(effects=replace(context.effects, storage=added))


COMMANDS = (
    Command(
        name="storage-list",
        summary="Print the ids of the storage that this unit has: all, or those of one name.",
        run=_storage_list,
        words="[NAME]",
        words_max=1,
        formats=OUTPUT,
    ),
    Command(
        name="storage-get",
        summary="Print what a storage is, and where: both, or one of `kind` and `location`.",
        run=_storage_get,
        words="[kind|location]",
        words_max=1,
        flags=(Flag(name="storage", short="s", help="storage id, like data/0", takes="ID"),),
        formats=OUTPUT,
    ),
    Command(
        name="storage-add",
        summary="Ask for more storage; it comes with hooks of its own.",
        run=_storage_add,
        words="NAME[=COUNT] ...",
        words_max=None,
    ),
)
