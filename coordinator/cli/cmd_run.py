"""`coordinator run UNIT… ACTION [KEY=VALUE…]`: run an action in units."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import click

from coordinator.cli import task_text, values
from coordinator.cli.main import program
from coordinator.cli.output import Output, output_options
from coordinator.cli.target import Target, model_options
from coordinator.cli.task_options import run_options
from coordinator.domain.names import is_unit_name
from coordinator.errors import BadRequest, NotFound, Refused
from coordinator.wire import RunTasks

WAIT_S = 60.0
_KEY = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_ACTION = re.compile(r"[a-z](?:[a-z0-9-]*[a-z0-9])?")


@click.command()
@click.argument("words", nargs=-1, metavar="UNIT... ACTION [KEY[.KEY...]=VALUE...]")
@model_options
@output_options("plain", "yaml", "json")
@click.option(
    "--params", metavar="FILE", help="Read parameters from a YAML file, - for stdin; KEY=VALUE beats them."
)
@click.option("--string-args", is_flag=True, help="Take values as they are, rather than as YAML.")
@run_options("How long to wait; negative: for ever.  [60s]")
def command(
    target: Target,
    output: Output,
    words: tuple[str, ...],
    params: str | None,
    string_args: bool,
    wait_s: float | None,
    background: bool,
    utc: bool,
) -> None:
    """Run an action in units of one application, and show what it says.

    A unit may be APP/leader.  A failed action does not fail the command; a program that ends with another status
    than 0 does.

    Examples:
      coordinator run web/0 backup path=/var/backups
      coordinator run web/leader rotate --params rotate.yaml --wait 5m
      coordinator run web/0 web/1 backup --background
    """
    units, action, pairs = _split(words)
    parameters = _from_file(params) if params else {}
    for pair in pairs:
        parameters = _with(parameters, pair, as_text=string_args)
    request = RunTasks(receivers=units, action=action, parameters=parameters)
    until = WAIT_S if wait_s is None else wait_s
    run(target, output, request, wait_s=None if background else until, utc=utc, quiet=False)


def run(
    target: Target, output: Output, request: RunTasks, *, wait_s: float | None, utc: bool, quiet: bool
) -> None:
    """Queue what *request* says, wait *wait_s* (None: not at all; negative: for ever), and show what came of it.

    Raises:
        Refused: a program failed, or the time is over.
        NotFound: nothing could be queued.
    """
    console = target.console
    operation = target.client.run_tasks(target.model, request)
    tasks = list(operation["tasks"].values())
    if refused := operation.get("refused"):
        console.info("\n".join(["Some actions could not be scheduled:", *dict.fromkeys(refused.values()), ""]))
    count = f"{len(tasks)} task{'s' if len(tasks) > 1 else ''}"
    if wait_s is None:
        single = len(tasks) == 1
        console.info(
            f"Scheduled operation {operation['id']} with " + (f"task {tasks[0]['id']}" if single else count)
        )
        console.info(f"Check operation status with '{program()} show-operation {operation['id']}'")
        if single:
            console.info(f"Check task status with '{program()} show-task {tasks[0]['id']}'")
        else:
            for task in tasks:
                output.write(f'{task_text.receiver_of(task)}:\n  id: "{task["id"]}"\n')
        return

    say = (lambda text: console.trace(text)) if quiet else console.info
    say(f"Running operation {operation['id']} with {count}")
    for task in tasks:
        say(f"  - task {task['id']} on {re.sub('[ /]', '-', task_text.named(task))}")
    say("")
    for task in tasks:
        say(f"Waiting for task {task['id']}...")

    def on_line(number: int, line: Mapping[str, str]) -> None:
        if not quiet:
            task_text.tell_line(console, line, utc=utc)

    until_s = None if wait_s < 0 else time.monotonic() + wait_s
    numbers = [int(task["id"]) for task in tasks]
    found = list(task_text.wait(target.client, target.model, numbers, until_s=until_s, on_line=on_line).values())
    say("")
    ended = [task for task in found if task_text.was_ended_by_time(task)]
    if late := [task for task in found if not task_text.is_over(task)] + ended:
        goes_on = "" if ended else "; the task goes on"
        raise Refused(
            f"timed out waiting for results from: {', '.join(map(task_text.named, late))}",
            why=f"it took longer than {request.timeout_s or wait_s:g} s{goes_on}",
            fix=f"coordinator show-operation {operation['id']} --wait 5m",
        )
    shown = {task_text.receiver_of(task): task_text.for_programs(task, utc=utc) for task in found}
    if request.command is not None and output.format == "plain":
        output.write(task_text.printed(found, "stdout"))
        click.echo(task_text.printed(found, "stderr"), nl=False, err=True)
    else:
        output.show(shown, lambda _: task_text.plain(found))
    if failed := task_text.failures(found):
        raise failed


def _split(words: Sequence[str]) -> tuple[list[str], str, list[str]]:
    """Return units, action and parameters."""
    units: list[str] = []
    for place, word in enumerate(words):
        if is_unit_name(word) or word.endswith("/leader"):
            units.append(word)
            continue
        if "=" in word or not _ACTION.fullmatch(word):
            raise BadRequest(f'invalid unit or action name "{word}"')
        if not units:
            raise BadRequest("no unit specified")
        if len({unit.partition("/")[0] for unit in units}) > 1:
            raise BadRequest("all units must be of the same application")
        return units, word, list(words[place + 1 :])
    raise BadRequest("no action specified" if units else "no unit specified")


def _from_file(path: str) -> dict[str, Any]:
    try:
        return _as_json(values.read_yaml(path))
    except NotFound:
        raise
    except Refused as cause:
        if "no mapping" in cause.why:
            raise BadRequest("params must be a map", why=str(cause), fix=cause.fix) from cause
        raise


def _with(parameters: Mapping[str, Any], pair: str, *, as_text: bool) -> dict[str, Any]:
    key, equals, text = pair.partition("=")
    parts = key.split(".")
    if not equals or not all(_KEY.fullmatch(part) for part in parts):
        raise BadRequest(f'argument "{pair}" must be of the form key.key.key...=value')
    return _nested(parameters, parts, text if as_text else _scalar(text))


def _nested(tree: Any, parts: Sequence[str], value: Any) -> dict[str, Any]:
    inner = dict(tree) if isinstance(tree, Mapping) else {}
    first, *rest = parts
    inner[first] = _nested(inner.get(first), rest, value) if rest else value
    return inner


def _scalar(text: str) -> Any:
    import yaml

    try:
        value = yaml.safe_load(text) if text else ""
        return value if _as_json(value) == value else text
    except yaml.YAMLError:
        return text


def _as_json(value: Any) -> Any:
    """Return *value* as it can be sent: keys are text, and so is what only YAML knows, such as dates."""
    if isinstance(value, Mapping):
        return {str(key): _as_json(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_as_json(entry) for entry in value]
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)
