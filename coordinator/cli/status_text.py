"""The formats of `status`.  Pure: from the API's status tree to what people and their programs read.

Role: `for_people` turns moments and names into the user's; then one function per format.  The tree's top-level
`relations` is for the table of relations only: programs find relations under each application.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Any

from coordinator.cli import times
from coordinator.cli.render import Cell, in_order, message, ports, status_cell, table
from coordinator.cli.storage_text import status_table

Tree = dict[str, Any]

VERSION_CHARACTERS_MAX = 15
_EXECUTING = re.compile(r"running (?:action )?(\S+)")
_ZONE = re.compile(r"availability-zone=(\S+)")


def for_people(tree: Tree, *, utc: bool, controller: str = "", zone: tzinfo | None = None) -> Tree:
    """Return the API's *tree* with moments as people read them, and the controller as they call it."""
    shown = times.with_since(tree, utc=utc, zone=zone)
    if controller:
        shown["model"]["controller"] = controller
    shown["controller"]["timestamp"] = times.clock(tree["controller"]["timestamp"], utc=utc, zone=zone)
    return shown


def for_programs(tree: Tree) -> Tree:
    """Return what JSON and YAML show of *tree*."""
    return {key: value for key, value in tree.items() if key != "relations"}


def is_empty(tree: Tree) -> bool:
    """Say whether nothing is deployed in the model."""
    return not tree["applications"]


# --- tabular ---------------------------------------------------------------------------------------------


def tabular(tree: Tree, *, relations: bool = False, storage: bool = False, colour: bool = False) -> str:
    """Return the tables; those without a row are left out, but for the first."""
    sections = [_model(tree, colour)]
    for rows in (_remotes, _applications, _units, machine_rows, _offers):
        headers, right, found = rows(tree)
        if found:
            sections.append(table(headers, found, right=right, colour=colour))
    if relations and tree.get("relations"):
        sections.append(_relations(tree, colour))
    if storage and tree["storage"]:
        sections.append(status_table(tree["storage"], colour=colour))
    return "\n".join(sections)


def _model(tree: Tree, colour: bool) -> str:
    model = tree["model"]
    status = model.get("model-status", {})
    cloud = "/".join(part for part in (model["cloud"], model.get("region")) if part)
    headers = ["Model", "Controller", "Cloud/Region", "Version", "Timestamp"]
    row: list[str | Cell] = [
        model["name"], model["controller"], cloud, model["version"], tree["controller"]["timestamp"],
    ]  # fmt: skip
    current = status.get("current", "available")
    notes = status.get("message") or (current if current != "available" else "")
    if notes:
        headers.append("Notes")
        row.append(notes)
    return table(headers, [row], colour=colour)


Rows = tuple[Sequence[str], Sequence[str], list[Sequence[str | Cell]]]


def _remotes(tree: Tree) -> Rows:
    rows: list[Sequence[str | Cell]] = []
    for name, remote in tree.get("application-endpoints", {}).items():
        store, _, url = remote["url"].rpartition(":")
        rows.append([name, status_cell(remote["application-status"]["current"]), store or "local", url])
    return ("SAAS", "Status", "Store", "URL"), (), rows


def _applications(tree: Tree) -> Rows:
    headers = ("App", "Version", "Status", "Scale", "Charm", "Channel", "Rev", "Exposed", "Message")
    rows: list[Sequence[str | Cell]] = []
    for name in in_order(tree["applications"]):
        app = tree["applications"][name]
        status = app["application-status"]
        rows.append(
            [
                name,
                _version(app.get("version", "")),
                status_cell(status.get("current", "")),
                _scale(tree, name, app),
                app["charm-name"],
                app.get("charm-channel", ""),
                str(app["charm-rev"]),
                Cell("yes", "green") if app["exposed"] else "no",
                Cell(message(status.get("message", "")), "gray"),
            ]
        )
    return headers, ("Scale", "Rev"), rows


def _version(text: str) -> str:
    line = text.split("\n")[0]
    return line if len(line) <= VERSION_CHARACTERS_MAX else line[: VERSION_CHARACTERS_MAX - 3] + "..."


def _scale(tree: Tree, name: str, app: Tree) -> Cell:
    """Return how many units work: alone if that is all of them, else `1/3`."""
    units = list(app.get("units", {}).values()) or [unit for unit_name, unit in _subordinates(tree, name)]
    there = sum(
        unit["juju-status"].get("current") in ("executing", "idle", "running")
        and unit["workload-status"].get("current") != "terminated"
        for unit in units
    )
    wanted = app.get("scale", len(units))
    return Cell(str(there)) if there == wanted else Cell(f"{there}/{wanted}", "yellow")


def _subordinates(tree: Tree, app: str) -> Iterator[tuple[str, Tree]]:
    """Yield the units of a subordinate application, which are found below their principals."""
    for name, unit, depth in _all_units(tree):
        if depth and name.rpartition("/")[0] == app:
            yield name, unit


def _all_units(tree: Tree) -> Iterator[tuple[str, Tree, int]]:
    """Yield (name, unit, depth) in the order people see them: subordinates below their principals."""
    for app in in_order(tree["applications"]):
        units = tree["applications"][app].get("units", {})
        for name in in_order(units):
            yield name, units[name], 0
            below = units[name].get("subordinates", {})
            for other in in_order(below):
                yield other, below[other], 1


def _units(tree: Tree) -> Rows:
    headers = ("Unit", "Workload", "Agent", "Machine", "Public address", "Ports", "Message")
    rows: list[Sequence[str | Cell]] = []
    for name, unit, depth in _all_units(tree):
        rows.append(
            [
                "  " * depth + name + ("*" if unit.get("leader") else ""),
                status_cell(unit["workload-status"].get("current", "")),
                status_cell(unit["juju-status"].get("current", "")),
                unit.get("machine", ""),
                Cell(_address(unit), "cyan"),
                Cell(ports(unit.get("open-ports", ())), "bright magenta"),
                Cell(_unit_message(unit), "gray"),
            ]
        )
    return headers, (), rows


def _address(unit: Tree) -> str:
    return unit.get("public-address") or unit.get("address", "")


def _unit_message(unit: Tree) -> str:
    """Return the message of the workload; what is executed before it, or what is waited for instead of it."""
    said = unit["workload-status"].get("message", "")
    agent = unit["juju-status"]
    if agent.get("current") == "executing" and (match := _EXECUTING.match(agent.get("message", ""))):
        said = f"({match[1]}) {said}"
    elif agent.get("current") == "allocating" and not said:
        said = agent.get("message", "")
    if agent.get("life"):
        said = f"{said} ({agent['life']})" if said else agent["life"]
    return message(said.strip())


def machine_rows(tree: Tree) -> Rows:
    """Return the table of machines: headers, columns aligned to the right, rows."""
    rows: list[Sequence[str | Cell]] = []

    def add(machines: Mapping[str, Tree]) -> None:
        for name in in_order(machines):
            machine = machines[name]
            zone = _ZONE.search(machine.get("hardware", ""))
            rows.append(
                [
                    name,
                    status_cell(machine["juju-status"].get("current", "")),
                    Cell(machine.get("dns-name", ""), "cyan"),
                    machine.get("display-name") or machine.get("instance-id", ""),
                    _base(machine.get("base")),
                    zone[1] if zone else "",
                    Cell(_machine_message(machine), "gray"),
                ]
            )
            add(machine.get("containers", {}))

    add(tree["machines"])
    return ("Machine", "State", "Address", "Inst id", "Base", "AZ", "Message"), (), rows


def _base(base: Mapping[str, str] | None) -> str:
    return f"{base['name']}@{base['channel'].removesuffix('/stable')}" if base else ""


def _machine_message(machine: Tree) -> str:
    agent, instance = machine["juju-status"], machine.get("machine-status", {})
    said = agent.get("message") or instance.get("message") or instance.get("current", "").capitalize()
    return message(f"{said} ({agent['life']})" if agent.get("life") else said)


def _offers(tree: Tree) -> Rows:
    rows: list[Sequence[str | Cell]] = []
    for name in in_order(tree.get("offers", {})):
        offer = tree["offers"][name]
        connected = f"{offer.get('active-connected-count', 0)}/{offer.get('total-connected-count', 0)}"
        head = [name, offer["application"], offer.get("charm", ""), str(offer.get("rev", "")), connected]
        for endpoint in in_order(offer["endpoints"]):
            about = offer["endpoints"][endpoint]
            rows.append([*head, Cell(endpoint, "magenta"), about["interface"], about["role"]])
            head = [""] * len(head)
    return ("Offer", "Application", "Charm", "Rev", "Connected", "Endpoint", "Interface", "Role"), (), rows


def _relations(tree: Tree, colour: bool) -> str:
    rows = []
    for relation in tree["relations"]:
        status = "" if relation["status"] == "joined" else relation["status"]
        if status and relation.get("blockers"):
            status += f", waits for {', '.join(relation['blockers'])}"
        ends = [Cell(relation[end], "magenta") for end in ("provider", "requirer")]
        rows.append([*ends, relation["interface"], relation["type"], Cell(message(status), "gray")])
    return table(("Integration provider", "Requirer", "Interface", "Type", "Message"), rows, colour=colour)


# --- oneline, summary ------------------------------------------------------------------------------------


def oneline(tree: Tree) -> str:
    """Return one line per unit."""
    lines = []
    for name, unit, depth in _all_units(tree):
        agent, workload = unit["juju-status"].get("current", ""), unit["workload-status"].get("current", "")
        opened = ports(unit.get("open-ports", ()))
        line = f"{'  ' * depth}- {name}: {_address(unit)} (agent:{agent}, workload:{workload}) {opened}"
        lines.append(line.rstrip() + "\n")
    return "".join(lines)


def summary(tree: Tree) -> str:
    """Return counts: addresses, ports, and how many machines, units and applications are in which state."""
    units = [unit for _, unit, _ in _all_units(tree)]
    machines = tree["machines"].values()
    subnets = in_order({address for machine in machines for address in machine.get("ip-addresses", ())})
    opened = ports({port for unit in units for port in unit.get("open-ports", ())})
    rows: list[tuple[str, str]] = [("Running on subnets:", ", ".join(subnets)), ("Utilizing ports:", opened)]
    rows += [("", ""), *_counted("Machines", [machine["juju-status"].get("current", "") for machine in machines])]
    rows += [("", ""), *_counted("Units", [unit["workload-status"].get("current", "") for unit in units])]
    apps = tree["applications"]
    rows += [("", ""), ("# Applications:", f"({len(apps)})")]
    rows += [(name, f"{int(apps[name]['exposed'])}/1  exposed") for name in in_order(apps)]
    remotes = tree.get("application-endpoints", {})
    if remotes:
        rows += [("", ""), ("# Remote:", f"({len(remotes)})")]
        rows += [(name, remotes[name]["url"]) for name in in_order(remotes)]
    width = max(len(label) for label, _ in rows)
    return "".join(f"{label:>{width}}  {value}".rstrip() + "\n" for label, value in rows)


def _counted(what: str, states: Sequence[str]) -> list[tuple[str, str]]:
    return [
        (f"# {what}:", f"({len(states)})"),
        *[(f"{state}:", str(states.count(state))) for state in sorted(set(states))],
    ]
