"""`coordinator show-controller [NAME]`: show a controller in detail."""

from __future__ import annotations

from typing import Any

import click

from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, controller_options

Tree = dict[str, Any]


@click.command()
@click.argument("name", required=False)
@controller_options
@output_options("yaml", "json")
def command(target: Target, output: Output, name: str | None) -> None:
    """Show a controller in detail, with its models and machines; without a name the current one."""
    target = Target(target.console, controller=name) if name else target
    client = target.client
    version, me, models, machines = client.version(), client.whoami(), client.models(), client.machines()
    uuid, model_uuid = ("controller-uuid", "model-uuid") if output.format == "yaml" else ("uuid", "uuid")
    tree: Tree = {
        "details": {
            uuid: version["controller-uuid"],
            "api-endpoints": client.addresses,
            "cloud": "coordinator",
            "agent-version": version["version"],
            **({"ca-cert": client.ca} if client.ca else {}),
        },
        "machines": {name: {"hostname": each["hostname"]} for name, each in machines.items()},
        "models": {
            each["short-name"]: {
                model_uuid: each["model-uuid"],
                "machine-count": each["machines"],
                "core-count": each["cores"],
                "unit-count": each["units"],
            }
            for each in models
        },
        "account": {"user": me["user"], "access": me["access"]},
    }
    if model := target.find_model():
        tree["current-model"] = model
    output.show({target.shown_controller or version["controller"]: tree})
