"""`coordinator refresh APPLICATION --path PATH`: let an application run a new version of its charm."""

from __future__ import annotations

from typing import Any

import click

from coordinator.cli import values
from coordinator.cli.resources import handed_in
from coordinator.cli.target import Target, model_options
from coordinator.cli.upload import upload
from coordinator.cli.usage import BASE, INTEGER, required
from coordinator.domain.names import check_application_name
from coordinator.errors import BadRequest, Refused
from coordinator.wire import GoBack, Refresh, Trust


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
@click.option("--bind", "bind_words", multiple=True, metavar='"SPACE|EP=SPACE ..."', help="Spaces of endpoints.")
@click.option("--force", is_flag=True, help="Taken, unused.")
@click.option("--force-base", is_flag=True, hidden=True)
@click.option("--force-units", is_flag=True, help="Units in error take the new charm too.")
@click.option("--batch", type=INTEGER, metavar="N", help="Upgrade N units at a time, and stop at one in error.")
@click.option("--continue", "go_on", is_flag=True, help="Go on with an upgrade that stopped.")
@click.option("--back", is_flag=True, help="Go back to the charm before the last refresh.")
@click.option("--resource", "resource_words", multiple=True, metavar="NAME=FILE", help="Hand in a resource.")
@click.option(
    "--storage",
    "storage_words",
    multiple=True,
    metavar="NAME=DIRECTIVE",
    help="Storage of new units, and what the new charm needs more of; repeatable.",
)
def command(
    target: Target,
    application: str | None,
    path: str | None,
    config_words: tuple[str, ...],
    trust: bool,
    switch: str | None,
    revision: int | None,
    force_units: bool,
    batch: int | None,
    go_on: bool,
    back: bool,
    resource_words: tuple[str, ...],
    bind_words: tuple[str, ...],
    storage_words: tuple[str, ...],
    **rest: Any,
) -> None:
    """Let an application run a new version of its charm.

    Its units run upgrade-charm and then config-changed, each when it gets to it; with --batch so many at a time.
    Such an upgrade stops at the first unit in error: resolve that, then --continue; or go --back.

    Examples:
      coordinator refresh web --path ./web
      coordinator refresh web --path ./web --batch 2
      coordinator refresh web --back
    """
    app = check_application_name(required(application, "no application specified"))
    given = [("switch", switch), ("path", path), ("revision", revision)]
    exclusive = [f"--{name}" for name, value in given if value is not None]
    if len(exclusive) > 1:
        raise BadRequest(f"{exclusive[0]} and {exclusive[1]} are mutually exclusive")
    if go_on and back:
        raise BadRequest("cannot specify both --continue and --back")
    if go_on or back:
        flags = {
            "batch": batch,
            "config": config_words,
            "resource": resource_words,
            "trust": trust,
            "bind": bind_words,
            "storage": storage_words,
        }
        unused = [f"--{name}" for name, value in flags.items() if value]
        _steer(target, app, back=back, force_units=force_units, given=exclusive + unused)
        return
    if switch:
        raise Refused(
            f'cannot refresh "{app}" from a store',
            why="there is no charm store here",
            fix=f"coordinator refresh {app} --path ./{app}",
        )
    if path is None:
        raise Refused(
            "refreshing a local charm requires either --path or --switch",
            fix=f"coordinator refresh {app} --path ./{app}",
        )
    config = values.options(config_words, app)
    bindings, storage = values.bindings(bind_words), values.storage(storage_words)
    model = target.model
    sent = upload(target, path, missing="no charm found at")
    resources = handed_in(target, resource_words)
    made = target.client.refresh(
        model,
        app,
        Refresh(
            charm=sent["sha256"],
            config=config,
            batch=batch,
            force_units=force_units,
            resources=resources,
            storage=storage,
            bindings=bindings,
        ),
    )
    if trust:
        target.client.trust(model, app, Trust(trust=True))
    target.console.info(f'Added local charm "{made["charm"]}", revision {made["revision"]}, to the model')


def _steer(target: Target, app: str, *, back: bool, force_units: bool, given: list[str]) -> None:
    """Go on with an upgrade, or go back."""
    if given:
        raise BadRequest(f"cannot specify both {given[0]} and {'--back' if back else '--continue'}")
    if not back:
        target.client.continue_refresh(target.model, app)
        return
    made = target.client.take_back(target.model, app, GoBack(force_units=force_units))
    target.console.info(f'Back to charm "{made["charm"]}", revision {made["revision"]}')
