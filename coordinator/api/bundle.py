"""View -> what a bundle can say of a model.  Pure.

Role: one tree, from which the CLI writes a bundle, and finds out what a bundle would change.
"""

from __future__ import annotations

from typing import Any

from coordinator.domain import refs
from coordinator.domain.life import Life
from coordinator.domain.names import natural
from coordinator.domain.refs import Kind
from coordinator.domain.storage import wanted
from coordinator.domain.unit import Application, Directive
from coordinator.domain.view import View

Tree = dict[str, Any]


def contents(view: View, model: str) -> Tree:
    """Return {"applications": {NAME: …}, "relations": [[[APP, ENDPOINT], [APP, ENDPOINT]]]}.

    Of an application: `charm` and `revision`, `sha256` of its archive, `units` that stay (name to machine, None:
    not placed yet), `options` that people set and `defaults` of all, `constraints`, `bindings`, `storage`,
    `exposed` (endpoint to networks and spaces), `resources` (name to hash), `trust`, `subordinate`, `life`.
    """
    apps = {app.name: _application(view, model, app) for _, app in view.list(Kind.APPLICATION, model)}
    relations = [
        [[side.app, side.endpoint] for side in relation.sides]
        for _, relation in view.list(Kind.RELATION, model)
        if not relation.is_peer
    ]
    return {"applications": {key: apps[key] for key in sorted(apps, key=natural)}, "relations": sorted(relations)}


def _application(view: View, model: str, app: Application) -> Tree:
    charm = view.peek(refs.charm(app.charm))
    alive = (unit for _, unit in view.list(Kind.UNIT, model, app.name) if unit.life is Life.ALIVE)
    units = sorted((unit for unit in alive if unit.principal is None), key=lambda unit: unit.name)
    usual = wanted(charm.meta, {}) if charm is not None else {}
    return {
        "charm": app.charm_name,
        "revision": app.charm_revision,
        "sha256": app.charm,
        "subordinate": app.subordinate,
        "life": app.life.value,
        "units": {str(unit.name): unit.machine for unit in units},
        "options": dict(view.peek(refs.config(model, app.name)) or {}),
        "defaults": {
            option.name: option.default
            for option in (charm.meta.options if charm is not None else ())
            if option.default is not None
        },
        "constraints": dict(app.constraints),
        "bindings": dict(app.bindings),
        "storage": {
            name: _words(directive)
            for name, directive in sorted(app.storage.items())
            if directive != usual.get(name)
        },
        "exposed": {endpoint: list(sources) for endpoint, sources in sorted(app.exposed.items())},
        "resources": {name: resource.sha256 for name, resource in sorted(app.resources.items())},
        "trust": app.trust,
    }


def _words(directive: Directive) -> str:
    size = f"{directive.size_mb}M" if directive.size_mb is not None else ""
    count = str(directive.count) if directive.count else ""
    return ",".join(filter(None, (directive.pool, count, size)))
