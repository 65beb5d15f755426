"""`coordinator add-space NAME [CIDR]…`: name some networks of the machines."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import required
from coordinator.domain.space import check_space_name, parse_cidr
from coordinator.wire import AddSpace


@click.command()
@click.argument("name", required=False)
@click.argument("cidrs", nargs=-1, metavar="[CIDR]...")
@model_options
def command(target: Target, name: str | None, cidrs: tuple[str, ...]) -> None:
    """Name some networks of the machines, so that endpoints can be bound to them.

    A network is in one space.  Those that are in none of your own are in alpha, which everything is bound to that
    is not bound otherwise.

    Examples:
      coordinator add-space database-net 10.1.0.0/24
      coordinator deploy ./db --bind "clients=database-net"
    """
    space = check_space_name(required(name, "space name is required"))
    given = [parse_cidr(text) for text in cidrs]
    target.client.add_space(target.model, AddSpace(name=space, cidrs=given))
    subnets = f"subnets {', '.join(given)}" if given else "no subnets"
    target.console.info(f'added space "{space}" with {subnets}')
