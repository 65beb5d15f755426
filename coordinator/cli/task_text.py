"""Operations and tasks as people and their programs read them, and how long to wait for them.

Role: what `run`, `exec`, `show-task` and `show-operation` share.  The trees are those of the API; programs get
them with the moments in the user's zone.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from typing import Any

from coordinator.cli import render, times
from coordinator.cli.client import Client
from coordinator.cli.console import Console
from coordinator.cli.main import program
from coordinator.errors import Refused

Tree = dict[str, Any]

OVER = ("completed", "failed", "cancelled", "aborted", "error")
POLL_FIRST_S, POLL_MAX_S = 0.05, 0.5
_OUTPUT = ("return-code", "stdout", "stderr")


def receiver_of(task: Tree) -> str:
    """Return the unit of *task*, or the id of its machine."""
    return task["unit"] if "unit" in task else task["machine"]


def named(task: Tree) -> str:
    """Return the receiver of *task* as texts name it: `unit web/0`, `machine 3`."""
    return f"{'unit' if 'unit' in task else 'machine'} {receiver_of(task)}"


def is_over(task: Tree) -> bool:
    return task["status"] in OVER


def was_ended_by_time(task: Tree) -> bool:
    """Say whether commands were ended because they took longer than they may."""
    return task["status"] == "failed" and task.get("message", "").startswith("timed out after ")


def wait(
    client: Client,
    model: str,
    numbers: Sequence[int],
    *,
    until_s: float | None,
    on_line: Callable[[int, Mapping[str, str]], None] = lambda number, line: None,
    pause: Callable[[float], None] = time.sleep,
) -> dict[int, Tree]:
    """Return the tasks when all of them are over, or at *until_s* (monotonic; None: wait for ever).

    *on_line* gets each line that one of them logs; *pause* lets some seconds pass between two looks.
    """
    seen = dict.fromkeys(numbers, 0)
    found: dict[int, Tree] = {}
    pause_s = POLL_FIRST_S
    while True:
        for number in numbers:
            if number in found and is_over(found[number]):
                continue
            found[number] = client.task(model, number)
            lines = found[number].get("log", [])
            for line in lines[seen[number] :]:
                on_line(number, line)
            seen[number] = len(lines)
        if all(is_over(task) for task in found.values()):
            return found
        left_s = POLL_MAX_S if until_s is None else until_s - time.monotonic()
        if left_s <= 0:
            return found
        pause(min(pause_s, left_s))
        pause_s = min(1.5 * pause_s, POLL_MAX_S)


def tell_line(console: Console, line: Mapping[str, str], *, utc: bool) -> None:
    """Say a line of progress: time of day and text."""
    console.info(f"{times.clock(line['at'], utc=utc)[:8]} {line['message']}")


def for_programs(task: Tree, *, utc: bool, zone: tzinfo | None = None) -> Tree:
    """Return a task as scripts read it; what is empty is left out."""
    shown: Tree = {"id": task["id"]}
    if task.get("log"):
        shown["log"] = [f"{_moment(line['at'], utc, zone)} {line['message']}" for line in task["log"]]
    for key in ("message", "results"):
        if task.get(key):
            shown[key] = task[key]
    shown["status"] = task["status"]
    shown["timing"] = timing(task["timing"], utc=utc, zone=zone)
    shown["unit" if "unit" in task else "machine"] = receiver_of(task)
    return shown


def timing(moments: Mapping[str, str], *, utc: bool, zone: tzinfo | None = None) -> dict[str, str]:
    return {name: _moment(text, utc, zone) for name, text in moments.items()}


def _moment(text: str, utc: bool, zone: tzinfo | None) -> str:
    moment = times.parse(text)
    if utc:
        return moment.strftime("%Y-%m-%d %H:%M:%S +0000 UTC")
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %z %Z")


def plain(tasks: Sequence[Tree]) -> str:
    """Return what people read: results and output of one task, or a summary of each of several."""
    if len(tasks) == 1:
        return _plain(tasks[0])
    tree = {}
    for task in tasks:
        shown: Tree = {"id": task["id"], "status": task["status"]}
        if output := _plain_output(task):
            shown["output"] = output
        if task.get("message"):
            shown["message"] = task["message"]
        tree[receiver_of(task)] = shown
    return render.to_yaml(tree)


def _plain(task: Tree) -> str:
    text = f"Action id {task['id']} failed: {task.get('message', '')}\n" if task["status"] == "failed" else ""
    text += _plain_output(task)
    return text or f"Task {task['id']} {task['status']}\n"


def _plain_output(task: Tree) -> str:
    results = task.get("results", {})
    own = {key: value for key, value in results.items() if key not in _OUTPUT}
    printed = "".join(results.get(key, "") for key in ("stdout", "stderr"))
    return "\n".join(part for part in (render.to_yaml(own) if own else "", printed) if part)


def printed(tasks: Sequence[Tree], stream: str) -> str:
    """Return what commands printed to *stream*, as it was; of several, each below the name of its receiver."""
    texts = {receiver_of(task): task.get("results", {}).get(stream, "") for task in tasks}
    if len(texts) == 1:
        return next(iter(texts.values()))
    return "".join(f"{receiver}:\n{text}" for receiver, text in texts.items() if text)


def failures(tasks: Sequence[Tree]) -> Refused | None:
    """Return the error that says which programs failed; None when all ended with status 0, or were never run."""
    codes = {task["id"]: task.get("results", {}).get("return-code", 0) for task in tasks}
    failed = {number: code for number, code in codes.items() if code}
    if not failed:
        return None
    lines = [f' - id "{number}" with return code {code}' for number, code in failed.items()]
    plural = len(failed) > 1
    head = f"the following task{'s' if plural else ''} failed:"
    tail = f"use '{program()} show-task' to inspect the failure{'s' if plural else ''}"
    return Refused("\n".join([head, *lines, "", tail]), fix=f"{program()} show-task {next(iter(failed))}")


def script_of(words: Sequence[str]) -> str:
    """Return the shell text that *words* mean: one is a script as it is, several are the words of one command."""
    return words[0] if len(words) == 1 else shlex.join(words)
