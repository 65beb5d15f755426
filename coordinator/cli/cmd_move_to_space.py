"""`coordinator move-to-space NAME CIDR…`: give subnets to a space."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import required
from coordinator.domain.space import parse_cidr
from coordinator.wire import MoveToSpace


@click.command()
@click.argument("name", required=False)
@click.argument("cidrs", nargs=-1, metavar="CIDR...")
@model_options
@click.option("--force", is_flag=True, help="Even if units are left without an address where they are bound to.")
def command(target: Target, name: str | None, cidrs: tuple[str, ...], force: bool) -> None:
    """Give subnets to a space, be they in another or in none.

    Examples:
      coordinator move-to-space database-net 10.1.0.0/24 10.2.0.0/24
      coordinator move-to-space alpha 10.2.0.0/24
    """
    space = required(name, "space name is required")
    given = [parse_cidr(text) for text in required(cidrs, "CIDR is required")]
    moved = target.client.move_to_space(target.model, space, MoveToSpace(cidrs=given, force=force))
    for cidr, before in moved.items():
        target.console.info(f"Subnet {cidr} moved from {before} to {space}")
