"""state-get, state-set, state-delete: what a charm keeps in the controller."""

from __future__ import annotations

import json
from typing import Any

from .._world import World
from ._call import Call, command


@command("state-get")
def state_get(world: World, call: Call) -> Any:
    key = call.word(0)
    return world.state if key in (None, "-") else world.state.get(key, "")


@command("state-set", takes=("file",))
def state_set(world: World, call: Call) -> None:
    world.state.update(json.loads(call.stdin or "{}"))


@command("state-delete")
def state_delete(world: World, call: Call) -> None:
    world.state.pop(call.word(0) or "", None)
