"""`coordinator rename-space NAME NEW-NAME`: call a space otherwise."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import required
from coordinator.domain.space import check_space_name
from coordinator.wire import RenameSpace


@click.command()
@click.argument("name", required=False)
@click.argument("new_name", required=False, metavar="NEW-NAME")
@model_options
@click.option("--rename", hidden=True)
def command(target: Target, name: str | None, new_name: str | None, rename: str | None) -> None:
    """Call a space otherwise; what is bound to it stays bound to it.

    Examples:
      coordinator rename-space database-net storage-net
    """
    old = required(name, "old-name is required")
    new = check_space_name(required(new_name or rename, "new-name is required"))
    target.client.rename_space(target.model, old, RenameSpace(name=new))
    target.console.info(f'renamed space "{old}" to "{new}"')
