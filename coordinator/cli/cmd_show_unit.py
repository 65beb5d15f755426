"""`coordinator show-unit UNIT…`: show units in detail, with their relation data."""

from __future__ import annotations

from typing import Any

import click

from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import required
from coordinator.domain.names import UnitName


@click.command()
@click.argument("units", nargs=-1, metavar="UNIT...")
@model_options
@output_options("yaml", "json")
@click.option("--app", "app_only", is_flag=True, help="Only the data of applications.")
@click.option("--endpoint", metavar="NAME", help="Only relations of this endpoint.")
@click.option("--related-unit", metavar="UNIT", help="Only relations with this unit, and only its data.")
def command(
    target: Target,
    output: Output,
    units: tuple[str, ...],
    app_only: bool,
    endpoint: str | None,
    related_unit: str | None,
) -> None:
    """Show units in detail, with what they see in their relations.

    `application-data` is what the other application says; `local-unit` is what the unit itself says.
    """
    names = [UnitName.parse(text) for text in required(units, "an unit name must be supplied")]
    if related_unit is not None:
        UnitName.parse(related_unit)
    found = {str(name): target.client.unit(target.model, name.app, name.number) for name in names}
    shown = {name: narrowed(tree, app_only, endpoint, related_unit) for name, tree in found.items()}
    output.show(shown)


def narrowed(
    tree: dict[str, Any], app_only: bool, endpoint: str | None, related_unit: str | None
) -> dict[str, Any]:
    """Return a unit with only the relation data that was asked for."""
    kept = []
    for relation in tree.get("relation-info", ()):
        related = relation.get("related-units", {})
        if endpoint not in (None, relation["endpoint"]) or (related_unit and related_unit not in related):
            continue
        shown = dict(relation)
        if related_unit:
            shown["related-units"] = {related_unit: related[related_unit]}
        if app_only:
            shown.pop("local-unit", None)
            shown.pop("related-units", None)
        kept.append(shown)
    rest = {key: value for key, value in tree.items() if key != "relation-info"}
    return {**rest, "relation-info": kept} if kept else rest
