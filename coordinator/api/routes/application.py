"""Requests about applications: deploy, refresh, expose, trust, remove."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from coordinator.api import show
from coordinator.api.auth import check
from coordinator.api.services import S, Services, U, force_at, read_model, transact
from coordinator.commands import application, rollout
from coordinator.domain import refs
from coordinator.domain.constraints import constraint_values
from coordinator.domain.refs import Kind
from coordinator.domain.storage import StorageId
from coordinator.store import keys
from coordinator.wire import Deploy, Expose, GoBack, Refresh, SetConstraints, Trust

router = APIRouter()


@router.post("/models/{name}/applications", status_code=201)
def deploy(s: S, by: U, name: str, given: Deploy) -> dict[str, Any]:
    check(by, "write", name)
    view = s.repository.read(refs.charm(given.charm))
    charm = view.find(refs.charm(given.charm))
    app = given.name or (charm.meta.name if charm else "")
    transact(s, by, name, lambda view: application.deploy(
        view, name, app, charm=given.charm, now=s.clock.timestamp(), units=given.units, to=given.to,
        config=given.config, constraints=given.constraints, bindings=given.bindings, trust=given.trust,
        resources=given.resources, by=by.name,
        storage=given.storage, attach=list(map(StorageId.parse, given.attach_storage)),
    ), given.charm, blobs=given.resources.values())  # fmt: skip
    return _application(s, name, app)


@router.post("/models/{name}/applications/{app}/refresh")
def refresh(s: S, by: U, name: str, app: str, given: Refresh) -> dict[str, Any]:
    check(by, "write", name)
    transact(s, by, name, lambda view: application.refresh(
        view, name, app, charm=given.charm, now=s.clock.timestamp(), config=given.config, batch=given.batch,
        force_units=given.force_units, resources=given.resources, by=by.name, storage=given.storage,
        bindings=given.bindings,
    ), given.charm, blobs=given.resources.values())  # fmt: skip
    return _application(s, name, app)


@router.post("/models/{name}/applications/{app}/refresh/continue")
def continue_refresh(s: S, by: U, name: str, app: str) -> dict[str, str]:
    """Let an upgrade in batches go on, that stopped at a unit in error."""
    check(by, "write", name)
    transact(s, by, name, lambda view: rollout.go_on(view, name, app))
    return {}


@router.post("/models/{name}/applications/{app}/refresh/back")
def take_back(s: S, by: U, name: str, app: str, given: GoBack) -> dict[str, Any]:
    """Let an application run the charm before its last refresh."""
    check(by, "write", name)
    ref = refs.application(name, app)
    stored = s.repository.read(ref).find(ref)
    charm = stored.former.charm if stored is not None and stored.former is not None else ""
    transact(s, by, name, lambda view: rollout.go_back(view, name, app, force_units=given.force_units), charm)
    return _application(s, name, app)


def _application(s: Services, name: str, app: str) -> dict[str, Any]:
    stored = s.repository.read(refs.application(name, app)).get(refs.application(name, app))
    return {"name": app, "charm": stored.charm_name, "revision": stored.charm_revision}


@router.get("/models/{name}/applications/{app}")
def get_application(s: S, by: U, name: str, app: str) -> dict[str, Any]:
    check(by, "read", name)
    return show.application(read_model(s, name), name, app)


@router.delete("/models/{name}/applications/{app}")
def remove_application(
    s: S, by: U, name: str, app: str, force: bool = False, no_wait: bool = False, destroy_storage: bool = False
) -> dict[str, Any]:
    check(by, "write", name)
    force_at_s = force_at(s, force, no_wait)
    units = _units_of(s, name, app)
    transact(s, by, name, lambda view: application.remove_application(
        view, name, app, force_at_s=force_at_s, destroy_storage=destroy_storage
    ))  # fmt: skip
    return {"application": app, "units": units}


def _units_of(s: Services, name: str, app: str) -> list[str]:
    view = s.repository.read(keys.below(refs.model(name)))
    return [str(unit_name) for unit_name in sorted(u.name for _, u in view.list(Kind.UNIT, name, app))]


@router.post("/models/{name}/applications/{app}/expose")
def expose(s: S, by: U, name: str, app: str, given: Expose) -> dict[str, str]:
    check(by, "write", name)
    transact(s, by, name, lambda view: application.expose(
        view, name, app, endpoints=given.endpoints, cidrs=given.cidrs, spaces=given.spaces
    ))  # fmt: skip
    return {}


@router.post("/models/{name}/applications/{app}/unexpose")
def unexpose(s: S, by: U, name: str, app: str, given: Expose) -> dict[str, str]:
    check(by, "write", name)
    transact(s, by, name, lambda view: application.unexpose(view, name, app, endpoints=given.endpoints))
    return {}


@router.get("/models/{name}/applications/{app}/constraints")
def get_constraints(s: S, by: U, name: str, app: str) -> dict[str, Any]:
    """What machines must have for units of this application, by key, without its model's; sizes are in MiB."""
    check(by, "read", name)
    return constraint_values(application.find_application(read_model(s, name), name, app).constraints)


@router.put("/models/{name}/applications/{app}/constraints")
def set_constraints(s: S, by: U, name: str, app: str, given: SetConstraints) -> dict[str, str]:
    check(by, "write", name)
    transact(s, by, name, lambda view: application.set_constraints(view, name, app, given.constraints))
    return {}


@router.post("/models/{name}/applications/{app}/trust")
def trust(s: S, by: U, name: str, app: str, given: Trust) -> dict[str, str]:
    check(by, "write", name)
    transact(s, by, name, lambda view: application.set_trust(view, name, app, trust=given.trust))
    return {}
