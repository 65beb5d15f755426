"""View -> the answers of the show commands.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from coordinator import ANNOUNCED_VERSION
from coordinator.api.status import open_ports
from coordinator.domain import refs
from coordinator.domain.config import effective
from coordinator.domain.constraints import constraint_values
from coordinator.domain.life import Life
from coordinator.domain.model import Machine, Model
from coordinator.domain.names import UnitName, natural
from coordinator.domain.refs import Kind
from coordinator.domain.relation import Relation
from coordinator.domain.resource import declared, filename_of, kind_of
from coordinator.domain.settings import SETTINGS
from coordinator.domain.space import endpoint_bindings
from coordinator.domain.status import UnitStatus
from coordinator.domain.task import schema_of
from coordinator.domain.unit import Application, Unit
from coordinator.domain.view import View
from coordinator.errors import NotFound

Tree = dict[str, Any]


def unit(view: View, model: str, name: UnitName) -> Tree:
    """Return what `show-unit` shows of one unit: itself, and what it sees in its relations."""
    stored: Unit | None = view.find(refs.unit(model, name))
    if stored is None:
        raise NotFound(f'unit "{name}" not found', fix="`coordinator status` lists the units")
    app: Application = view.get(refs.application(model, name.app))
    shown: UnitStatus = view.peek(refs.status(model, name)) or UnitStatus()
    machine: Machine | None = view.peek(refs.machine(stored.machine)) if stored.machine else None
    tree: Tree = {}
    if shown.version:
        tree["workload-version"] = shown.version
    if stored.machine is not None:
        tree["machine"] = stored.machine
    tree["opened-ports"] = open_ports(shown)
    if machine and machine.addresses:
        tree["public-address"] = machine.addresses[0]
    tree["charm"] = f"local:{app.charm_name}-{app.charm_revision}"
    tree["leader"] = view.peek(refs.leader(model, name.app)) == str(name)
    tree["life"] = stored.life.value
    relations = [r for _, r in view.list(Kind.RELATION, model) if r.side_of(name.app) is not None]
    if relations:
        tree["relation-info"] = [_relation(view, model, name, r) for r in sorted(relations, key=lambda r: r.id)]
    return tree


def _relation(view: View, model: str, name: UnitName, relation: Relation) -> Tree:
    side, other = relation.side_of(name.app), relation.other_side(name.app)
    assert side is not None, "only relations of the unit are shown"
    members = {refs.unit_of(ref) for ref in view.refs(Kind.MEMBER, model, str(relation.id))}
    related = sorted(member for member in members if member.app == other.app and member != name)
    tree: Tree = {
        "relation-id": relation.id,
        "endpoint": side.endpoint,
        "related-endpoint": other.endpoint,
        "application-data": dict(view.peek(refs.bag(model, relation.id, other.app)) or {}),
        "local-unit": _bag(view, model, relation, name, name in members),
    }
    if related:
        tree["related-units"] = {str(member): _bag(view, model, relation, member, True) for member in related}
    return tree


def _bag(view: View, model: str, relation: Relation, owner: UnitName, in_scope: bool) -> Tree:
    return {"in-scope": in_scope, "data": dict(view.peek(refs.bag(model, relation.id, owner)) or {})}


def config(view: View, model: str, name: str) -> Tree:
    """Return every option of an application with type, default, value, and where the value is from."""
    app: Application | None = view.find(refs.application(model, name))
    if app is None:
        raise NotFound(f'application "{name}" not found', fix="`coordinator status` lists them")
    charm = view.get(refs.charm(app.charm)).meta
    explicit = view.peek(refs.config(model, name)) or {}
    values = effective(charm, explicit)
    settings: Tree = {}
    for option in sorted(charm.options, key=lambda option: option.name):
        row: Tree = {"default": option.default} if option.default is not None else {}
        row["description"] = option.description
        row["source"] = "user" if option.name in explicit else "unset" if option.default is None else "default"
        row["type"] = option.type
        if values[option.name] is not None:
            row["value"] = values[option.name]
        settings[option.name] = row
    trust = {
        "default": False,
        "description": "Does this application have access to trusted credentials",
        "source": "user" if app.trust else "default",
        "type": "bool",
        "value": app.trust,
    }
    return {
        "application": name,
        "charm": app.charm_name,
        "application-config": {"trust": trust},
        "settings": settings,
    }


def application(view: View, model: str, name: str) -> Tree:
    """Return what `show-application` shows."""
    app: Application | None = view.find(refs.application(model, name))
    if app is None:
        raise NotFound(f'application "{name}" not found', fix="`coordinator status` lists them")
    charm = view.get(refs.charm(app.charm)).meta
    tree: Tree = {"charm": app.charm_name, "base": "ubuntu@24.04"}
    if app.constraints:
        tree["constraints"] = constraint_values(app.constraints)
    tree |= {"principal": not app.subordinate, "exposed": bool(app.exposed)}
    if app.exposed:
        tree["exposed-endpoints"] = {key: _exposed_to(sources) for key, sources in app.exposed.items()}
    endpoints = {
        endpoint.name: {"interface": endpoint.interface, "role": endpoint.role.value}
        for endpoint in charm.endpoints
    }
    tree |= {"remote": False, "life": app.life.value, "endpoints": endpoints}
    return tree | {"endpoint-bindings": endpoint_bindings(app, charm)}


def _exposed_to(sources: Sequence[str]) -> Tree:
    cidrs, spaces = ([each for each in sources if ("/" in each) is is_network] for is_network in (True, False))
    return {
        **({"expose-to-spaces": spaces} if spaces else {}),
        **({"expose-to-cidrs": cidrs} if cidrs else {}),
    }


def model(view: View, name: str, *, controller: str, controller_uuid: str) -> Tree:
    """Return one model as `models` and `show-model` show it."""
    stored: Model | None = view.find(refs.model(name))
    if stored is None:
        raise NotFound(f"model {controller}:admin/{name} not found", fix="`coordinator models` lists them")
    units = [unit for _, unit in view.list(Kind.UNIT, name)]
    return {
        "name": f"{stored.owner}/{name}",
        "short-name": name,
        "model-uuid": stored.uuid,
        "model-type": "iaas",
        "controller-uuid": controller_uuid,
        "controller-name": controller,
        "is-controller": False,
        "owner": stored.owner,
        "cloud": "coordinator",
        "type": "local",
        "life": stored.life.value,
        "status": {
            "current": "available" if stored.life is Life.ALIVE else "destroying",
            "since": stored.created,
        },
        "units": len(units),
        "applications": len(view.list(Kind.APPLICATION, name)),
        "machines": len(machines_in_use(view, name)),
        "cores": sum(machine["cores"] for machine in machines_in_use(view, name).values()),
        "agent-version": ANNOUNCED_VERSION,
    }


def machines_in_use(view: View, name: str) -> Tree:
    """Return the machines that units of a model are on, each with its cores."""
    used = {unit.machine for _, unit in view.list(Kind.UNIT, name) if unit.machine}
    known = {machine.id: machine for _, machine in view.list(Kind.MACHINE)}
    return {key: {"cores": known[key].cores} for key in sorted(used & known.keys(), key=natural)}


def settings(view: View, name: str) -> Tree:
    """Return every setting of a model: {"KEY": {"Value": ..., "Source": "default" or "model"}}."""
    stored: Model = view.get(refs.model(name))
    known = {key: {"Value": setting.default, "Source": "default"} for key, setting in SETTINGS.items()}
    own = {key: {"Value": value, "Source": "model"} for key, value in stored.settings.items()}
    return dict(sorted({**known, **own}.items()))


def actions(view: View, model: str, app: str) -> dict[str, Any]:
    """Return the actions of an application by name: description, and the JSON schema of their parameters."""
    application = view.get(refs.application(model, app))
    charm = view.peek(refs.charm(application.charm))
    found = charm.meta.actions if charm is not None else ()
    return {
        action.name: {"description": action.description, "schema": schema_of(action)}
        for action in sorted(found, key=lambda each: each.name)
    }


def resources(view: View, model: str, app: str) -> list[Tree]:
    """Return the resources that the charm of an application declares, as far as they were handed in."""
    application: Application = view.get(refs.application(model, app))
    charm = view.peek(refs.charm(application.charm))
    if charm is None:
        return []
    found = []
    for name in sorted(charm.meta.resources):
        told, given = declared(charm.meta, name), application.resources.get(name)
        tree: Tree = {
            "resourceid": f"{app}/{name}",
            "applicationId": app,
            "name": name,
            "type": kind_of(charm.meta, name),
            "path": filename_of(charm.meta, name),
            "description": str(told.get("description", "")),
            "used": given is not None,
            "origin": "upload" if given is not None else "",
        }
        if given is not None:
            tree |= {
                "revision": str(given.revision),
                "fingerprint": given.sha256,
                "size": given.size,
                "timestamp": given.uploaded,
                "username": given.by,
            }
        found.append(tree)
    return found
