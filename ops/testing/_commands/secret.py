"""secret-add, secret-get, secret-set, secret-grant, secret-revoke, secret-remove, secret-info-get, secret-ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .._world import SecretRecord, World, new_secret_id
from ._call import USAGE, Call, Refused, Text, command
from .relation import relation_of

_FACTS = ("label", "description", "expire", "rotate")


def _not_found(name: object) -> Refused:
    # ops tells by these words that there is no such secret.
    return Refused(f'secret "{name}" not found')


def _owned(world: World, id: str | None = None, label: str | None = None) -> SecretRecord:
    """Return a secret that the unit under test may manage.

    Raises:
        Refused: it does not exist, somebody else owns it, or only the leader may manage it.
    """
    secret = world.find_secret(id, label)
    if secret is None:
        raise _not_found(id or label)
    if not world.owns(secret):
        raise Refused(f"You must own secret {secret.id!r} to manage it: not found among those of this unit")
    if secret.owner == world.app_name and not world.leader:
        raise Refused(f'cannot manage secret "{id or label}" of the application: permission denied')
    return secret


def _content(words: list[str]) -> dict[str, str]:
    """Return what words like ``key=value`` and ``key#file=path`` say."""
    content: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise Refused(f'expected "key=value", got "{word}"', USAGE)
        if key.endswith("#file"):
            key = key.removesuffix("#file")
            with Path(value).open(encoding="utf-8", newline="") as file:
                value = file.read()
        content[key] = value
    return content


@command("secret-add", takes=(*_FACTS, "owner"))
def secret_add(world: World, call: Call) -> Text:
    owner = world.unit_name if call.options.get("owner") == "unit" else world.app_name
    secret = SecretRecord(id=new_secret_id(), owner=owner, revisions={1: _content(call.words)}, tracked=1)
    _set_facts(secret, call)
    world.secrets.append(secret)
    return Text(secret.id)


def _set_facts(secret: SecretRecord, call: Call) -> None:
    for fact in _FACTS:
        if fact in call.options:
            setattr(secret, fact, call.options[fact])


@command("secret-get", takes=("label",))
def secret_get(world: World, call: Call) -> dict[str, str]:
    id, label = call.word(0), call.options.get("label")
    secret = world.find_secret(id, label)
    if secret is None or not _may_read(world, secret):
        raise _not_found(id or label)
    if id and label:
        secret.label = label
    if call.is_set("refresh") or (world.owners_read_latest and world.owns(secret)):
        secret.tracked = secret.latest
    revision = secret.latest if call.is_set("peek") else secret.tracked
    if revision not in secret.revisions:
        raise _not_found(f"{secret.id}/{revision}")
    return secret.revisions[revision]


def _may_read(world: World, secret: SecretRecord) -> bool:
    readers = secret.readers.union(*secret.grants.values())
    return world.owns(secret) or not readers.isdisjoint((world.unit_name, world.app_name))


@command("secret-set", takes=(*_FACTS, "owner"))
def secret_set(world: World, call: Call) -> None:
    id, *words = call.words
    secret = _owned(world, id)
    content = _content(words)
    _set_facts(secret, call)
    if content:
        secret.revisions[secret.latest + 1] = content


@command("secret-grant", takes=("relation", "unit"))
def secret_grant(world: World, call: Call) -> None:
    secret, relation = _owned(world, call.word(0)), relation_of(world, call)
    secret.grants.setdefault(relation.id, set()).add(call.options.get("unit", relation.app))


@command("secret-revoke", takes=("relation", "unit", "app"))
def secret_revoke(world: World, call: Call) -> None:
    secret = _owned(world, call.word(0))
    for name in (call.options.get("unit"), call.options.get("app")):
        for readers in secret.grants.values() if "relation" not in call.options else ():
            readers.discard(name or "")
    if "relation" in call.options:
        relation = relation_of(world, call)
        secret.grants.get(relation.id, set()).discard(call.options.get("unit", relation.app))


@command("secret-remove", takes=("revision",))
def secret_remove(world: World, call: Call) -> None:
    secret = _owned(world, call.word(0))
    if "revision" in call.options:
        revision = int(call.options["revision"])
        if secret.revisions.pop(revision, None) is None:
            raise _not_found(f"{secret.id}/{revision}")
        world.removed_revisions.append(revision)
        if secret.revisions:
            return
    world.secrets.remove(secret)


@command("secret-info-get", takes=("label",))
def secret_info_get(world: World, call: Call) -> dict[str, Any]:
    secret = _owned(world, call.word(0), call.options.get("label"))
    facts = {
        "label": secret.label,
        "description": secret.description,
        "expiry": secret.expire and in_utc(secret.expire),
        "rotation": secret.rotate,
    }
    info = {
        "revision": secret.latest,
        "owner": "unit" if secret.owner == world.unit_name else "application",
        **{name: value for name, value in facts.items() if value},
    }
    return {secret.id: info}


def in_utc(moment: str) -> str:
    """Return a moment with a time zone; a charm may have given one without."""
    return moment if moment[-1] == "Z" or moment[-6:-5] in ("+", "-") else f"{moment}Z"


@command("secret-ids")
def secret_ids(world: World, call: Call) -> list[str]:
    return [each.id.removeprefix("secret:") for each in world.secrets if world.owns(each)]
