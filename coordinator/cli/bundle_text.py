"""What is in a model, as a bundle that people can keep.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Tree = dict[str, Any]


def documents(contents: Mapping[str, Any], *, with_defaults: bool = False) -> list[Tree]:
    """Return the bundle, and the overlay that it needs, if any; *contents* is what `GET …/bundle` answers.

    Options are those that people set, unless *with_defaults*.
    """
    apps = {name: tree for name, tree in contents["applications"].items() if tree["life"] == "alive"}
    machines = sorted(
        {machine for tree in apps.values() for machine in tree["units"].values() if machine}, key=int
    )
    bundle: Tree = {
        "default-base": "ubuntu@24.04/stable",
        "applications": {name: _application(tree, with_defaults) for name, tree in apps.items()},
    }
    if machines:
        bundle["machines"] = {machine: {} for machine in machines}
    relations = [
        [":".join(end) for end in ends] for ends in contents["relations"] if all(end[0] in apps for end in ends)
    ]
    if relations:
        bundle["relations"] = relations
    exposed = {
        name: {"exposed-endpoints": _exposed(tree["exposed"])} for name, tree in apps.items() if tree["exposed"]
    }
    return [bundle, {"applications": exposed}] if exposed else [bundle]


def _application(tree: Mapping[str, Any], with_defaults: bool) -> Tree:
    options = {**(tree["defaults"] if with_defaults else {}), **tree["options"]}
    found: Tree = {"charm": f"local:{tree['charm']}-{tree['revision']}"}
    units = list(tree["units"].values())
    if not tree["subordinate"]:
        found["num_units"] = len(units)
    if units and all(units):
        found["to"] = units
    if tree["exposed"]:
        found["expose"] = True
    if options:
        found["options"] = dict(sorted(options.items()))
    if tree["constraints"]:
        found["constraints"] = " ".join(f"{key}={text}" for key, text in sorted(tree["constraints"].items()))
    for key in ("storage", "bindings"):
        if tree[key]:
            found[key] = dict(sorted(tree[key].items()))
    if tree["trust"]:
        found["trust"] = True
    return found


def _exposed(exposed: Mapping[str, list[str]]) -> Tree:
    return {
        endpoint: {
            key: kept
            for key, kept in (
                ("expose-to-spaces", [source for source in sources if "/" not in source]),
                ("expose-to-cidrs", [source for source in sources if "/" in source]),
            )
            if kept
        }
        for endpoint, sources in exposed.items()
    }
