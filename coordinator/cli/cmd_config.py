"""`coordinator config APPLICATION [KEY | KEY=VALUE…]`: show or change the options of an application."""

from __future__ import annotations

import click

from coordinator.cli import values
from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import LIST, required
from coordinator.domain.names import check_application_name
from coordinator.errors import BadRequest, NotFound
from coordinator.wire import SetConfig


@click.command()
@click.argument("application", required=False)
@click.argument("words", nargs=-1, metavar="[KEY | KEY=VALUE...]")
@model_options
@output_options("yaml", "json")
@click.option(
    "--file", "path", metavar="FILE", help="Set what a YAML file says, {APPLICATION: {KEY: VALUE}}; - is stdin."
)
@click.option("--reset", type=LIST, multiple=True, metavar="KEY,...", help="Back to the default.")
def command(
    target: Target,
    output: Output,
    application: str | None,
    words: tuple[str, ...],
    path: str | None,
    reset: tuple[list[str], ...],
) -> None:
    """Show or change the options of an application.

    Without KEY all of them are shown; with one, its bare value.  KEY=@FILE sets what FILE holds.

    Examples:
      coordinator config web
      coordinator config web color
      coordinator config web color=red motd=@motd.txt
      coordinator config web --reset color,motd
    """
    app = check_application_name(required(application, "no application name specified"))
    asked = [word for word in words if "=" not in word]
    changes = values.options([word for word in words if "=" in word])
    resets = [key for keys in reset for key in keys]
    if asked and (changes or resets or path):
        raise BadRequest("cannot get value and set key=value pairs simultaneously")
    if len(asked) > 1:
        raise BadRequest("cannot specify multiple keys to get")
    if path:
        changes = values.options_in_file(path, app) | changes
    if both := sorted(set(changes) & set(resets)):
        raise BadRequest(f'cannot set and reset key "{both[0]}" simultaneously')
    if changes or resets:
        target.client.set_config(target.model, app, SetConfig(config=changes, reset=resets))
        return
    found = target.client.config(target.model, app)
    if not asked:
        output.show(found)
        return
    option = found["settings"].get(asked[0]) or found["application-config"].get(asked[0])
    if option is None:
        raise NotFound(
            f'key "{asked[0]}" not found in "{app}" application config or charm settings.',
            fix=f"`coordinator config {app}` lists them",
        )
    value = option.get("value", "")
    output.write((str(value).lower() if isinstance(value, bool) else str(value)) + "\n")
