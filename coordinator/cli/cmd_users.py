"""`coordinator users [MODEL]`: list the users of a controller, or of a model."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import click

from coordinator.cli import times
from coordinator.cli.output import Output, output_options
from coordinator.cli.render import table
from coordinator.cli.target import ModelName, Target, controller_options

Tree = dict[str, Any]


@click.command()
@click.argument("model", required=False)
@controller_options
@output_options("tabular", "json", "yaml")
@click.option("--all", "everybody", is_flag=True, help="With those who are disabled.")
@click.option("--exact-time", is_flag=True, help="Show full times.")
def command(target: Target, output: Output, model: str | None, everybody: bool, exact_time: bool) -> None:
    """List the users of a controller, or those who have access to a model.

    Who may not change what others may do sees only themselves.  You have a star.
    """
    me = target.client.whoami()["user"]
    if model is not None:
        tree = target.client.users_of_model(ModelName.parse(model).name)
        rows = [
            [_starred(name, me), each["display-name"], each["access"], each.get("last-connection", "")]
            for name, each in tree.items()
        ]
        headers = ("Name", "Display name", "Access", "Last connection")
        output.show(tree, lambda colour: table(headers, rows, colour=colour))
        return
    now = datetime.now(timezone.utc)
    found = [each for each in target.client.users() if everybody or "disabled" not in each]
    if not exact_time:
        found = [{**each, "date-created": times.age(each["date-created"], now)} for each in found]
    rows = [
        [
            _starred(each["user-name"], me),
            each["display-name"],
            each["access"] + (" (disabled)" if "disabled" in each else ""),
            each["date-created"],
        ]
        for each in found
    ]
    headers = ("Name", "Display name", "Access", "Date created")
    output.show(found, lambda colour: f"Controller: {target.controller}\n\n" + table(headers, rows, colour=colour))


def _starred(name: str, me: str) -> str:
    return name + "*" * (name == me)
