"""Answers that a hook will ask for, worked out before it starts.

Role: what our `ops` reads in nearly every hook, in the very words in which it asks, so that a hook that runs
beside its worker needs no round trip for it.  What is missing here is asked for; what is here must be what
would be answered.
Pinned by tests/contract/test_hook_tools.py.
"""

from __future__ import annotations

import json

from coordinator.engine.tools import Call, HookContext, answer

# Limits of what is worked out in advance: a hook looks at a few units, and the rest can be asked for.
BAGS_MAX = 24
UNITS_MAX = 64

_ALWAYS = (
    ("is-leader", "--format=json"),
    ("config-get", "--format=json"),
    ("state-get", "--format=json"),
)


def answers_ahead(context: HookContext) -> dict[str, str]:
    """Return what commands print, by name and arguments as JSON text."""
    found: dict[str, str] = {}
    for call in (*_ALWAYS, *_about_relations(context)):
        reply = answer(context, Call(name=call[0], argv=call[1:]))
        if reply.exit_code == 0:
            found[json.dumps(list(call))] = reply.stdout.decode()
    return found


def _about_relations(context: HookContext) -> list[tuple[str, ...]]:
    calls: list[tuple[str, ...]] = []
    bags: list[tuple[str, ...]] = []
    hook = context.hook
    for endpoint in context.world.charm.endpoints:
        calls.append(("relation-ids", endpoint.name, "--format=json"))
    known = set(context.memory.relations)
    if hook is not None and hook.relation is not None:
        known.add(hook.relation)
    # The one that the hook is about comes first.
    for number in sorted(known, key=lambda each: (hook is None or each != hook.relation, each)):
        relation = context.find_relation(number)
        if relation is None or len(bags) >= BAGS_MAX:
            continue
        reference = ("-r", f"{relation.endpoint}:{number}")
        members = context.members(number)
        calls.append(("relation-list", "--format=json", "--app", *reference))
        if len(members) <= UNITS_MAX:
            calls.append(("relation-list", "--format=json", *reference))
        about = hook.remote_unit if hook is not None and hook.relation == number else None
        units = [about] if about is not None else members[:2]
        get = ("relation-get", "--format=json", *reference)
        bags += [(*get, "-", str(unit)) for unit in (*units, context.world.unit)]
        bags += [(*get, "--app", "-", app) for app in {relation.remote_app: 0, context.world.unit.app: 0}]
    return [*calls, *bags]
