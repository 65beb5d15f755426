"""`coordinator refresh APPLICATION --path PATH`: let an application run a new version of its charm."""

from __future__ import annotations

from typing import Any

import click

from coordinator.cli import values
from coordinator.cli.target import Target, model_options
from coordinator.cli.upload import upload
from coordinator.cli.usage import BASE, INTEGER, required
from coordinator.domain.names import check_application_name
from coordinator.errors import BadRequest, Refused
from coordinator.wire import Refresh, Trust

NOT_HERE = {"resource": "resources are not kept here", "storage": "storage is not managed here"}


@click.command()
@click.argument("application", required=False)
@model_options
@click.option("--path", metavar="PATH", help="The new version: a charm directory or .charm file.")
@click.option(
    "--config", "config_words", multiple=True, metavar="KEY=VALUE|FILE", help="Set an option; repeatable."
)
@click.option("--trust", is_flag=True, help="Grant the application access to credentials.")
@click.option("--switch", metavar="URL", help="For charms from a store.")
@click.option("--revision", type=INTEGER, help="For charms from a store.")
@click.option("--channel", metavar="CHANNEL", help="For charms from a store.")
@click.option("--base", type=BASE, metavar="BASE", help="Taken, unused.")
@click.option("--bind", help="Taken, unused.", hidden=True)
@click.option("--force", is_flag=True, help="Taken, unused.")
@click.option("--force-base", is_flag=True, hidden=True)
@click.option("--force-units", is_flag=True, help="Taken, unused: a unit in error upgrades when it is resolved.")
@click.option("--resource", multiple=True, metavar="NAME=VALUE", help="Not supported.")
@click.option("--storage", multiple=True, metavar="NAME=...", help="Not supported.")
def command(
    target: Target,
    application: str | None,
    path: str | None,
    config_words: tuple[str, ...],
    trust: bool,
    switch: str | None,
    revision: int | None,
    **rest: Any,
) -> None:
    """Let an application run a new version of its charm.

    Its units run upgrade-charm and then config-changed, each when it gets to it.

    Examples:
      coordinator refresh web --path ./web
    """
    app = check_application_name(required(application, "no application specified"))
    given = [("switch", switch), ("path", path), ("revision", revision)]
    exclusive = [f"--{name}" for name, value in given if value is not None]
    if len(exclusive) > 1:
        raise BadRequest(f"{exclusive[0]} and {exclusive[1]} are mutually exclusive")
    for name, why in NOT_HERE.items():
        if rest[name]:
            raise Refused(f"cannot refresh with --{name}", why=why, fix=f"leave --{name} out")
    if path is None:
        raise Refused(
            "refreshing a local charm requires either --path or --switch",
            fix=f"coordinator refresh {app} --path ./{app}",
        )
    config = values.options(config_words, app)
    model = target.model
    sent = upload(target, path, missing="no charm found at")
    made = target.client.refresh(model, app, Refresh(charm=sent["sha256"], config=config))
    if trust:
        target.client.trust(model, app, Trust(trust=True))
    target.console.info(f'Added local charm "{made["charm"]}", revision {made["revision"]}, to the model')
