"""Scripts: shell text that a program of the machine hands in to `juju-exec`, to be run in the context of a unit.

Role: arguments -> Script; what its commands see; the one write that makes last what they asked for.  Pure.
Daemons and timers of a charm wake it so from outside of any hook, often with
`juju-exec -u app/0 JUJU_DISPATCH_PATH=hooks/my-event CHARM_DIR/dispatch`.
Not here: the socket it comes in by (worker/toolserver.py), running it (worker/script.py); commands that people
send from elsewhere, which are tasks.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Ref
from coordinator.domain.unit_state import Hook, HookKind, Memory
from coordinator.engine import secret as secrets
from coordinator.engine.effects import Effects
from coordinator.engine.settle import conditions, put_effects
from coordinator.engine.tools.context import HookContext
from coordinator.engine.world import World
from coordinator.errors import BadRequest, Refused

#: The names of the program; the second is that of older releases, which charms choose by version.
NAMES = ("juju-exec", "juju-run")

_TAKES_VALUE = ("unit", "relation", "remote-unit", "remote-app")
_SWITCHES = ("force-remote-unit", "operator", "no-context")
_SHORT = {"u": "unit", "r": "relation"}

HELP = f"""\
Usage: juju-exec [options] [UNIT] COMMANDS

Run shell commands in the context of a unit of this machine, from outside of its hooks.

Options:
  -u, --unit UNIT          the unit; without it the first argument, or the only unit of the machine
  -r, --relation ID        the relation that commands are about when they name none
  --remote-unit UNIT       the unit on the other side of it
  --remote-app APP         the application on the other side of it
  --force-remote-unit      even if it is not in the relation
  --operator               as before; there is no other place here
  --no-context             without hook commands, but not beside a hook

Also called {NAMES[1]}.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """What is to be run.  `unit` None: the only one of the machine.  `relation` None: commands name theirs."""

    commands: str
    unit: UnitName | None = None
    relation: int | None = None
    remote_unit: UnitName | None = None
    remote_app: str | None = None
    force_remote_unit: bool = False
    no_context: bool = False

    @property
    def name(self) -> str:
        """What the log calls it."""
        return NAMES[0]


class HelpWanted(Exception):
    """The caller asked how it is called."""


def parse(argv: Sequence[str]) -> Script:
    """Return the script that *argv*, the arguments after the name of the program, ask for.

    Flags end at the first word that is none: what follows is the caller's text.

    Raises:
        BadRequest: they are wrong; the texts are those that callers know.
        HelpWanted: they ask for help.
    """
    flags, words = _split(argv)
    unit = _unit(flags["unit"]) if flags.get("unit") else None
    no_context = "no-context" in flags
    # With `-u ""` the unit is to be found out, and the first word is a command whatever it looks like.
    if "unit" not in flags and not no_context and words and (named := _as_unit(words[0])) is not None:
        unit, words = named, words[1:]
    if not words:
        raise BadRequest("missing commands")
    relation = _relation_id(flags["relation"]) if flags.get("relation") else None
    remote_unit = _unit(flags["remote-unit"]) if flags.get("remote-unit") else None
    if remote_unit is not None and relation is None:
        raise BadRequest(f"remote unit: {remote_unit}, provided without a relation")
    return Script(
        commands=words[0] if len(words) == 1 else shlex.join(words),
        unit=unit,
        relation=relation,
        remote_unit=remote_unit,
        remote_app=flags.get("remote-app") or None,
        force_remote_unit="force-remote-unit" in flags,
        no_context=no_context,
    )


def _split(argv: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the flags, a switch with an empty value, and the words after them."""
    flags: dict[str, str] = {}
    rest = list(argv)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        if word in ("-h", "--help"):
            raise HelpWanted
        name, equals, value = word.partition("=")
        if not word.startswith("--"):
            name, equals, value = f"-{word[1]}", word[2:], word[2:].removeprefix("=")
        long = name[2:] if name.startswith("--") else _SHORT.get(name[1:], "")
        if long in _SWITCHES and (not equals or value in ("true", "false")):
            if value != "false":
                flags[long] = ""
        elif long in _TAKES_VALUE and (equals or rest):
            flags[long] = value if equals else rest.pop(0)
        elif long in _TAKES_VALUE:
            raise BadRequest(f"option needs an argument: {name}")
        elif long in _SWITCHES:
            raise BadRequest(f'invalid value "{value}" for option {name}: expected true or false')
        else:
            raise BadRequest(f"option provided but not defined: {name}")
    return flags, rest


def _as_unit(word: str) -> UnitName | None:
    """Return the unit that *word* names, as `web/0` or as `unit-web-0`; None when it is no such name."""
    app, dash, number = word.removeprefix("unit-").rpartition("-")
    try:
        return UnitName.parse(f"{app}/{number}" if word.startswith("unit-") and dash else word)
    except BadRequest:
        return None


def _unit(text: str) -> UnitName:
    unit = _as_unit(text)
    if unit is None:
        raise BadRequest(f'"{text}" is not a valid unit name', fix="write it like web/0")
    return unit


def _relation_id(text: str) -> int:
    number = text.rpartition(":")[2]
    if not number.isdecimal():
        raise BadRequest(f'invalid value "{text}" for option -r: invalid relation id')
    return int(number)


def find_unit(script: Script, units: Sequence[tuple[str, UnitName]], model: str = "") -> tuple[str, UnitName]:
    """Return the model and unit, of the *units* of this machine, that *script* is for.

    *model*: the one that the caller belongs to, empty when it does not say.

    Raises:
        Refused: it is not here, or it is not clear which one is meant.
    """
    here = [place for place in units if model in ("", place[0])]
    found = here if script.unit is None else [place for place in here if place[1] == script.unit]
    if script.unit is not None and not found:
        raise Refused(f'unit "{script.unit}" not found on this machine')
    if len(found) == 1:
        return found[0]
    if script.unit is None:
        raise BadRequest("missing unit-name", fix="name the unit: juju-exec -u UNIT COMMANDS")
    raise Refused(
        f'unit "{script.unit}" is on this machine in several models',
        why=", ".join(sorted(place[0] for place in found)),
        fix="say which one with JUJU_MODEL_NAME in the environment",
    )


def context_of(memory: Memory, world: World, script: Script) -> HookContext:
    """Return what the commands of *script* see.

    With a relation it is that of a changed hook of it, so that commands which name no relation or unit mean these.

    Raises:
        Refused: the unit has no such relation, or the one on the other side is not clear.
    """
    context = HookContext(world=world, memory=memory)
    if script.relation is None:
        return context
    relation = context.find_relation(script.relation)
    if relation is None:
        raise Refused("relation not found", why=f"{world.unit} is in no relation {script.relation}")
    remote = script.remote_unit
    members = context.members(relation.id)
    if remote is None and script.remote_app is None:
        remote = _only(members, relation.id)
    elif remote is not None and remote not in members and not script.force_remote_unit:
        raise Refused(
            f'remote unit "{remote}" is not in relation {relation.id}',
            why=f"its units are {', '.join(map(str, members)) or 'none'}",
            fix="name one of them, or add --force-remote-unit",
        )
    app = remote.app if remote is not None else script.remote_app
    hook = Hook(
        kind=HookKind.RELATION_CHANGED,
        endpoint=relation.endpoint,
        relation=relation.id,
        remote_app=app,
        remote_unit=remote,
    )
    return HookContext(world=world, memory=memory, hook=hook)


def _only(members: Sequence[UnitName], relation: int) -> UnitName:
    if not members:
        raise Refused(
            f"cannot infer remote unit in empty relation {relation}", fix="name the application with --remote-app"
        )
    if len(members) > 1:
        raise Refused(
            f"ambiguous remote unit; possibilities are {', '.join(map(str, members))}",
            fix="name one with --remote-unit",
        )
    return members[0]


def settle_script(memory: Memory, world: World, effects: Effects, *, now: str) -> Change:
    """Return the write after a script has run: what its commands asked for lasts, whatever its exit status is."""
    status_set = memory.unit.status_set or effects.status is not None
    unit = replace(memory.unit, hooks=memory.unit.hooks + 1, status_set=status_set)
    puts: dict[Ref, Any] = {refs.memory(world.model, world.unit): unit}
    put_effects(puts, world, None, effects, memory, now, False)
    change = Change(did=NAMES[0], puts=puts, conditions=conditions(world, effects, puts))
    return secrets.with_secrets(change, world, None, effects, now)
