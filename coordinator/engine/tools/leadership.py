"""is-leader, leader-get, leader-set."""

from __future__ import annotations

from dataclasses import replace

from coordinator.domain.relation import BAG_BYTES_MAX
from coordinator.engine.tools._flags import OUTPUT, Args, Command, Reply
from coordinator.engine.tools.context import HookContext, json_bytes, too_large
from coordinator.errors import BadRequest, Refused


def _is_leader(context: HookContext, args: Args) -> Reply:
    # The exit code is 0 either way: charms compare the printed word.
    return Reply(value=context.world.is_leader)


def _leader_get(context: HookContext, args: Args) -> Reply:
    key = args.word(0)
    if key is not None and "=" in key:
        raise BadRequest(f'invalid key "{key}"')
    settings = context.leader_settings()
    return Reply(value=settings if key in (None, "", "-") else settings.get(key))


def _leader_set(context: HookContext, args: Args) -> Reply:
    entries = args.entries()
    if not context.world.is_leader:
        raise Refused("cannot write leadership settings: cannot write settings: not the leader")
    if not entries:
        return Reply()
    changes = {key: value or None for key, value in entries.items()}
    effects = replace(context.effects, leader_settings={**context.effects.leader_settings, **changes})
    size = json_bytes(context.with_effects(effects).leader_settings())
    if size > BAG_BYTES_MAX:
        raise too_large(f"the leader settings of {context.world.unit.app}", size, BAG_BYTES_MAX)
    return Reply(effects=effects)


COMMANDS = (
    Command(
        name="is-leader",
        summary="Print True or False: whether this unit leads its application, for the whole hook.",
        run=_is_leader,
        formats=OUTPUT,
    ),
    Command(
        name="leader-get",
        summary="Print what the leader told the units of the application: all of it, or one key.",
        run=_leader_get,
        words="[KEY|-]",
        words_max=1,
        formats=OUTPUT,
    ),
    Command(
        name="leader-set",
        summary="Tell the units of the application something, as its leader.  An empty value deletes the key.",
        run=_leader_set,
        words="[KEY=VALUE ...]",
        words_max=None,
    ),
)
