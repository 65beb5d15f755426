"""storage-list, storage-get, storage-add."""

from __future__ import annotations

from .._world import World
from ._call import USAGE, Call, Refused, command


@command("storage-list")
def storage_list(world: World, call: Call) -> list[str]:
    name = call.word(0)
    return [each.full_id for each in world.storages if each.attached and name in (None, each.name)]


@command("storage-get", takes=("s",))
def storage_get(world: World, call: Call) -> dict[str, str]:
    full_id = call.options.get("s", "")
    storage = world.find_storage(full_id)
    if storage is None or not storage.attached:
        raise Refused(f'invalid value "{full_id}" for option -s: storage not found', USAGE)
    return {"kind": "filesystem", "location": str(storage.location())}


@command("storage-add")
def storage_add(world: World, call: Call) -> None:
    for word in call.words:
        name, _, count = word.partition("=")
        if "/" in name:
            raise Refused(f'storage name cannot contain "/": "{name}"', USAGE)
        number = int(count or "1")
        if number < 1:
            raise Refused(f"storage count must be a positive number, not {number}", USAGE)
        world.requested_storages[name] = world.requested_storages.get(name, 0) + number
