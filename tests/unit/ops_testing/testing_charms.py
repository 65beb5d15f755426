"""Charms for tests of `Context`, made from the one function that matters in the test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ops
from ops import testing

META: dict[str, Any] = {
    "name": "web",
    "requires": {"db": {"interface": "sql"}, "host": {"interface": "juju-info", "scope": "container"}},
    "provides": {"site": {"interface": "http"}},
    "peers": {"ring": {"interface": "ring"}},
    "containers": {"app": {}, "side": {}},
    "storage": {"data": {"type": "filesystem", "multiple": {"range": "0-"}}},
    "resources": {"image": {"type": "file", "filename": "image.bin"}},
    "extra-bindings": {"admin": None},
}
CONFIG = {"options": {"port": {"type": "int", "default": 80}, "name": {"type": "string"}}}
ACTIONS = {"back-up": {"params": {"where": {"type": "string"}, "deep": {"type": "boolean"}}}}


class Web(ops.CharmBase):
    """Calls `do` for each hook event and action."""

    do: Callable[[Any, Any], Any]

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        for event in self.on.events().values():
            if not issubclass(event.event_type, ops.LifecycleEvent):
                framework.observe(event, self._on_event)

    def _on_event(self, event: ops.EventBase):
        self.do(event)


def charm(do: Callable[[Any, Any], Any] = lambda self, event: None) -> type[Web]:
    """Return a charm that handles all its events by *do*."""
    return type("Web", (Web,), {"do": do})


def context(do: Callable[[Any, Any], Any] = lambda self, event: None, **options: Any) -> testing.Context:
    """Return a context of such a charm."""
    given = {"meta": META, "config": CONFIG, "actions": ACTIONS, **options}
    return testing.Context(charm(do), **given)
