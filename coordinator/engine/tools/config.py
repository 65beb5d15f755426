"""config-get: the application's options as the deployed charm knows them."""

from __future__ import annotations

from coordinator.domain.config import effective
from coordinator.engine.tools._flags import OUTPUT, Args, Command, Flag, Reply
from coordinator.engine.tools.context import HookContext
from coordinator.errors import BadRequest


def _config_get(context: HookContext, args: Args) -> Reply:
    key, everything = args.word(0), args.flag("all")
    if key and everything:
        raise BadRequest(f'cannot use argument --all together with key "{key}"')
    values = effective(context.world.charm, context.world.config)
    if key:
        return Reply(value=values.get(key))
    return Reply(value={name: value for name, value in values.items() if everything or value is not None})


COMMANDS = (
    Command(
        name="config-get",
        summary="Print the application's options that have a value, or the value of one.",
        run=_config_get,
        words="[KEY]",
        words_max=1,
        flags=(Flag(name="all", short="a", help="also the options that have no value"),),
        formats=OUTPUT,
    ),
)
