"""Answers that a hook will ask for, worked out before it starts.

Role: what our `ops` reads in nearly every hook, in the very words in which it asks, so that a hook that runs
beside its worker needs no round trip for it.  What is missing here is asked for; what is here must be what
would be answered.
Pinned by tests/contract/test_hook_tools.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from coordinator.engine.tools import Call, HookContext, answer

#: Of how many relations something is worked out in advance: a hook looks at few, and the rest can be asked for.
RELATIONS_MAX = 4
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


def _about_relations(context: HookContext) -> Iterator[tuple[str, ...]]:
    hook, unit = context.hook, context.world.unit
    known = set(context.memory.relations)
    if hook is not None and hook.relation is not None:
        known.add(hook.relation)
    # The one that the hook is about comes first.
    numbers = sorted(known, key=lambda each: (hook is None or each != hook.relation, each))[:RELATIONS_MAX]
    relations = [relation for relation in map(context.find_relation, numbers) if relation is not None]
    for endpoint in {relation.endpoint: None for relation in relations}:
        yield "relation-ids", endpoint, "--format=json"
    for relation in relations:
        reference = ("-r", f"{relation.endpoint}:{relation.id}")
        get = ("relation-get", "--format=json", *reference)
        yield "relation-list", "--format=json", "--app", *reference
        state = context.memory.relations.get(relation.id)
        if state is None or len(state.members) <= UNITS_MAX:
            yield "relation-list", "--format=json", *reference
        yield *get, "-", str(unit)
        if hook is not None and hook.relation == relation.id:
            yield *get, "--app", "-", relation.remote_app
            if hook.remote_unit is not None:
                yield *get, "-", str(hook.remote_unit)
