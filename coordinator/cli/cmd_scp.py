"""`coordinator scp SOURCE… TARGET`: copy files and directories to or from a machine, through its worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import click

from coordinator.cli import packing, remote
from coordinator.cli.target import Target, model_options
from coordinator.domain.names import is_unit_name
from coordinator.domain.task_stream import STREAM_BYTES_MAX
from coordinator.errors import BadRequest, Refused

#: Options of scp that take a value; they are read over, as all are but -r and -p.
_WITH_VALUE = frozenset("cDFiJloPSX")


class End(NamedTuple):
    """One end of a copy: a path here, or at a place."""

    place: remote.Place | None
    path: str

    @classmethod
    def parse(cls, text: str) -> End:
        """Read `[USER@]UNIT|MACHINE:PATH`, or a local path: one without a colon, or with a slash before it.

        Raises:
            BadRequest: what is before the colon is neither unit nor machine.
        """
        head, colon, path = text.partition(":")
        receiver = head.rpartition("@")[2]
        if colon and (receiver.isdecimal() or is_unit_name(receiver) or receiver.endswith("/leader")):
            return cls(remote.Place.parse(head), path)
        if colon and "/" not in head:
            raise BadRequest(
                f'target "{head}" not valid',
                fix=f"write it like web/0:PATH or 0:PATH; a file here like ./{head}:PATH",
            )
        return cls(None, text)


@click.command(context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True})
@click.argument("words", nargs=-1, metavar="[-r] [-p] SOURCE... TARGET", type=click.UNPROCESSED)
@model_options
@click.option("--container", hidden=True)
@click.option("--no-host-key-checks", is_flag=True, hidden=True)
@click.option("--proxy", is_flag=True, hidden=True)
def command(
    target: Target, words: tuple[str, ...], container: str | None, no_host_key_checks: bool, proxy: bool
) -> None:
    """Copy files to a machine, or that of a unit, or from there: [USER@]UNIT|MACHINE:PATH is a path there.

    With -r directories, too; with -p they keep their times.  A path there that is not absolute begins at the home
    of USER, or else of the worker's own user.  A file is there whole or not at all.  Packed, what is copied may
    have 16 MiB.

    Examples:
      coordinator scp site.conf web/0:/etc/site/
      coordinator scp -r web/leader:/var/log/web logs
      coordinator scp ubuntu@0:'*.log' .
    """
    if container is not None:
        raise BadRequest("--container is for units in containers", fix="leave it out")
    rest, options = _options(words)
    if len(rest) < 2:
        raise BadRequest("no source and target named", fix="write it like: coordinator scp FILE web/0:PATH")
    *sources, to = map(End.parse, rest)
    if to.place is None:
        if any(source.place is None for source in sources):
            raise BadRequest("no unit or machine named", fix="write it like web/0:PATH or 0:PATH")
        for source in sources:
            _fetch(target, source, to.path, options, several=len(sources) > 1)
        return
    if any(source.place is not None for source in sources):
        raise Refused(
            "cannot copy from one machine to another",
            why="what is copied goes through this one",
            fix="copy it here, then there",
        )
    _send(target, [source.path for source in sources], to, options)


def _options(words: Sequence[str]) -> tuple[list[str], packing.Options]:
    """Return the ends, and what the options before them mean."""
    rest, letters = list(words), ""
    while rest and rest[0].startswith("-") and rest[0] != "-":
        option = rest.pop(0)
        if option == "--":
            break
        value_at = next((place for place, letter in enumerate(option) if letter in _WITH_VALUE), len(option))
        letters += option[:value_at]
        if value_at == len(option) - 1:
            del rest[:1]
    return rest, packing.Options(recursive="r" in letters, preserve="p" in letters)


def _send(target: Target, paths: Sequence[str], to: End, options: packing.Options) -> None:
    assert to.place is not None
    with packing.packed(paths, options) as (file, names):
        source = remote.Source(file.fileno())
        _check(remote.run(target, to.place, packing.unpack_script(to.path, names), source))


def _fetch(target: Target, source: End, to: str, options: packing.Options, *, several: bool) -> None:
    assert source.place is not None
    packing.check_target(to, several=several)
    done = remote.run(target, source.place, packing.pack_script(source.path, options))
    _check(done)
    packing.unpack(done.stdout, to, options)


def _check(done: remote.Done) -> None:
    """Raise Refused with what the other side says if it failed."""
    if done.code != 0:
        raise Refused(done.stderr.decode(errors="replace").strip() or f"exit status {done.code}")
    if not done.is_whole:
        raise packing.too_much(f"of what is packed there, only {STREAM_BYTES_MAX // 2**20} MiB can be taken")
