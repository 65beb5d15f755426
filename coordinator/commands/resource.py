"""Hand in resources of an application."""

from __future__ import annotations

from dataclasses import replace

from coordinator.commands.application import alive_application, charm_of, next_version, with_resources
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.view import View


def attach(view: View, model: str, app: str, name: str, sha256: str, *, by: str, now: str) -> Change | None:
    """Let the units of *app* find the content *sha256* as resource *name*; they run upgrade-charm for it."""
    application = alive_application(view, model, app)
    meta = charm_of(view, application).meta
    resources = with_resources(view, meta, application.resources, {name: sha256}, by=by, now=now)
    version = next_version(application)
    changed = replace(application, resources=resources, charm_version=version, versions=version)
    return Change(did=f"attach-resource {app} {name}", puts={refs.application(model, app): changed})
