"""`coordinator set-constraints APP K=V…`: say what machines must have for units of an application."""

from __future__ import annotations

import click

from coordinator.cli import values
from coordinator.cli.constraints import remark
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import required
from coordinator.domain.names import check_application_name
from coordinator.wire import SetConstraints


@click.command()
@click.argument("application", required=False)
@click.argument("words", nargs=-1, metavar="[KEY=VALUE...]")
@model_options
def command(target: Target, application: str | None, words: tuple[str, ...]) -> None:
    """Say what machines must have for units of an application; what was said before is forgotten.

    A unit without a machine is placed on one that has at least so many `cores`, so much `mem` and `root-disk` (of
    the file system with the worker's data), this `arch`, all of these `tags` (`worker --tags`), and an address in
    each of these `spaces`; `^NAME` is a tag or space that it must not have.  Nothing is reserved: what other units
    use is not taken off.  Units that have a machine stay there, and `--to` is not asked.  Other keys are kept and
    shown.

    Examples:
      coordinator set-constraints db mem=8G cores=4 tags=ssd,^slow
      coordinator set-constraints db
    """
    name = check_application_name(required(application, "no application name specified"))
    given = values.constraints(words)
    target.client.set_constraints(target.model, name, SetConstraints(constraints=given))
    remark(target, given)
