"""Carry out a hook: charm directory, program, commands, outcome.

Role: from a decided hook to what came of it; writes nothing to the store.
Not here: how the program is started (start.py), what a hook command answers (engine/tools/).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from coordinator.domain.life import Life
from coordinator.domain.refs import Kind
from coordinator.domain.storage import Storage
from coordinator.domain.unit_state import Hook, HookKind, Memory
from coordinator.engine.effects import Effects
from coordinator.engine.tools.context import HookContext
from coordinator.engine.world import World
from coordinator.errors import CharmInvalid, Refused
from coordinator.worker.charmenv import python_directory
from coordinator.worker.dispatch import Ended
from coordinator.worker.host import Host
from coordinator.worker.observe import seen_by
from coordinator.worker.start import Start
from coordinator.worker.unit_log import UnitLog

_FATAL_SIGNALS = (9, 15)
ENTROPY_BYTES = 16  # for the ids of secrets that the hook makes
_OPERATION = "juju.worker.uniter.operation"  # the module name that people grep the log for


@dataclass(frozen=True, slots=True)
class Succeeded:
    effects: Effects


@dataclass(frozen=True, slots=True)
class Failed:
    """`effects`: of them only statuses are stored."""

    effects: Effects
    reason: str


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The hook was killed: by us (authority lost, worker stops) or by somebody else.  It is run again."""

    by: str


Outcome = Succeeded | Failed | Interrupted
Perform = Callable[[Host, Memory, World, Hook, Callable[[Effects], None]], Outcome]


def perform(
    host: Host, memory: Memory, world: World, hook: Hook, on_effects: Callable[[Effects], None]
) -> Outcome:
    """Run the charm for *hook*; *on_effects* hears of what it asks for while it runs."""
    log = UnitLog(host, world, _OPERATION)
    try:
        # Storage may be attached before install, with the charm that will be installed.
        new = hook.kind in (HookKind.INSTALL, HookKind.UPGRADE_CHARM) or not memory.unit.installed
        sha256 = world.charm_wanted if new else memory.unit.charm
        charm_dir = deploy(host, memory, world, sha256)
        provide_storage(host, HookContext(world=world, memory=memory, hook=hook))
        program = find_program(charm_dir, hook)
        if program is None:
            log.say("INFO", f'skipped "{hook.name}" hook (missing)')
            return Succeeded(Effects())
        python = python_directory(charm_dir, host.data_dir / "environments", log.say)
    except Refused as problem:
        for line in str(problem).splitlines():
            log.say("ERROR", line)
        return Failed(Effects(), str(problem).splitlines()[0])

    dispatched = program == charm_dir / "dispatch"
    via = "hook dispatching script: dispatch" if dispatched else "explicit, bespoke hook script"
    world = seen_by(hook, world, host.charm_meta)
    context = HookContext(
        world=world, memory=memory, hook=hook, now_s=host.clock.now_s(), entropy=os.urandom(ENTROPY_BYTES)
    )

    opened = host.tools.open(
        context, on_logs=log.on_logs, on_effects=on_effects, resource=partial(host.resource, world)
    )
    start = Start(
        host=host,
        world=world,
        work=hook,
        sha256=sha256,
        charm_dir=charm_dir,
        program=program,
        python=python,
        context=opened,
        say=log.say,
    )
    try:
        run = start.warm() or start.cold()
        with host.runs.running(run, (world.model, world.unit)):
            ended = run.wait()
    finally:
        opened.close()
    return _outcome(ended, opened.effects, log.say, f'"{hook.name}" hook (via {via})')


def _outcome(ended: Ended, effects: Effects, say: Callable[[str, str], None], hook: str) -> Outcome:
    if ended.status == 0:
        say("INFO", f"ran {hook}")
        return Succeeded(effects)
    if ended.signal in _FATAL_SIGNALS:
        say("WARNING", f"{hook} was ended by {ended.text}; it runs again")
        return Interrupted(ended.text)
    name, _, via = hook.partition(" hook ")
    say("ERROR", f"hook {name} {via} failed: {ended.text}")
    return Failed(effects, ended.text)


def deploy(host: Host, memory: Memory, world: World, sha256: str) -> Path:
    """Return the charm directory, holding the archive *sha256*, as the next hook or action shall find it."""
    directory = host.directory(world.model, world.model_uuid, world.unit)
    directory.deploy(sha256, host.fetch_charm)
    directory.begin_hook(memory.unit.hooks)
    return directory.charm


def provide_storage(host: Host, context: HookContext) -> None:
    """Make sure that the charm finds the storage that it is told of; what it lets go of need not be there.

    Raises:
        Refused: the machine does not let us.
    """
    world = context.world

    def others() -> list[Storage]:
        with host.live.look() as view:
            return [storage for _, storage in view.list(Kind.STORAGE, world.model)]

    if world.life is Life.ALIVE:
        for storage in context.storage().values():
            if not storage.detaching:
                host.storage.provide(world, storage, others)


def find_program(charm_dir: Path, hook: Hook) -> Path | None:
    """Return what runs for *hook*: `dispatch`, else `hooks/<name>`; None when the charm has neither.

    A missing hook is no error.  The link itself is returned, not what it points to: its name selects the handler.

    Raises:
        CharmInvalid: it is there and may not be executed.
    """
    for program in (charm_dir / "dispatch", charm_dir / "hooks" / hook.name):
        if not program.exists():
            continue
        if os.access(program, os.X_OK):
            return program
        if program.name != "dispatch":
            raise CharmInvalid(
                f"cannot run {program.relative_to(charm_dir)}",
                why="it has no execute permission",
                fix="chmod +x it, pack the charm again, and refresh",
            )
    return None
