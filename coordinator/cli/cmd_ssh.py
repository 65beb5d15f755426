"""`coordinator ssh UNIT|MACHINE COMMAND…`: run a command on a machine, through its worker."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from coordinator.cli import remote
from coordinator.cli.target import Target, model_options
from coordinator.cli.usage import required
from coordinator.domain.task_stream import STREAM_BYTES_MAX
from coordinator.errors import BadRequest, Refused

#: Options of ssh that take a value; they are read over, as the others are.
_WITH_VALUE = frozenset("BbcDEeFIiJLlmOopQRSWw")


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
    key is needed.  It reads what is piped into this command, up to 16 MiB; with -n after the target, nothing.
    There is no terminal, and nothing can be typed.  What the hook commands are for needs `exec`.

    Examples:
      coordinator ssh web/0 journalctl -u web -n 20
      coordinator ssh web/leader 'systemctl is-active web; df -h /'
      tar c site | coordinator ssh web/0 tar x -C /srv
    """
    place, *rest = required(words, "no target name specified")
    where = remote.Place.parse(place)
    if container is not None:
        raise BadRequest("--container is for units in containers", fix="leave it out")
    typed, reads = _without_options(rest)
    if not typed:
        raise Refused(
            "cannot open a shell", why="there is no terminal on a machine", fix=f"coordinator ssh {place} COMMAND"
        )
    # As ssh does it: the words are put together again, and the shell there takes them apart.
    done = remote.run(target, where, " ".join(typed), remote.standard_input() if reads else None)
    for data, out in ((done.stdout, sys.stdout.buffer), (done.stderr, sys.stderr.buffer)):
        out.write(data)
        out.flush()
    if not done.is_whole:
        raise Refused(
            "the end of the output is missing",
            why=f"at most {STREAM_BYTES_MAX // 2**20} MiB are kept",
            fix="let the command print less, or pack it: `| gzip`",
        )
    click.get_current_context().exit(done.code)


def _without_options(words: Sequence[str]) -> tuple[list[str], bool]:
    """Return the command, and whether it reads what is piped in.

    What begins with a dash before it is for a program that is not used here; of that only -n means something.
    """
    rest, reads = list(words), True
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option == "--":
            break
        letters = option[1:]
        value_at = next((place for place, letter in enumerate(letters) if letter in _WITH_VALUE), len(letters))
        reads = reads and "n" not in letters[:value_at]
        if value_at == len(letters) - 1:
            del rest[:1]
    return rest, reads
