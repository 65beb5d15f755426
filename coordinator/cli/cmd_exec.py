"""`coordinator exec --unit UNIT -- COMMAND…`: run commands in units, with the hook commands, or on machines."""

from __future__ import annotations

import click

from coordinator.cli import task_text
from coordinator.cli.cmd_run import run
from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, model_options
from coordinator.cli.task_options import run_options
from coordinator.cli.usage import LIST
from coordinator.domain.names import check_application_name, is_unit_name
from coordinator.errors import BadRequest, Refused
from coordinator.wire import RunTasks

WAIT_S = 300.0


@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("words", nargs=-1, metavar="COMMAND...", type=click.UNPROCESSED)
@model_options
@output_options("plain", "yaml", "json")
@click.option("-u", "--unit", "units", type=LIST, multiple=True, metavar="UNIT,...", help="Units, or APP/leader.")
@click.option(
    "-a", "--application", "--app", "apps", type=LIST, multiple=True, metavar="APP,...", help="All units of these."
)
@click.option("--machine", "machines", type=LIST, multiple=True, metavar="MACHINE,...", help="Machines as such.")
@click.option("--all", "everywhere", is_flag=True, help="All machines of the model.")
@click.option("--operator", is_flag=True, hidden=True)
@click.option("--parallel/--no-parallel", default=True, help="Do not wait for other work on the machine.  [true]")
@click.option("--execution-group", metavar="NAME", help="Wait only for what runs in this group.")
@run_options("How long it may take.  [5m]")
def command(
    target: Target,
    output: Output,
    words: tuple[str, ...],
    units: tuple[list[str], ...],
    apps: tuple[list[str], ...],
    everywhere: bool,
    machines: tuple[list[str], ...],
    operator: bool,
    parallel: bool,
    execution_group: str | None,
    wait_s: float | None,
    background: bool,
    utc: bool,
) -> None:
    """Run commands in units or on machines: one word is a script, several are one command with its arguments.

    In a unit they run in the charm's directory, and can use the hook commands.  On a machine that has units of the
    model they run as its worker does, with nothing of a unit around them.

    Examples:
      coordinator exec --unit web/0 -- config-get color
      coordinator exec --machine 0 -- uptime
      coordinator exec --application web -- 'uptime; df -h /'
    """
    if not words:
        raise BadRequest("no commands specified")
    named = [name for group in units for name in group]
    chosen = [name for group in apps for name in group]
    hosts = [name for group in machines for name in group]
    if everywhere and (named or chosen or hosts):
        raise BadRequest("You cannot specify --all and individual units")
    if not (everywhere or named or chosen or hosts):
        raise BadRequest("You must specify a target, either through --all, --machine, --application or --unit")
    wrong = [f'  "{name}" is not a valid unit name' for name in named if not _is_receiver(name)]
    wrong += [f'  "{name}" is not a valid machine id' for name in hosts if not name.isdecimal()]
    if wrong:
        raise BadRequest("\n".join(["The following exec targets are not valid:", *wrong]))
    places = _places(target, chosen) if chosen or everywhere else {}
    limit_s = WAIT_S if wait_s is None else wait_s
    request = RunTasks(
        receivers=named if everywhere else [*named, *places],
        machines=sorted({*places.values()} - {""}, key=int) if everywhere else hosts,
        command=task_text.script_of(words),
        parallel=parallel,
        execution_group=execution_group,
        timeout_s=limit_s if limit_s > 0 else None,
    )
    # A little longer than the command may take, so that its end is seen.
    run(target, output, request, wait_s=None if background else limit_s and limit_s + 5, utc=utc, quiet=True)


def _is_receiver(name: str) -> bool:
    return is_unit_name(name) or name.endswith("/leader")


def _places(target: Target, apps: list[str]) -> dict[str, str]:
    """Return the units of *apps*, or all when none is given, with their machines; empty where it is not known."""
    tree = target.client.status(target.model)["applications"]
    for app in apps:
        check_application_name(app)
        if app not in tree:
            raise Refused(f'application "{app}" not found (not found)', fix="`coordinator status` lists them")
    units = {name: unit for app in tree.values() for name, unit in app.get("units", {}).items()}
    for unit in list(units.values()):
        units |= unit.get("subordinates", {})
    return {
        name: unit.get("machine", "") for name, unit in units.items() if not apps or name.split("/")[0] in apps
    }
