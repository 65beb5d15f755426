"""`coordinator attach-resource APPLICATION NAME=FILE`: hand in a file that the charm declares."""

from __future__ import annotations

import click

from coordinator.cli.resources import handed_in
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import required
from coordinator.domain.names import check_application_name
from coordinator.errors import BadRequest
from coordinator.wire import AttachResource


@click.command()
@click.argument("application", required=False)
@click.argument("resource", required=False, metavar="NAME=FILE")
@model_options
def command(target: Target, application: str | None, resource: str | None) -> None:
    """Hand in a file that the charm of an application declares; its units run upgrade-charm for it.

    For an image FILE may be where to pull it from.

    Examples:
      coordinator attach-resource web site=./site.tar.gz
    """
    app = check_application_name(required(application, "no application name specified"))
    pair = required(resource, "no resource specified")
    if "=" not in pair:
        raise BadRequest(f'expected "NAME=FILE", got "{pair}"')
    model = target.model
    ((name, sha256),) = handed_in(target, [pair]).items()
    target.client.attach_resource(model, app, name, AttachResource(sha256=sha256))
