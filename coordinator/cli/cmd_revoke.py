"""`coordinator revoke USER LEVEL [MODEL…]`: take back what a user may do."""

from __future__ import annotations

import click

from coordinator.cli.cmd_grant import access_arguments
from coordinator.cli.target import Target, controller_options
from coordinator.wire import ShareModels


@click.command()
@controller_options
@access_arguments
def command(target: Target, request: ShareModels) -> None:
    """Take back what a user may do, and what includes it; what is less stays.

    Examples:
      coordinator revoke bob write demo    (bob may still read)
      coordinator revoke bob read demo     (bob may do nothing there)
    """
    target.client.share_models(request, granted=False)
