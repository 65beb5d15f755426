"""relation-get, relation-set, relation-list, relation-ids, relation-model-get.

Who may read and write which bag is in context.py; here is what the commands take and print.
"""

from __future__ import annotations

from coordinator.domain.names import UnitName, is_unit_name
from coordinator.engine.effects import Owner
from coordinator.engine.tools._flags import FILE, OUTPUT, RELATION, Args, Command, Flag, Reply
from coordinator.engine.tools.context import HookContext
from coordinator.engine.world import WorldRelation
from coordinator.errors import BadRequest

_APP = Flag(name="app", help="the application's data rather than the unit's")


def relation_of(context: HookContext, args: Args) -> WorldRelation:
    """Return the relation that `-r` names, else the one of the running hook.

    Raises:
        BadRequest: there is none, or the unit does not know it (yet, or any more).
    """
    relation = find_relation_of(context, args)
    if relation is None:
        raise BadRequest("no relation id specified", fix="name one with -r, like -r db:7")
    return relation


def find_relation_of(context: HookContext, args: Args) -> WorldRelation | None:
    """Like `relation_of`, but None when neither `-r` nor the hook names a relation."""
    text = args.text("relation")
    if text is None:
        number = context.hook.relation if context.hook is not None else None
        return context.find_relation(number) if number is not None else None
    # The name may contain anything but a colon; old charms send the bare number.
    name, _, digits = text.rpartition(":")
    if not (digits.isascii() and digits.isdigit()):
        raise args.bad_value("relation", "invalid relation id")
    relation = context.find_relation(int(digits)) if len(digits) < 19 else None
    if relation is None or (name and name != relation.endpoint):
        # ops recognises a relation that is gone by these words.
        raise args.bad_value("relation", "relation not found")
    return relation


def _relation_get(context: HookContext, args: Args) -> Reply:
    relation = relation_of(context, args)
    bag = context.read_bag(relation, _owner(context, args, relation))
    key = args.word(0)
    return Reply(value=bag if key in (None, "", "-") else bag.get(key))


def _owner(context: HookContext, args: Args, relation: WorldRelation) -> Owner:
    """Return whose bag is meant: the one named, else the one the running hook is about."""
    name, wants_app = args.word(1), args.flag("app")
    if name:
        if is_unit_name(name):
            unit = UnitName.parse(name)
            return unit.app if wants_app else unit
        if wants_app:
            return name
        if name in (relation.remote_app, context.world.unit.app) or "/" not in name:
            raise BadRequest(
                f'expected unit name, got application name "{name}"', fix="add --app, or name a unit like db/0"
            )
        raise BadRequest(f'invalid unit name "{name}"')
    hook = context.hook
    if hook is not None and hook.relation == relation.id:
        if hook.remote_unit is not None and not wants_app:
            return hook.remote_unit
        if hook.remote_app is not None:
            return hook.remote_app
    raise BadRequest("no unit or application specified", fix="name one, like: relation-get - db/0")


def _relation_set(context: HookContext, args: Args) -> Reply:
    relation = relation_of(context, args)
    owner: Owner = context.world.unit.app if args.flag("app") else context.world.unit
    return Reply(effects=context.write_bag(relation, owner, args.entries()))


def _relation_list(context: HookContext, args: Args) -> Reply:
    relation = relation_of(context, args)
    if args.flag("app"):
        return Reply(value=relation.remote_app)
    return Reply(value=[str(unit) for unit in context.members(relation.id)])


def _relation_ids(context: HookContext, args: Args) -> Reply:
    endpoint = args.word(0) or (context.hook.endpoint if context.hook is not None else None)
    if not endpoint:
        raise BadRequest("no endpoint name specified")
    return Reply(value=context.relation_ids(endpoint))


def _relation_model_get(context: HookContext, args: Args) -> Reply:
    relation_of(context, args)
    return Reply(value={"uuid": context.world.model_uuid})


COMMANDS = (
    Command(
        name="relation-get",
        summary="Print the relation data of a unit or an application: all of it, or one key.",
        run=_relation_get,
        words="[KEY|-] [UNIT|APPLICATION]",
        words_max=2,
        flags=(RELATION, _APP),
        formats=OUTPUT,
    ),
    Command(
        name="relation-set",
        summary="Set relation data of this unit, or of its application.  An empty value deletes the key.",
        run=_relation_set,
        words="[KEY=VALUE ...]",
        words_max=None,
        flags=(RELATION, _APP, FILE),
        format_ignored=True,
    ),
    Command(
        name="relation-list",
        summary="Print the remote units of a relation.",
        run=_relation_list,
        flags=(RELATION, Flag(name="app", help="print the remote application instead")),
        formats=OUTPUT,
    ),
    Command(
        name="relation-ids",
        summary="Print the ids of the relations at an endpoint.",
        run=_relation_ids,
        words="[ENDPOINT]",
        words_max=1,
        formats=OUTPUT,
    ),
    Command(
        name="relation-model-get",
        summary="Print the model that the remote application lives in.",
        run=_relation_model_get,
        flags=(RELATION,),
        formats=OUTPUT,
    ),
)
