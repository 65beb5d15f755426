"""Storage as people read it.  Pure: from the API's tree to a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from coordinator.cli.render import Cell, in_order, message, status_cell, table

Tree = Mapping[str, Any]

_UNITS = ("MiB", "GiB", "TiB", "PiB")


def size(mb: int) -> str:
    """Return a size in MiB as people read it: `512 MiB`, `40 GiB`, `1.5 GiB`; nothing where nobody said one."""
    if not mb:
        return ""
    value, unit = float(mb), 0
    while value >= 1024 and unit + 1 < len(_UNITS):
        value, unit = value / 1024, unit + 1
    return f"{value:.1f}".removesuffix(".0") + f" {_UNITS[unit]}"


def storage_table(tree: Tree, *, colour: bool = False) -> str:
    """Return the table of the command `storage`."""
    headers = ("Unit", "Storage ID", "Type", "Pool", "Size", "Status", "Message")
    rows = [
        [row["unit"], row["id"], row["kind"], row["pool"], row["size"], row["status"], row["message"]]
        for row in _rows(tree)
    ]
    return table(headers, rows, colour=colour)


def status_table(tree: Tree, *, colour: bool = False) -> str:
    """Return the table of `status --storage`."""
    headers = ("Storage Unit", "Storage ID", "Type", "Pool", "Mountpoint", "Size", "Status", "Message")
    names = ("unit", "id", "kind", "pool", "location", "size", "status", "message")
    return table(headers, [[row[name] for name in names] for row in _rows(tree)], colour=colour)


def filesystem_table(tree: Tree, *, colour: bool = False) -> str:
    """Return the table of `storage --filesystem`."""
    headers = ("Machine", "Unit", "Storage ID", "ID", "Provider ID", "Mountpoint", "Size", "Status", "Message")
    rows = []
    for name, each in tree.get("filesystems", {}).items():
        attached = each.get("attachments", {})
        machine, mounted = next(iter(attached.get("machines", {}).items()), ("", {}))
        rows.append(
            [
                machine,
                next(iter(attached.get("units", {})), ""),
                each["storage"],
                name,
                each["provider-id"],
                mounted.get("mount-point", ""),
                size(each["size"]),
                status_cell(each["status"]["current"]),
                Cell(message(each["status"].get("message", "")), "gray"),
            ]
        )
    return table(headers, rows, colour=colour)


def _rows(tree: Tree) -> Iterator[dict[str, str | Cell]]:
    filesystems = {each["storage"]: each for each in tree.get("filesystems", {}).values()}
    instances = tree.get("storage", {})
    units = {
        name: next(iter(each.get("attachments", {}).get("units", {})), "") for name, each in instances.items()
    }
    for name in sorted(in_order(instances), key=lambda name: (units[name] == "", units[name])):
        each, filesystem = instances[name], filesystems.get(name, {})
        attached = each.get("attachments", {}).get("units", {}).get(units[name], {})
        yield {
            "unit": units[name],
            "id": name,
            "kind": each["kind"],
            "pool": filesystem.get("pool", ""),
            "location": attached.get("location", ""),
            "size": size(filesystem.get("size", 0)),
            "status": status_cell(each["status"]["current"]),
            "message": Cell(message(each["status"].get("message", "")), "gray"),
        }
