"""state-get, state-set, state-delete: what a charm stores for itself, per unit."""

from __future__ import annotations

from dataclasses import replace

from coordinator.engine.effects import Effects, Entries
from coordinator.engine.tools._flags import FILE, OUTPUT, Args, Command, Flag, Reply
from coordinator.engine.tools.context import STATE_BYTES_MAX, HookContext, json_bytes, too_large
from coordinator.errors import Refused

KEY_BYTES_MAX = 256  # as in the original, so that what fits here fits there
VALUE_BYTES_MAX = 65_536


def _state_get(context: HookContext, args: Args) -> Reply:
    key, state = args.word(0), context.state()
    if key in (None, "", "-"):
        return Reply(value=state)
    if key not in state and args.flag("strict"):
        raise Refused(f'"{key}" not found')
    # A missing key is an empty string, not nothing: ops reads it as YAML.
    return Reply(value=state.get(key, ""))


def _state_set(context: HookContext, args: Args) -> Reply:
    entries = args.entries()
    for key, value in entries.items():
        if len(key.encode()) > KEY_BYTES_MAX:
            raise Refused(f"max allowed key length ({KEY_BYTES_MAX}) exceeded", why=f'key "{key[:40]}..."')
        if len(value.encode()) > VALUE_BYTES_MAX:
            raise Refused(f"max allowed value length ({VALUE_BYTES_MAX}) exceeded", why=f'value of "{key}"')
    if not entries:
        return Reply()
    effects = _with_state(context, dict(entries))
    size = json_bytes(context.with_effects(effects).state())
    if size > STATE_BYTES_MAX:
        raise too_large(f"the stored state of {context.world.unit}", size, STATE_BYTES_MAX)
    return Reply(effects=effects)


def _state_delete(context: HookContext, args: Args) -> Reply:
    key = args.word(0)
    return Reply(effects=_with_state(context, {key: None}) if key else None)


def _with_state(context: HookContext, entries: Entries) -> Effects:
    return replace(context.effects, state={**context.effects.state, **entries})


COMMANDS = (
    Command(
        name="state-get",
        summary="Print what the charm has stored: all of it, or one key.",
        run=_state_get,
        words="[KEY|-]",
        words_max=1,
        flags=(Flag(name="strict", help="fail when the key does not exist"),),
        formats=OUTPUT,
    ),
    Command(
        name="state-set",
        summary="Store values for this charm.",
        run=_state_set,
        words="[KEY=VALUE ...]",
        words_max=None,
        flags=(FILE,),
    ),
    Command(
        name="state-delete",
        summary="Delete a stored value.",
        run=_state_delete,
        words="[KEY]",
        words_max=1,
    ),
)
