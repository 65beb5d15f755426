"""`coordinator ssh UNIT|MACHINE COMMAND…`: run a command on a machine, through its worker."""

from __future__ import annotations

import base64
import re
import shlex
import sys
from collections.abc import Sequence

import click

from coordinator.cli import task_text
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import required
from coordinator.domain.names import UnitName, check_application_name
from coordinator.errors import BadRequest, NotFound, Refused
from coordinator.wire import RunTasks

#: Options of ssh that take a value; they are read over, as the others are.
_WITH_VALUE = frozenset("BbcDEeFIiJLlmOopQRSWw")
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("words", nargs=-1, metavar="[USER@]UNIT|MACHINE COMMAND...", type=click.UNPROCESSED)
@model_options
@click.option("--container", hidden=True)
@click.option("--no-host-key-checks", is_flag=True, hidden=True)
@click.option("--proxy", is_flag=True, hidden=True)
@click.option("--pty", is_flag=True, hidden=True)
def command(
    target: Target, words: tuple[str, ...], container: str | None, no_host_key_checks: bool, proxy: bool, pty: bool
) -> None:
    """Run a command on a machine, or on that of a unit; its output and exit code are those of this command.

    The worker of the machine runs it, as USER or else as the worker's own user: no port is open for that, and no
    key is needed.  There is no terminal, and nothing can be typed.  What the hook commands are for needs `exec`.

    Examples:
      coordinator ssh web/0 journalctl -u web -n 20
      coordinator ssh web/leader 'systemctl is-active web; df -h /'
      coordinator ssh 0 uptime
    """
    place, *rest = required(words, "no target name specified")
    user, at, receiver = place.rpartition("@")
    if at and not _USER.fullmatch(user):
        raise BadRequest(f'target "{place}" not valid', fix="write it like web/0 or ubuntu@web/0")
    if container is not None:
        raise BadRequest("--container is for units in containers", fix="leave it out")
    typed = _without_options(rest)
    if not typed:
        raise Refused(
            "cannot open a shell", why="there is no terminal on a machine", fix=f"coordinator ssh {place} COMMAND"
        )
    # As ssh does it: the words are put together again, and the shell there takes them apart.
    script = " ".join(typed)
    if user:
        name, whole = shlex.quote(user), shlex.quote(script)
        script = f'[ "$(id -un)" = {name} ] && exec sh -c {whole}; exec runuser -u {name} -- sh -c {whole}'
    request = RunTasks(machines=[_machine_of(target, receiver)], command=script, parallel=True)
    operation = target.client.run_tasks(target.model, request)
    (number,) = operation["tasks"]
    (task,) = task_text.wait(target.client, target.model, [int(number)], until_s=None).values()
    results = task.get("results", {})
    if "return-code" not in results:
        raise Refused(
            f"the command was not run to its end: {task['status']}",
            why=task.get("message", ""),
            fix=f"coordinator show-task {number}",
        )
    for stream, out in (("stdout", sys.stdout.buffer), ("stderr", sys.stderr.buffer)):
        out.write(_bytes(results, stream))
        out.flush()
    click.get_current_context().exit(results["return-code"])


def _without_options(words: Sequence[str]) -> list[str]:
    """Return the command: what begins with a dash before it is for a program that is not used here."""
    rest = list(words)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option == "--":
            break
        if len(option) == 2 and option[1] in _WITH_VALUE:
            del rest[:1]
    return rest


def _machine_of(target: Target, receiver: str) -> str:
    """Return the machine that *receiver* is, or is on."""
    if receiver.isdecimal():
        return receiver
    app, slash, word = receiver.partition("/")
    if slash and word == "leader":
        found = target.client.status(target.model)["applications"].get(check_application_name(app))
        if found is None:
            raise NotFound(f'application "{app}" not found', fix="`coordinator status` lists them")
        leaders = [name for name, unit in found.get("units", {}).items() if unit.get("leader")]
        if not leaders:
            raise Refused(f'application "{app}" has no leader now', fix="name a unit, or try again in a moment")
        receiver = leaders[0]
    name = UnitName.parse(receiver)
    machine = target.client.unit(target.model, name.app, name.number).get("machine")
    if not machine:
        raise Refused(f"unit {name} is on no machine yet", fix="`coordinator status` shows when it is")
    return machine


def _bytes(results: dict[str, str], stream: str) -> bytes:
    text = results.get(stream, "")
    return base64.b64decode(text) if results.get(f"{stream}-encoding") == "base64" else text.encode()
