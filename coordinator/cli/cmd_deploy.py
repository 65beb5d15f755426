"""`coordinator deploy CHARM|BUNDLE [APPLICATION]`: deploy a charm as an application, or a bundle of several."""

from __future__ import annotations

from typing import Any

import click

from coordinator.cli import values
from coordinator.cli.bundle import deploy_bundle, is_bundle
from coordinator.cli.constraints import remark
from coordinator.cli.resources import handed_in
from coordinator.cli.target import Target, model_options
from coordinator.cli.upload import local_path, upload
from coordinator.cli.usage import BASE, INTEGER, LIST, required
from coordinator.domain.names import check_application_name
from coordinator.domain.storage import StorageId
from coordinator.errors import BadRequest, Refused
from coordinator.wire import Deploy

DEFAULT_BASE = "ubuntu@24.04"

#: Flags whose meaning we do not have.  A charm deployed without them would not be what was asked for.
NOT_HERE = {
    "device": "there are no devices to choose",
}


@click.command()
@click.argument("charm", required=False, metavar="CHARM|BUNDLE")
@click.argument("application", required=False, metavar="[APPLICATION]")
@model_options
@click.option(
    "--config", "config_words", multiple=True, metavar="KEY=VALUE|FILE", help="Set an option; repeatable."
)
@click.option("-n", "--num-units", "units", type=INTEGER, metavar="N", help="How many units.  [default: 1]")
@click.option("--to", type=LIST, metavar="MACHINE,...", help="Machines for the units, one each.")
@click.option("--trust", is_flag=True, help="Grant the application access to credentials.")
@click.option(
    "--constraints", "constraint_words", multiple=True, metavar='"K=V ..."', help="What machines must have."
)
@click.option("--bind", "bind_words", multiple=True, metavar='"SPACE|EP=SPACE ..."', help="Spaces of endpoints.")
@click.option("--base", type=BASE, metavar="BASE", help="Taken, unused: a charm runs on what its machine runs.")
@click.option("--channel", metavar="CHANNEL", help="For charms from a store; a local one is what it is.")
@click.option("--revision", type=INTEGER, help="For charms from a store.")
@click.option("--force", is_flag=True, help="Taken, unused: nothing is checked that it could pass over.")
@click.option("--dry-run", is_flag=True, help="Of a bundle: only say what would be done.")
@click.option("--overlay", multiple=True, metavar="FILE", help="Of a bundle: change it by FILE; repeatable.")
@click.option(
    "--map-machines", metavar="existing,ID=ID,...", help="Of a bundle: which machines those that it names are."
)
@click.option(
    "--resource", "resource_words", multiple=True, metavar="NAME=FILE", help="Hand in a resource; repeatable."
)
@click.option(
    "--storage",
    "storage_words",
    multiple=True,
    metavar="NAME=DIRECTIVE",
    help="Pool, count and size of a storage, like data=rootfs,2,10G; repeatable.",
)
@click.option(
    "--attach-storage", type=LIST, metavar="ID,...", help="Storage that the unit gets instead of new one."
)
@click.option("--device", multiple=True, hidden=True)
def command(
    target: Target,
    charm: str | None,
    application: str | None,
    config_words: tuple[str, ...],
    units: int | None,
    to: list[str] | None,
    trust: bool,
    constraint_words: tuple[str, ...],
    bind_words: tuple[str, ...],
    base: str | None,
    resource_words: tuple[str, ...],
    storage_words: tuple[str, ...],
    attach_storage: list[str] | None,
    **rest: Any,
) -> None:
    """Deploy a charm as an application, or a bundle of several.

    CHARM is a charm directory or a packed .charm file: ./my-charm, /srv/charms/web.charm.  Its units appear after
    the command has returned: `coordinator status` shows them.

    BUNDLE is a YAML file, or a directory with a bundle.yaml.  What it says and the model is not yet is done, step
    by step; nothing is removed, and deploying it again goes on where it stopped.

    Examples:
      coordinator deploy ./web
      coordinator deploy ./web shop -n 3 --config color=red --config motd=@motd.txt
      coordinator deploy ./db --to 0,2 --config options.yaml
      coordinator deploy ./shop.yaml --overlay production.yaml --map-machines existing --dry-run
    """
    named = required(charm, "no charm or bundle specified")
    if is_bundle(named):
        unused = {
            "APPLICATION": application, "--config": config_words, "-n": units is not None, "--to": to,
            "--base": base, "--constraints": constraint_words, "--bind": bind_words, "--resource": resource_words,
            "--attach-storage": attach_storage, "--device": rest["device"],
            "--channel": rest["channel"], "--revision": rest["revision"],
        }  # fmt: skip
        _deploy_bundle(target, named, unused, values.storage(storage_words), trust, rest)
        return
    path = local_path(named)
    if application is not None:
        check_application_name(application)
    if units is not None and units < 0:
        raise BadRequest("--num-units must be a positive integer")
    _check_flags(target, rest)
    request = {
        "name": application,
        "units": units,
        "to": to or [],
        "trust": trust,
        "constraints": values.constraints(constraint_words),
        "bindings": values.bindings(bind_words),
        "config": values.options(config_words, application),
        "storage": values.storage(storage_words),
        "attach_storage": [str(StorageId.parse(text)) for text in attach_storage or ()],
    }
    model = target.model
    sent = upload(target, path)
    if request["constraints"] and sent["subordinate"]:
        raise Refused("cannot use --constraints with subordinate application")
    remark(target, request["constraints"])
    resources = handed_in(target, resource_words)
    made = target.client.deploy(model, Deploy(charm=sent["sha256"], resources=resources, **request))
    target.console.info(f'Located local charm "{made["charm"]}", revision {made["revision"]}')
    target.console.info(
        f'Deploying "{made["name"]}" from local charm "{made["charm"]}", revision {made["revision"]} '
        f"on {base or DEFAULT_BASE}/stable"
    )


def _deploy_bundle(
    target: Target, path: str, unused: dict[str, Any], storage: dict[str, str], trust: bool, rest: dict[str, Any]
) -> None:
    given = [flag for flag, value in unused.items() if value]
    if given:
        raise BadRequest(
            f"options provided but not supported when deploying a bundle: {', '.join(given)}",
            fix="say it in the bundle, or in an --overlay",
        )
    deploy_bundle(
        target,
        path,
        overlays=rest["overlay"],
        storage=storage,
        map_machines=rest["map_machines"],
        trust=trust,
        dry_run=rest["dry_run"],
    )


def _check_flags(target: Target, rest: dict[str, Any]) -> None:
    """Refuse flags that would change what is deployed, and remark on those that change nothing."""
    bundle_only = [f"--{name.replace('_', '-')}" for name in ("overlay", "map_machines") if rest[name]]
    if bundle_only:
        raise BadRequest(
            f"options provided but not supported when deploying a charm: {', '.join(bundle_only)}",
            fix="leave them out",
        )
    if rest["dry_run"]:
        raise BadRequest("--dry-run is for bundles", why="a local charm would be deployed", fix="leave it out")
    if rest["revision"] is not None and not rest["channel"]:
        raise BadRequest(
            "specifying a revision requires a channel for future upgrades. Please use --channel",
            fix="or leave it out: a local charm has the revision that it gets",
        )
    for name, why in NOT_HERE.items():
        if rest[name]:
            flag = "--" + name.replace("_", "-")
            raise Refused(f"cannot deploy with {flag}", why=why, fix=f"leave {flag} out")
    for name in ("channel", "revision"):
        if rest[name]:
            target.console.info(f"--{name} has no meaning for a local charm; ignored")
