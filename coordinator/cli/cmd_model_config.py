"""`coordinator model-config [KEY | KEY=VALUE…]`: show or change the settings of a model."""

from __future__ import annotations

import click

from coordinator.cli import values
from coordinator.cli.client import Tree
from coordinator.cli.output import Output, output_options
from coordinator.cli.render import table
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import LIST
from coordinator.errors import BadRequest, NotFound, Refused
from coordinator.wire import SetSettings

#: What cannot be set, and the command that sets it instead.
READ_ONLY = {"agent-version": "upgrade-model", **dict.fromkeys(("name", "uuid", "type", "owner"), "add-model")}


@click.command()
@click.argument("words", nargs=-1, metavar="[KEY | KEY=VALUE...]")
@model_options
@output_options("tabular", "json", "yaml")
@click.option("--reset", type=LIST, multiple=True, metavar="KEY,...", help="Back to the default.")
@click.option("--file", "path", metavar="FILE", help="Set what a YAML file says; - is stdin.")
@click.option("--ignore-read-only-fields", "lenient", is_flag=True, help="Pass over what cannot be set.")
@click.option("--color", is_flag=True, hidden=True)
@click.option("--no-color", is_flag=True, hidden=True)
def command(
    target: Target,
    output: Output,
    words: tuple[str, ...],
    reset: tuple[list[str], ...],
    path: str | None,
    lenient: bool,
    color: bool,
    no_color: bool,
) -> None:
    """Show or change the settings of a model.

    Examples:
      coordinator model-config
      coordinator model-config update-status-hook-interval=30s automatically-retry-hooks=false
      coordinator model-config --reset update-status-hook-interval
    """
    asked = [word for word in words if "=" not in word]
    changes = values.options([word for word in words if "=" in word])
    if path:
        changes = {str(key): value for key, value in values.read_yaml(path).items()} | changes
    resets = [key for keys in reset for key in keys]
    if asked and (changes or resets):
        raise BadRequest("cannot get value and set key=value pairs simultaneously")
    if len(asked) > 1:
        raise BadRequest("cannot specify multiple keys to get")
    if changes or resets:
        _change(target, changes, resets, lenient)
        return
    settings = target.client.settings(target.model)
    if not asked:
        output.show(settings, lambda colour: _table(settings, colour))
    elif asked[0] in settings:
        output.write(_plain(settings[asked[0]]["Value"]) + "\n")
    else:
        raise NotFound(
            f'"{asked[0]}" is not a key of the currently targeted model: "{target.model}"',
            fix="`coordinator model-config` lists them",
        )


def _change(target: Target, changes: Tree, resets: list[str], lenient: bool) -> None:
    both = sorted(set(changes) & set(resets))
    if both:
        raise BadRequest(f'cannot set and reset key "{both[0]}" simultaneously')
    for key in sorted(READ_ONLY.keys() & set(resets)):
        raise Refused(f'"{key}" cannot be reset')
    for key in sorted(READ_ONLY.keys() & set(changes)):
        if not lenient:
            raise Refused(f'"{key}" must be set via "{READ_ONLY[key]}"', fix="leave it out")
        del changes[key]
    known = target.client.settings(target.model)
    for key in [key for key in changes if key not in known]:
        target.console.warn(f'key "{key}" is not defined in the current model configuration: possible misspelling')
    target.client.set_settings(target.model, SetSettings(settings=changes, reset=resets))


def _table(settings: Tree, colour: bool) -> str:
    rows = [(key, setting["Source"], _plain(setting["Value"])) for key, setting in settings.items()]
    return table(("Attribute", "From", "Value"), rows, colour=colour)


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
