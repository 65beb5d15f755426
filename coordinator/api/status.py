"""View -> status tree.  Pure.

Role: the JSON shape that people's tools read; words and rules as in tests/contract/test_status.py.
Nothing here is stored: error is derived from the memory of a failed hook, lost from a claim whose lease is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from coordinator import ANNOUNCED_VERSION
from coordinator.api.storage import storage_tree
from coordinator.domain import refs
from coordinator.domain.constraints import as_typed, unmet
from coordinator.domain.life import Life
from coordinator.domain.model import Machine, Model
from coordinator.domain.names import UnitName, natural
from coordinator.domain.network import Interface
from coordinator.domain.placement import Needs
from coordinator.domain.refs import Kind
from coordinator.domain.relation import Relation, Scope
from coordinator.domain.space import Space, Spaces, endpoint_bindings, lacking, space_of
from coordinator.domain.status import AgentStatus, Status, UnitStatus, most_severe
from coordinator.domain.unit import Application, Unit
from coordinator.domain.unit_state import Hook, UnitState
from coordinator.domain.view import View

Tree = dict[str, Any]
CLOUD = "coordinator"
Waits = Callable[[str], str]


def status_of(
    view: View, model: str, *, controller: str, now: str, selectors: Sequence[str] = (), utc: bool = True
) -> Tree:
    """Return the status of *model*; *selectors* keep only what matches one of them."""
    stored: Model = view.get(refs.model(model))
    waits: Waits = cache(lambda app: waiting_for(view, model, app))
    beside = _subordinates(view, model, waits)
    apps = {
        app.name: _application(view, model, app, beside, waits) for _, app in view.list(Kind.APPLICATION, model)
    }
    spaces = Spaces.of(view, model)
    machines = {m.id: _machine(view, m, spaces) for _, m in view.list(Kind.MACHINE)}
    if selectors:
        apps, machines = _selected(apps, machines, selectors)
    model_status = Status("available" if stored.life is Life.ALIVE else "destroying", since=stored.created)
    return {
        "model": {
            "name": stored.name,
            "type": "iaas",
            "controller": controller,
            "cloud": CLOUD,
            "version": ANNOUNCED_VERSION,
            "model-status": _info(model_status),
        },
        "machines": {key: machines[key] for key in sorted(machines, key=natural)},
        "applications": {key: apps[key] for key in sorted(apps, key=natural)},
        "relations": _relations(view, model),
        "storage": storage_tree(view, model),
        "controller": {"timestamp": now},
    }


# --- units -----------------------------------------------------------------------------------------------


def unit_statuses(view: View, model: str, unit: Unit, waits: Waits) -> tuple[Status, AgentStatus]:
    """Return what is shown as workload and as agent of *unit*; *waits* says what units of an app wait for."""
    shown: UnitStatus = view.peek(refs.status(model, unit.name)) or UnitStatus()
    memory: UnitState = view.peek(refs.memory(model, unit.name)) or UnitState()
    agent: AgentStatus | None = view.peek(refs.agent(model, unit.name))
    claimed = view.peek(refs.claim(model, unit.name)) is not None
    workload = shown.workload
    if memory.failed is not None:
        at = _timestamp(memory.failed.at_s)
        again = f"running {memory.failed.hook.name} hook"
        if claimed and agent is not None and agent.message.startswith(again) and agent.since > at:
            return workload, agent  # it may take as long as it did the first time
        workload = Status("error", f"hook failed: {failed_hook(memory.failed.hook)}", at)
        return workload, AgentStatus(current="idle" if claimed else "lost", since=at)
    if not claimed and (memory.installed or agent is not None):
        if workload.current != "terminated":
            workload = Status(
                "unknown", f"agent lost, see 'coordinator show-status-log {unit.name}'", workload.since
            )
        return workload, AgentStatus(current="lost", message="agent is not communicating with the server")
    if unit.machine is None:
        return Status("waiting", waits(unit.name.app), unit.created), AgentStatus(
            current="allocating", since=unit.created
        )
    if not memory.installed and workload == UnitStatus().workload:
        workload = Status("waiting", "agent initialising", unit.created)
    if agent is None:
        current = "executing" if claimed else "allocating"
        agent = AgentStatus(current=current, since=unit.created)
    return workload, agent


def waiting_for(view: View, model: str, app: str) -> str:
    """Return what units of *app* without a machine wait for, and what to do where none fits: clients match on the
    first three words."""
    application: Application | None = view.peek(refs.application(model, app))
    home: Model | None = view.peek(refs.model(model))
    if application is None or home is None:
        return "waiting for machine"
    needs, spaces = Needs.of(home, application), Spaces.of(view, model)
    machines = [each for _, each in view.list(Kind.MACHINE) if each.life is Life.ALIVE and not each.dedicated]
    if not machines or any(needs.are_met(machine, spaces) for machine in machines):
        return "waiting for machine"
    nearest = min(machines, key=lambda machine: len(needs.missing(machine, spaces)))
    text = f"waiting for machine with {', '.join(needs.missing(nearest, spaces))}"
    demanded = unmet(needs.constraints, nearest, spaces).keys()
    if not demanded:
        return text
    is_own = not demanded.isdisjoint(application.constraints)
    return f"{text}: add one, or {f'set-constraints {application.name}' if is_own else 'set-model-constraints'}"


def failed_hook(hook: Hook) -> str:
    """Return a failed hook as status shows it: `"install"`, or `"db-relation-changed" for plum:db`."""
    about = f" for {hook.remote_app}:{hook.endpoint}" if hook.relation is not None else ""
    return f'"{hook.name}"{about}'


def _unit(view: View, model: str, unit: Unit, workload: Status, agent: AgentStatus) -> Tree:
    shown: UnitStatus = view.peek(refs.status(model, unit.name)) or UnitStatus()
    tree: Tree = {
        "workload-status": _info(workload),
        "juju-status": _info(Status(agent.current, agent.message, agent.since), version=ANNOUNCED_VERSION),
    }
    if unit.life is not Life.ALIVE:
        tree["juju-status"]["life"] = unit.life.value
    if view.peek(refs.leader(model, unit.name.app)) == str(unit.name):
        tree["leader"] = True
    memory: UnitState = view.peek(refs.memory(model, unit.name)) or UnitState()
    application: Application | None = view.peek(refs.application(model, unit.name.app))
    if application and memory.installed and memory.charm_version != application.charm_version:
        tree["upgrading-from"] = f"local:{application.charm_name}"
    if unit.machine is not None:
        tree["machine"] = unit.machine
        machine: Machine | None = view.peek(refs.machine(unit.machine))
        if machine and machine.addresses:
            tree["public-address"] = machine.addresses[0]
        if machine and application and (lacks := lacking(Spaces.of(view, model), application.bindings, machine)):
            tree["juju-status"]["message"] = f"machine has no address in space {', '.join(lacks)}"
    if ports := open_ports(shown):
        tree["open-ports"] = ports
    return tree


def open_ports(status: UnitStatus) -> list[str]:
    """Return every open range once: `80/tcp`, sorted."""
    return sorted({port for ports in status.ports.values() for port in ports}, key=natural)


# --- applications ----------------------------------------------------------------------------------------


def _subordinates(view: View, model: str, waits: Waits) -> Mapping[UnitName, Tree]:
    """Return for each unit that has others beside it the trees of those, by name."""
    found: dict[UnitName, Tree] = {}
    for _, app in view.list(Kind.APPLICATION, model):
        if app.subordinate:
            units = [unit for _, unit in view.list(Kind.UNIT, model, app.name) if unit.principal is not None]
            for unit in sorted(units, key=lambda unit: unit.name):
                tree = _unit(view, model, unit, *unit_statuses(view, model, unit, waits))
                tree.pop("machine", None)
                found.setdefault(unit.principal, {})[str(unit.name)] = tree
    return found


def _application(view: View, model: str, app: Application, beside: Mapping[UnitName, Tree], waits: Waits) -> Tree:
    units = [unit for _, unit in view.list(Kind.UNIT, model, app.name)]
    statuses = {unit.name: unit_statuses(view, model, unit, waits) for unit in units}
    explicit: Status | None = view.peek(refs.application_status(model, app.name))
    shown = explicit or most_severe(workload for workload, _ in statuses.values())
    status = shown or Status("unknown", since=app.created)
    relations = _relations_of(view, model, app.name)
    tree: Tree = {
        "charm": f"local:{app.charm_name}-{app.charm_revision}",
        "base": {"name": "ubuntu", "channel": "24.04"},
        "charm-origin": "local",
        "charm-name": app.charm_name,
        "charm-rev": app.charm_revision,
        "exposed": bool(app.exposed),
        **({"life": app.life.value} if app.life is not Life.ALIVE else {}),
        "application-status": _info(status),
    }
    if relations:
        tree["relations"] = relations
    if app.rollout is not None:
        tree["rollout"] = _rollout(app, units)
    if app.subordinate:
        if principals := _principals(view, model, app.name):
            tree["subordinate-to"] = principals
    elif units:
        in_order = sorted(units, key=lambda unit: unit.name)
        tree["units"] = {
            str(unit.name): _unit(view, model, unit, *statuses[unit.name])
            | ({"subordinates": beside[unit.name]} if unit.name in beside else {})
            for unit in in_order
        }
    versions = [s.version for u in units if (s := view.peek(refs.status(model, u.name))) and s.version]
    if versions:
        tree["version"] = versions[-1]
    charm = view.peek(refs.charm(app.charm))
    tree["endpoint-bindings"] = endpoint_bindings(app, charm.meta if charm else None)
    return tree


def _principals(view: View, model: str, app: str) -> list[str]:
    """Return the applications beside whose units the subordinate application *app* has its own."""
    found = {
        relation.other_side(app).app
        for _, relation in view.list(Kind.RELATION, model)
        if relation.scope is Scope.CONTAINER and relation.side_of(app) is not None
    }
    return sorted(found - {app}, key=natural)


def _rollout(app: Application, units: Sequence[Unit]) -> Tree:
    """Return how far an upgrade in batches is: units let through, of how many; and where it stopped."""
    assert app.rollout is not None
    let_through = sum(unit.charm_version == app.charm_version for unit in units)
    tree: Tree = {"batch": app.rollout.batch, "let-through": let_through, "units": len(units)}
    return tree | ({"halted": str(app.rollout.halted)} if app.rollout.halted is not None else {})


def _relations_of(view: View, model: str, app: str) -> Tree:
    found: dict[str, list[Tree]] = {}
    for _, relation in view.list(Kind.RELATION, model):
        side = relation.side_of(app)
        if side is not None:
            found.setdefault(side.endpoint, []).append(
                {
                    "related-application": relation.other_side(app).app,
                    "interface": relation.interface,
                    "scope": relation.scope.value,
                }
            )
    return {endpoint: found[endpoint] for endpoint in sorted(found)}


def _relations(view: View, model: str) -> list[Tree]:
    """Return every relation, for the table of relations: id, ends (provider first), interface, kind, status."""
    rows = []
    for _, relation in view.list(Kind.RELATION, model):
        provider, requirer = (relation.sides * 2)[1::-1] if len(relation.sides) > 1 else relation.sides * 2
        rows.append(
            {
                "id": relation.id,
                "provider": str(provider),
                "requirer": str(requirer),
                "interface": relation.interface,
                "type": _type(relation),
                "status": "joined" if relation.life is Life.ALIVE else "removing",
                "blockers": _blockers(view, model, relation),
            }
        )
    return sorted(rows, key=lambda row: (natural(row["provider"]), natural(row["requirer"])))


def _type(relation: Relation) -> str:
    if relation.is_peer:
        return "peer"
    return "subordinate" if relation.scope.value == "container" else "regular"


def _blockers(view: View, model: str, relation: Relation) -> list[str]:
    """Return who keeps a dying relation from being gone: the units that are still in its scope."""
    if relation.life is Life.ALIVE:
        return []
    members = [refs.unit_of(ref) for ref in view.refs(Kind.MEMBER, model, str(relation.id))]
    return [str(name) for name in sorted(members)]


# --- machines --------------------------------------------------------------------------------------------


def machines_of(view: View) -> Tree:
    """Return every machine by its id."""
    found = {machine.id: _machine(view, machine) for _, machine in view.list(Kind.MACHINE)}
    return {key: found[key] for key in sorted(found, key=natural)}


def _machine(view: View, machine: Machine, spaces: Mapping[str, Space] | None = None) -> Tree:
    """Return one machine; *spaces*: of the model that it is shown for, None without one."""
    worker = view.peek(refs.worker(machine.id))
    present = worker is not None
    state = Status("started", since=worker.since) if worker else Status("down", "agent is not communicating")
    address = machine.addresses[0] if machine.addresses else ""
    tree: Tree = {
        "juju-status": _info(state, version=ANNOUNCED_VERSION),
        "hostname": machine.hostname,
        "dns-name": address,
        "ip-addresses": list(machine.addresses),
        "instance-id": machine.hostname,
        "machine-status": _info(Status("running" if present else "unknown", since=machine.created)),
        "base": {"name": "ubuntu", "channel": "24.04"},
        "network-interfaces": {
            interface.name: {
                "ip-addresses": [address.value for address in interface.addresses],
                "mac-address": interface.mac,
                **(_space_of(interface, spaces) if spaces is not None else {}),
                "is-up": present,
            }
            for interface in machine.interfaces
        },
        "hardware": _hardware(machine),
    }
    if machine.life is not Life.ALIVE:
        tree["juju-status"]["life"] = machine.life.value
    if machine.dedicated:
        tree["dedicated"] = machine.dedicated
    return tree


def _hardware(machine: Machine) -> str:
    sizes = {"mem": machine.memory_mb, "root-disk": machine.root_disk_mb}
    words = as_typed({"arch": machine.arch, "cores": machine.cores, **sizes, "tags": list(machine.tags)})
    return " ".join(word for word in words if not word.endswith("="))


def _space_of(interface: Interface, spaces: Mapping[str, Space]) -> Tree:
    return {"space": space_of(spaces, interface.addresses[0].value)} if interface.addresses else {}


# --- shared ----------------------------------------------------------------------------------------------


def _info(status: Status, **more: str) -> Tree:
    tree: Tree = {"current": status.current}
    if status.message:
        tree["message"] = status.message
    if status.since:
        tree["since"] = status.since
    return {**tree, **more}


def _timestamp(at_s: float) -> str:
    text = datetime.fromtimestamp(at_s, timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _selected(
    apps: Mapping[str, Tree], machines: Mapping[str, Tree], selectors: Sequence[str]
) -> tuple[Tree, Tree]:
    """Keep units, applications and machines that a selector names, and what they belong to."""

    def hit(name: str, *words: str) -> bool:
        return any(fnmatchcase(name, selector) or selector in words for selector in selectors)

    kept_apps: Tree = {}
    used = set()
    for name, app in apps.items():
        units = app.get("units", {})
        words = (app["application-status"]["current"],)
        whole = hit(name, *words)
        kept = {
            unit: tree
            for unit, tree in units.items()
            if whole
            or tree.get("machine") in selectors
            or any(
                hit(other, each["workload-status"]["current"], each["juju-status"]["current"])
                for other, each in ((unit, tree), *tree.get("subordinates", {}).items())
            )
        }
        if whole or kept:
            kept_apps[name] = {**app, **({"units": kept} if kept else {})}
            if not kept:
                kept_apps[name].pop("units", None)
            used |= {tree["machine"] for tree in kept.values() if "machine" in tree}
    beside = {
        other.rpartition("/")[0]
        for app in kept_apps.values()
        for unit in app.get("units", {}).values()
        for other in unit.get("subordinates", {})
    }
    kept_apps |= {name: apps[name] for name in beside if name in apps}
    kept_machines = {
        key: tree for key, tree in machines.items() if key in used or hit(key, tree["juju-status"]["current"])
    }
    return kept_apps, kept_machines
