"""`coordinator exec --unit UNIT -- COMMAND…`: run commands in units, with the hook commands at hand."""

from __future__ import annotations

import click

from coordinator.cli import task_text
from coordinator.cli.cmd_run import run
from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import LIST, WAIT
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
@click.option("--all", "everywhere", is_flag=True, help="All units of the model.")
@click.option("--machine", "machines", type=LIST, multiple=True, metavar="MACHINE,...", help="Not supported.")
@click.option("--operator", is_flag=True, hidden=True)
@click.option("--parallel/--no-parallel", default=True, help="Do not wait for other work on the machine.  [true]")
@click.option("--execution-group", metavar="NAME", help="Wait only for what runs in this group.")
@click.option("--wait", "wait_s", type=WAIT, metavar="DURATION", help="How long it may take.  [5m]")
@click.option("--background", is_flag=True, help="Do not wait.")
@click.option("--utc", is_flag=True, help="Show times in UTC.")
@click.option("--color", is_flag=True, hidden=True)
@click.option("--no-color", is_flag=True, hidden=True)
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
    color: bool,
    no_color: bool,
) -> None:
    """Run commands in units: one word is a script, several are one command with its arguments.

    They run as root in the charm's directory, and can use the hook commands.

    Examples:
      coordinator exec --unit web/0 -- config-get color
      coordinator exec --application web -- 'uptime; df -h /'
    """
    if not words:
        raise BadRequest("no commands specified")
    if wait_s is not None and background:
        raise BadRequest("cannot specify both --wait and --background")
    named = [name for group in units for name in group]
    chosen = [name for group in apps for name in group]
    if any(machines):
        raise Refused(
            "cannot run commands on a machine as such",
            why="commands run in the context of a unit",
            fix="name a unit of that machine: coordinator exec --unit UNIT -- COMMAND",
        )
    if everywhere and (named or chosen):
        raise BadRequest("You cannot specify --all and individual units")
    if not (everywhere or named or chosen):
        raise BadRequest("You must specify a target, either through --all, --machine, --application or --unit")
    wrong = [name for name in named if not (is_unit_name(name) or name.endswith("/leader"))]
    if wrong:
        lines = [f'  "{name}" is not a valid unit name' for name in wrong]
        raise BadRequest("\n".join(["The following exec targets are not valid:", *lines]))
    limit_s = WAIT_S if wait_s is None else wait_s
    request = RunTasks(
        receivers=named + _units_of(target, None if everywhere else chosen),
        command=task_text.script_of(words),
        parallel=parallel,
        execution_group=execution_group,
        timeout_s=limit_s if limit_s > 0 else None,
    )
    # A little longer than the command may take, so that its end is seen.
    run(target, output, request, wait_s=None if background else limit_s and limit_s + 5, utc=utc, quiet=True)


def _units_of(target: Target, apps: list[str] | None) -> list[str]:
    """Return the units of *apps*; None: of all applications."""
    if apps == []:
        return []
    tree = target.client.status(target.model)["applications"]
    for app in apps or ():
        check_application_name(app)
        if app not in tree:
            raise Refused(f'application "{app}" not found (not found)', fix="`coordinator status` lists them")
    return [unit for app in (tree if apps is None else apps) for unit in tree[app].get("units", {})]
