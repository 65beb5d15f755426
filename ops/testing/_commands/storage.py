"""storage-list, storage-get, storage-add."""

from __future__ import annotations

from .._world import World
from ._call import USAGE, Call, Refused, command


@command("storage-list")
def storage_list(world: World, call: Call) -> list[str]:
    name = call.word(0)
    return [each.full_id for each in world.storages if each.attached and name in (None, each.name)]


@command("storage-get", takes=("s",))
def storage_get(world: World, call: Call) -> dict[str, str] | str:
    full_id = call.options.get("s", world.running_storage)
    if full_id is None:
        raise Refused("no storage instance specified", USAGE)
    storage = world.find_storage(full_id)
    if storage is None or not storage.attached:
        raise Refused(f'invalid value "{full_id}" for option -s: storage not found', USAGE)
    values = {"kind": "filesystem", "location": str(storage.location())}
    attribute = call.word(0)
    if attribute is None:
        return values
    if attribute not in values:
        raise Refused(f'invalid storage attribute "{attribute}"')
    return values[attribute]


@command("storage-add")
def storage_add(world: World, call: Call) -> None:
    if not call.words:
        raise Refused("storage add requires a storage directive", USAGE)
    for word in call.words:
        name, equals, count = word.partition("=")
        if "/" in name:
            raise Refused(f'storage name cannot contain "/": "{name}"', USAGE)
        if equals and not count.lstrip("-").isdigit():
            raise Refused(f'only count can be specified for "{name}"', USAGE)
        number = int(count or "1")
        if number < 1:
            raise Refused(f"storage count must be a positive number, not {number}", USAGE)
        world.requested_storages[name] = world.requested_storages.get(name, 0) + number
