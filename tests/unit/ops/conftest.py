"""A pretend controller behind the door of the hook commands, and runs of charms in this process.

`Tools` answers hook commands from a table and remembers them.  `play` runs a charm class once, as `ops.main`
would, with the environment of one hook.  Nothing here is ops' own test kit: these tests look at ops from
below.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

import ops
from ops import _backend, _dispatch

METADATA = {
    "name": "sample",
    "requires": {"db": {"interface": "sql"}, "cache": {"interface": "redis"}},
    "peers": {"cluster": {"interface": "cluster"}},
    "storage": {"disk": {"type": "filesystem", "multiple": {"range": "0-"}}},
    "containers": {"app": {}},
    "resources": {"blob": {"type": "file", "filename": "blob.bin"}},
}

IDENTITY = {
    "JUJU_UNIT_NAME": "sample/0",
    "JUJU_MODEL_NAME": "here",
    "JUJU_MODEL_UUID": "11111111-2222-4333-8444-555555555555",
    "JUJU_VERSION": "3.6.4",
}


class Tools:
    """Hook commands by table: the command line to what it prints (JSON unless text), or to a failure.

    ``answers["relation-ids db --format=json"] = ["db:1"]``.  What is not in the table prints nothing; the
    commands that every run asks have answers to begin with.  State is kept as a controller would.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            "is-leader --format=json": False,
            "config-get --format=json": {},
            "action-get --format=json": {},
            "opened-ports --format=json": [],
            "relation-ids db --format=json": [],
            "relation-ids cache --format=json": [],
            "relation-ids cluster --format=json": [],
        }
        self.calls: list[str] = []
        self.inputs: dict[str, Any] = {}
        self.state: dict[str, str] = {}

    def call(self, tool: str, arguments: Sequence[str], stdin: str | None) -> _backend.Reply:
        line = " ".join([tool, *(self._with_content(each) for each in arguments)])
        if tool != "juju-log":
            self.calls.append(line)
        else:
            self.log.append((arguments[1], arguments[3]))
            return _backend.Reply(0, "", "")
        if stdin is not None:
            self.inputs[line] = json.loads(stdin)
        if tool.startswith("state-"):
            return _backend.Reply(0, self._state(tool, arguments, stdin), "")
        answer = self.answers.get(line, "")
        if isinstance(answer, _backend.Reply):
            return answer
        return _backend.Reply(0, answer if isinstance(answer, str) else json.dumps(answer), "")

    @staticmethod
    def _with_content(argument: str) -> str:
        """Show what is in a file in place of its path, which is another one each time."""
        key, option, path = argument.partition("#file=")
        return f"{key}={pathlib.Path(path).read_text()}" if option else argument

    def _state(self, tool: str, arguments: Sequence[str], stdin: str | None) -> str:
        if tool == "state-set":
            self.state.update(json.loads(stdin or "{}"))
        elif tool == "state-delete":
            self.state.pop(arguments[0], None)
        elif arguments == ("--format=json",) or list(arguments) == ["--format=json"]:
            return json.dumps(self.state or None)
        else:
            return self.state.get(arguments[-1], "")
        return ""

    def has(self, tool: str) -> bool:
        return True

    @property
    def log(self) -> list[tuple[str, str]]:
        return self.__dict__.setdefault("_log", [])

    def fail(self, line: str, stderr: str, returncode: int = 1) -> None:
        self.answers[line] = _backend.Reply(returncode, "", stderr)

    def relate(self, endpoint: str, number: int, bags: Mapping[str, Mapping[str, str]], app: str = "") -> None:
        """Add a relation with the data of units and applications by name; units on the other side are members."""
        self.answers[f"relation-ids {endpoint} --format=json"].append(f"{endpoint}:{number}")
        members = [name for name in bags if "/" in name and name != IDENTITY["JUJU_UNIT_NAME"]]
        reference = f"-r {endpoint}:{number}"
        self.answers[f"relation-list --format=json {reference}"] = members
        self.answers[f"relation-list --format=json --app {reference}"] = app
        for name, bag in bags.items():
            option = "" if "/" in name else "--app "
            self.answers[f"relation-get --format=json {reference} {option}- {name}"] = dict(bag)


class Stage:
    """Where charms are played: a charm directory, the pretend controller, and what runs left in them."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.tools = Tools()
        self.seen: list[Any] = []
        """What charms of the test wrote down."""

    def write(self, name: str, content: Any) -> None:
        (self.root / name).write_text(content if isinstance(content, str) else json.dumps(content))

    def play(self, charm: type[ops.CharmBase], path: str = "hooks/update-status", **kwargs: Any) -> None:
        """Run *charm* once; *path* is the dispatch path, upper-case keywords go to the environment."""
        environment = {name: kwargs.pop(name) for name in list(kwargs) if name.isupper()}
        with self.environment(path, environment):
            _dispatch.run_charm(fresh(charm), **kwargs)

    @contextlib.contextmanager
    def environment(self, path: str, more: Mapping[str, str]) -> Iterator[None]:
        hook = path.partition("hooks/")[2]
        variables = {
            **IDENTITY,
            "JUJU_CHARM_DIR": str(self.root),
            "JUJU_DISPATCH_PATH": path,
            "JUJU_HOOK_NAME": hook,
            **more,
        }
        before = dict(os.environ)
        os.environ.update(variables)
        try:
            with _backend.through(self.tools), warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def calls(self, *tools: str) -> list[str]:
        """Return the remembered command lines of *tools*, or all."""
        return [line for line in self.tools.calls if not tools or line.partition(" ")[0] in tools]


def fresh(charm: type[ops.CharmBase]) -> type[ops.CharmBase]:
    """Return a copy of *charm* with events of its own: constructing a charm adds events to the class."""
    events = type("Events", (type(charm.on),), {})()
    return type(charm.__name__, (charm,), {"on": events})


@pytest.fixture
def stage(tmp_path: pathlib.Path) -> Iterator[Stage]:
    import sys

    stage = Stage(tmp_path)
    stage.write("metadata.yaml", METADATA)
    hook = sys.excepthook
    import logging

    root = logging.getLogger()
    handlers, level, show = list(root.handlers), root.level, warnings.showwarning
    yield stage
    # A run that raised leaves its hooks in place, for Python's last words; here life goes on.
    sys.excepthook, root.handlers[:], root.level, warnings.showwarning = hook, handlers, level, show


@pytest.fixture
def tools() -> Iterator[Tools]:
    """The pretend controller alone, behind the door."""
    tools = Tools()
    with _backend.through(tools):
        yield tools


@pytest.fixture
def program(tmp_path: pathlib.Path):
    """Write a charm program and shell scripts for hook commands; return a function that runs a hook of it."""
    from .program import Program

    return Program(tmp_path)


def dedent(text: str) -> str:
    return textwrap.dedent(text).lstrip()
