"""`coordinator help [COMMAND]`: show help."""

from __future__ import annotations

import click


@click.command()
@click.argument("topic", required=False, metavar="[COMMAND]")
def command(topic: str | None) -> None:
    """Show help on a command.

    `help` alone is a first orientation; `help commands` lists all of them with their other names; `help reference`
    is the table of the README.
    """
    from coordinator.cli import help as texts
    from coordinator.cli.index import ALIASES, COMMANDS
    from coordinator.cli.main import program, unknown
    from coordinator.cli.usage import invoke, load

    if topic is None:
        click.echo(texts.orientation(program()))
    elif topic == "commands":
        click.echo(texts.list_of_commands())
    elif topic == "reference":
        click.echo(texts.reference(load))
    elif ALIASES.get(topic, topic) in COMMANDS:
        invoke(f"{program()} {topic}", ALIASES.get(topic, topic), ["--help"])
    else:
        click.echo(unknown(topic).what)
