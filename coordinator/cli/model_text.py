"""Models as people and their programs read them.  Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from coordinator.cli import times
from coordinator.cli.render import Cell, in_order, status_cell, table

Tree = dict[str, Any]

COUNTS = ("units", "applications", "machines", "cores")


def for_people(model: Mapping[str, Any], controller: str, now: datetime | None) -> Tree:
    """Return the API's *model* with the controller as the user calls it, and ages instead of moments.

    With *now* None moments stay full.  Whoever asks is connected just now.
    """
    status = dict(model["status"])
    if now is not None:
        status["since"] = times.age(status.get("since"), now)
    tree = {**model, "status": status}
    tree["last-connection"] = "just now"
    if controller:
        tree["controller-name"] = controller
    return tree


def for_programs(model: Tree) -> Tree:
    """Return *model* without the counts that are for tables."""
    return {key: value for key, value in model.items() if key not in COUNTS}


def details(model: Tree) -> Tree:
    """Return *model* as show-model shows it: under its short name, with what is known of users and machines."""
    tree = {key: value for key, value in for_programs(model).items() if key not in ("access", "last-connection")}
    tree["machines"] = model.get("machine-details", {})
    tree.pop("machine-details", None)
    return {tree["short-name"]: tree}


def table_of(models: Sequence[Tree], current: str | None, *, with_uuid: bool, colour: bool) -> str:
    """Return the table; Machines and Cores are left out when no model has any."""
    by_name = {model["short-name"]: model for model in models}
    counts = [key for key in ("machines", "cores") if any(model.get(key) for model in models)] + ["units"]
    headers = ["Model", *(["UUID"] if with_uuid else []), "Cloud/Region", "Type", "Status"]
    headers += [*(key.capitalize() for key in counts), "Access", "Last connection"]
    rows: list[list[str | Cell]] = []
    for name in in_order(by_name):
        model = by_name[name]
        rows.append(
            [
                name + ("*" if name == current else ""),
                *([model["model-uuid"]] if with_uuid else []),
                "/".join(part for part in (model["cloud"], model.get("region")) if part),
                model["type"],
                status_cell(model["status"]["current"]),
                *(str(model.get(key, 0)) for key in counts),
                model["access"],
                model["last-connection"],
            ]
        )
    right = [key.capitalize() for key in counts]
    controller = models[0]["controller-name"] if models else ""
    return f"Controller: {controller}\n\n" + table(headers, rows, right=right, colour=colour)
