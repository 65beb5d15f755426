"""`coordinator whoami`: show the current controller, model and user."""

from __future__ import annotations

import click

from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, controller_options


@click.command()
@controller_options
@output_options("tabular", "json", "yaml")
def command(target: Target, output: Output) -> None:
    """Show the current controller, model and user."""
    me = target.client.whoami()
    found = {
        "controller": target.shown_controller or me["controller"],
        "model": target.find_model(),
        "user": me["user"],
        "roles": me["roles"],
    }
    shown = {key: value for key, value in found.items() if value}
    labels = {"controller": "Controller", "model": "Model", "user": "User"}
    output.show(
        shown, lambda colour: "".join(f"{labels[key] + ':':11}  {shown[key]}\n" for key in labels if key in shown)
    )
