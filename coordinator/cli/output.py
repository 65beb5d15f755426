"""Data for programs and people: `--format` and `--output` of the commands that print."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

import click

from coordinator.cli import render
from coordinator.cli.console import wants_colour
from coordinator.cli.usage import one_of
from coordinator.errors import Refused


class Output(NamedTuple):
    """Where data goes, and in which format."""

    format: str
    file: str | None = None

    def show(self, tree: Any, text: Callable[[bool], str] | None = None) -> None:
        """Write *tree* as JSON or YAML; in other formats what *text* returns, told whether to colour it."""
        if self.format == "json":
            self.write(render.to_json(tree))
        elif self.format == "yaml":
            self.write(render.to_yaml(tree))
        else:
            assert text is not None, "a command with a format for people knows how it reads"
            self.write(text(self.is_coloured()))

    def is_coloured(self, *, color: bool = False, no_color: bool = False) -> bool:
        """Say whether to colour text."""
        if self.file is not None and not color:
            return False
        return wants_colour(sys.stdout, os.environ, color=color, no_color=no_color)

    def write(self, text: str) -> None:
        if self.file is None:
            sys.stdout.write(text)
            return
        try:
            with open(self.file, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as cause:
            raise Refused(
                f"cannot write {self.file}", why=cause.strerror or str(cause), fix="choose another FILE"
            ) from cause


def output_options(*formats: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command `--format` (the first one is the default), `-o`, and an `output` argument."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @click.option(
            "--format",
            "format_name",
            type=one_of(formats, "unknown format %s"),
            default=formats[0],
            metavar="|".join(formats),
            help=f"How to show it.  [default: {formats[0]}]",
        )
        @click.option("-o", "--output", "file", metavar="FILE", help="Write to FILE.")
        @wraps(function)
        def wrapper(*args: Any, format_name: str, file: str | None, **given: Any) -> Any:
            return function(*args, output=Output(format=format_name, file=file), **given)

        return wrapper

    return decorate
