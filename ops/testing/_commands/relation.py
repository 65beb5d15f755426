"""relation-ids, relation-list, relation-get, relation-set, relation-model-get."""

from __future__ import annotations

import json
from collections.abc import Mapping

from .._world import RelationRecord, World
from ._call import NULL, USAGE, Call, Refused, command


def relation_of(world: World, call: Call) -> RelationRecord:
    """Return the relation that ``-r`` names, with or without its endpoint.

    Raises:
        Refused: there is none, or the endpoint has another one.
    """
    reference = call.options.get("r") or call.options.get("relation") or ""
    endpoint, _, number = reference.rpartition(":")
    relation = world.relations.get(int(number)) if number.isdecimal() else None
    if relation is None or (endpoint and endpoint != relation.endpoint):
        raise Refused(f'invalid value "{reference}" for option -r: relation not found', USAGE)
    return relation


@command("relation-ids")
def relation_ids(world: World, call: Call) -> list[str]:
    endpoint = call.word(0)
    if endpoint not in world.endpoints:
        raise Refused(f"no relation endpoint {endpoint!r} in the metadata", USAGE)
    return [f"{endpoint}:{each.id}" for each in world.relations.values() if each.endpoint == endpoint]


@command("relation-list", takes=("r",))
def relation_list(world: World, call: Call) -> list[str] | str:
    relation = relation_of(world, call)
    return relation.app if call.is_set("app") else list(relation.units)


@command("relation-get", takes=("r",))
def relation_get(world: World, call: Call) -> dict[str, str] | str:
    key = call.word(0)
    bag = readable_bag(world, relation_of(world, call), call.word(1) or "")
    return bag if key in (None, "-") else bag.get(key, NULL)


def readable_bag(world: World, relation: RelationRecord, name: str) -> dict[str, str]:
    """Return what the unit or application *name* wrote, not as a copy.

    Raises:
        Refused: there is no such thing, or the unit under test may not read it.
    """
    bag = relation.bags.get(name)
    if bag is None:
        raise Refused(f'cannot read settings for "{name}" in relation "{relation.endpoint}:{relation.id}"')
    if name == world.app_name and not (world.leader or relation.is_peer) and world.running:
        raise Refused(f'permission denied: only the leader of "{name}" reads what its application wrote')
    return bag


@command("relation-set", takes=("r", "file"))
def relation_set(world: World, call: Call) -> None:
    given = json.loads(call.stdin or "{}") if "file" in call.options else dict(_pair(each) for each in call.words)
    write_bag(world, relation_of(world, call), given, is_app=call.is_set("app"))


def write_bag(world: World, relation: RelationRecord, given: Mapping[str, str], *, is_app: bool) -> None:
    """Change what the unit under test or its application wrote; an empty text deletes.

    Raises:
        Refused: it does not lead the application.
    """
    if is_app and not world.leader and world.running:
        raise Refused("cannot write relation settings: this unit is not the leader")
    bag = relation.bags.setdefault(world.app_name if is_app else world.unit_name, {})
    for key, value in given.items():
        if value == "":
            bag.pop(key, None)
        else:
            bag[key] = value


def _pair(word: str) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    if not equals:
        raise Refused(f'expected "key=value", got "{word}"', USAGE)
    return key, value


@command("relation-model-get", takes=("r",))
def relation_model_get(world: World, call: Call) -> dict[str, str]:
    return {"uuid": relation_of(world, call).model_uuid or world.model_uuid}
