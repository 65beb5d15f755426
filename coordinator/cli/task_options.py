"""Options that commands about tasks share: how long to wait, and how to show times."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from coordinator.cli.usage import WAIT
from coordinator.errors import BadRequest


def run_options(wait: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command that runs something `wait_s`, whose help is *wait*, `background` and `utc`."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        @click.option("--wait", "wait_s", type=WAIT, metavar="DURATION", help=wait)
        @click.option("--background", is_flag=True, help="Do not wait.")
        @click.option("--utc", is_flag=True, help="Show times in UTC.")
        @click.option("--color", is_flag=True, hidden=True)
        @click.option("--no-color", is_flag=True, hidden=True)
        @wraps(function)
        def wrapper(
            *args: Any, wait_s: float | None, background: bool, color: bool, no_color: bool, **given: Any
        ) -> Any:
            if wait_s is not None and background:
                raise BadRequest("cannot specify both --wait and --background")
            return function(*args, wait_s=wait_s, background=background, **given)

        return wrapper

    return add


def watch_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command that shows something `wait_s` (None: show it as it is; negative: wait for ever) and `utc`."""

    @click.option(
        "--wait", "wait_s", type=WAIT, metavar="DURATION", help="How long to wait for its end; negative: for ever."
    )
    @click.option("--watch", is_flag=True, help="As --wait -1s.")
    @click.option("--utc", is_flag=True, help="Show times in UTC.")
    @wraps(function)
    def wrapper(*args: Any, wait_s: float | None, watch: bool, **given: Any) -> Any:
        return function(*args, wait_s=-1.0 if watch else wait_s, **given)

    return wrapper
